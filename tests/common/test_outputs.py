import os

import pytest

from data_pipeline.common import outputs
from data_pipeline.common.errors import UserError


@pytest.fixture
def occupied(tmp_path):
    """A path within what is a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "a.json"


def test_what_can_be_written_is_left_as_it_is(tmp_path):
    (tmp_path / "a.json").write_text("old")
    outputs.require_file(tmp_path / "a.json", "json")
    outputs.require_folder(tmp_path, "output")
    assert os.listdir(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


def test_folders_are_left_to_who_writes(tmp_path):
    outputs.require_folder(tmp_path / "a" / "b", "output")
    outputs.require_file(tmp_path / "c" / "d.png", "sheet", outputs.PICTURES)
    assert not os.listdir(tmp_path)


def test_what_was_not_asked_for_is_not_looked_at():
    outputs.require_folder(None, "output")
    outputs.require_file(None, "json", outputs.PICTURES)


def test_a_place_that_cannot_be_is_refused(occupied):
    with pytest.raises(UserError, match=r"--json=.*a\.json cannot be written \(.*\); give another --json"):
        outputs.require_file(occupied, "json")
    with pytest.raises(UserError, match=r"--output=.* cannot be written"):
        outputs.require_folder(occupied, "output")
    with pytest.raises(UserError, match="cannot be written"):
        outputs.require_folder(occupied.parent, "output")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="is a folder; give the name of a file"):
        outputs.require_file(tmp_path, "json")


@pytest.mark.parametrize(("name", "good"), [("a.png", True), ("a.PNG", True), ("a", False), ("a.gif", False)])
def test_a_picture_is_known_by_its_ending(tmp_path, name, good):
    if good:
        outputs.require_file(tmp_path / name, "sheet", outputs.PICTURES)
    else:
        with pytest.raises(UserError, match=r"--sheet must end in \.png, \.jpg, \.jpeg\. Received"):
            outputs.require_file(tmp_path / name, "sheet", outputs.PICTURES)
