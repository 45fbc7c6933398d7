import numpy as np
import pytest

from data_pipeline import drawing
from data_pipeline.skeleton import NUM_JOINTS
from keras_apn.inference import visualization


def _drawn(occluded):
    joints = np.stack([10 + 4.0 * np.arange(NUM_JOINTS), np.full(NUM_JOINTS, 40.0)], -1)
    image = np.zeros((80, 80, 3), np.uint8)
    return visualization.draw_prediction(image, joints, occluded), drawing.draw_pose(image, joints, np.arange(16) == 3)


@pytest.mark.parametrize(("probability", "same"), [(0.49, False), (0.5, True)], ids=["just under", "at the threshold"])
def test_a_joint_is_drawn_as_occluded_from_a_half_on(probability, same):
    drawn, one_occluded = _drawn(np.where(np.arange(NUM_JOINTS) == 3, probability, 0.1))
    assert np.array_equal(drawn, one_occluded) == same


def test_without_probabilities_no_joint_is_occluded():
    np.testing.assert_array_equal(_drawn(None)[0], _drawn(np.zeros(NUM_JOINTS))[0])
