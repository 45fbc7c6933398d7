"""A record: one person as bytes in a TFRecord file, and back.

It holds a square JPEG patch around the person, the map from the patch to the photograph, the joints in patch pixels,
which of them are annotated and which visible, and the head size.
"""

import cv2
import numpy as np
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.skeleton import NUM_JOINTS

JPEG_QUALITY = 92

FEATURES = {
    "patch/encoded": tf.io.FixedLenFeature([], tf.string),
    "patch/to_image": tf.io.FixedLenFeature([2, 3], tf.float32),
    "joints/patch": tf.io.FixedLenFeature([NUM_JOINTS, 2], tf.float32),
    "joints/annotated": tf.io.FixedLenFeature([NUM_JOINTS], tf.int64),
    "joints/visible": tf.io.FixedLenFeature([NUM_JOINTS], tf.int64),
    "head_size": tf.io.FixedLenFeature([], tf.float32),
    "image": tf.io.FixedLenFeature([], tf.string),
    "person_index": tf.io.FixedLenFeature([], tf.int64),
    "split": tf.io.FixedLenFeature([], tf.string),
}


def cut(image, left, top, side, size):
    """Cuts a square out of an image, black where it leaves the image, and resizes it.

    Args:
        image: [H, W, 3] uint8.
        left, top, side: from `geometry.square_around`.
        size: side of the result in pixels.

    Returns:
        [size, size, 3] uint8, smoothed before it is made smaller.
    """
    height, width = image.shape[:2]
    rows = slice(max(top, 0), max(min(top + side, height), 0))
    columns = slice(max(left, 0), max(min(left + side, width), 0))
    square = np.zeros((side, side, 3), np.uint8)
    part = image[rows, columns]
    if part.size:
        square[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=method)


def encode(person, image, patch_size, split):
    """Makes a record.

    Args:
        person: a `person.Person`.
        image: [H, W, 3] uint8 RGB, the photograph.
        patch_size: side of the patch in pixels; 448 keeps a crop of 256 whole (`geometry.PATCH_RATIO`).
        split: the split that the record is written to.

    Returns:
        Bytes of a `tf.train.Example` with the features of `FEATURES`.
    """
    height, width = image.shape[:2]
    center = ((width - 1) / 2, (height - 1) / 2) if person.center_image is None else person.center_image
    side = max(width, height) if person.side_image is None else person.side_image
    square = geometry.square_around(center, side * geometry.PATCH_RATIO)
    to_image = geometry.patch_to_image(*square, patch_size)
    joints_patch = geometry.apply(geometry.invert(to_image), person.joints_image) * person.annotated[:, None]
    patch = cv2.cvtColor(cut(image, *square, patch_size), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", patch, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    return _example(
        {
            "patch/encoded": encoded,
            "patch/to_image": to_image,
            "joints/patch": joints_patch,
            "joints/annotated": person.annotated,
            "joints/visible": person.visible,
            "head_size": person.head_size,
            "image": person.image.encode(),
            "person_index": person.person_index,
            "split": split.encode(),
        }
    )


def _example(values):
    def feature(value, dtype):
        if dtype == tf.string:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        flat = np.ravel(value)
        if dtype == tf.int64:
            return tf.train.Feature(int64_list=tf.train.Int64List(value=flat.astype(np.int64)))
        return tf.train.Feature(float_list=tf.train.FloatList(value=flat.astype(np.float32)))

    features = {name: feature(value, FEATURES[name].dtype) for name, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def parse(serialized, patch_size):
    """Decodes one record inside a TensorFlow graph.

    Args:
        serialized: scalar string tensor.
        patch_size: side of every patch of the data set, so that shapes are known.

    Returns:
        A dict: `patch` [P, P, 3] uint8 RGB, `joints_patch` [16, 2] float32, `annotated` and `visible` [16] bool,
        `head_size_patch` scalar float32 in patch pixels, `patch_to_image` [2, 3] float32, `image` string and
        `person_index` int64.
    """
    features = tf.io.parse_single_example(serialized, FEATURES)
    patch = tf.io.decode_jpeg(features["patch/encoded"], channels=3)
    to_image = features["patch/to_image"]
    return {
        "patch": tf.ensure_shape(patch, [patch_size, patch_size, 3]),
        "joints_patch": features["joints/patch"],
        "annotated": tf.cast(features["joints/annotated"], tf.bool),
        "visible": tf.cast(features["joints/visible"], tf.bool),
        "head_size_patch": features["head_size"] / to_image[0, 0],
        "patch_to_image": to_image,
        "image": features["image"],
        "person_index": features["person_index"],
    }
