"""A build that is interrupted; `APN_KILLS=20 pytest tests/records/test_building.py` interrupts it more often."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.readers.person import Person
from data_pipeline.records import building

ROOT = pathlib.Path(__file__).parents[2]
KILLS = int(os.environ.get("APN_KILLS", "3"))
BUILD = (
    sys.executable,
    "-m",
    "data_pipeline.build_tfrecords",
    "--dataset=synthetic",
    "--limit=300",
    "--patch_size=56",
    "--workers=2",
)


def start(output):
    return subprocess.Popen([*BUILD, f"--output={output}"], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_a_build_killed_at_random_moments_ends_as_an_uninterrupted_one(tmp_path):
    begun = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    duration, chosen, whole = time.monotonic() - begun, random.Random(0), contents(tmp_path / "whole")
    kills = 0
    while kills < KILLS:
        process = start(tmp_path / "killed")
        time.sleep(chosen.uniform(0.2, 1.0) * duration)
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for path in (tmp_path / "killed").glob("*.tfrecord"):
                assert path.read_bytes() == whole[path.name]
        else:  # Done before it could be killed: the next one begins anew.
            assert contents(tmp_path / "killed") == whole
            shutil.rmtree(tmp_path / "killed")
    assert start(tmp_path / "killed").wait() == 0
    assert contents(tmp_path / "killed") == whole


def person(**changes):
    values = {
        "image": "a.jpg",
        "person_index": 0,
        "split": "train",
        "joints_image": np.zeros((16, 2), np.float32),
        "annotated": np.ones(16, bool),
        "visible": np.ones(16, bool),
        "head_size": 10.0,
        "center_image": None,
        "side_image": None,
    }
    return Person(**{**values, **changes})


def test_the_same_people_have_the_same_fingerprint():
    assert building.fingerprint([(person(), "train")]) == building.fingerprint([(person(), "train")])


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "b.jpg"},
        {"person_index": 1},
        {"joints_image": np.eye(16, 2, dtype=np.float32)},
        {"annotated": np.arange(16) > 0},
        {"visible": np.arange(16) > 0},
        {"head_size": 10.5},
        {"center_image": np.zeros(2, np.float32)},
        {"side_image": 30.0},
        {"occlusion_known": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_people_have_another_fingerprint(changes):
    assert building.fingerprint([(person(**changes), "train")]) != building.fingerprint([(person(), "train")])


def test_people_whose_occlusion_is_not_known_are_counted_apart(tmp_path):
    known = {
        "joints/annotated": np.ones(16, bool),
        "joints/visible": np.arange(16) > 2,
        "occlusion_known": True,
    }
    tasks = [known, {**known, "occlusion_known": False}, known]
    job = building.Job(str(tmp_path), {"train": tasks}, dict, 2)
    building.run(job, 1)
    entry = building.entries(job)["train"]
    assert entry.pop("shards") == {"train-00000-of-00002.tfrecord": 2, "train-00001-of-00002.tfrecord": 1}
    assert entry == {"people": 3, "people_occlusion_unknown": 1, "joints_annotated": 48, "joints_occluded": 6}


def test_the_order_is_part_of_the_fingerprint():
    assert building.fingerprint([(1, "train"), (2, "train")]) != building.fingerprint([(2, "train"), (1, "train")])


def test_shards_of_an_unknown_build_are_left_alone(tmp_path):
    (tmp_path / "train-00000-of-00001.tfrecord").write_bytes(b"mine")
    job = building.Job(str(tmp_path), {"train": [(0, "train")]}, None, 1)
    with pytest.raises(UserError, match="unknown build; delete them or give another --output"):
        building.agree(job, {"seed": 0})
    assert contents(tmp_path) == {"train-00000-of-00001.tfrecord": b"mine"}


def test_every_task_is_in_one_shard():
    job = building.Job("out", {"train": list(range(10)), "test": list(range(3))}, None, 4)
    shared = [task for shard in job.all_shards() if shard[0] == "train" for task in job.tasks_of(shard)]
    assert sorted(shared) == list(range(10))
    assert job.tasks_of(("test", 3)) == []
