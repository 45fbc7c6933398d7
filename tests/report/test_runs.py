import pytest

from data_pipeline.common.errors import UserError
from keras_apn.report import runs


def test_runs_are_called_by_their_folders():
    assert runs.label(["a/one", "b/two/"]) == ["one", "two"]


def test_folders_of_one_name_are_called_by_their_paths():
    assert runs.label(["a/run", "b/run"]) == ["a/run", "b/run"]


def test_names_may_be_given():
    assert runs.label(["a", "b"], ["x", "y"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("workdirs", "names", "told"),
    [
        ([], [], "at least one"),
        (["a", "./a"], [], "twice"),
        (["a", "b"], ["x"], "2 different names"),
        (["a", "b"], ["x", "x"], "2 different names"),
    ],
    ids=["none", "twice", "too few names", "equal names"],
)
def test_what_cannot_be_told_apart_is_refused(workdirs, names, told):
    with pytest.raises(UserError, match=told):
        runs.label(workdirs, names)


def test_damaged_state_is_one_line(tiny_workdir, tmp_path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(UserError, match=r"state\.json.*; delete it"):
        runs._state(str(tmp_path))
    assert runs._state(str(tiny_workdir)) == {}
