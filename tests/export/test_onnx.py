import json
import os

import exporting
import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import reference

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import JOINTS
from export.formats import onnx_, onnx_graph
from keras_apn.inference import export_metadata, exported_models, pose_estimator

KINDS = {
    "two stacks": {"stacks": 2},
    "flip": {"flip": True},
    "single task": {"occlusion": False},
}


def trained_like(estimator):
    """Gives batch norm other statistics than those it starts with, which an exporter could leave out unnoticed."""
    rng = np.random.default_rng(1)
    for layer in estimator.generator.layers:
        if layer.name.endswith("_bn"):
            shape = layer.gamma.shape
            layer.gamma.assign(rng.uniform(0.8, 1.2, shape))
            layer.beta.assign(rng.normal(0, 0.2, shape))
            layer.moving_mean.assign(rng.normal(0, 0.2, shape))
            layer.moving_variance.assign(rng.uniform(0.8, 1.2, shape))
    return estimator


@pytest.fixture(scope="module", params=KINDS)
def estimator(request):
    return trained_like(exporting.estimator(**KINDS[request.param]))


@pytest.fixture(scope="module")
def path(estimator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    onnx_.export(estimator, str(folder), exporting.about(estimator, version=3))
    assert os.listdir(folder) == [onnx_.FILE]
    return str(folder / onnx_.FILE)


@pytest.fixture(scope="module")
def model(path):
    return onnx.load(path)


def shapes(values):
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def test_inputs_and_outputs_have_their_names_and_shapes(model, estimator):
    assert shapes(model.graph.input) == {"crops": ["batch", 32, 32, 3]}
    expected = {"joints": ["batch", 16, 2], "scores": ["batch", 16], "pose": ["batch", 8, 8, 16]}
    if "occlusion" in estimator.last:
        expected |= {"occluded": ["batch", 16], "occlusion": ["batch", 8, 8, 16]}
    assert shapes(model.graph.output) == expected


@pytest.mark.parametrize("batch", [1, 3])
def test_joints_and_maps_are_those_of_keras(path, estimator, batch):
    onnxruntime = pytest.importorskip("onnxruntime")
    crops = np.random.default_rng(batch).random((batch, 32, 32, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"crops": crops}), strict=True))
    maps = estimator.heatmaps(tf.constant(crops))
    for name, values in {**maps, **pose_estimator.joints_in_maps(maps)}.items():
        np.testing.assert_allclose(found[name], values.numpy(), atol=0.01 if name == "joints" else 1e-4)


def test_evaluation_and_prediction_load_it(path, estimator):
    pytest.importorskip("onnxruntime")
    crops = tf.constant(np.random.default_rng(0).random((2, 32, 32, 3)), tf.float32)
    found = exported_models.load(path).joints_in_crop(crops)
    np.testing.assert_allclose(found["joints"], estimator.joints_in_crop(crops)["joints"], atol=0.01)


def test_the_checker_finds_nothing_and_the_opset_is_the_stated_one(model):
    onnx.checker.check_model(model, full_check=True)
    assert [opset.version for opset in model.opset_import if not opset.domain] == [onnx_.OPSET]


def reached(graph, from_types, forwards):
    """Names of the nodes behind (or, not `forwards`, before) nodes of some types."""
    found, tensors = set(), set()
    for node in graph.node if forwards else reversed(graph.node):
        behind, before = (node.input, node.output) if forwards else (node.output, node.input)
        if tensors & set(behind):
            found.add(node.name)
        if node.name in found or node.op_type in from_types:
            tensors |= set(before)
    return found


def test_no_transpose_stands_between_convolutions(model):
    between = reached(model.graph, {"Conv"}, True) & reached(model.graph, {"Conv"}, False)
    kinds = {node.op_type for node in model.graph.node if node.name in between}
    assert {"Conv", "Relu", "Add", "MaxPool", "Resize", "BatchNormalization"} == kinds


def test_the_input_and_the_maps_are_transposed_once_and_nothing_else_without_flip(model, estimator):
    transposed = [(node.input[0], node.output[0]) for node in model.graph.node if node.op_type == "Transpose"]
    at_start = [pair for pair in transposed if pair[0] == "crops"]
    at_end = {pair[1] for pair in transposed} & set(estimator.last)
    assert len(at_start) == 1 + estimator.flip
    assert at_end == set(estimator.last)
    # Mirroring transposes the crops and the maps again.
    assert (len(transposed) > 1 + len(at_end)) == estimator.flip


def test_metadata_travels_with_the_file(path, estimator, model):
    told = onnx_.read_metadata(path)
    assert {name: told[name] for name in exporting.about(estimator)} == exporting.about(estimator, version=3)
    assert told["joints"] == list(JOINTS)
    assert told["input"]["shape"] == ["batch", 32, 32, 3]
    assert set(told["outputs"]) == {value.name for value in model.graph.output}
    assert model.graph.name == "posenet"
    assert model.model_version == 3
    assert "tf2onnx" in model.producer_name
    assert model.producer_version.startswith("1.")
    assert "Apache-2.0" in model.doc_string


def test_the_export_says_nothing(capfd, tmp_path):
    estimator = exporting.estimator(occlusion=False)
    onnx_.export(estimator, str(tmp_path), exporting.about(estimator))
    assert capfd.readouterr() == ("", "")


def test_a_file_of_something_else_is_the_users_mistake(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"\xff\xff no model")
    with pytest.raises(UserError, match="cannot be read as an ONNX model"):
        onnx_.read_metadata(str(tmp_path / "a.onnx"))
    onnx.save(small_model("Relu"), str(tmp_path / "b.onnx"))
    with pytest.raises(UserError, match="tells nothing of its joints"):
        onnx_.read_metadata(str(tmp_path / "b.onnx"))


@pytest.mark.parametrize("text", ["{", "[]", "[" * 10000])
def test_a_damaged_description_is_one_line(tmp_path, text):
    model = small_model("Relu")
    onnx.helper.set_model_props(model, {export_metadata.ONNX_KEY: text})
    onnx.save(model, str(tmp_path / "a.onnx"))
    with pytest.raises(UserError, match="; export the model again") as caught:
        onnx_.read_metadata(str(tmp_path / "a.onnx"))
    assert "\n" not in str(caught.value)


def small_model(*kinds, perms=()):
    """A model of nodes in a row, x [2, 3, 4, 5] to y; a transpose takes its permutation."""
    names = ["x", *(f"t{n}" for n in range(1, len(kinds))), "y"]
    nodes = []
    for n, kind in enumerate(kinds):
        perm = {"perm": perms[n]} if kind == "Transpose" else {}
        nodes.append(onnx.helper.make_node(kind, [names[n]], [names[n + 1]], f"node{n}", **perm))
    x, y = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [2, 3, 4, 5]), ("y", None))
    )
    graph = onnx.helper.make_graph(nodes, "small", [x], [y])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def answer(model):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    return reference.ReferenceEvaluator(model).run(None, {"x": x})[0]


@pytest.mark.parametrize(
    ("second", "left"), [((0, 2, 3, 1), 1), ((0, 3, 1, 2), 3)], ids=["undoes the first", "goes further"]
)
def test_transposes_that_undo_each_other_are_gone(second, left):
    model = small_model("Transpose", "Transpose", "Relu", "Transpose", perms=[(0, 3, 1, 2), second, (), (3, 2, 1, 0)])
    expected = answer(model)
    onnx_graph.cancel_transposes(model.graph)
    onnx_graph.drop_unused(model.graph)
    assert [node.op_type for node in model.graph.node].count("Transpose") == left
    np.testing.assert_array_equal(answer(model), expected)


def test_metadata_is_json_under_its_key(model):
    (entry,) = model.metadata_props
    assert entry.key == export_metadata.ONNX_KEY
    assert json.loads(entry.value)["crop_size"] == 32
