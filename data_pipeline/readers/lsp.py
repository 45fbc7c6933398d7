"""Leeds Sports Pose (LSP) and its extended training set (LSPET) as annotated people.

Both name 14 joints from the person's own left and right, in 1-based pixels: 1 is subtracted here, once. Pelvis and
thorax are the midpoints of hips and shoulders, annotated where both of these are and visible where both are.

LSP's third number is 1 for an occluded joint; all joints are annotated. LSPET's third number is 1 for an annotated
joint, and the coordinates of the others are garbage. LSPET does not tell occlusion: annotated joints count as visible,
and `occlusion_known` is False.
"""

import numpy as np

from data_pipeline.common.files import StrPath
from data_pipeline.readers import mat_file
from data_pipeline.readers.person import FAR_JOINT, MOST_COORDINATE, AnnotationError, Annotations, Person, collect
from data_pipeline.skeleton import INDEX, NUM_JOINTS

# The 14 joints in the order of the files, by MPII's names.
ORDER = [
    INDEX[name]
    for name in (
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "upper_neck",
        "head_top",
    )
]
MIDPOINTS = {
    INDEX["pelvis"]: [INDEX["right_hip"], INDEX["left_hip"]],
    INDEX["thorax"]: [INDEX["right_shoulder"], INDEX["left_shoulder"]],
}
LSP_TRAIN_PEOPLE = 1000

# Limbs with their length in head sizes if seen from the side: the 90th percentile over MPII's 22246 training people,
# left and right together, times one factor (0.91) that makes `head_size` right in the median. Neck to head is left
# out: on MPII both ends lie on the head box, so it is 4/3 head sizes whatever the pose, but a true limb here, of about
# one head size.
LIMB_IN_HEAD_SIZES = {
    ("right_shoulder", "right_hip"): 2.68,
    ("left_shoulder", "left_hip"): 2.68,
    ("right_shoulder", "left_shoulder"): 1.80,
    ("right_hip", "right_knee"): 2.17,
    ("left_hip", "left_knee"): 2.17,
    ("right_knee", "right_ankle"): 2.09,
    ("left_knee", "left_ankle"): 2.09,
    ("right_shoulder", "right_elbow"): 1.50,
    ("left_shoulder", "left_elbow"): 1.50,
    ("right_elbow", "right_wrist"): 1.30,
    ("left_elbow", "left_wrist"): 1.30,
}
_LIMB_ENDS = np.array([[INDEX[a], INDEX[b]] for a, b in LIMB_IN_HEAD_SIZES])
_LIMB_LENGTHS = np.array(list(LIMB_IN_HEAD_SIZES.values()))
_LONGEST = 3

# A crop spans ten head sizes, as on MPII, and more where a stretched body needs it.
CROP_SIDE_PER_HEAD_SIZE = 10
CROP_SIDE_PER_EXTENT = 1.25

NO_LIMB = "person without a measurable limb"
BAD_FLAG = "person with a joint whose flag is neither 0 nor 1"


def read_lsp(path: StrPath, split: str | None = None) -> Annotations:
    """Reads LSP's `joints.mat`, (3, 14, 2000).

    Args:
        path: the file.
        split: "train" (im0001.jpg to im1000.jpg) or "test" (im1001.jpg to im2000.jpg); None for both.

    Returns:
        `Annotations`. Test people have no crop of their own, so that nothing of the truth gets into it: the image's
        middle and longer side are used, the paper's rule for LSP.

    Raises:
        AnnotationError: the file is missing, damaged or of another dataset, or LSP has no such split.
    """
    _require_split("LSP", ("train", "test"), split)
    values = _numbers(path, "lsp").transpose(2, 1, 0)
    annotated = np.ones(values.shape[:2], bool)
    splits = ["train" if i < LSP_TRAIN_PEOPLE else "test" for i in range(len(values))]
    return _annotations("im{:04d}.jpg", values, annotated, values[..., 2] == 0, splits, split)


def read_lspet(path: StrPath, split: str | None = None) -> Annotations:
    """Reads LSPET's `joints.mat`, (14, 3, 10000).

    Args:
        path: the file.
        split: "train" or None; all of LSPET (im00001.jpg to im10000.jpg) is for training.

    Returns:
        `Annotations`; LSPET has no occlusion flag, so `occlusion_known` is False and `visible` is `annotated`.

    Raises:
        AnnotationError: the file is missing, damaged or of another dataset, or LSPET has no such split.
    """
    _require_split("LSPET", ("train",), split)
    values = _numbers(path, "lspet").transpose(2, 0, 1)
    annotated = values[..., 2] == 1
    splits = ["train"] * len(values)
    return _annotations("im{:05d}.jpg", values, annotated, annotated, splits, split, occlusion_known=False)


def head_size(joints_image: np.ndarray, annotated: np.ndarray) -> float:
    """Estimates PCKh's unit, a head size, where there is no head box: from the three longest limbs.

    Each limb's length over its share in `LIMB_IN_HEAD_SIZES` is one estimate. Foreshortening only makes them too
    small, so the three largest are averaged (or as many as there are). Against the head boxes of MPII's validation
    people the ratio to the truth is 1.00 in the median, within 0.86 and 1.16 for 68% and within 0.72 and 1.36 for 95%
    of the people; from three limbs or fewer it is about 0.85 in the median. Means, medians, other quantiles and other
    sets of limbs spread as much or more.

    Args:
        joints_image: (16, 2) pixels.
        annotated: (16,) bool.

    Returns:
        Pixels; 0.0 if no limb has both ends annotated and apart.
    """
    measured = annotated[_LIMB_ENDS].all(1)
    ends = joints_image[_LIMB_ENDS[measured]]
    estimates = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1) / _LIMB_LENGTHS[measured]
    return float(np.sort(estimates)[-_LONGEST:].mean()) if estimates.any() else 0.0


def _require_split(name, splits, split):
    if split is not None and split not in splits:
        raise AnnotationError(f"{name} has {' and '.join(splits)} people only. Received: split={split}")


def _numbers(path, dataset):
    """The file's array as float64; an AnnotationError where it holds no numbers."""
    values = mat_file.load(path, dataset)
    if values.dtype.kind not in "iuf":
        raise AnnotationError(f"{path}: `joints` must hold numbers. Received: {values.dtype}")
    return values.astype(np.float64)


def _annotations(image_format, values, annotated14, visible14, splits, wanted, occlusion_known=True):
    """Annotations from (N, 14, 3) 1-based pixels and flag; `splits` names each person's split."""
    joints14 = values[..., :2]
    flagged = np.isin(values[..., 2], (0, 1)).all(1)
    # Written so that NaN is not near.
    near = ((np.abs(joints14) <= MOST_COORDINATE).all(2) | ~annotated14).all(1)

    def entry(i):
        if not flagged[i] or not near[i]:
            return FAR_JOINT if flagged[i] else BAD_FLAG
        joints, annotated, visible = sixteen(joints14[i] - 1, annotated14[i], visible14[i])
        size = head_size(joints, annotated)
        if not size:
            return NO_LIMB
        center, side = (None, None) if splits[i] == "test" else _crop(joints[annotated], size)
        image, joints = image_format.format(i + 1), joints.astype(np.float32)
        return Person(image, 0, splits[i], joints, annotated, visible, size, center, side, occlusion_known)

    return collect(map(entry, range(len(splits))), wanted)


def sixteen(
    joints14: np.ndarray, annotated14: np.ndarray, visible14: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MPII's 16 joints from 14 in the order of the files.

    Args:
        joints14: (14, 2); what is not annotated may hold anything.
        annotated14: (14,) bool.
        visible14: (14,) bool, not occluded.

    Returns:
        joints (16, 2) float64 with zeros where not annotated, annotated (16,) and visible (16,), as in `Person`.
    """
    joints = np.zeros((NUM_JOINTS, 2))
    annotated, visible = np.zeros(NUM_JOINTS, bool), np.zeros(NUM_JOINTS, bool)
    joints[ORDER], annotated[ORDER], visible[ORDER] = joints14, annotated14, annotated14 & visible14
    for middle, ends in MIDPOINTS.items():
        joints[middle] = joints[ends].mean(0)
        annotated[middle], visible[middle] = annotated[ends].all(), visible[ends].all()
    return np.where(annotated[:, None], joints, 0), annotated, visible


def _crop(joints_image, size):
    """Centre (2,) and side of a training crop around annotated joints (K, 2)."""
    low, high = joints_image.min(0), joints_image.max(0)
    side = max(CROP_SIDE_PER_HEAD_SIZE * size, CROP_SIDE_PER_EXTENT * (high - low).max())
    return ((low + high) / 2).astype(np.float32), float(side)
