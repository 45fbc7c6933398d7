"""How far an exported model's answers are from Keras's, and whether a tie explains a joint that is elsewhere.

Arg-max jumps: where two places of a map are equal to within rounding, a difference of 1e-7 puts the joint at the other
one, and where the peak's two neighbours are, its quarter of a pixel points the other way. Such a joint is a *tie*. It
is counted, and shown, and no fault of the export.
"""

from typing import Any

import numpy as np

from data_pipeline import geometry

# Crop pixels: a joint that is further from Keras's has moved.
STILL = 0.01
PROBABILITIES = ("scores", "occluded", "plausible")


def tied(pose: np.ndarray, joints_crop: np.ndarray, tolerance: float) -> np.ndarray:
    """Whether joints lie where maps that are within a tolerance of these may peak.

    The map must be as high there as at its peak, and the quarter of a pixel must point to the higher neighbour, or any
    way where the neighbours are equally high; all within the tolerance. The answer is no for what is no number.

    Args:
        pose: [B, H, W, J] heatmaps, Keras's.
        joints_crop: [B, J, 2] the other model's joints, crop pixels.
        tolerance: a difference of heights that is none.

    Returns:
        [B, J] bool.
    """
    people, height, width, joints = pose.shape
    last = np.array([width - 1, height - 1])
    joints_heatmap = geometry.crop_to_heatmap(np.asarray(joints_crop, np.float64))
    cell = np.rint(np.clip(np.nan_to_num(joints_heatmap), -1, last + 1)).astype(int)
    x, y = np.moveaxis(cell, -1, 0)
    person, joint = np.ogrid[:people, :joints]

    def at(x, y):
        return pose[person, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1), joint]

    possible = ((cell >= 0) & (cell <= last)).all(-1) & (pose.max(axis=(1, 2)) - at(x, y) <= tolerance)
    slopes = np.stack([at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1)], axis=-1)
    # At the border a neighbour is missing, and the peak stays where it is.
    slopes = np.where((cell <= 0) | (cell >= last), np.nan, slopes)
    # A quarter of a heatmap pixel is one crop pixel.
    quarter = geometry.STRIDE * (joints_heatmap - cell)
    expected = np.abs(quarter - np.nan_to_num(np.sign(slopes))) <= STILL
    any_way = (np.abs(slopes) <= tolerance) & (np.abs(quarter[..., None] - (-1, 0, 1)).min(axis=-1) <= STILL)
    return possible & (expected | any_way).all(-1)


def compare(expected: dict[str, np.ndarray], found: dict[str, np.ndarray], tolerance: float) -> dict[str, np.ndarray]:
    """Differences of a batch.

    Args:
        expected: Keras's answers, a dict of arrays: `pose` and, unless single-task, `occlusion` [B, H, H, 16];
            `joints` [B, 16, 2], crop pixels; `scores` and, unless single-task, `occluded` [B, 16].
        found: the other model's: `joints`, and whatever else it gives.
        tolerance: as of `tied`.

    Returns:
        A dict of arrays, a row a person: `maps` and `maps_mean` [B], the largest and the mean difference, where it
        gives maps; `joints` [B, 16], crop pixels, the further of x and y; `tied` [B, 16] bool, of joints that have
        moved; `PROBABILITIES` [B, 16], where it gives them; `predicted` [B, 16, 2].
    """
    maps = [np.abs(found[name] - expected[name]) for name in ("pose", "occlusion") if name in found]
    joints = np.abs(found["joints"] - expected["joints"]).max(axis=-1)
    rows = {
        "joints": joints,
        "tied": _moved(joints) & tied(expected["pose"], found["joints"], tolerance),
        "predicted": found["joints"],
    }
    if maps:
        rows["maps"] = np.max([part.max(axis=(1, 2, 3)) for part in maps], axis=0)
        rows["maps_mean"] = np.mean([part.mean(axis=(1, 2, 3)) for part in maps], axis=0)
    rows |= {name: np.abs(found[name] - expected[name]) for name in PROBABILITIES if name in found}
    return rows


def _moved(joints):
    # Written so that what is no number has moved.
    return ~(joints <= STILL)


def summary(rows: dict[str, np.ndarray]) -> dict[str, Any]:
    """The differences of all people.

    Args:
        rows: `compare`'s dict over all N people.

    Returns:
        A dict that goes into JSON: `maps` with `max` and `mean`, None where there are none; `joints` with `max` and
        `mean` in crop pixels, `moved`, the percent of joints that are more than `STILL` away, `ties`, how many of them
        a tie explains, and `max_untied`, the largest distance of all others; `PROBABILITIES` with `max` and `mean`,
        None where there are none.
    """
    joints, moved = rows["joints"], _moved(rows["joints"])
    return {
        "maps": {"max": float(rows["maps"].max()), "mean": float(rows["maps_mean"].mean())} if "maps" in rows else None,
        "joints": {
            "max": float(joints.max()),
            "mean": float(joints.mean()),
            "moved": float(100 * moved.mean()),
            "ties": int(rows["tied"].sum()),
            "max_untied": float(np.where(rows["tied"], 0.0, joints).max()),
        },
        **{
            name: {"max": float(rows[name].max()), "mean": float(rows[name].mean())} if name in rows else None
            for name in PROBABILITIES
        },
    }
