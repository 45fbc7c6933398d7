import pytest
import tensorflow as tf

from keras_apn.config import TrainingConfig
from keras_apn.training import determinism


@pytest.fixture
def switched(monkeypatch):
    """What TensorFlow's graph optimizer was told, in order."""
    found = []
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", found.append)
    return found


@pytest.mark.parametrize(
    ("gpus", "reproducible", "expected"),
    [([], True, [{"arithmetic_optimization": False}]), (["one"], True, []), ([], False, [])],
    ids=["a CPU", "beside a GPU", "not asked for"],
)
def test_sums_are_joined_wherever_bits_are_not_promised(switched, monkeypatch, gpus, reproducible, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else ["CPU"])
    determinism.configure(TrainingConfig(reproducible=reproducible))
    assert switched == expected


def test_the_seed_is_set(switched):
    def drawn(seed):
        determinism.configure(TrainingConfig(seed=seed))
        return float(tf.random.uniform([]))

    first = drawn(3)
    assert drawn(3) == first
    assert drawn(4) != first
