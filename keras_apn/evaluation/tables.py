"""Scores as text, in the paper's columns."""

from data_pipeline.skeleton import COLUMNS
from keras_apn.metrics import pck


def table(rows: dict[str, dict], metric: str) -> str:
    """Scores of several predictors.

    Args:
        rows: dict of name to the dict of `scoring.score`, with `discriminators` where `Discrimination.scores` is known
        metric: its key of `pck.THRESHOLDS`.

    Returns:
        Lines of text: rates and means, wrists and elbows by visibility, and whatever else is known of the rows.
    """
    key = f"{metric}@{pck.THRESHOLDS[metric]}"
    width = max(12, *(len(name) for name in rows))
    parts = [_rates(rows, key, width), _by_visibility(rows, width)]
    known = (_errors(rows, width), _occlusion(rows, width), _implausible(rows, width), _discriminators(rows, width))
    parts += [part for part in known if part]
    return "\n".join(line for part in parts for line in part)


def _rates(rows, key, width):
    lines = [_line(name, [row[key][title] for title in pck.TITLES], width) for name, row in rows.items()]
    return [_header(key, pck.TITLES, width), *lines]


def _by_visibility(rows, width):
    if all(value is None for row in rows.values() for seen in ("visible", "occluded") for value in row[seen].values()):
        return ["wrist and elbow by visibility: not known of these people"]
    return [
        f"{seen}: {name:<{width}} " + " ".join(f"{joint} {_cell(row[seen][joint])}" for joint in row[seen])
        for seen in ("visible", "occluded")
        for name, row in rows.items()
    ]


def _errors(rows, width):
    known = {name: row["error_head_sizes"] for name, row in rows.items() if row["error_head_sizes"]["mean"] is not None}
    return [
        f"error: {name:<{width}} mean {error['mean']:.3f}  median {error['median']:.3f} head sizes"
        for name, error in known.items()
    ]


def _occlusion(rows, width):
    known = {name: row["occlusion_ap"] for name, row in rows.items() if row["occlusion_ap"]}
    if not known:
        return []
    titles = [*COLUMNS, "mean_14"]
    lines = [_line(name, [found[title] for title in titles], width) for name, found in known.items()]
    share = next(iter(known.values()))["share"]
    chance = _line("occluded, %", [share[title] for title in COLUMNS], width)
    return [_header("occlusion AP", titles, width), *lines, chance]


def _implausible(rows, width):
    known = {name: row["implausible"] for name, row in rows.items() if row["implausible"]}
    return [
        f"implausible poses, %: {name:<{width}} " + "  ".join(f"{what} {_cell(v).strip()}" for what, v in left.items())
        for name, left in known.items()
    ]


def _discriminators(rows, width):
    return [
        f"{who}: {name:<{width}} "
        + "  ".join(f"{what} {'-' if value is None else f'{value:.3f}'}" for what, value in found.items())
        for who, key in (("P", "pose"), ("C", "confidence"))
        for name, row in rows.items()
        if (found := (row.get("discriminators") or {}).get(key))
    ]


def _header(name, titles, width):
    return f"{name:<{width}} " + " ".join(f"{title:>9}" for title in titles)


def _line(name, values, width):
    return f"{name:<{width}} " + " ".join(_cell(value) for value in values)


def _cell(value):
    return f"{'-':>9}" if value is None else f"{value:9.2f}"
