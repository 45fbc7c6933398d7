import os
import pathlib

import exporting
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from export.formats import flatbuffer, metadata, tflite
from keras_apn.config import ModelConfig
from keras_apn.inference import exported_models, pose_estimator, runtimes
from keras_apn.models.generator import build_generator

MOBILE = pathlib.Path(__file__).parents[2] / "mobile.flags"
WORDS = ("float32", "float16", "dynamic", "int8")
HEATMAPS = {"CONV_2D", "MUL", "ADD", "MAX_POOL_2D", "RESIZE_NEAREST_NEIGHBOR"}
DECODING = {
    "TRANSPOSE",
    "RESHAPE",
    "ARG_MAX",
    "GATHER",
    "STRIDED_SLICE",
    "PACK",
    "CAST",
    "FLOOR_DIV",
    "FLOOR_MOD",
    "SUB",
} | {"MINIMUM", "MAXIMUM", "GREATER", "LESS", "LOGICAL_AND", "SIGN", "RELU", "DIV"}


def crops(batch, size=32):
    """Crops in whole 255ths, as int8 holds them."""
    return np.float32(np.random.default_rng(batch).integers(0, 256, (batch, size, size, 3)) / 255.0)


def write(estimator, folder, **options):
    folder.mkdir()
    tflite.export(estimator, str(folder), exporting.about(estimator), **options)
    return folder


def parsed(path):
    return flatbuffer.read(str(path))


@pytest.fixture(scope="module")
def estimator():
    return exporting.estimator(features=32)  # Weights of fewer numbers stay float32 with `dynamic`.


@pytest.fixture(scope="module")
def folder(estimator, tmp_path_factory):
    """All eight files of a tiny G."""
    return write(estimator, tmp_path_factory.mktemp("tflite") / "1", calibration=lambda: crops(64))


def path_of(folder, flavour, word):
    return str(folder / f"{flavour}_{word}.tflite")


def test_each_flavour_is_there_in_each_quantisation(folder):
    assert sorted(os.listdir(folder)) == sorted(f"{f}_{w}.tflite" for f in ("heatmaps", "joints") for w in WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_heatmaps_hold_what_delegates_take(folder, word):
    model = parsed(path_of(folder, "heatmaps", word))
    found = set(flatbuffer.operators(model))
    assert found == HEATMAPS | ({"DEQUANTIZE"} if word == "float16" else set())
    assert found - tflite.WEIGHTS_ONLY <= tflite.DELEGATED
    assert len(model.subgraphs) == 1
    assert all(tensor.shapeSignature is None for tensor in model.subgraphs[0].tensors)


@pytest.mark.parametrize("word", WORDS)
def test_joints_need_builtin_operators_alone(folder, word):
    found = set(flatbuffer.operators(parsed(path_of(folder, "joints", word))))
    assert found == HEATMAPS | DECODING | ({"DEQUANTIZE"} if word in ("float16", "int8") else set())


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("float32", {"float32", "int32"}),
        ("float16", {"float32", "float16", "int32"}),
        ("dynamic", {"float32", "int8", "int32"}),
        ("int8", {"int8", "int32"}),
    ],
)
def test_dtypes_are_those_of_phones(folder, word, expected):
    assert flatbuffer.types(parsed(path_of(folder, "heatmaps", word))) == expected
    assert flatbuffer.types(parsed(path_of(folder, "joints", word))) == expected | {"float32", "bool"}


def test_every_operator_of_int8_heatmaps_gives_int8(folder):
    graph = parsed(path_of(folder, "heatmaps", "int8")).subgraphs[0]
    given = {flatbuffer.TYPES[graph.tensors[n].type] for node in graph.operators for n in node.outputs}
    assert given == {"int8"}


def test_weights_have_a_scale_for_each_channel(folder):
    model = parsed(path_of(folder, "heatmaps", "int8"))
    graph = model.subgraphs[0]
    names = [flatbuffer.OPERATORS[code.builtinCode] for code in model.operatorCodes]
    kernels = [graph.tensors[n.inputs[1]] for n in graph.operators if names[n.opcodeIndex] == "CONV_2D"]
    assert kernels
    assert all(len(kernel.quantization.scale) == kernel.shape[0] for kernel in kernels)


def test_nearest_neighbours_are_resized_as_android_10_can(folder):
    graph = parsed(path_of(folder, "heatmaps", "float32")).subgraphs[0]
    options = [n.builtinOptions for n in graph.operators if hasattr(n.builtinOptions, "halfPixelCenters")]
    assert len(options) == 2
    assert not any(o.halfPixelCenters or o.alignCorners for o in options)


# The peaks of these maps are near 10, so that 8 bits are steps of about 0.1.
@pytest.mark.parametrize(("word", "share"), [("float32", 1e-6), ("float16", 2e-3), ("dynamic", 0.03), ("int8", 0.06)])
def test_heatmaps_are_those_of_keras(folder, estimator, word, share):
    found = runtimes.TFLite(path_of(folder, "heatmaps", word))(crops(5), "pose")
    for task, maps in estimator.heatmaps(tf.constant(crops(5))).items():
        error = np.sqrt(np.mean((found[task] - maps) ** 2)) / np.std(maps)
        assert error < share
        assert word == "float32" or error > 1e-5


@pytest.mark.parametrize("batch", [1, 3])
def test_float32_is_exact(folder, estimator, batch):
    expected = estimator.joints_in_crop(tf.constant(crops(batch)))
    found = exported_models.load(path_of(folder, "joints", "float32")).joints_in_crop(crops(batch))
    assert set(found) == {"joints", "scores", "occluded"}
    np.testing.assert_allclose(found["joints"], expected["joints"], atol=0.01)
    for name in ("scores", "occluded"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


@pytest.mark.parametrize("word", WORDS)
def test_joints_are_the_decoded_heatmaps(folder, word):
    maps = runtimes.TFLite(path_of(folder, "heatmaps", word))(crops(6), "pose")
    expected = pose_estimator.joints_in_maps({task: tf.constant(values) for task, values in maps.items()})
    found = runtimes.TFLite(path_of(folder, "joints", word))(crops(6), "joints")
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-6)
    # Halves of crop pixels, which eight bits would not hold.
    assert found["joints"].dtype == np.float32
    np.testing.assert_array_equal(found["joints"] % 0.5, 0)


def test_what_is_occluded_survives_8_bits(folder, estimator):
    expected = estimator.joints_in_crop(tf.constant(crops(16)))
    found = runtimes.TFLite(path_of(folder, "joints", "int8"))(crops(16), "joints")
    same = np.abs(found["joints"] - expected["joints"].numpy()).max(-1) < 2
    assert same.mean() > 0.6
    assert np.abs(found["occluded"] - expected["occluded"])[same].mean() < 0.1
    assert expected["occluded"].numpy().std() > 0.2


@pytest.mark.parametrize("flavour", ["heatmaps", "joints"])
def test_int8_crops_are_bytes_less_128(folder, flavour):
    taken = flatbuffer.ends(parsed(path_of(folder, flavour, "int8")), "inputs")["crops"]
    assert (taken["dtype"], taken["zero_point"], taken["shape"]) == ("int8", -128, [1, 32, 32, 3])
    assert taken["scale"] == pytest.approx(1 / 255)


def test_the_range_of_crops_does_not_depend_on_what_they_show(estimator, tmp_path, capfd):
    grey = np.full([2, 32, 32, 3], 0.5, np.float32)
    write(estimator, tmp_path / "1", quantize=["int8"], calibration=grey)
    assert sorted(os.listdir(tmp_path / "1")) == ["heatmaps_int8.tflite", "joints_int8.tflite"]
    taken = flatbuffer.ends(parsed(tmp_path / "1" / "heatmaps_int8.tflite"), "inputs")["crops"]
    assert (taken["scale"], taken["zero_point"]) == (pytest.approx(1 / 255), -128)
    assert (grey == 0.5).all()
    assert capfd.readouterr() == ("", "")


def test_files_are_smaller_the_fewer_bits_they_hold(folder):
    models = {word: parsed(path_of(folder, "heatmaps", word)) for word in WORDS}
    stored = {word: sum(len(b.data) for b in m.buffers if b.data is not None) for word, m in models.items()}
    assert stored["float32"] > 1.5 * stored["float16"] > 1.5 * stored["int8"]


def test_the_description_travels_in_each_file(folder, estimator):
    for word in WORDS:
        told = tflite.read_metadata(path_of(folder, "joints", word))
        assert told.items() >= exporting.about(estimator).items()
        assert told["quantization"] == word
        assert told["input"]["range"] == [0, 1]
        meaning = metadata.MEANING["joints"]
        assert told["outputs"]["joints"] == {"dtype": "float32", "shape": [1, 16, 2], "meaning": meaning}
    told = tflite.read_metadata(path_of(folder, "heatmaps", "int8"))
    end = told["outputs"]["pose"]
    assert end["dtype"] == "int8"
    given = runtimes.TFLite(path_of(folder, "heatmaps", "int8")).runners["heatmaps"].get_output_details()["pose"]
    assert (end["scale"], end["zero_point"]) == given["quantization"]


def test_the_mirrored_crop_is_averaged_in_the_file(tmp_path):
    estimator = exporting.estimator(flip=True)
    folder = write(estimator, tmp_path / "1", quantize=["none", "int8"], calibration=crops(8))
    operators = flatbuffer.operators(parsed(path_of(folder, "joints", "int8")))
    assert set(operators) <= HEATMAPS | DECODING | {"DEQUANTIZE", "REVERSE_V2"}
    found = runtimes.TFLite(path_of(folder, "heatmaps", "float32"))(crops(2), "pose")
    for task, maps in estimator.heatmaps(tf.constant(crops(2))).items():
        np.testing.assert_allclose(found[task], maps, atol=1e-4)
    assert tflite.read_metadata(path_of(folder, "joints", "int8"))["flip_test"]


def test_single_task_has_no_occlusion_and_float32_needs_no_records(tmp_path):
    def unread():
        raise AssertionError("read")

    estimator = exporting.estimator(occlusion=False)
    folder = write(estimator, tmp_path / "1", quantize=["none"], calibration=unread)
    found = runtimes.TFLite(path_of(folder, "joints", "float32"))(crops(2), "joints")
    assert set(found) == {"joints", "scores"}
    expected = estimator.joints_in_crop(tf.constant(crops(2)))
    np.testing.assert_allclose(found["joints"], expected["joints"], atol=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": ["int4"]}, "--quantize must be of none, float16, dynamic, int8. Received: int4"),
        ({"quantize": []}, "--quantize must be of"),
        ({"quantize": ["int8"]}, "int8 takes its ranges from records, and there are none"),
        ({"quantize": ["int8"], "calibration": np.zeros([0, 32, 32, 3])}, r"crops \[N, 32, 32, 3\]"),
        ({"quantize": ["int8"], "calibration": np.zeros([2, 16, 16, 3])}, r"Received: \[2, 16, 16, 3\]"),
    ],
    ids=["unknown", "nothing", "no records", "nobody", "another size"],
)
def test_what_cannot_be_written_is_the_users_mistake(estimator, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        write(estimator, tmp_path / "1", **options)
    assert not os.listdir(tmp_path / "1")


def test_a_file_without_a_description_is_the_users_mistake(folder, tmp_path):
    model = parsed(path_of(folder, "joints", "float32"))
    model.metadata = None
    (tmp_path / "m.tflite").write_bytes(flatbuffer.serialise(model))
    with pytest.raises(UserError, match=r"m\.tflite has no metadata\.json in it"):
        tflite.read_metadata(str(tmp_path / "m.tflite"))


def preset():
    """The lines `--name=value` of mobile.flags."""
    lines = [line[2:].split("=", 1) for line in MOBILE.read_text().splitlines() if line.startswith("--")]
    return dict(lines)


def test_the_mobile_preset_is_small():
    sizes = {name: int(preset()[name]) for name in ("crop_size", "stacks", "features")}
    model = ModelConfig(**sizes, discriminator_features=int(preset()["discriminator_features"]))
    generator = build_generator(**sizes, levels=model.levels)
    assert generator.count_params() == 498560
    convolutions = [layer for layer in generator.layers if layer.name.endswith("_conv")]
    products = sum(np.prod(c.output.shape[1:]) * np.prod(c.kernel.shape[:3]) for c in convolutions)
    assert 2 * products / 1e9 == pytest.approx(1.97, abs=0.01)
