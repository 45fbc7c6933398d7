"""Predictions made elsewhere: `preds` in a file, 1-based pixels, 16 joints in MPII's order or 14 in LSP's.

Published files of LSP call it `pred` or otherwise and are (2, 14, 1000), (14, 2, 1000) or (1000, 14, 2): where `preds`
is missing, the one array that has such axes is taken.
"""

import itertools

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import lsp
from data_pipeline.skeleton import JOINTS, NUM_JOINTS
from keras_apn.evaluation import array_file

VARIABLE = "preds"
LSP_JOINTS = len(lsp.ORDER)
ORDERS = "(N,16,2) or (N,14,2)"


def read(path: StrPath, people: tuple[int, ...]) -> np.ndarray:
    """Reads the joints that someone else predicted.

    Args:
        path: a .mat, .h5 or .npz with `preds`, or one such array of another name, (N, 16, 2) or (N, 14, 2) float, the
            axes in any order that leaves no doubt which is which.
        people: the numbers of people that the truth allows, a tuple.

    Returns:
        (N, 16, 2) float64, 1-based pixels; pelvis and thorax of 14 joints are the midpoints of hips and shoulders.

    Raises:
        UserError: the file cannot be read, or it does not hold finite joints of as many people.
    """
    arrays = array_file.load(path)
    if VARIABLE not in arrays:
        others = [value for value in arrays.values() if _can_be_poses(value)]
        arrays |= {VARIABLE: others[0]} if len(others) == 1 else {}
    values = array_file.take(arrays, VARIABLE, path)
    joints = arrange(values, people, path).astype(np.float64)
    require_finite(joints, path)
    return joints if joints.shape[1] == NUM_JOINTS else sixteen(joints)


def arrange(values: np.ndarray, people: tuple[int, ...], path: StrPath) -> np.ndarray:
    """Puts the axes of predictions in order.

    The documented order is taken where it fits. Else the axes are told by their sizes: 2 coordinates, 16 or 14 joints,
    as many people as the truth has. So MATLAB's (16, 2, N) is recognised, unless N is 2, 14 or 16 too.

    Args:
        values: an array; one person's may lack the axis of people.
        people: the numbers of people that the truth allows, a tuple.
        path: for the message.

    Returns:
        (N, 16, 2) or (N, 14, 2).

    Raises:
        UserError: no order fits, or more than one does.
    """
    if values.ndim == 2 and 1 in people:
        values = values[None]
    if values.ndim != 3:
        raise UserError(f"{path}: `{VARIABLE}` must be {ORDERS}. Received: {values.shape}")
    fitting = [order for order in itertools.permutations(range(3)) if _is_poses(np.transpose(values, order).shape)]
    if not fitting:
        raise UserError(f"{path}: `{VARIABLE}` must be {ORDERS}. Received: {values.shape}")
    matching = [order for order in fitting if values.shape[order[0]] in people]
    if not matching:
        allowed, found = " or ".join(map(str, people)), values.shape[fitting[0][0]]
        raise UserError(f"{path}: `{VARIABLE}` must be of {allowed} people, as the truth is. Received: {found}")
    if len(matching) > 1 and (0, 1, 2) not in matching:
        raise UserError(f"{path}: which axis of `{VARIABLE}` {values.shape} is which is not clear; save it as {ORDERS}")
    return np.transpose(values, matching[0])  # The first of the permutations is the documented order.


def _can_be_poses(values):
    """Whether the axes of an array can be put in the order of people, joints and coordinates."""
    return values.ndim == 3 and any(_is_poses(order) for order in itertools.permutations(values.shape))


def _is_poses(shape):
    return shape[1] in (NUM_JOINTS, LSP_JOINTS) and shape[2] == 2


def require_finite(joints: np.ndarray, path: StrPath) -> None:
    """Raises a UserError that names the first joint that is NaN or infinite; (N, 16, 2) or (N, 14, 2)."""
    wrong = ~np.isfinite(joints).all(axis=-1)
    if wrong.any():
        person, joint = np.argwhere(wrong)[0]
        name = JOINTS[joint if joints.shape[1] == NUM_JOINTS else lsp.ORDER[joint]]
        raise UserError(
            f"{path}: predictions must be finite. Received: NaN or infinity for {wrong.sum()} joints of "
            f"{wrong.any(axis=1).sum()} people, first the {name} of person {person + 1}"
        )


def sixteen(joints14: np.ndarray) -> np.ndarray:
    """MPII's 16 joints from LSP's 14, all taken as known; (N, 14, 2) -> (N, 16, 2)."""
    everything = np.ones(LSP_JOINTS, bool)
    return np.stack([lsp.sixteen(person, everything, everything)[0] for person in joints14])
