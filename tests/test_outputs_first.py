"""What a program is to write is asked for before its work: here nothing that it would read is there."""

import functools
import importlib
import types

import pytest
from absl import flags

from data_pipeline.common.errors import UserError
from keras_apn import config, train
from keras_apn.training import checkpoints

NOWHERE = {
    "data_pipeline.build_tfrecords": ("output", ["--dataset=mpii", "--annotations=none.mat", "--images=none"]),
    "data_pipeline.preview": ("output", ["--records=none"]),
    "keras_apn.evaluate": ("json", ["--workdir=none"]),
    "keras_apn.report.__main__": ("output", ["--workdirs=none"]),
    "export.__main__": ("output", ["--workdir=none"]),
    "export.verify": ("json", ["--workdir=none", "--exports=none"]),
    "export.benchmark": ("json", ["--exports=none"]),
}


def started(monkeypatch, name, *arguments):
    """Runs a program's main with these arguments."""
    program, values = importlib.import_module(name), flags.FlagValues()
    kinds = [f"DEFINE_{kind}" for kind in ("bool", "integer", "float", "string", "enum", "list", "multi_string")]
    define = {kind: functools.partial(getattr(flags, kind), flag_values=values) for kind in kinds}
    monkeypatch.setattr(program, "flags", types.SimpleNamespace(**define, FlagValues=flags.FlagValues))
    program.define_flags()
    values([name, *arguments])
    program.main(values)


@pytest.mark.parametrize("name", NOWHERE)
def test_an_output_that_cannot_be_written_is_refused_first(monkeypatch, tmp_path, name):
    flag, arguments = NOWHERE[name]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"--{flag}=.*cannot be written"):
        started(monkeypatch, name, *arguments, f"--{flag}={tmp_path / 'file' / 'a.png'}")


def test_a_sheet_without_a_pictures_ending_is_refused_first(monkeypatch, tmp_path):
    with pytest.raises(UserError, match=r"--sheet must end in \.png"):
        started(monkeypatch, "keras_apn.evaluate", "--workdir=none", f"--sheet={tmp_path / 'sheet'}")


def test_a_workdir_that_cannot_be_written_is_refused_first(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(train.config_flags, "from_flags", lambda _: config.Config())
    with pytest.raises(UserError, match=r"--workdir=.*cannot be written"):
        train.main(types.SimpleNamespace(workdir=str(tmp_path / "file" / "run")))


def test_a_file_among_the_checkpoints_is_none(tmp_path):
    (tmp_path / "40").touch()
    (tmp_path / "30").mkdir()
    assert checkpoints._newest_first(str(tmp_path)) == [str(tmp_path / "30")]
