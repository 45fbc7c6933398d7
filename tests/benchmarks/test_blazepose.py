import re
import sys

import numpy as np
import pytest

from benchmarks.peers import blazepose
from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import INDEX

PEOPLE, SIZE = 6, 64
# Stands in for MediaPipe: everybody's landmark n lies at pixel (n, 2 n); in a black crop there is nobody.
MEDIAPIPE = f"""
from types import SimpleNamespace as Some

class Pose:
    def __init__(self, static_image_mode, model_complexity):
        assert static_image_mode and model_complexity == 2

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def process(self, crop):
        places = [Some(x=(n + 0.5) / {SIZE}, y=(2 * n + 0.5) / {SIZE}) for n in range(33)]
        return Some(pose_landmarks=Some(landmark=places) if crop.any() else None)

solutions = Some(pose=Some(Pose=Pose))
"""


@pytest.fixture
def python(tmp_path, monkeypatch):
    """This Python, in which the stand-in is MediaPipe."""
    (tmp_path / "mediapipe.py").write_text(MEDIAPIPE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return sys.executable


def people():
    rng = np.random.default_rng(0)
    return {
        "true": rng.uniform(10, 50, (PEOPLE, 16, 2)),
        "head_size": np.full(PEOPLE, 8.0),
        "annotated": np.ones((PEOPLE, 16), bool),
    }


def test_landmarks_are_in_our_order_in_crop_pixels(python):
    crops = np.ones((2, SIZE, SIZE, 3), np.uint8)
    crops[1] = 0
    joints = blazepose.blazepose(crops, python, "heavy")
    assert joints[0, INDEX["left_wrist"]] == pytest.approx([15, 30], abs=1e-4)
    assert joints[0, INDEX["right_ankle"]] == pytest.approx([28, 56], abs=1e-4)
    assert np.isinf(joints[0, INDEX["head_top"]]).all()
    assert np.isinf(joints[1]).all()


def test_limbs_alone_are_scored_and_nobody_found_is_wrong():
    found = people()
    ours, theirs = found["true"].copy(), found["true"].copy()
    ours[:, INDEX["head_top"]] += 100.0
    ours[0, INDEX["left_wrist"]] += 100.0
    theirs[:2] = np.inf
    told = blazepose.compare(found, {"ours": ours, "theirs": theirs}, "pckh")
    assert told["rates"]["ours"]["wrist"] == pytest.approx(100 * (1 - 1 / 12))
    assert told["rates"]["ours"]["pooled_12"] == pytest.approx(100 * (1 - 1 / 72))
    assert told["rates"]["theirs"]["pooled_12"] == pytest.approx(100 * 4 / 6)
    assert told["lead"] == pytest.approx(100 * (1 - 1 / 72) - 100 * 4 / 6)
    assert told["interval"][0] < told["lead"] < told["interval"][1]
    assert list(told["rates"]["ours"]) == ["shoulder", "elbow", "wrist", "hip", "knee", "ankle", "pooled_12"]


def test_torsos_are_the_unit_of_pck():
    found = people()
    torso = np.linalg.norm(found["true"][:, INDEX["left_shoulder"]] - found["true"][:, INDEX["right_hip"]], axis=-1)
    near, far = found["true"].copy(), found["true"].copy()
    near[..., 0] += 0.19 * torso[:, None]
    far[..., 0] += 0.21 * torso[:, None]
    told = blazepose.compare(found, {"near": near, "far": far}, "pck")
    assert [rates["pooled_12"] for rates in told["rates"].values()] == [100, 0]


@pytest.mark.parametrize(
    ("python", "message"),
    [("/none", "--python=/none: No such file or directory; `make mediapipe` makes it"), (sys.executable, "cannot run")],
    ids=["no Python", "without MediaPipe"],
)
def test_what_is_missing_is_one_clear_line(python, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        blazepose.blazepose(np.ones((1, SIZE, SIZE, 3), np.uint8), python)
    assert "\n" not in str(caught.value)
