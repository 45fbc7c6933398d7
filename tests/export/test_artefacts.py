import os

import pytest

from data_pipeline.common.errors import UserError
from export.formats import artefacts


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


def lay(exports, *paths):
    """Puts files of ten bytes into a folder of exports."""
    for path in paths:
        whole = os.path.join(exports, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(bytes(10))


def test_every_artefact_of_the_one_model_is_found(tmp_path):
    lay(tmp_path, "posenet/1/saved_model.pb", "posenet/1/variables/data", "onnx/posenet/1/model.onnx")
    lay(tmp_path, "tflite/posenet/1/joints_int8.tflite", "tflite/posenet/1/heatmaps_float32.tflite")
    lay(tmp_path, "tflite/posenet/1/notes.txt", "serving/models.config", "posenet/2.partial/saved_model.pb")
    found = artefacts.find(str(tmp_path))
    names = ["saved_model", "tflite heatmaps float32", "tflite joints int8", "onnx"]
    assert [artefact.name for artefact in found] == names
    assert [artefact.size for artefact in found] == [20, 10, 10, 10]
    assert [artefact.quantization for artefact in found] == ["float32", "float32", "int8", "float32"]
    assert found[2].path == str(tmp_path / "tflite" / "posenet" / "1" / "joints_int8.tflite")


def test_the_highest_version_of_any_format_is_taken(tmp_path):
    lay(tmp_path, "posenet/2/saved_model.pb", "onnx/posenet/10/model.onnx", "onnx/posenet/2/model.onnx")
    assert artefacts.choose(str(tmp_path)) == ("posenet", 10)
    assert [artefact.name for artefact in artefacts.find(str(tmp_path))] == ["onnx"]
    assert [artefact.name for artefact in artefacts.find(str(tmp_path), version=2)] == ["saved_model", "onnx"]


def test_one_of_several_models_is_taken_by_its_name(tmp_path):
    lay(tmp_path, "a/1/saved_model.pb", "onnx/b/3/model.onnx")
    assert artefacts.choose(str(tmp_path), "b") == ("b", 3)
    with pytest.raises(UserError, match="several models; give --name, one of a, b"):
        artefacts.find(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("c", None, "holds no model c; it holds posenet"),
        (None, 3, "holds no version 3 of posenet; it holds 1, 2"),
        ("posenet", 3, "holds no version 3 of posenet; it holds 1, 2"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(tmp_path, name, version, message):
    lay(tmp_path, "posenet/1/saved_model.pb", "posenet/2/saved_model.pb")
    with pytest.raises(UserError, match=message):
        artefacts.find(str(tmp_path), name, version)


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_folder_without_exports_is_the_users_mistake(tmp_path, folder):
    with pytest.raises(UserError, match=r"holds no exports; python -m export --output="):
        artefacts.find(str(tmp_path / folder))
