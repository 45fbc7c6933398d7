import os

import pytest

from data_pipeline.errors import UserError
from export import artefacts


def fill(folders, overwrite=False, content="new", fail=False):
    with artefacts.written(folders, overwrite) as partial:
        for path in partial:
            assert os.listdir(path) == []
            with open(os.path.join(path, "file"), "w", encoding="utf-8") as file:
                file.write(content)
        if fail:
            raise OSError("disk full")


def contents(folders):
    found = []
    for path in folders:
        with open(os.path.join(path, "file"), encoding="utf-8") as file:
            found.append(file.read())
    return found


@pytest.fixture
def folders(tmp_path):
    return [artefacts.folder(str(tmp_path), kind, "posenet", 1) for kind in artefacts.FORMATS]


def test_the_saved_model_lies_where_tf_serving_looks(tmp_path):
    assert artefacts.folder("out", "saved_model", "posenet", 3) == os.path.join("out", "posenet", "3")
    assert artefacts.folder("out", "onnx", "posenet", 3) == os.path.join("out", "onnx", "posenet", "3")


def test_all_folders_appear_together(folders):
    fill(folders)
    assert contents(folders) == ["new"] * 3
    assert [os.listdir(os.path.dirname(path)) for path in folders] == [["1"]] * 3


def test_a_failure_leaves_nothing(folders):
    with pytest.raises(OSError, match="disk full"):
        fill(folders, fail=True)
    assert [os.listdir(os.path.dirname(path)) for path in folders] == [[]] * 3


def test_a_version_is_not_written_over(folders):
    fill(folders[1:2], content="old")
    with pytest.raises(UserError, match=r"tflite.posenet.1 is there already; .*--overwrite"):
        fill(folders)
    assert contents(folders[1:2]) == ["old"]
    assert not os.path.exists(folders[0])


def test_overwriting_replaces_the_whole_version(folders):
    fill(folders, content="old")
    open(os.path.join(folders[0], "stray"), "w").close()
    fill(folders, overwrite=True)
    assert contents(folders) == ["new"] * 3
    assert os.listdir(folders[0]) == ["file"]
    assert os.listdir(os.path.dirname(folders[0])) == ["1"]


def test_overwriting_that_fails_keeps_what_was_there(folders, monkeypatch):
    fill(folders, content="old")
    with pytest.raises(OSError, match="disk full"):
        fill(folders, overwrite=True, fail=True)
    assert contents(folders) == ["old"] * 3
    rename = os.rename

    def fail_at_the_last(source, target):
        if source == f"{folders[2]}.partial":
            raise OSError("disk full")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_at_the_last)
    with pytest.raises(OSError, match="disk full"):
        fill(folders, overwrite=True)
    assert contents(folders) == ["old"] * 3
    assert [os.listdir(os.path.dirname(path)) for path in folders] == [["1"]] * 3
