"""Scores as text, in the paper's columns."""

from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.evaluation import coco
from keras_apn.metrics import pck

# What distances are told in, by the kind of a skeleton's unit.
UNITS = {
    "head": "head sizes",
    "torso": "torsos",
    "pair": "distances of the pair",
    "box": "sides of the box",
    "oks": "square roots of the area",
}


def table(rows: dict[str, dict], metric: str, skeleton: Skeleton = MPII16) -> str:
    """Scores of several predictors.

    Args:
        rows: dict of name to the dict of `scoring.score`, with `discriminators` where `Discrimination.scores` is known
        metric: its key of `pck.THRESHOLDS`.
        skeleton: whose joints were scored.

    Returns:
        Lines of text: rates and means, wrists and elbows (`Skeleton.by_visibility`) by visibility, and whatever else is
        known of the rows.
    """
    key = f"{metric}@{pck.THRESHOLDS[metric]}"
    width = max(12, *(len(name) for name in rows))
    parts = [_rates(rows, key, width, skeleton.titles), _by_visibility(rows, width, skeleton)]
    unit = UNITS[skeleton.unit]
    known = (
        _errors(rows, width, unit),
        _occlusion(rows, width, skeleton),
        _implausible(rows, width),
        _right(rows, width),
        _discriminators(rows, width),
        _coco(rows),
    )
    parts += [part for part in known if part]
    return "\n".join(line for part in parts for line in part)


def _rates(rows, key, width, titles):
    lines = [_line(name, [row[key][title] for title in titles], width) for name, row in rows.items()]
    return [_header(key, titles, width), *lines]


def _by_visibility(rows, width, skeleton):
    if all(value is None for row in rows.values() for seen in ("visible", "occluded") for value in row[seen].values()):
        return [f"{' and '.join(skeleton.by_visibility)} by visibility: not known of these people"]
    return [
        f"{seen}: {name:<{width}} " + " ".join(f"{joint} {_cell(row[seen][joint])}" for joint in row[seen])
        for seen in ("visible", "occluded")
        for name, row in rows.items()
    ]


def _errors(rows, width, unit):
    known = {name: row["error_head_sizes"] for name, row in rows.items() if row["error_head_sizes"]["mean"] is not None}
    return [
        f"error: {name:<{width}} mean {error['mean']:.3f}  median {error['median']:.3f} {unit}"
        for name, error in known.items()
    ]


def _occlusion(rows, width, skeleton):
    known = {name: row["occlusion_ap"] for name, row in rows.items() if row["occlusion_ap"]}
    if not known:
        return []
    titles = [*skeleton.columns, skeleton.mean]
    lines = [_line(name, [found[title] for title in titles], width) for name, found in known.items()]
    share = next(iter(known.values()))["share"]
    chance = _line("occluded, %", [share[title] for title in skeleton.columns], width)
    return [_header("occlusion AP", titles, width), *lines, chance]


def _implausible(rows, width):
    known = {name: row["implausible"] for name, row in rows.items() if row["implausible"]}
    return [
        f"implausible poses, %: {name:<{width}} " + "  ".join(f"{what} {_cell(v).strip()}" for what, v in left.items())
        for name, left in known.items()
    ]


def _right(rows, width):
    titles = {"ap": "AP", "auc": "AUC", "ece": "calibration error"}
    return [
        f"right joints by {score + ':':<10} {name:<{width}} "
        + "  ".join(f"{title} {'-' if found[key] is None else f'{found[key]:.3f}'}" for key, title in titles.items())
        for score in ("peak", "plausible")
        for name, row in rows.items()
        if (found := (row.get("right") or {}).get(score))
    ]


def _discriminators(rows, width):
    return [
        f"{who}: {name:<{width}} "
        + "  ".join(f"{what} {'-' if value is None else f'{value:.3f}'}" for what, value in found.items())
        for who, key in (("P", "pose"), ("C", "confidence"))
        for name, row in rows.items()
        if (found := (row.get("discriminators") or {}).get(key))
    ]


def _coco(rows):
    known = [row for row in rows.values() if row.get("coco")]
    return [coco.table(row["coco"]) + f"  OKS {row['oks']:.3f}" for row in known]


def _header(name, titles, width):
    return f"{name:<{width}} " + " ".join(f"{title:>9}" for title in titles)


def _line(name, values, width):
    return f"{name:<{width}} " + " ".join(_cell(value) for value in values)


def _cell(value):
    return f"{'-':>9}" if value is None else f"{value:9.2f}"
