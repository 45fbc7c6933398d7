import functools
import importlib.util
import json
import os
import pathlib
import sys
import types

import hypothesis
import keras
import pytest
import tensorflow as tf
from absl import flags

# Hooks of every session.
from strict_skips import (  # noqa: F401
    pytest_collectreport,
    pytest_runtest_logreport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

from data_pipeline.records import record_format, shards
from data_pipeline.synthetic import scenes
from keras_apn import config, config_flags
from keras_apn.models import best_weights, networks

# Every run tries the same examples; `--hypothesis-profile=search` tries new ones.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("same")

ROOT = pathlib.Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """A function from a path inside the folder of real annotations to the whole path; skips where it is absent."""

    def locate(relative):
        path = SHARED_DATA / relative
        if not path.exists():
            pytest.skip(f"needs the real data {path}")
        return path

    return locate


@pytest.fixture(scope="session")
def torch_python():
    """The Python that PyTorch is installed for: of `make torch`, or this one; skips where there is none."""
    own = ROOT / ".venv-torch" / "bin" / "python"
    if own.exists():
        return str(own)
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch: make torch")
    return sys.executable


@pytest.fixture(scope="module")
def eagerly():
    """Nothing is traced: for a few steps that takes longer than the steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def find_the_project(monkeypatch):
    """Processes that are started find the project wherever the tests run."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def run_program(monkeypatch, tmp_path):
    """A function that runs a program, given as its module, in this process and returns the JSON that it wrote."""

    def call(program, *arguments):
        values = flags.FlagValues()
        names = [f"DEFINE_{kind}" for kind in ("bool", "integer", "float", "string", "enum", "list")]
        define = {name: functools.partial(getattr(flags, name), flag_values=values) for name in names}
        monkeypatch.setattr(program, "flags", types.SimpleNamespace(**define))
        program.define_flags()
        path = tmp_path / "told.json"
        values([program.__name__, *arguments, f"--json={path}"])
        program.main(values)
        return json.loads(path.read_text())

    return call


@pytest.fixture(scope="session")
def tiny_records(tmp_path_factory):
    """A folder with 12 training and 5 validation people as records of 56-pixel patches, for crops of 32."""
    folder = tmp_path_factory.mktemp("records")
    entries = {}
    for split, indices in (("train", range(12)), ("validation", range(12, 17))):
        encoded = [record_format.encode(*scenes.sample(0, n, split), 56, split) for n in indices]
        name = shards.name(split, 0, 1)
        entries[split] = {"people": len(encoded), "shards": {name: shards.write(folder, split, 0, 1, encoded)}}
    shards.describe(folder, {"dataset": "synthetic", "metric": "pckh", "patch_size": 56, "splits": entries})
    return folder


@pytest.fixture(scope="session")
def tiny_config(tiny_records):
    """A configuration that trains on `tiny_records` in seconds."""
    return config.Config(
        model=config.ModelConfig(crop_size=32, stacks=1, features=8, levels=2, discriminator_features=8),
        data=config.DataConfig(
            dataset="synthetic",
            train_records=str(tiny_records / "train-*.tfrecord"),
            validation_records=str(tiny_records / "validation-*.tfrecord"),
        ),
        training=config.TrainingConfig(epochs=2, batch_size=4, optimizer="adam", learning_rate=1e-3),
    )


@pytest.fixture(scope="session")
def tiny_workdir(tiny_config, tmp_path_factory):
    """A workdir as training leaves it, with weights that nobody trained."""
    keras.utils.set_random_seed(0)
    workdir = tmp_path_factory.mktemp("workdir")
    tiny_config.save(workdir)
    path = best_weights.path(workdir, "generator")
    os.makedirs(os.path.dirname(path))
    networks.generator(tiny_config.model).save_weights(path)
    return workdir


@pytest.fixture
def parse_flags(monkeypatch):
    """Parses arguments by the configuration's flags, apart from those of this process."""

    def parsed(*arguments):
        values = flags.FlagValues()
        names = ("DEFINE_bool", "DEFINE_integer", "DEFINE_float", "DEFINE_string", "DEFINE_enum")
        define = {name: functools.partial(getattr(flags, name), flag_values=values) for name in names}
        monkeypatch.setattr(config_flags, "flags", types.SimpleNamespace(**define))
        config_flags.define_flags()
        values(["program", *arguments])
        return values

    return parsed
