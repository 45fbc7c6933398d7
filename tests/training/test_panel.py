import numpy as np
import pytest

from data_pipeline import drawing
from data_pipeline.skeleton import INDEX, MPII16, NUM_JOINTS
from keras_apn.training import panel

PITCH = panel.SIDE + panel.GAP
# Of one picture's row: the picture, its caption and the gap.
ROW = PITCH + drawing.TEXT_HEIGHT
SHEET = (drawing.TEXT_HEIGHT + 2 * ROW + panel.GAP, 2 * PITCH + panel.GAP)
TABLE = panel.NAME_WIDTH + panel.FOUND_WIDTH + 2 * panel.CELL_WIDTH + panel.GAP
# Where the cells of a table begin.
P_FROM = panel.NAME_WIDTH + panel.FOUND_WIDTH
C_FROM = P_FROM + panel.CELL_WIDTH
WRIST, ANKLE = INDEX["left_wrist"], INDEX["right_ankle"]


def person(**changes):
    """Someone whose joints are all visible and found, in a black crop of 32 pixels."""
    joints = np.stack([2.0 + 1.8 * np.arange(NUM_JOINTS), np.full(NUM_JOINTS, 16.0)], -1)
    yes, half = np.ones(NUM_JOINTS, bool), np.full(NUM_JOINTS, 0.5)
    maps = {"pose": np.zeros((8, 8, NUM_JOINTS)), "occlusion": np.zeros((8, 8, NUM_JOINTS))}
    flags = dict.fromkeys(("annotated", "visible", "counted", "found"), yes)
    said = {"occluded": np.zeros(NUM_JOINTS), "plausible": half, "confident": half}
    return {
        "crop": np.zeros((32, 32, 3), np.uint8),
        "occlusion_known": True,
        "true": joints,
        "joints": joints,
        **flags,
        **maps,
        **said,
    } | changes


def without(*names):
    return {name: value for name, value in person().items() if name not in names}


def but(joint, value, others):
    return np.where(np.arange(NUM_JOINTS) == joint, value, others)


def picture(drawn, row, column):
    """One of a panel's four pictures."""
    top, left = drawing.TEXT_HEIGHT + panel.GAP + row * ROW, panel.GAP + column * PITCH
    return drawn[top : top + panel.SIDE, left : left + panel.SIDE]


def table_row(table, joint):
    height = len(table) // (NUM_JOINTS + 1)
    return table[(joint + 1) * height : (joint + 2) * height]


def test_a_panel_has_a_title_four_pictures_and_a_table():
    drawn = panel.draw(person(), "someone")
    assert drawn.shape == (SHEET[0], SHEET[1] + TABLE, 3)
    assert drawn.dtype == np.uint8
    assert (drawn[: drawing.TEXT_HEIGHT] < 100).any()


def test_without_p_and_c_there_is_no_table():
    whole, bare = panel.draw(person(), ""), panel.draw(without("plausible", "confident"), "")
    assert bare.shape == (*SHEET, 3)
    np.testing.assert_array_equal(bare, whole[:, : SHEET[1]])


@pytest.mark.parametrize("left_out", ["plausible", "confident"], ids=["C alone", "P alone"])
def test_the_table_has_a_column_for_each_that_is_there(left_out):
    sure = np.ones(NUM_JOINTS)
    whole = person(plausible=sure, confident=sure)
    one = panel.verdicts({name: value for name, value in whole.items() if name != left_out}, 600)
    assert one.shape[1] == panel.verdicts(whole, 600).shape[1] - panel.CELL_WIDTH
    assert tuple(table_row(one, WRIST)[2, P_FROM + 2]) == panel.YES
    assert panel.draw(without(left_out), "").shape[1] == SHEET[1] + one.shape[1]


def test_a_single_task_has_no_occlusion_maps():
    drawn = panel.draw(without("occlusion", "occluded"), "")
    assert picture(drawn, 1, 1).min() == 255
    assert picture(drawn, 1, 0).max() == 0


def test_truth_and_prediction_have_rings_at_their_own_hidden_joints():
    # A ring is the only white in a picture.
    def rings(drawn):
        return [(picture(drawn, 0, column).min(axis=-1) > 200).any() for column in (0, 1)]

    assert rings(panel.draw(person(), "")) == [False, False]
    assert rings(panel.draw(person(visible=but(WRIST, False, True)), "")) == [True, False]
    assert rings(panel.draw(person(occluded=but(WRIST, 0.9, 0.1)), "")) == [False, True]
    both = {"visible": but(WRIST, False, True), "annotated": but(WRIST, False, True)}
    assert rings(panel.draw(person(**both), "")) == [False, False]
    unknown = person(visible=but(WRIST, False, True), occlusion_known=False)
    assert rings(panel.draw(unknown, "")) == [False, False]
    assert next(iter(panel._pictures(unknown, MPII16))) == "truth, occlusion not known"


def test_each_task_has_its_own_heatmaps():
    maps = np.zeros((8, 8, NUM_JOINTS))
    maps[2:4, 5:7, WRIST] = 1.5  # More than whole is shown as whole.
    at = (3 * panel.SIDE // 8, 6 * panel.SIDE // 8)
    for task, row_column, other in (("pose", (1, 0), (1, 1)), ("occlusion", (1, 1), (1, 0))):
        drawn = panel.draw(person(**{task: maps}), "")
        assert tuple(picture(drawn, *row_column)[at]) == drawing.LEFT
        assert picture(drawn, *other).max() == 0


@pytest.mark.parametrize(
    ("probability", "colour"),
    [(0.0, panel.NO), (0.5, (255, 255, 255)), (1.0, panel.YES), (0.75, (128, 206, 185))],
    ids=["no", "undecided", "yes", "rather"],
)
def test_cells_have_the_colour_of_their_probability(probability, colour):
    table = panel.verdicts(person(plausible=but(ANKLE, probability, 0.5)), 600)
    assert tuple(table_row(table, ANKLE)[2, P_FROM + 2]) == colour
    assert tuple(table_row(table, ANKLE)[2, C_FROM + 2]) == (255, 255, 255)
    assert tuple(table_row(table, WRIST)[2, P_FROM + 2]) == (255, 255, 255)


def test_p_and_c_have_a_column_each():
    table = panel.verdicts(person(plausible=but(WRIST, 1.0, 0.5), confident=but(WRIST, 0.0, 0.5)), 600)
    row = table_row(table, WRIST)
    assert (tuple(row[2, P_FROM + 2]), tuple(row[2, C_FROM + 2])) == (panel.YES, panel.NO)


def test_a_hidden_joint_has_a_ring_beside_its_name():
    plain, hidden = (table_row(panel.verdicts(p, 600), WRIST) for p in (person(), person(visible=but(WRIST, 0, 1))))
    ring = slice(panel.NAME_WIDTH - 28, panel.NAME_WIDTH)
    assert plain[:, ring].min() == 255
    assert hidden[:, ring].min() < 50
    np.testing.assert_array_equal(plain[:, : ring.start], hidden[:, : ring.start])


def test_without_known_occlusion_no_name_has_a_ring():
    plain, unknown = (
        panel.verdicts(p, 600) for p in (person(), person(visible=but(WRIST, 0, 1), occlusion_known=False))
    )
    np.testing.assert_array_equal(plain, unknown)


def test_found_missed_and_not_scored_are_told_apart():
    def told(**changes):
        return table_row(panel.verdicts(person(**changes), 600), WRIST)[:, panel.NAME_WIDTH : P_FROM]

    found, missed = told(), told(found=but(WRIST, False, True))
    unknown = told(found=but(WRIST, False, True), counted=but(WRIST, False, True))
    assert (found != missed).any()
    assert (unknown != missed).any()
    assert (unknown != found).any()
