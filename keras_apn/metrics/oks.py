"""COCO's object keypoint similarity: how close a person's joints are, by each joint's own tolerance."""

import numpy as np

from data_pipeline.skeleton import Skeleton


def similarity(
    predicted: np.ndarray, true: np.ndarray, size: np.ndarray, annotated: np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    """The mean over a person's annotated joints of exp(-d^2 / (2 s^2 k^2)), with k twice the joint's sigma.

    Args:
        predicted, true: [N, J, 2] in one frame.
        size: [N], s: the square root of the person's area, in the frame's pixels.
        annotated: [N, J] bool.
        skeleton: one with sigmas.

    Returns:
        [N] float64 within 0 and 1; NaN of people with no annotated joint or no size.
    """
    away = np.linalg.norm(np.asarray(predicted, np.float64) - true, axis=-1)
    unit = np.asarray(size, np.float64)[:, None] * skeleton.scales
    each = np.exp(-np.square(away) / (2 * np.square(np.maximum(unit, 1e-9))))
    count = annotated.sum(axis=1)
    mean = (each * annotated).sum(axis=1) / np.maximum(count, 1)
    return np.where((count > 0) & (np.asarray(size) > 0), mean, np.nan)
