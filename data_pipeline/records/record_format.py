"""A record: one person as bytes in a TFRecord file, and back.

It holds a square JPEG patch around the person, the map from the patch to the photograph, the joints in patch pixels,
which of them are annotated and which visible, whether the latter is known, and the head size.
"""

import numpy as np
import tensorflow as tf

from data_pipeline.readers.person import Person
from data_pipeline.records import example_proto, patch
from data_pipeline.skeleton import NUM_JOINTS

FEATURES = {
    "patch/encoded": tf.io.FixedLenFeature([], tf.string),
    "patch/to_image": tf.io.FixedLenFeature([2, 3], tf.float32),
    "joints/patch": tf.io.FixedLenFeature([NUM_JOINTS, 2], tf.float32),
    "joints/annotated": tf.io.FixedLenFeature([NUM_JOINTS], tf.int64),
    "joints/visible": tf.io.FixedLenFeature([NUM_JOINTS], tf.int64),
    # Records made before there was the flag lack it; it is wrong of LSPET's alone (BUILD_NOTES 43).
    "occlusion_known": tf.io.FixedLenFeature([], tf.int64, default_value=1),
    "head_size": tf.io.FixedLenFeature([], tf.float32),
    "image": tf.io.FixedLenFeature([], tf.string),
    "person_index": tf.io.FixedLenFeature([], tf.int64),
    "split": tf.io.FixedLenFeature([], tf.string),
}


def encode(person: Person, image: np.ndarray, patch_size: int, split: str) -> bytes:
    """Makes a record of a person; the arguments are those of `patch.values`.

    Returns:
        Bytes of a `tf.train.Example` with the features of `FEATURES`.
    """
    return example_proto.serialize(patch.values(person, image, patch_size, split))


def parse(serialized: tf.Tensor, patch_size: int) -> dict[str, tf.Tensor]:
    """Decodes a batch of records inside a TensorFlow graph.

    Args:
        serialized: [B] string tensor; a batch whose size is known beforehand is decoded faster.
        patch_size: side of every patch of the data set, so that shapes are known.

    Returns:
        A dict: `patch` [B, P, P, 3] uint8 RGB, `joints_patch` [B, 16, 2] float32, `annotated` and `visible` [B, 16]
        bool, `occlusion_known` [B] bool (`visible` says nothing of the others), `head_size_patch` [B] float32 in patch
        pixels, `patch_to_image` [B, 2, 3] float32, `image` [B] string and `person_index` [B] int64.
    """

    def decode(encoded):
        return tf.ensure_shape(tf.io.decode_jpeg(encoded, channels=3), [patch_size, patch_size, 3])

    features = tf.io.parse_example(serialized, FEATURES)
    encoded, to_image = features["patch/encoded"], features["patch/to_image"]
    if serialized.shape[0] is None:
        patch = tf.map_fn(decode, encoded, fn_output_signature=tf.uint8)
    else:
        patch = tf.stack([decode(one) for one in tf.unstack(encoded)])
    return {
        "patch": tf.ensure_shape(patch, [None, patch_size, patch_size, 3]),
        "joints_patch": features["joints/patch"],
        "annotated": tf.cast(features["joints/annotated"], tf.bool),
        "visible": tf.cast(features["joints/visible"], tf.bool),
        "occlusion_known": tf.cast(features["occlusion_known"], tf.bool),
        "head_size_patch": features["head_size"] / to_image[:, 0, 0],
        "patch_to_image": to_image,
        "image": features["image"],
        "person_index": features["person_index"],
    }
