import cv2
import numpy as np
import pytest

from data_pipeline import drawing
from data_pipeline.skeleton import INDEX, NUM_JOINTS


def _picture():
    return np.zeros((80, 80, 3), np.uint8)


def _joints():
    return np.stack([10 + 4.0 * np.arange(NUM_JOINTS), np.full(NUM_JOINTS, 40.0)], -1)


def test_the_given_image_stays_as_it_is():
    image = _picture()
    drawing.draw_pose(image, _joints())
    assert image.max() == 0


def test_right_and_left_have_their_colours():
    drawn = drawing.draw_pose(_picture(), _joints())
    assert tuple(drawn[40, 10 + 4 * INDEX["right_ankle"]]) == drawing.RIGHT
    assert tuple(drawn[40, 10 + 4 * INDEX["left_ankle"]]) == drawing.LEFT


def test_an_occluded_joint_is_a_white_ring():
    only = np.arange(NUM_JOINTS) == INDEX["left_wrist"]
    joints = np.full((NUM_JOINTS, 2), 40.0)
    visible = drawing.draw_pose(_picture(), joints, ~only, only)
    hidden = drawing.draw_pose(_picture(), joints, only, only)
    # Near white, for its edge is smoothed; the dot of a visible joint is far from it.
    assert hidden.min(axis=-1).max() > 150
    assert visible.min(axis=-1).max() < 100


def test_joints_that_are_not_shown_leave_no_trace():
    assert drawing.draw_pose(_picture(), _joints(), shown=np.zeros(NUM_JOINTS, bool)).max() == 0


def test_joints_far_outside_the_picture_do_no_harm():
    joints = _joints()
    joints[0] = (1e9, -1e9)
    assert drawing.draw_pose(_picture(), joints).shape == (80, 80, 3)


def test_enlarged_moves_points_with_their_pixels():
    image = np.zeros((8, 8, 3), np.uint8)
    image[2, 5] = 255
    large, (points,) = drawing.enlarged(image, 32, np.array([[5.0, 2.0]]))
    # A pixel's centre stays its centre: column 5 spans 20 to 23 of the larger picture.
    np.testing.assert_allclose(points, [[21.5, 9.5]])
    assert large[9:11, 21:23].min() > 128


def test_contact_sheet_has_a_cell_for_each_picture():
    pictures = [np.full((10, 20, 3), shade, np.uint8) for shade in (50, 100, 150)]
    sheet = drawing.contact_sheet(pictures, columns=2, side=20, gap=2)
    assert sheet.shape == (2 * 22 + 2, 2 * 22 + 2, 3)
    assert sheet[5, 5, 0] == 50
    assert sheet[5, 27, 0] == 100
    assert sheet[27, 5, 0] == 150


def test_png_keeps_red_red_in_a_new_folder(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 200
    drawing.write_picture(str(tmp_path / "new" / "red.png"), image)
    assert cv2.imread(str(tmp_path / "new" / "red.png"))[0, 0].tolist() == [0, 0, 200]


def test_a_heatmap_has_its_joints_side_as_colour():
    heatmaps = np.zeros((8, 8, NUM_JOINTS), np.float32)
    heatmaps[2, 1, INDEX["right_knee"]] = 1.0
    heatmaps[5, 6, INDEX["left_knee"]] = 1.0
    heatmaps[5, 6, INDEX["right_knee"]] = 0.9
    drawn = drawing.draw_heatmaps(np.full((8, 8, 3), 100, np.uint8), heatmaps)
    assert tuple(drawn[2, 1]) == drawing.RIGHT
    assert tuple(drawn[5, 6]) == drawing.LEFT
    # Elsewhere the image at half its brightness.
    assert drawn[0, 7].tolist() == [50, 50, 50]


def test_a_heatmap_is_enlarged_to_the_image():
    heatmaps = np.zeros((8, 8, NUM_JOINTS), np.float32)
    heatmaps[2:4, 1:3, INDEX["pelvis"]] = 1.0
    drawn = drawing.draw_heatmaps(np.zeros((32, 32, 3), np.uint8), heatmaps)
    assert tuple(drawn[11, 7]) == drawing.MIDDLE
    assert drawn[20, 20].max() == 0


def test_a_long_line_loses_its_beginning():
    short, long = drawing.text_line("end", 40), drawing.text_line("x" * 50 + "the end", 40)
    assert short.shape == long.shape == (drawing.TEXT_HEIGHT, 40, 3)
    # Both have ink, and the long one fills the width.
    assert short[:, :30].min() < 100
    assert long[:, 30:].min() < 100


def test_captions_stand_under_their_pictures():
    pictures = [np.zeros((20, 20, 3), np.uint8)] * 2
    sheet = drawing.contact_sheet(pictures, columns=2, side=20, gap=2, captions=["", "W"])
    assert sheet.shape == (2 + 20 + drawing.TEXT_HEIGHT + 2, 46, 3)
    assert sheet[22:, :22].min() == 255
    assert sheet[22:, 24:44].min() < 100


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError, match=r"taken\.png"):
        drawing.write_picture(str(tmp_path / "taken.png"), _picture())
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]
