"""What hides a joint in a flat pose with given depths."""

import numpy as np
import pytest
from test_lifting import standing

from data_pipeline.skeleton import INDEX
from data_pipeline.synthetic.anatomy.overlap import Overlap

_ON_BELLY = standing(left_elbow=(1.3, -1.3), left_wrist=(0.1, -1.2))
_WRIST = INDEX["left_wrist"]


def depths(wrist):
    """(16,) zero but for the left wrist."""
    depth = np.zeros(16)
    depth[_WRIST] = wrist
    return depth


# The trunk's surface is 0.112 m, 0.57 head sizes, before its middle; a wrist may be 1.3 x 0.038 m, 0.25, under it.
@pytest.mark.parametrize(("wrist", "hidden"), [(-0.4, 0), (-0.2, 1), (0.4, 1)], ids=["before", "within", "behind"])
def test_the_trunk_hides_a_wrist_that_is_well_under_its_surface(wrist, hidden):
    assert Overlap(_ON_BELLY, 0.0).hidden(depths(wrist))[_WRIST] == hidden


def test_nothing_hides_what_lies_beside_the_body():
    assert not Overlap(standing(), 0.0).hidden(depths(5.0))[_WRIST]


def test_a_flat_body_hides_none_of_its_joints():
    assert not Overlap(standing(), 0.0).hidden(np.zeros(16)).any()


def test_depths_may_have_leading_axes():
    both = Overlap(_ON_BELLY, 0.0).hidden(np.stack([[depths(-0.4)], [depths(0.4)]]))
    np.testing.assert_array_equal(both[..., _WRIST], [[0], [1]])
