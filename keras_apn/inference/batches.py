"""Batches of crops as models take them, and of answers as models give them: quantisation and fixed sizes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike


def quantised(crops: np.ndarray, dtype: DTypeLike, scale: float = 0.0, zero: int = 0) -> np.ndarray:
    """Crops as a model takes them.

    Args:
        crops: [B, S, S, 3] within 0 and 1.
        dtype: numpy's; float32 stays as it is.
        scale, zero: of the model's quantisation: value = (byte - zero) * scale. Without a scale bytes are 0 to 255.
    """
    crops = np.asarray(crops, np.float32)
    if dtype == np.float32:
        return crops
    limits = np.iinfo(dtype)
    return np.clip(np.rint(crops / (scale or 1 / 255) + zero), limits.min, limits.max).astype(dtype)


def dequantised(values: np.ndarray, scale: float, zero: int) -> np.ndarray:
    """What a model gives, as float32 by its quantisation; as it is where it has none."""
    return values if not scale else (values.astype(np.float32) - zero) * np.float32(scale)


def in_batches(
    run: Callable[[np.ndarray], dict[str, np.ndarray]], values: np.ndarray, size: int | None
) -> dict[str, np.ndarray]:
    """Runs batches of a fixed size, the last one filled up; all at once where any size is taken.

    Args:
        run: an array to a dict of arrays with as many rows.
        values: [N, ...].
        size: of a batch; None for any.

    Returns:
        `run`'s dict for all N.
    """
    if size is None:
        return run(values)
    parts = []
    for start in range(0, len(values), size):
        part = values[start : start + size]
        missing = size - len(part)
        filled = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part
        parts.append({name: np.array(found[: len(part)]) for name, found in run(filled).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
