import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common import tensorflow_setup
from data_pipeline.common.errors import UserError
from export.formats import flatbuffer


def converted(folder, function, spec, key, quantised=False):
    """A function of one tensor as a `ModelT`."""
    function = tf.function(function, input_signature=[spec])
    tf.saved_model.save(tf.Module(), str(folder), signatures={key: function})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[key])
    if quantised:
        values = np.linspace(-1, 1, 4, dtype=np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([{spec.name: values}])
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with tensorflow_setup.silence():
        return flatbuffer.parse(converter.convert())


@pytest.fixture
def halves(tmp_path):
    """A model that halves `x` into `y`, as float32 and as int8, and one that takes `y` to `z`."""
    vector = tf.TensorSpec([4], name="x")
    return {
        "float32": converted(tmp_path / "a", lambda x: {"y": x * 0.5}, vector, "first"),
        "int8": converted(tmp_path / "b", lambda x: {"y": x * 0.5}, vector, "first", quantised=True),
        "tail": converted(tmp_path / "c", lambda y: {"z": tf.sin(y)}, tf.TensorSpec([4], name="y"), "second"),
    }


def run(model, key, **inputs):
    with tensorflow_setup.silence():
        interpreter = tf.lite.Interpreter(model_content=flatbuffer.serialise(model))
        return interpreter.get_signature_runner(key)(**inputs)


def test_ends_tell_what_goes_in_and_out(halves):
    assert flatbuffer.ends(halves["float32"], "inputs") == {"x": {"index": 0, "dtype": "float32", "shape": [4]}}
    ((name, end),) = flatbuffer.ends(halves["int8"], "outputs").items()
    assert (name, end["dtype"]) == ("y", "int8")
    # Half of -1 to 1 in 255 steps.
    assert end["scale"] == pytest.approx(1 / 255, rel=0.01)
    assert abs(end["zero_point"]) <= 1


def test_operators_are_counted_by_name(halves):
    assert flatbuffer.operators(halves["tail"]) == {"SIN": 1}
    assert flatbuffer.types(halves["int8"]) == {"int8"}


def test_joined_models_do_one_after_the_other(halves):
    model = flatbuffer.join(halves["float32"], halves["tail"])
    assert flatbuffer.operators(model) == {"MUL": 1, "SIN": 1}
    x = np.array([-1, 0, 0.5, 1], np.float32)
    np.testing.assert_allclose(run(model, "second", x=x)["z"], np.sin(x / 2), atol=1e-6)


@pytest.mark.parametrize(("first", "second"), [(b"2.9.0", b"2.10.0"), (b"2.10.0", b"2.9.0")])
def test_joined_models_need_the_newer_runtime(halves, first, second):
    for model, version in ((halves["float32"], first), (halves["tail"], second)):
        model.metadata = None
        flatbuffer.embed(model, "min_runtime_version", version.ljust(16, b"\0"))
    joined = flatbuffer.join(halves["float32"], halves["tail"])
    assert flatbuffer.embedded(joined, "min_runtime_version") == b"2.10.0".ljust(16, b"\0")


def test_a_quantised_end_is_turned_back_where_it_is_joined(halves):
    model = flatbuffer.join(halves["int8"], halves["tail"])
    assert flatbuffer.operators(model) == {"MUL": 1, "DEQUANTIZE": 1, "SIN": 1}
    end = flatbuffer.ends(model, "inputs")["x"]
    stored = np.array([-100, 0, 50, 127], np.int8)
    x = (stored.astype(np.float32) - end["zero_point"]) * end["scale"]
    np.testing.assert_allclose(run(model, "second", x=stored)["z"], np.sin(x / 2), atol=0.003)


def test_what_is_embedded_travels(halves):
    assert flatbuffer.embedded(halves["tail"], "notes") is None
    flatbuffer.embed(halves["tail"], "notes", b"of a voyage")
    again = flatbuffer.parse(flatbuffer.serialise(halves["tail"]))
    assert flatbuffer.embedded(again, "notes") == b"of a voyage"
    np.testing.assert_allclose(run(again, "second", y=np.ones(4, np.float32))["z"], np.sin(1), atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no model at all", None], ids=["empty", "text", "missing"])
def test_what_is_no_model_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(UserError, match=r"m\.tflite cannot be read"):
        flatbuffer.read(str(tmp_path / "m.tflite"))
