import pytest

from data_pipeline import skeleton as skeletons
from data_pipeline.common.errors import UserError
from data_pipeline.readers import joint_names

COCO = skeletons.load("coco17")


@pytest.mark.parametrize(
    "name", ["left_hip", "Left Hip", "hip_left", "LeftHip", "leftHip", "hip_L", "l_hip", "L.Hip", "LHip", "hip-l"]
)
def test_the_usual_spellings_are_one_name(name):
    assert joint_names.canonical(name) == ("left", "hip")


@pytest.mark.parametrize("name", ["nose", "Nose", "NOSE", " nose "])
def test_a_joint_of_the_middle_has_no_side(name):
    assert joint_names.canonical(name) == (None, "nose")


def test_joints_that_the_project_knows_are_its_skeleton_in_any_spelling_and_order():
    names = [joint.replace("left", "L").replace("right", "R").replace("_", " ").title() for joint in COCO.joints][::-1]
    assert joint_names.skeleton_of(names) == COCO
    assert joint_names.places(names, COCO, "a.json") == list(range(17))[::-1]


def test_other_joints_are_a_skeleton_of_their_own():
    found = joint_names.skeleton_of(["tip", "L_side", "R_side"], [(0, 1), (0, 2), (1, 1), (0, 7)], name="leaf!")
    assert (found.name, found.joints, found.mirror) == ("leaf", ("tip", "L_side", "R_side"), (0, 2, 1))
    assert found.limbs == ((0, 1), (0, 2))
    assert found.unit == "box"


def test_sides_written_as_a_capital_are_mirrored():
    assert joint_names.skeleton_of(["LHip", "RHip", "tail"]).mirror == (1, 0, 2)


def test_pairs_that_a_file_states_are_taken():
    assert joint_names.skeleton_of(["a", "b", "c"], pairs=[(0, 2)]).mirror == (2, 1, 0)


def test_joints_that_a_file_lacks_are_told_apart():
    assert joint_names.places(["Nose", "left_hip"], COCO, "a.json")[:2] == [0, -1]
    with pytest.raises(UserError, match=r"a\.json: none of coco17's joints is among tip, root"):
        joint_names.places(["tip", "root"], COCO, "a.json")


def test_names_that_are_twice_the_same_are_refused():
    with pytest.raises(UserError, match="must come once"):
        joint_names.skeleton_of(["a", "a"], source="a.json")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("left leftover", ("left", "leftover")),
        ("l_curl-l", ("left", "curll")),
        ("RightBrightness", ("right", "brightness")),
        ("rHip", (None, "rhip")),
    ],
)
def test_a_side_is_taken_from_a_name_once(name, found):
    assert joint_names.canonical(name) == found


def test_the_first_joint_of_a_file_is_a_joint_of_it():
    found = joint_names.places(["nose", "x"], COCO, "a.json")
    assert (found[0], set(found[1:])) == (0, {-1})
    both = skeletons.from_json(
        {"name": "ear", "joints": ["tip", "root"], "unit": {"kind": "pair", "joints": ["tip", "root"]}}
    )
    assert joint_names.places(["tip", "root"], both, "a.json") == [0, 1]
    message = r"^a\.json: ear measures in distances of tip and root, which are not both among tip, lobe$"
    with pytest.raises(UserError, match=message):
        joint_names.places(["tip", "lobe"], both, "a.json")


def test_names_are_of_a_skeletons_characters():
    found = joint_names.skeleton_of(["-._tip+ ", "!?", "X" * 70, "Xylem"], [(0, 4), (3, 0)], name="!")
    assert (found.name, found.joints) == ("joints", ("tip", "joint 2", "X" * 64, "Xylem"))
    assert found.limbs == ((3, 0),)
    assert joint_names.skeleton_of(["tip", "base"]).name == "joints"


def test_sides_that_names_tell_are_mirrored_in_any_of_the_usual_spellings():
    assert joint_names.skeleton_of(["left_fin", "right_fin", "tail"]).mirror == (1, 0, 2)


def test_names_without_a_file_are_refused_by_themselves():
    with pytest.raises(UserError, match=r"^: each joint's name must come once"):
        joint_names.skeleton_of(["a", "a"])
