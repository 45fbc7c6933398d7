import json
import shutil

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.records import record_format, shards
from data_pipeline.synthetic import scenes
from export.formats import calibration
from keras_apn.evaluation import scoring

SIZES = (3, 0, 2, 4)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Four shards of 3, 0, 2 and 4 people."""
    folder, entries, first = tmp_path_factory.mktemp("shards"), {}, 0
    for n, size in enumerate(SIZES):
        people = range(first, first + size)
        encoded = [record_format.encode(*scenes.sample(0, person, "train"), 56, "train") for person in people]
        name = shards.name("train", n, len(SIZES))
        entries[name] = shards.write(folder, "train", n, len(SIZES), encoded)
        first += size
    splits = {"train": {"people": first, "shards": entries}}
    shards.describe(folder, {"dataset": "synthetic", "metric": "pckh", "patch_size": 56, "splits": splits})
    return [str(folder / name) for name in entries]


def everybody(path):
    """The crops of one shard."""
    return np.concatenate([example["crop"].numpy() for example in scoring.examples([path], 32, 8)])


def test_crops_are_those_that_evaluation_sees(paths):
    np.testing.assert_array_equal(calibration.crops(paths[:1], 32, 3), everybody(paths[0]))


def test_each_shard_gives_its_share(paths):
    found = calibration.crops(paths, 32, 8)
    expected = [everybody(paths[0])[:2], everybody(paths[2])[:2], everybody(paths[3])[:2]]
    np.testing.assert_array_equal(found, np.concatenate(expected))


def test_fewer_people_than_shards_come_from_both_ends(paths):
    found = calibration.crops(paths, 32, 2)
    np.testing.assert_array_equal(found, [everybody(paths[0])[0], everybody(paths[3])[0]])


def test_all_are_taken_where_there_are_fewer(paths):
    assert calibration.crops(paths, 32, 100).shape == (sum(SIZES), 32, 32, 3)


def test_nobody_is_the_users_mistake(paths):
    with pytest.raises(UserError, match="hold no people"):
        calibration.crops(paths[1:2], 32)


def test_a_damaged_shard_is_the_users_mistake(paths, tmp_path):
    copies = [shutil.copy(path, tmp_path) for path in paths[:1]]
    shutil.copy(f"{paths[0].rpartition('/')[0]}/dataset.json", tmp_path)
    with open(copies[0], "r+b") as file:
        file.seek(200)
        file.write(b"damage")
    with pytest.raises(UserError, match="damaged"):
        calibration.crops(copies, 32)
    assert json.loads((tmp_path / "dataset.json").read_text())["splits"]
