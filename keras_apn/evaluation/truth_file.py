"""The truth that predictions made elsewhere are scored against: MPII's validation people, or LSP."""

import contextlib
import dataclasses
import os

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import lsp, mpii
from data_pipeline.skeleton import NUM_JOINTS
from keras_apn.evaluation import array_file

ARRAYS = ("true", "head_size", "annotated", "visible")
ANNOTATIONS = ("mpii_annotations.json.gz", "mpii_annotations.json")
# `detections_our_format.mat` lacks some coordinates that the release has (docs/measurements.md,
# "Annotations"); more are another file's people.
LARGEST_DIFFERENCE, DIFFERENT_JOINTS = 1.0, 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What is known of N people, 1-based pixels of their images.

    Attributes:
        metric: in which results on them are published, `pckh` or `pck`.
        true: (N, 16, 2) float64.
        head_size: (N,) pixels; LSP's are estimated (`lsp.head_size`).
        annotated: (N, 16) bool.
        visible: (N, 16) bool, or None where it is not known.
    """

    metric: str
    true: np.ndarray
    head_size: np.ndarray
    annotated: np.ndarray
    visible: np.ndarray | None

    def people(self) -> tuple[int, ...]:
        """How many people predictions may be of: all, or on LSP's 2000 the last 1000, its test set."""
        n, train = len(self.true), lsp.LSP_TRAIN_PEOPLE
        return (n, n - train) if self.metric == "pck" and n == 2 * train else (n,)

    def last(self, people: int) -> "Truth":
        """The truth of the last so many people."""
        chosen = slice(len(self.true) - people, None)
        known = {name: getattr(self, name) for name in ARRAYS if getattr(self, name) is not None}
        return dataclasses.replace(self, **{name: values[chosen] for name, values in known.items()})


def read(path: StrPath) -> Truth:
    """Reads `detections_our_format.mat` or LSP's `joints.mat`, in any format of `array_file`.

    Raises:
        UserError: it cannot be read, or is neither.
    """
    arrays = array_file.load(path)
    if "pos_gt_src" in arrays:
        return _mpii(arrays, path)
    if "joints" in arrays and arrays["joints"].ndim == 3 and arrays["joints"].shape[:2] == (3, len(lsp.ORDER)):
        return _lsp(arrays["joints"].transpose(2, 1, 0), path)
    holds = ", ".join(f"{name} {value.shape}" for name, value in arrays.items()) or "no array of numbers"
    raise UserError(
        f"{path} must be detections_our_format.mat (`pos_gt_src`) or LSP's joints.mat (`joints` (3, 14, 2000)). "
        f"Received: {holds}"
    )


def _mpii(arrays, path):
    places, missing, boxes = (
        array_file.take(arrays, name, path) for name in ("pos_gt_src", "jnt_missing", "headboxes_src")
    )
    n = places.shape[-1]
    expected = {"pos_gt_src": (NUM_JOINTS, 2, n), "jnt_missing": (NUM_JOINTS, n), "headboxes_src": (2, 2, n)}
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise UserError(f"{path}: `{name}` must be {shape}. Received: {arrays[name].shape}")
    boxes = boxes.astype(np.float64)
    head_size = mpii.HEAD_SIZE_PER_DIAGONAL * np.linalg.norm(boxes[1] - boxes[0], axis=0)
    true, annotated = places.transpose(2, 0, 1).astype(np.float64), missing.T == 0
    if not (np.isfinite(true[annotated]).all() and np.isfinite(head_size).all()):
        raise UserError(f"{path}: joints that are not missing, and head boxes, must be finite")
    return Truth("pckh", np.where(annotated[..., None], true, 0.0), head_size, annotated, None)


def _lsp(values, path):
    """From (N, 14, 3): x, y, and 1 for an occluded joint."""
    if not np.isfinite(values).all():
        raise UserError(f"{path}: `joints` must be finite")
    everything = np.ones(len(lsp.ORDER), bool)
    people = [lsp.sixteen(person[:, :2], everything, person[:, 2] == 0) for person in values.astype(np.float64)]
    true, annotated, visible = (np.stack(parts) for parts in zip(*people, strict=True))
    head_size = np.array([lsp.head_size(*person) for person in zip(true, annotated, strict=True)])
    return Truth("pck", true, head_size, annotated, visible)


def with_visibility(truth: Truth, path: StrPath, annotations: StrPath | None = None) -> tuple[Truth, StrPath | None]:
    """Adds which joints are visible, which `detections_our_format.mat` does not say.

    Args:
        truth: a `Truth`; unchanged where it says so itself.
        path: its file. Without `annotations`, MPII's JSON export is looked for in the same folder, and left alone if
            it is of other people.
        annotations: MPII's JSON export or MATLAB release, with the same people in the same order.

    Returns:
        `(truth, annotations)`: the path of the file used, or None where there is none; `visible` stays None then.

    Raises:
        UserError: `annotations` cannot be read, or are of other people.
    """
    if truth.visible is not None:
        if annotations is not None:
            raise UserError(f"{path} says itself who is visible; leave --annotations out")
        return truth, None
    if annotations is not None:
        return dataclasses.replace(truth, visible=_visible(truth, path, annotations)), annotations
    for name in ANNOTATIONS:
        beside = os.path.join(os.path.dirname(path), name)
        if os.path.isfile(beside):
            with contextlib.suppress(UserError):
                return dataclasses.replace(truth, visible=_visible(truth, path, beside)), beside
    return truth, None


def _visible(truth, path, annotations):
    """(N, 16) bool of MPII's annotations, after a check that they are of the truth's people."""
    people = mpii.read(annotations, split="validation").people
    if len(people) != len(truth.true):
        raise UserError(f"{annotations} must hold the {len(truth.true)} people of {path}. Received: {len(people)}")
    joints = np.stack([person.joints_image for person in people]) + 1.0
    far = np.abs(joints - truth.true).max(axis=-1) > LARGEST_DIFFERENCE
    different = np.mean(far[truth.annotated])
    if different > DIFFERENT_JOINTS:
        raise UserError(f"{annotations} must hold the people of {path} in its order; {different:.0%} of joints differ")
    return np.stack([person.visible for person in people])
