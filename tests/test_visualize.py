import cv2
import numpy as np

from data_pipeline.skeleton import INDEX, NUM_JOINTS
from keras_apn import visualize


def _picture():
    return np.zeros((80, 80, 3), np.uint8)


def _joints():
    return np.stack([10 + 4.0 * np.arange(NUM_JOINTS), np.full(NUM_JOINTS, 40.0)], -1)


def test_the_given_image_stays_as_it_is():
    image = _picture()
    visualize.draw_pose(image, _joints())
    assert image.max() == 0


def test_right_and_left_have_their_colours():
    drawn = visualize.draw_pose(_picture(), _joints())
    assert tuple(drawn[40, 10 + 4 * INDEX["right_ankle"]]) == visualize.RIGHT
    assert tuple(drawn[40, 10 + 4 * INDEX["left_ankle"]]) == visualize.LEFT


def test_an_occluded_joint_is_a_white_ring():
    only = np.arange(NUM_JOINTS) == INDEX["left_wrist"]
    joints = np.full((NUM_JOINTS, 2), 40.0)
    visible = visualize.draw_pose(_picture(), joints, ~only, only)
    hidden = visualize.draw_pose(_picture(), joints, only, only)
    # Near white, for its edge is smoothed; the dot of a visible joint is far from it.
    assert hidden.min(axis=-1).max() > 150
    assert visible.min(axis=-1).max() < 100


def test_joints_that_are_not_shown_leave_no_trace():
    assert visualize.draw_pose(_picture(), _joints(), shown=np.zeros(NUM_JOINTS, bool)).max() == 0


def test_joints_far_outside_the_picture_do_no_harm():
    joints = _joints()
    joints[0] = (1e9, -1e9)
    assert visualize.draw_pose(_picture(), joints).shape == (80, 80, 3)


def test_enlarged_moves_points_with_their_pixels():
    image = np.zeros((8, 8, 3), np.uint8)
    image[2, 5] = 255
    large, (points,) = visualize.enlarged(image, 32, np.array([[5.0, 2.0]]))
    # A pixel's centre stays its centre: column 5 spans 20 to 23 of the larger picture.
    np.testing.assert_allclose(points, [[21.5, 9.5]])
    assert large[9:11, 21:23].min() > 128


def test_contact_sheet_has_a_cell_for_each_picture():
    pictures = [np.full((10, 20, 3), shade, np.uint8) for shade in (50, 100, 150)]
    sheet = visualize.contact_sheet(pictures, columns=2, side=20, gap=2)
    assert sheet.shape == (2 * 22 + 2, 2 * 22 + 2, 3)
    assert sheet[5, 5, 0] == 50
    assert sheet[5, 27, 0] == 100
    assert sheet[27, 5, 0] == 150


def test_png_keeps_red_red(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 0] = 200
    visualize.write_png(str(tmp_path / "red.png"), image)
    assert cv2.imread(str(tmp_path / "red.png"))[0, 0].tolist() == [0, 0, 200]
