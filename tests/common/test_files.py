import os

import pytest

from data_pipeline.common import files


@pytest.fixture
def shards(tmp_path):
    for folder in ("data", "data[v2]", "datav"):
        (tmp_path / folder).mkdir()
        for name in ("train-1", "train-0", "val[0]-0"):
            (tmp_path / folder / name).touch()
    return tmp_path


def test_a_glob_finds_what_matches_sorted(shards):
    assert files.find_files(f"{shards}/data/train-*") == [f"{shards}/data/train-{n}" for n in (0, 1)]
    assert files.find_files(f"{shards}/data/train-?") == files.find_files(f"{shards}/da*a/train-*")
    assert files.find_files(f"{shards}/data/test-*") == []


def test_a_folder_or_file_that_is_called_so_is_taken_as_it_is(shards):
    assert files.find_files(f"{shards}/data[v2]/train-*") == [f"{shards}/data[v2]/train-{n}" for n in (0, 1)]
    assert files.find_files(f"{shards}/data[v2]/val[0]-0") == [f"{shards}/data[v2]/val[0]-0"]
    # No folder is called so: a choice of letters.
    assert files.find_files(f"{shards}/data[vw]/train-0") == [f"{shards}/datav/train-0"]


def test_the_home_folder_is_understood(shards, monkeypatch):
    monkeypatch.setenv("HOME", str(shards))
    assert files.find_files("~/data/train-0") == [os.path.join(shards, "data", "train-0")]


def test_a_relative_path_stays_relative(shards, monkeypatch):
    monkeypatch.chdir(shards)
    assert files.find_files("data[v2]/train-0") == ["data[v2]/train-0"]
