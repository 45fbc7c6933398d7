import types

import keras
import pytest

from benchmarks.plans import gpu
from keras_apn import config
from keras_apn.training.build import build_model


@pytest.fixture(scope="module")
def model(tiny_config):
    return build_model(tiny_config, 1)


def test_what_a_gradient_needs_is_counted():
    x = keras.Input((4, 4, 3))
    y = keras.layers.Conv2D(2, 3, padding="same", name="conv")(x)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
    y = keras.layers.Add()([y, keras.layers.MaxPooling2D(1)(y)])
    # Of the convolution, the activation, the pooling and the sum, 4 x 4 x 2 each.
    assert gpu.kept(keras.Model(x, y)) == 4 * 32


def test_memory_grows_with_the_batch_and_halves_with_bfloat16(model):
    one, two, half = gpu.memory(model, 1, 4), gpu.memory(model, 2, 4), gpu.memory(model, 2, 2)
    assert one["weights"] == two["weights"] == half["weights"] > 0
    assert two["kept"] == pytest.approx(2 * one["kept"])
    assert one["kept"] < half["kept"] < two["kept"]


def test_images_and_hours_follow_from_the_operations(model, monkeypatch):
    monkeypatch.setattr(gpu.arithmetic, "step", lambda _: {"generator": 60e9, "teaching": 40e9})
    found = gpu.expected(model, config.TrainingConfig(epochs=10), 36_000, 0.5, {"bfloat16": 200.0})
    # 100 TFLOP/s over 0.1 TFLOP.
    assert found == {"bfloat16": pytest.approx({"images_s": 1000.0, "hours": 0.1})}


def test_a_flag_file_of_training_is_taken(tiny_config, monkeypatch, capsys):
    asked = types.SimpleNamespace(batches=["4"], share=0.35, people=100, json=None)
    monkeypatch.setattr(gpu.config_flags, "from_flags", lambda _: tiny_config)
    gpu.main(asked)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith(" M parameters")
    assert "at 35 % of the peak, 2 epochs of 100 people" in printed[1]
    assert [line.split()[0] for line in printed[2:]] == [*gpu.PEAKS, "GB", "float32", "bfloat16"]
