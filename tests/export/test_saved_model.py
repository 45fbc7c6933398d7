import io
import json
import os
import subprocess
import sys

import exporting
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from data_pipeline.common import images
from export.formats import metadata, saved_model, warmup


@pytest.fixture(scope="module")
def estimator():
    return exporting.estimator()


@pytest.fixture(scope="module")
def exported(estimator, tmp_path_factory):
    return exporting.write_saved_model(estimator, tmp_path_factory.mktemp("exports"), version=3)


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported).signatures


@pytest.mark.parametrize("batch", [1, 3])
def test_crops_give_what_keras_gives(served, estimator, batch):
    crops = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)).astype(np.uint8)
    expected = estimator.joints_in_crop(tf.constant(crops, tf.float32) / 255.0)
    answer = served["crops"](crops=tf.constant(crops))
    assert set(answer) == {"joints", "scores", "occluded"}
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name].numpy(), values.numpy(), atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
def test_heatmaps_give_what_keras_gives(served, estimator, batch):
    crops = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)).astype(np.uint8)
    expected = estimator.heatmaps(tf.constant(crops, tf.float32) / 255.0)
    answer = served["heatmaps"](crops=tf.constant(crops))
    for task, maps in expected.items():
        np.testing.assert_allclose(answer[task].numpy(), maps.numpy(), atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
def test_photographs_give_what_predict_gives(served, estimator, batch):
    images = [np.random.default_rng(n).integers(0, 256, (50 + 20 * n, 70, 3)).astype(np.uint8) for n in range(batch)]
    encoded = tf.stack([tf.io.encode_jpeg(image) for image in images])
    boxes = tf.constant([[10.0, 5.0, 30.0, 40.0], [0.0, 0.0, 0.0, 0.0]][:batch])
    expected = estimator.joints_in_image(encoded, boxes)
    answer = served["serving_default"](image_bytes=encoded, boxes=boxes)
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name].numpy(), values.numpy(), atol=1e-3)


@pytest.mark.parametrize("held", range(1, 9))
def test_photographs_are_upright_however_the_camera_was_held(served, held):
    image, note, file = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8), PIL.Image.Exif(), io.BytesIO()
    note[0x0112] = held
    PIL.Image.fromarray(image).save(file, "JPEG", exif=note)
    upright = tf.io.encode_png(images.decode(file.getvalue()))
    box = tf.constant([[5.0, 5.0, 40.0, 40.0]])
    answer, expected = (
        served["serving_default"](image_bytes=tf.constant([data]), boxes=box)
        for data in (file.getvalue(), upright.numpy())
    )
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name].numpy(), values.numpy(), atol=1e-4)


def _in_a_session(path, signature, inputs):
    """What a server does: Python's checks of shapes, which it does not have, are passed by."""
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        ends = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def[signature]
        feeds = {
            graph.get_tensor_by_name(ends.inputs[name].name)._as_tf_output(): values for name, values in inputs.items()
        }
        fetches = [graph.get_tensor_by_name(end.name)._as_tf_output() for end in ends.outputs.values()]
        return dict(zip(ends.outputs, session._call_tf_sessionrun(None, feeds, fetches, [], None), strict=True))


@pytest.mark.parametrize("signature", ["crops", "heatmaps"])
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((32, 32, 3), "not compatible with expected shape"),
        ((1, 32, 32), "not compatible with expected shape"),
        ((), "not compatible with expected shape"),
        ((1, 32, 32, 3, 1), "not compatible with expected shape"),
        ((1, 32, 32, 4), "not compatible with expected shape"),
        ((2, 31, 32, 3), "not compatible with expected shape"),
        ((129, 32, 32, 3), "more than 128 crops"),
    ],
    ids=str,
)
def test_a_server_refuses_crops_of_another_shape(exported, signature, shape, said):
    crops = np.zeros(shape, np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        _in_a_session(exported, signature, {"crops": crops})


@pytest.mark.parametrize(
    ("signature", "name", "shape"), [("crops", "joints", (16, 2)), ("heatmaps", "pose", (8, 8, 16))]
)
def test_a_server_answers_no_crops_with_nothing(exported, signature, name, shape):
    answer = _in_a_session(exported, signature, {"crops": np.zeros((0, 32, 32, 3), np.uint8)})
    assert answer[name].shape == (0, *shape)


@pytest.mark.parametrize(
    ("images", "boxes"), [((), (1, 4)), ((1, 1), (1, 4)), ((1,), (4,)), ((1,), (1, 5)), ((1,), ())], ids=str
)
def test_a_server_refuses_photographs_of_another_shape(exported, images, boxes):
    image = tf.io.encode_png(np.zeros((9, 9, 3), np.uint8)).numpy()
    inputs = {"image_bytes": np.full(images, image, object), "boxes": np.zeros(boxes, np.float32)}
    with pytest.raises(tf.errors.InvalidArgumentError):
        _in_a_session(exported, "serving_default", inputs)


def test_one_photograph_is_answered_for_all_its_boxes(served):
    image = tf.io.encode_png(np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8))
    boxes = tf.constant([[10.0, 5.0, 30.0, 40.0], [0.0, 0.0, 0.0, 0.0], [-5.0, 20.0, 30.0, 40.0]])
    once = served["serving_default"](image_bytes=image[None], boxes=boxes)
    each = served["serving_default"](image_bytes=tf.stack([image] * 3), boxes=boxes)
    for name, values in each.items():
        np.testing.assert_allclose(once[name].numpy(), values.numpy(), atol=1e-5)


def test_metadata_travels_with_the_file(exported):
    with open(os.path.join(exported, saved_model.METADATA), encoding="utf-8") as file:
        told = json.load(file)
    assert told["crop_size"] == 32
    assert told["joints"][10] == "right_wrist"


def test_metadata_describes_every_signature(exported, served):
    with open(os.path.join(exported, saved_model.METADATA), encoding="utf-8") as file:
        told = json.load(file)["signatures"]
    assert set(told) == {"serving_default", "crops", "heatmaps"}
    for name, function in served.items():
        assert set(told[name]["inputs"]) == set(function.structured_input_signature[1])
        assert set(told[name]["outputs"]) == set(function.structured_outputs)
    assert told["serving_default"]["inputs"]["boxes"] == {
        "dtype": "float32",
        "shape": [None, 4],
        "meaning": metadata.MEANING["boxes"],
    }
    assert told["serving_default"]["outputs"]["joints"]["meaning"] == "x, y in pixels of the original image"
    assert told["crops"]["outputs"]["joints"]["meaning"] == "x, y in pixels of the crop"


def test_every_end_has_a_free_batch_dimension_and_no_other(served):
    for function in served.values():
        for spec in (*function.structured_input_signature[1].values(), *function.structured_outputs.values()):
            assert spec.shape[0] is None
            assert None not in spec.shape.as_list()[1:]


def test_warm_up_requests_are_answered(exported, served):
    warmed = {}
    for record in tf.data.TFRecordDataset(os.path.join(exported, warmup.FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "posenet"
        name = request.model_spec.signature_name
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        sizes = {len(values) for values in (*inputs.values(), *served[name](**inputs).values())}
        assert len(sizes) == 1
        warmed.setdefault(name, []).append(sizes.pop())
    assert warmed == {"serving_default": list(warmup.BATCH_SIZES), "crops": [1], "heatmaps": [1]}


# Says which operators of a SavedModel a TensorFlow without anything beside it does not know.
UNKNOWN = """
import sys
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

graph = saved_model_pb2.SavedModel.FromString(open(sys.argv[1], "rb").read()).meta_graphs[0].graph_def
functions = {function.signature.name for function in graph.library.function}
nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
used = {node.op for node in nodes} - functions
assert "tensorflow_addons" not in sys.modules and {"Conv2D", "DecodeJpeg", "ScaleAndTranslate"} <= used
print(sorted(name for name in used if ">" in name or "PyFunc" in name or op_def_registry.get(name) is None))
"""


def test_every_operator_is_stock_tensorflows(exported):
    command = [sys.executable, "-c", UNKNOWN, os.path.join(exported, "saved_model.pb")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""})
    assert answer.stdout.strip() == "[]"
