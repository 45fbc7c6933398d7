"""Presets of training steps, and the steps that can be lowered by their name."""

import numpy as np
import pytest

from benchmarks import presets, step
from data_pipeline.common.errors import UserError


@pytest.mark.parametrize(
    ("mode", "with_judges", "trained"),
    [("generator_only", False, "joint"), ("joint", True, "joint"), ("alternating", True, "alternating")],
)
def test_modes(mode, with_judges, trained):
    config = presets.config("demo", mode, "bfloat16", xla=True)
    assert config.model.discriminators is with_judges
    assert config.training.mode == trained
    assert (config.training.precision, config.training.xla, config.training.optimizer) == ("bfloat16", True, "adam")


def test_sizes():
    sizes = {name: presets.config(name).model for name in presets.PRESETS}
    told = {name: (m.stacks, m.features, m.crop_size, m.discriminator_features) for name, m in sizes.items()}
    assert told == {
        "tiny": (1, 8, 32, 8),
        "demo": (2, 64, 96, 32),
        "2x256": (2, 256, 256, 128),
        "paper_256": (4, 256, 256, 128),
        "paper": (4, 512, 256, 128),
    }


def test_an_unknown_preset_or_mode_is_named():
    with pytest.raises(UserError, match=r"^--presets must be of tiny, demo, .*\. Received: huge$"):
        presets.config("huge")
    with pytest.raises(UserError, match=r"^--modes must be of generator_only, joint, alternating\. Received: both$"):
        presets.config("tiny", "both")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("demo", ("demo", "joint", "float32", 16)),
        ("paper_256", ("paper_256", "joint", "float32", 16)),
        ("paper_generator_only", ("paper", "generator_only", "float32", 16)),
        ("2x256_alternating_bfloat16", ("2x256", "alternating", "bfloat16", 16)),
        ("paper_256_bfloat16_batch64", ("paper_256", "joint", "bfloat16", 64)),
    ],
)
def test_names_of_factories(monkeypatch, name, arguments):
    monkeypatch.setattr(step, "compiled", lambda config, batch_size: (config, batch_size))
    *chosen, batch_size = arguments
    assert getattr(step, name)() == (presets.config(*chosen), batch_size)


@pytest.mark.parametrize("name", ["paper_128", "paper_generator", "demo_batch0", "joint", "demo_float64"])
def test_names_of_none(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(step, name)


def test_a_step_of_g_alone_trains_g_by_its_own_loss():
    function, inputs = step.tiny_generator_only_batch2()
    # As Python: compiling it takes TensorFlow 2.15 minutes.
    logged = [np.array(function.python_function(*inputs)) for _ in range(2)]
    assert list(function.model.means) == ["loss", "loss_pose", "loss_occlusion"]
    assert logged[1][0] < logged[0][0]
