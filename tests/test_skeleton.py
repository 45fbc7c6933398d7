import json
import math

import numpy as np
import pytest

from data_pipeline import skeleton, skeleton_rules
from data_pipeline.common.errors import UserError


def test_joints_are_mpiis_in_their_order():
    assert skeleton.INDEX["right_ankle"] == 0
    assert skeleton.INDEX["head_top"] == 9
    assert skeleton.INDEX["left_wrist"] == 15
    assert len(skeleton.JOINTS) == len(set(skeleton.JOINTS)) == 16


def test_the_mirror_swaps_left_and_right_and_keeps_the_middle():
    mirrored = {skeleton.JOINTS[i]: skeleton.JOINTS[j] for i, j in enumerate(skeleton.MIRROR)}
    assert mirrored["right_wrist"] == "left_wrist"
    assert mirrored["left_ankle"] == "right_ankle"
    assert [name for name, other in mirrored.items() if name == other] == [
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
    ]


def test_mirrored_twice_is_the_joint_itself():
    mirror = np.array(skeleton.MIRROR)
    np.testing.assert_array_equal(mirror[mirror], np.arange(16))


def test_limbs_are_a_tree_over_all_joints():
    reached, limbs = {skeleton.INDEX["pelvis"]}, list(skeleton.LIMBS)
    assert len(limbs) == 15
    while found := [limb for limb in limbs if reached & set(limb)]:
        reached |= {joint for limb in found for joint in limb}
        limbs = [limb for limb in limbs if limb not in found]
    assert reached == set(range(16))


def test_columns_hold_the_joints_that_are_neither_pelvis_nor_thorax():
    counted = sorted(joint for joints in skeleton.COLUMNS.values() for joint in joints)
    without_neck = [i for i in skeleton.JOINTS_14 if i != skeleton.INDEX["upper_neck"]]
    assert counted == without_neck
    assert len(skeleton.JOINTS_14) == 14


@pytest.mark.parametrize("name", skeleton.NAMES)
def test_a_skeleton_goes_into_json_and_back(name):
    known = skeleton.load(name)
    assert skeleton.from_json(json.loads(json.dumps(known.as_json()))) == known


@pytest.mark.parametrize("name", skeleton.NAMES)
def test_every_pair_of_the_shipped_skeletons_is_named_by_its_side(name):
    known = skeleton.load(name)
    for n, other in enumerate(known.mirror):
        assert known.joints[other] == skeleton_rules.mirrored(known.joints[n])
        assert known.mirror[other] == n


def test_tolerances_make_half_of_each_unit_the_published_threshold():
    assert set(skeleton.MPII16.tolerances) == {1.0}
    np.testing.assert_allclose(skeleton.load("lsp14").tolerances * 0.5, 0.2)
    coco = skeleton.load("coco17")
    # COCO's similarity exp(-d^2 / (2 s^2 k^2)) with k = 2 sigma is exp(-1/2) at d = s k.
    away = 0.5 * coco.tolerances[coco.index["left_wrist"]]
    assert np.exp(-(away**2) / (2 * (2 * 0.062) ** 2)) == pytest.approx(np.exp(-0.5))


def test_titles_name_how_many_joints_they_are_the_mean_of():
    assert skeleton.MPII16.titles[-4:] == ("mean_14", "pooled_14", "pooled_16", "auc")
    assert skeleton.load("coco17").titles[-3:] == ("mean_17", "pooled_17", "auc")


def test_what_a_file_leaves_out_has_a_default():
    plain = skeleton.from_json({"name": "corners", "joints": ["a", "b", "c"], "limbs": [["a", "b"]]})
    assert plain.mirror == (0, 1, 2)
    assert plain.columns == {"a": (0,), "b": (1,), "c": (2,)}
    assert plain.counted == (0, 1, 2)
    assert plain.by_visibility == ("a", "b", "c")
    assert plain.measured == ((0, 1),)
    assert (plain.unit, plain.metric, plain.mean) == ("box", "pck_box", "mean_3")


GOOD = {"name": "hand", "joints": ["thumb", "palm", "finger"]}


SIGMAS = {"thumb": 0.1, "palm": 0.1, "finger": 0.1}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], "a skeleton is a JSON object with `name`, `joints` and more. Received: []"),
        ({"name": "a"}, 'a skeleton is a JSON object with `name`, `joints` and more. Received: {"name": "a"}'),
        (
            GOOD | {"sigma": 1},
            "a skeleton holds name, joints, mirror, limbs, columns, counted, by_visibility, measured, torso, unit and "
            'nothing else. Received: ["sigma"]',
        ),
        (GOOD | {"name": "../a"}, "`name` must be of letters, digits, dots and dashes, at most 64. Received: ../a"),
        (GOOD | {"joints": []}, "`joints` must be a list of 1 to 512 names. Received: []"),
        (
            GOOD | {"joints": [str(n) for n in range(513)]},
            '`joints` must be a list of 1 to 512 names. Received: ["0", ',
        ),
        (GOOD | {"joints": ["a", "a"]}, 'each joint\'s name must come once. Received: ["a"]'),
        (
            GOOD | {"joints": ["thumb", 3]},
            "each joint's name must be of letters, digits, spaces, dots and dashes, at most 64. Received: 3",
        ),
        (
            GOOD | {"limbs": [["thumb", "wrist"]]},
            '`limbs` must name 2 of the joints, each once. Received: ["thumb", "wrist"]',
        ),
        (GOOD | {"limbs": 3}, "`limbs` must be a list of pairs of joints. Received: 3"),
        (GOOD | {"measured": [3]}, "`measured` must name 2 of the joints, each once. Received: 3"),
        (GOOD | {"torso": ["palm"]}, '`torso` must name 2 of the joints, each once. Received: ["palm"]'),
        (GOOD | {"mirror": 3}, "`mirror` must be a list of pairs of joints. Received: 3"),
        (
            GOOD | {"mirror": [["thumb", "palm"], ["palm", "finger"]]},
            '`mirror` must name each joint once. Received: ["palm"]',
        ),
        (
            GOOD | {"columns": {"all": ["wrist"]}},
            '`columns.all` must name one or more of the joints, each once. Received: ["wrist"]',
        ),
        (
            GOOD | {"columns": ["all"]},
            '`columns` must be an object of titles, each with a list of joints. Received: ["all"]',
        ),
        (GOOD | {"counted": []}, "`counted` must name one or more of the joints, each once. Received: []"),
        (GOOD | {"by_visibility": ["wrist"]}, '`by_visibility` must name columns. Received: ["wrist"]'),
        (
            GOOD | {"unit": {"kind": "metre"}},
            '`unit` must be an object whose `kind` is one of head, torso, pair, box, oks. Received: {"kind": "metre"}',
        ),
        (
            GOOD | {"unit": {"kind": "pair", "joints": ["thumb"]}},
            '`unit.joints` must name 2 of the joints, each once. Received: ["thumb"]',
        ),
        (
            GOOD | {"unit": {"kind": "torso"}},
            "`unit.joints` must name 2 of the joints, each once. Received: null",
        ),
        (
            GOOD | {"unit": {"kind": "oks", "sigmas": {"thumb": 0.1}}},
            '`unit.sigmas` must give every joint a number. Received: {"thumb": 0.1}',
        ),
        *(
            (
                GOOD | {"unit": {"kind": "oks", "sigmas": SIGMAS | {"palm": wrong}}},
                f"`unit.sigmas.palm` must be within 0.001 and 1. Received: {shown}",
            )
            for wrong, shown in ((math.nan, "NaN"), (0.0009, "0.0009"), (1.001, "1.001"), (True, "true"))
        ),
    ],
)
def test_what_is_no_skeleton_is_refused_by_its_rule(told, message):
    with pytest.raises(UserError) as refused:
        skeleton.from_json(told, "hand.json")
    assert str(refused.value).startswith(f"hand.json: {message}")
    assert "\n" not in str(refused.value)


def test_the_bounds_of_rules_belong_to_them():
    many = {"name": "n" * 64, "joints": [str(n) for n in range(512)]}
    assert len(skeleton.from_json(many, "x").joints) == 512
    bounds = GOOD | {"unit": {"kind": "oks", "sigmas": SIGMAS | {"palm": 0.001, "finger": 1}}}
    assert skeleton.from_json(bounds, "x").unit == "oks"


def test_a_skeleton_is_loaded_from_a_file_or_from_the_description_of_records(tmp_path):
    (tmp_path / "hand.json").write_text(json.dumps(GOOD))
    hand = skeleton.load(tmp_path / "hand.json")
    assert hand.joints == ("thumb", "palm", "finger")
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": {}, "skeleton": hand.as_json()}))
    assert skeleton.load(tmp_path / "dataset.json") == hand
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": {}}))
    assert skeleton.load(tmp_path / "dataset.json") == skeleton.MPII16


def test_no_such_skeleton_tells_those_that_there_are():
    with pytest.raises(UserError, match="mpii16, lsp14, coco17 or a skeleton's JSON file"):
        skeleton.load("h36m")


def test_a_mapping_finds_joints_by_their_names():
    coco = skeleton.load("coco17")
    places = skeleton.MPII16.mapping(coco)
    assert coco.joints[places[skeleton.INDEX["left_wrist"]]] == "left_wrist"
    assert places[skeleton.INDEX["pelvis"]] == -1
    assert (places >= 0).sum() == 12


@pytest.mark.parametrize(
    ("name", "side", "other"),
    [
        ("left_hip", "left", "right_hip"),
        ("hip_right", "right", "hip_left"),
        ("LeftHip", "left", "RightHip"),
        ("leftHip", "left", "rightHip"),
        ("hipLeft", "left", "hipRight"),
        ("l_hip", "left", "r_hip"),
        ("hip-R", "right", "hip-L"),
        ("L.Hip", "left", "R.Hip"),
        ("LEFT EYE", "left", "RIGHT EYE"),
        ("lefteye", "left", "righteye"),
        ("nose", None, "nose"),
        ("bleft", None, "bleft"),
        ("tail_start", None, "tail_start"),
    ],
)
def test_sides_are_recognised_in_their_usual_spellings(name, side, other):
    assert skeleton_rules.side(name) == side
    assert skeleton_rules.mirrored(name) == other


def test_pairs_are_found_where_both_are_there():
    joints = ["nose", "l_paw", "r_paw", "left_ear", "tail"]
    assert skeleton_rules.pairs_by_name(joints) == [["l_paw", "r_paw"]]
