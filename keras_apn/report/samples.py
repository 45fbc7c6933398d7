"""Who of the scored people is shown: the best, the median, the worst, whom two runs differ most about."""

from collections.abc import Sequence

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton


def quality(normalised: np.ndarray, threshold: float, skeleton: Skeleton = MPII16) -> tuple[np.ndarray, np.ndarray]:
    """How well each person is found.

    Args:
        normalised: [N, J] from `pck.distances`.
        threshold: in its unit.
        skeleton: whose joints they are.

    Returns:
        `(right, away)`, [N] each, over the counted joints, of MPII's the 14 that are neither pelvis nor thorax: the
        share found, and the mean distance; NaN where none of them is counted.
    """
    chosen = normalised[:, list(skeleton.counted)]
    count = (~np.isnan(chosen)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (chosen <= threshold).sum(axis=1) / np.where(count, count, np.nan), np.nansum(chosen, axis=1) / count


def ranked(normalised: np.ndarray, threshold: float, skeleton: Skeleton = MPII16) -> list[int]:
    """People's numbers from the worst to the best: by the share of joints found, then by mean distance."""
    right, away = quality(normalised, threshold, skeleton)
    order = np.lexsort((-away, right))
    return [int(n) for n in order if not np.isnan(right[n])]


def gallery(normalised: np.ndarray, threshold: float, count: int, skeleton: Skeleton = MPII16) -> dict[str, list[int]]:
    """The best, the median and the worst people, at most `count` each and nobody twice.

    Returns:
        A dict of `worst`, `median` and `best` to lists of numbers, the extreme first.
    """
    order = ranked(normalised, threshold, skeleton)
    count = min(count, -(-len(order) // 3))
    worst, others = order[:count], order[count:]
    best = others[::-1][:count]
    middle = others[: len(others) - len(best)]
    start = max(0, (len(middle) - count) // 2)
    return {"worst": worst, "median": middle[start : start + count], "best": best}


def changed(
    normalised: np.ndarray, rival: np.ndarray, threshold: float, count: int, skeleton: Skeleton = MPII16
) -> dict[str, list[int]]:
    """The people whom one run finds better than another, and those whom it finds worse.

    Args:
        normalised, rival: [N, J] of the two.
        threshold: in their unit.
        count: at most so many each.
        skeleton: whose joints they are.

    Returns:
        A dict of `gained` and `lost` to lists of numbers, the greatest change in the share of joints found first.
    """
    (right, away), (other_right, other_away) = (quality(each, threshold, skeleton) for each in (normalised, rival))
    gain = right - other_right
    order = [int(n) for n in np.lexsort((other_away - away, gain)) if not np.isnan(gain[n])]
    return {
        "gained": [n for n in order[::-1] if gain[n] > 0][:count],
        "lost": [n for n in order if gain[n] < 0][:count],
    }


def spread(numbers: Sequence[int], count: int) -> list[int]:
    """At most `count` of the numbers, evenly spread over their order, so that nobody chooses what looks well."""
    if len(numbers) <= count:
        return list(numbers)
    places = (np.arange(count) + 0.5) * len(numbers) / count
    return [numbers[int(place)] for place in places]
