"""The plan of a study: which trainings, with which flags and seeds."""

import dataclasses
import itertools
import re
from typing import Annotated

import msgspec

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError, shortened

EXAMPLE = (
    '{"flags": ["--flagfile=demo.flags"], "records": "records/test-*.tfrecord", "seeds": [0, 1, 2], '
    '"trainings": {"alone": ["--nodiscriminators"], "full": []}}'
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


Seeds = Annotated[list[Annotated[int, msgspec.Meta(ge=0, lt=2**31)]], msgspec.Meta(min_length=1)]


class RowFile(msgspec.Struct, forbid_unknown_fields=True):
    """A training in the file of a plan."""

    flags: list[str] = []
    seeds: Seeds | None = None
    init_from: str | None = None


class PlanFile(msgspec.Struct, forbid_unknown_fields=True):
    """The file of a plan; `read` says what it means."""

    trainings: Annotated[dict[str, list[str] | RowFile], msgspec.Meta(min_length=1)]
    records: str
    title: str = "Study"
    flags: list[str] = []
    seeds: Seeds = msgspec.field(default_factory=lambda: [0])


@dataclasses.dataclass(frozen=True)
class Training:
    """One run of a plan.

    Attributes:
        name: of its row in the table.
        seed: of the run.
        flags: of `keras_apn.train`, without `--seed` and `--workdir`.
        init_from: the row whose run of the same seed it starts from, or None.
    """

    name: str
    seed: int
    flags: tuple[str, ...]
    init_from: str | None = None

    @property
    def key(self) -> str:
        """What its folder and its result are called."""
        return f"{self.name}-seed{self.seed}"

    @property
    def init_from_key(self) -> str | None:
        """The key of the run that it starts from, or None."""
        return self.init_from and f"{self.init_from}-seed{self.seed}"


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

    It holds `trainings`, a dict of name to a list of flags, or to a dict of `flags`, its own `seeds` and `init_from`,
    the name of a training above it that has these seeds and from whose best weights it starts; `flags` of all of them;
    `seeds`, 0 by default; `records`; and a `title`.

    Raises:
        UserError: there is no such file, or it holds no plan.
    """
    told = json_file.read(path, PlanFile, way=f"give a plan like {EXAMPLE}")
    common = _flags(path, told.flags)
    rows = {}
    for name, row in told.trainings.items():
        if not NAME.fullmatch(name):
            raise UserError(f"{path}: a training's name is of letters, digits, dots and dashes. Received: {name!r}")
        row = row if isinstance(row, RowFile) else RowFile(row)
        seeds = dict.fromkeys(told.seeds if row.seeds is None else row.seeds)
        flags = common + _flags(path, row.flags)
        if row.init_from is not None:
            _require_before(path, row.init_from, [one.seed for one in rows.get(row.init_from, [])], name, seeds)
        rows[name] = [Training(name, seed, flags, row.init_from) for seed in seeds]
    # The first seed of every row comes first, so that a study that is cut short compares all rows.
    trainings = [one for column in itertools.zip_longest(*rows.values()) for one in column if one]
    return Plan(told.title, told.records, tuple(trainings))


def _require_before(path, init_from, known, name, seeds):
    """Raises UserError where a training starts from one that does not stand above it with the same seeds."""
    missing = [seed for seed in seeds if seed not in known]
    if missing:
        raise UserError(
            f"{path}: training {name!r} starts from {shortened(init_from)!r}, which must stand above it and have its "
            f"seed {missing[0]}"
        )


def _flags(path, told):
    stray = [flag for flag in told if not flag.startswith("--") or flag.startswith(("--seed", "--workdir"))]
    if stray:
        raise UserError(
            f'{path}: flags must be like "--nodiscriminators", without --seed and --workdir. Received: '
            f"{shortened(stray[0])}"
        )
    return tuple(told)
