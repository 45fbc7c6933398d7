"""The plan of a study: which trainings, with which flags and seeds."""

import dataclasses
import json
import re

from data_pipeline.common.errors import UserError

EXAMPLE = (
    '{"flags": ["--flagfile=demo.flags"], "records": "records/test-*.tfrecord", "seeds": [0, 1, 2], '
    '"trainings": {"alone": ["--nodiscriminators"], "full": []}}'
)
KEYS = {"title", "flags", "records", "seeds", "trainings"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True)
class Training:
    """One run of a plan.

    Attributes:
        name: of its row in the table.
        seed: of the run.
        flags: of `keras_apn.train`, without `--seed` and `--workdir`.
    """

    name: str
    seed: int
    flags: tuple[str, ...]

    @property
    def key(self) -> str:
        """What its folder and its result are called."""
        return f"{self.name}-seed{self.seed}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a study does.

    Attributes:
        title: of the page.
        records: a glob of the shards that all runs are scored on.
        trainings: every run, the first seed of all rows first; the first row is the baseline.
    """

    title: str
    records: str
    trainings: tuple[Training, ...]

    @property
    def names(self) -> list[str]:
        """The rows, in order."""
        return list(dict.fromkeys(training.name for training in self.trainings))


def read(path: str) -> Plan:
    """The plan in a JSON file.

    It holds `trainings`, a dict of name to a list of flags or to a dict of `flags` and its own `seeds`; `flags` of all
    of them; `seeds`, 0 by default; `records`; and a `title`.

    Raises:
        UserError: there is no such file, or it holds no plan.
    """
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give a plan like {EXAMPLE}") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}); a plan is like {EXAMPLE}") from error
    if not isinstance(told, dict) or set(told) - KEYS or not isinstance(told.get("trainings"), dict):
        raise UserError(f"{path} must hold {', '.join(sorted(KEYS))} and nothing else, as in {EXAMPLE}")
    common, seeds = _flags(path, told.get("flags", [])), _seeds(path, told.get("seeds", [0]))
    if not told["trainings"] or not isinstance(told.get("records"), str):
        raise UserError(f"{path} must name trainings, and records, a glob of shards to score them on: {EXAMPLE}")
    rows = {}
    for name, row in told["trainings"].items():
        if not NAME.fullmatch(name):
            raise UserError(f"{path}: a training's name is of letters, digits, dots and dashes. Received: {name!r}")
        row = row if isinstance(row, dict) else {"flags": row}
        if set(row) - {"flags", "seeds"}:
            raise UserError(f"{path}: {name} may hold flags and seeds. Received: {', '.join(sorted(row))}")
        own = _flags(path, row.get("flags", []))
        rows[name] = common + own, _seeds(path, row["seeds"]) if "seeds" in row else seeds
    most = max(len(own) for _, own in rows.values())
    # The first seed of every row comes first, so that a study that is cut short compares all rows.
    trainings = [
        Training(name, own[n], flags) for n in range(most) for name, (flags, own) in rows.items() if n < len(own)
    ]
    return Plan(str(told.get("title", "Study")), told["records"], tuple(trainings))


def _flags(path, told):
    good = isinstance(told, list) and all(isinstance(flag, str) and flag.startswith("--") for flag in told)
    if not good or any(flag.startswith(("--seed", "--workdir")) for flag in told):
        raise UserError(f'{path}: flags must be a list like ["--nodiscriminators"], without --seed and --workdir')
    return tuple(told)


def _seeds(path, told):
    if not isinstance(told, list) or not told or not all(type(seed) is int and seed >= 0 for seed in told):
        raise UserError(f"{path}: seeds must be a list of whole numbers, as [0, 1, 2]. Received: {told}")
    return list(dict.fromkeys(told))
