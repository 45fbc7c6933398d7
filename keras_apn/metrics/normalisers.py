"""What each metric divides distances by, of each person."""

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import MPII16, Skeleton


def pair(skeleton: Skeleton) -> tuple[int, int]:
    """The two joints whose distance is PCK's normaliser: the skeleton's `torso`, or the `ends` of its unit.

    Raises:
        UserError: the skeleton names no two joints.
    """
    found = skeleton.torso or skeleton.ends
    if found is None:
        raise UserError(f"--metric=pck needs a skeleton with a `torso`, or a `unit` of two joints: not {skeleton.name}")
    return found


def torso_size(joints: np.ndarray, annotated: np.ndarray, skeleton: Skeleton = MPII16) -> np.ndarray:
    """PCK's normaliser, the distance of the joints of `pair`: |left shoulder - right hip| of MPII's.

    Args:
        joints: [N, J, 2], the truth.
        annotated: [N, J] bool.
        skeleton: whose joints they are.

    Returns:
        [N] in the joints' pixels; 0, which counts nowhere, where one of the two is not annotated.
    """
    one, other = ends = pair(skeleton)
    return np.linalg.norm(joints[:, one] - joints[:, other], axis=-1) * annotated[:, ends].all(axis=1)


def normaliser(
    metric: str, size: np.ndarray, joints: np.ndarray, annotated: np.ndarray, skeleton: Skeleton = MPII16
) -> np.ndarray:
    """What a metric divides distances by.

    Args:
        metric: a key of `pck.THRESHOLDS`.
        size: [N] of each person, in the skeleton's unit and the joints' pixels: `head_size` of a record.
        joints: [N, J, 2], the truth.
        annotated: [N, J] bool.
        skeleton: whose joints they are.

    Returns:
        [N], or [N, J] where each joint has its own; 0 where nothing is known, which counts nowhere.

    Raises:
        UserError: the skeleton has no such unit.
    """
    if metric == "pck":
        return torso_size(joints, annotated, skeleton)
    if metric != skeleton.metric:
        raise UserError(f"--metric={metric} does not suit {skeleton.name}, whose unit is `{skeleton.unit}`")
    size = np.asarray(size, np.float64)
    return size[:, None] * skeleton.scales if metric == "pck_oks" else size
