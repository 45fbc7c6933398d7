"""Drawing predictions: the skeleton with occluded joints as G's occlusion heatmaps tell them."""

import numpy as np

from data_pipeline import drawing

# An occlusion probability from which a joint is drawn as occluded.
OCCLUDED_FROM = 0.5


def draw_prediction(image: np.ndarray, joints: np.ndarray, occluded: np.ndarray | None = None) -> np.ndarray:
    """Draws a predicted skeleton over a copy of an image, as `drawing.draw_pose` does.

    Args:
        image: [H, W, 3] uint8 RGB.
        joints: [16, 2] image pixels.
        occluded: [16] probabilities, or None where G does not predict them.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    return drawing.draw_pose(image, joints, None if occluded is None else occluded >= OCCLUDED_FROM)
