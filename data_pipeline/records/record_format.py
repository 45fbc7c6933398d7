"""A record: one person as bytes in a TFRecord file, and back.

It holds a square JPEG patch around the person, the map from the patch to the photograph, the joints in patch pixels,
which of them are annotated and which visible, whether the latter is known, and the head size.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_pipeline.readers.person import Person
from data_pipeline.records import example_proto, patch
from data_pipeline.skeleton import MPII16, Skeleton


def features(joints: int) -> dict[str, tf.io.FixedLenFeature]:
    """What a record of so many joints holds, as `tf.io.parse_example` takes it."""
    return {
        "patch/encoded": tf.io.FixedLenFeature([], tf.string),
        "patch/to_image": tf.io.FixedLenFeature([2, 3], tf.float32),
        "joints/patch": tf.io.FixedLenFeature([joints, 2], tf.float32),
        "joints/annotated": tf.io.FixedLenFeature([joints], tf.int64),
        "joints/visible": tf.io.FixedLenFeature([joints], tf.int64),
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
        Bytes of a `tf.train.Example` with the entries of `features`.
    """
    return example_proto.serialize(patch.values(person, image, patch_size, split))


def parse(
    serialized: tf.Tensor, patch_size: int, skeleton: Skeleton = MPII16, stored: Skeleton | None = None
) -> dict[str, tf.Tensor]:
    """Decodes a batch of records inside a TensorFlow graph.

    Args:
        serialized: [B] string tensor; a batch whose size is known beforehand is decoded faster.
        patch_size: side of every patch of the data set, so that shapes are known.
        skeleton: whose J joints are wanted.
        stored: whose joints the records hold, `skeleton`'s if None; a joint that they lack is not annotated.

    Returns:
        A dict: `patch` [B, P, P, 3] uint8 RGB, `joints_patch` [B, J, 2] float32, `annotated` and `visible` [B, J]
        bool, `occlusion_known` [B] bool (`visible` says nothing of the others), `head_size_patch` [B] float32 in patch
        pixels, `patch_to_image` [B, 2, 3] float32, `image` [B] string and `person_index` [B] int64.
    """

    stored = skeleton if stored is None else stored
    found = tf.io.parse_example(serialized, features(len(stored)))
    if stored.joints != skeleton.joints:
        found |= _mapped(found, tf.broadcast_to(skeleton.mapping(stored), [tf.shape(serialized)[0], len(skeleton)]))
    return _decoded(found, patch_size, serialized.shape[0])


def parse_mixed(
    serialized: tf.Tensor, source: tf.Tensor, patch_size: int, skeleton: Skeleton, stored: Sequence[Skeleton]
) -> dict[str, tf.Tensor]:
    """Decodes a batch of records of several data sets, each with its own joints.

    Args:
        serialized: [B] string tensor.
        source: [B] int64, the place in `stored` of each.
        patch_size, skeleton: as of `parse`.
        stored: whose joints the records of each data set hold.

    Returns:
        What `parse` does.
    """
    joints = {
        "joints/patch": tf.io.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
        "joints/annotated": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
        "joints/visible": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
    }
    found = tf.io.parse_example(serialized, features(1) | joints)
    places = tf.gather(np.stack([skeleton.mapping(one) for one in stored]), source)
    return _decoded(found | _mapped(found, places), patch_size, serialized.shape[0])


def _mapped(found, places):
    """A batch's joints in another order: [B, J] places of them in the records, -1 for those that are not there."""
    there, index = places >= 0, tf.maximum(places, 0)

    def take(name):
        values = tf.gather(found[name], index, batch_dims=1)
        shown = tf.reshape(there, tf.concat([tf.shape(there), [1] * (len(values.shape) - 2)], 0))
        return values * tf.cast(shown, values.dtype)

    return {name: take(name) for name in ("joints/patch", "joints/annotated", "joints/visible")}


def _decoded(found, patch_size, count):
    """Features as `parse` gives them; `count` is the size of the batch, None where it is not known beforehand."""

    def decode(encoded):
        return tf.ensure_shape(tf.io.decode_jpeg(encoded, channels=3), [patch_size, patch_size, 3])

    encoded, to_image = found["patch/encoded"], found["patch/to_image"]
    if count is None:
        patch = tf.map_fn(decode, encoded, fn_output_signature=tf.uint8)
    else:
        patch = tf.stack([decode(one) for one in tf.unstack(encoded)])
    return {
        "patch": tf.ensure_shape(patch, [None, patch_size, patch_size, 3]),
        "joints_patch": found["joints/patch"],
        "annotated": tf.cast(found["joints/annotated"], tf.bool),
        "visible": tf.cast(found["joints/visible"], tf.bool),
        "occlusion_known": tf.cast(found["occlusion_known"], tf.bool),
        "head_size_patch": found["head_size"] / to_image[:, 0, 0],
        "patch_to_image": to_image,
        "image": found["image"],
        "person_index": found["person_index"],
    }
