"""Warm-up requests: TF Serving answers them before it takes the first client's, which then waits no longer than others.

The first run of each batch size is slow: memory is allocated, and on a GPU each convolution's algorithm is chosen.
"""

import os

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from data_pipeline.common.files import StrPath

FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")

# What `serving/batching_parameters.txt` lets a server fill batches up to.
BATCH_SIZES = (1, 2, 4, 8)
PHOTOGRAPH = (48, 64, 3)


def requests(name: str, crop_size: int) -> list[predict_pb2.PredictRequest]:
    """The requests: photographs at each of `BATCH_SIZES`, crops and heatmaps of one, as the network is the same.

    Args:
        name: what the model is served as.
        crop_size: side of its crops.

    Returns:
        A list of `PredictRequest`s.
    """
    photograph = tf.io.encode_jpeg(np.zeros(PHOTOGRAPH, np.uint8)).numpy()
    crops = np.zeros([1, crop_size, crop_size, 3], np.uint8)
    given = [
        ("serving_default", {"image_bytes": [photograph] * size, "boxes": np.zeros([size, 4], np.float32)})
        for size in BATCH_SIZES
    ]
    return [_request(name, *pair) for pair in (*given, ("crops", {"crops": crops}), ("heatmaps", {"crops": crops}))]


def _request(name, signature, inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, values in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
    return request


def write(folder: StrPath, name: str, crop_size: int) -> None:
    """Writes the requests into a SavedModel's folder, as records of `PredictionLog`."""
    path = os.path.join(folder, FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path) as writer:
        for request in requests(name, crop_size):
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
