"""Drawing predictions: the skeleton with occluded joints as G's occlusion heatmaps tell them."""

import numpy as np

from data_pipeline import drawing
from data_pipeline.skeleton import MPII16, Skeleton

# An occlusion probability from which a joint is drawn as occluded.
OCCLUDED_FROM = 0.5


def draw_prediction(
    image: np.ndarray, joints: np.ndarray, occluded: np.ndarray | None = None, skeleton: Skeleton = MPII16
) -> np.ndarray:
    """Draws a predicted skeleton over a copy of an image, as `drawing.draw_pose` does.

    Args:
        image: [H, W, 3] uint8 RGB.
        joints: [J, 2] image pixels.
        occluded: [J] probabilities, or None where G does not predict them.
        skeleton: whose joints they are.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    hidden = None if occluded is None else occluded >= OCCLUDED_FROM
    return drawing.draw_pose(image, joints, hidden, skeleton=skeleton)
