import os
import shutil
import subprocess
import sys

import exporting
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn.inference import batches, exported_files, exported_models, pose_estimator

SCALES = (0.9, 1.0)


@pytest.fixture(scope="module")
def generator():
    return exporting.generator()


@pytest.fixture(scope="module")
def folder(generator, tmp_path_factory):
    """A folder with the export `posenet`, versions 2 and 10."""
    path = tmp_path_factory.mktemp("exports")
    for version in (2, 10):
        exporting.write_saved_model(pose_estimator.PoseEstimator(generator), path, version=version)
    return path


def convert_tflite(folder, signature):
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "posenet" / "10"), signature_keys=[signature])
    path = folder / f"{signature}.tflite"
    path.write_bytes(converter.convert())
    return str(path)


def convert_onnx(folder, signature):
    pytest.importorskip("onnxruntime")
    path = folder / f"{signature}.onnx"
    options = ["--saved-model", str(folder / "posenet" / "10"), "--signature_def", signature, "--tag", "serve"]
    command = [sys.executable, "-m", "tf2onnx.convert", *options, "--opset", "17", "--output", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return str(path)


@pytest.fixture(
    scope="module", params=["saved_model", "tflite joints", "tflite heatmaps", "onnx joints", "onnx heatmaps"]
)
def path(request, folder):
    """Each kind of export of the same G."""
    kind, _, gives = request.param.partition(" ")
    if kind == "saved_model":
        return str(folder / "posenet")
    return {"tflite": convert_tflite, "onnx": convert_onnx}[kind](folder, {"joints": "crops"}.get(gives, gives))


@pytest.fixture(scope="module")
def model(path):
    return exported_models.load(path)


def crops(batch):
    """Crops in whole 255ths, as they are for a model that takes bytes."""
    return tf.constant(np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)) / 255.0, tf.float32)


@pytest.mark.parametrize("batch", [3, 1, 5])
def test_joints_are_those_of_keras(model, generator, batch):
    assert model.crop_size == 32
    expected = pose_estimator.PoseEstimator(generator).joints_in_crop(crops(batch))
    found = model.joints_in_crop(crops(batch))
    assert set(found) == {"joints", "scores", "occluded"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].numpy(), values.numpy(), atol=1e-4)


def test_photographs_are_as_of_keras(model, generator):
    encoded = tf.constant([tf.io.encode_jpeg(scenes.sample(0, n)[1]).numpy() for n in range(2)])
    boxes = tf.constant([[40.0, 30.0, 150.0, 200.0], [0.0, 0.0, 0.0, 0.0]])
    expected = pose_estimator.PoseEstimator(generator).joints_in_image(encoded, boxes)
    found = model.joints_in_image(encoded, boxes)
    # Crops are rounded to bytes where the model takes them, so a peak on a tie may move: nearly all are equal.
    near = np.abs(found["joints"].numpy() - expected["joints"].numpy()).max(-1) < 1e-3
    assert near.mean() > 0.9


def test_averaged_heatmaps_are_those_of_keras(path, generator):
    views = [crops(2), crops(3)[:2]]
    if path.endswith(("crops.tflite", "crops.onnx")):
        with pytest.raises(UserError, match="need heatmaps, and this export gives joints alone"):
            exported_models.load(path, flip=True)
        return
    expected = pose_estimator.PoseEstimator(generator, True, SCALES).heatmaps(views)
    found = exported_models.load(path, True, SCALES).heatmaps(views)
    for task, maps in expected.items():
        np.testing.assert_allclose(found[task].numpy(), maps.numpy(), atol=1e-4)


@pytest.mark.parametrize("parts", [(), ("posenet",), ("posenet", "10")], ids=["exports", "name", "version"])
def test_the_highest_version_is_found(folder, parts):
    assert exported_files.find_saved_model(str(folder.joinpath(*parts))) == str(folder / "posenet" / "10")


def test_several_models_in_a_folder_are_the_users_to_choose_from(folder, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(folder / "posenet", tmp_path / name)
    with pytest.raises(UserError, match="several models: a, b"):
        exported_models.load(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.onnx", None, "does not exist"),
        ("model.h5", b"x", "is no exported model"),
        ("model.tflite", b"no model", "cannot be read as a TFLite model"),
        ("model.onnx", b"no model", "cannot be read as an ONNX model"),
        ("saved_model.pb", b"no model", "cannot be read as a SavedModel"),
        ("notes.txt", b"", "holds no saved_model.pb"),
    ],
    ids=["missing", "ending", "tflite", "onnx", "saved model", "empty folder"],
)
def test_what_is_no_export_is_the_users_mistake(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    path = tmp_path if name in ("saved_model.pb", "notes.txt") else tmp_path / name
    with pytest.raises(UserError, match=message):
        exported_models.load(str(path))


def another_model(tmp_path, kind):
    """A model that knows nothing of poses."""
    module = tf.Module()
    module.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None, 4], name="x")])
    tf.saved_model.save(module, str(tmp_path / "other"), signatures={"serving_default": module.double})
    if kind == "saved_model":
        return str(tmp_path / "other")
    (tmp_path / "m.tflite").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "other")).convert())
    return str(tmp_path / "m.tflite")


@pytest.mark.parametrize("kind", ["saved_model", "tflite"])
def test_a_model_of_something_else_is_the_users_mistake(tmp_path, kind):
    with pytest.raises(UserError, match=r"must (have|take)"):
        exported_models.load(another_model(tmp_path, kind))


def test_without_onnx_runtime_the_command_that_installs_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "m.onnx").write_bytes(b"x")
    with pytest.raises(UserError, match="pip install onnxruntime"):
        exported_models.load(str(tmp_path / "m.onnx"))


def test_without_litert_tensorflows_interpreter_serves(folder, generator, monkeypatch):
    path = folder / "heatmaps.tflite"
    path = str(path) if os.path.exists(path) else convert_tflite(folder, "heatmaps")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    found = exported_models.load(path).joints_in_crop(crops(2))
    expected = pose_estimator.PoseEstimator(generator).joints_in_crop(crops(2))
    np.testing.assert_allclose(found["joints"].numpy(), expected["joints"].numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero", "expected"),
    [
        ("float32", 0.0, 0, [0.0, 0.2, 1.0]),
        ("uint8", 0.0, 0, [0, 51, 255]),
        ("uint8", 1 / 255, 0, [0, 51, 255]),
        ("int8", 1 / 255, -128, [-128, -77, 127]),
    ],
    ids=["float", "bytes", "bytes with a scale", "signed bytes"],
)
def test_crops_become_what_a_model_takes(dtype, scale, zero, expected):
    found = batches.quantised(np.array([0.0, 0.2, 1.0]), np.dtype(dtype).type, scale, zero)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7])
def test_a_fixed_batch_is_filled_up_and_its_answers_cut(size):
    sizes = []

    def run(values):
        sizes.append(len(values))
        return {"double": 2 * values}

    found = batches.in_batches(run, np.arange(5), size)
    assert found["double"].tolist() == [0, 2, 4, 6, 8]
    assert set(sizes) == {size or 5}
