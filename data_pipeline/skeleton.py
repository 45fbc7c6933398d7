"""Skeletons: which joints a person, or anything else, has, and what follows from that.

A skeleton is a JSON file. `mpii16`, `lsp14` and `coco17` come with the package:

- `name`; `joints`, their names in order;
- `mirror`: pairs of joints that stand for each other in a mirrored picture, as `["left_hip", "right_hip"]`; none where
  there is no left and right;
- `limbs`: pairs of joints that are drawn as lines;
- `columns`: of tables of scores, each a list of joints; each joint's own by default;
- `counted`: the joints of the headline mean, all by default;
- `by_visibility`: columns that are also scored by visible and occluded, all by default;
- `measured`: limbs by whose lengths a pose is judged plausible, all by default. A limb stands for its mirror image too;
- `unit`: of distance, `{"kind": ...}` with one of `UNITS`: `head` (MPII's head size), `torso` or `pair` (the distance
  of two `joints`), `box` (the longer side of the person's box) or `oks` (the square root of the person's area, times
  each joint's share by `sigmas`, as COCO's object keypoint similarity has it);
- `torso`: the two joints of PCK's normaliser, where that is not the unit.
"""

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline import skeleton_rules
from data_pipeline.common import json_file
from data_pipeline.common.files import StrPath

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "skeletons")
NAMES = ("mpii16", "lsp14", "coco17")
UNITS = skeleton_rules.UNITS
# Where each unit's metric has its published threshold: PCKh@0.5, PCK@0.2, mmpose's PCK@0.05 of the box, and the
# distance at which COCO's similarity of one joint is exp(-1/2) = 0.61, in square roots of the area times 2 sigma.
THRESHOLDS = {"head": 0.5, "torso": 0.2, "pair": 0.2, "box": 0.05, "oks": 1.0}
METRICS = {"head": "pckh", "torso": "pck", "pair": "pck", "box": "pck_box", "oks": "pck_oks"}


@dataclasses.dataclass(frozen=True, eq=False)
class Skeleton:
    """A skeleton; joints are named by their places in `joints`.

    Attributes:
        name: what messages call it.
        joints: the J names.
        mirror: of each joint the one that stands in its place once the picture is mirrored; itself where there is none.
        limbs: pairs that are drawn.
        columns: of tables, each with its joints.
        counted: the joints of the headline mean.
        by_visibility: the columns that are scored by visible and occluded too.
        measured: the limbs by whose lengths a pose is plausible.
        unit: one of `UNITS`.
        ends: the two joints whose distance is the unit, or None.
        torso: the two joints of PCK's normaliser, or None.
        sigmas: COCO's of each joint, or None.
    """

    name: str
    joints: tuple[str, ...]
    mirror: tuple[int, ...]
    limbs: tuple[tuple[int, int], ...]
    columns: dict[str, tuple[int, ...]]
    counted: tuple[int, ...]
    by_visibility: tuple[str, ...]
    measured: tuple[tuple[int, int], ...]
    unit: str
    ends: tuple[int, int] | None = None
    torso: tuple[int, int] | None = None
    sigmas: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.joints)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Skeleton) and self.as_json() == other.as_json()

    def __hash__(self) -> int:
        return hash((self.name, self.joints))

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The place of each joint by its name."""
        return {name: n for n, name in enumerate(self.joints)}

    @functools.cached_property
    def tolerances(self) -> np.ndarray:
        """[J] float32: what a person's size is multiplied by so that 0.5 of it is the metric's threshold at each joint.

        1 for MPII's head size (PCKh@0.5); a size in other units counts as many head sizes.
        """
        return (2.0 * THRESHOLDS[self.unit] * self.scales).astype(np.float32)

    @property
    def scales(self) -> np.ndarray:
        """[J] float64: what a person's size is multiplied by at each joint: 1, or 2 sigma where the unit is `oks`."""
        return 2.0 * np.asarray(self.sigmas) if self.sigmas else np.ones(len(self))

    @property
    def metric(self) -> str:
        """The metric that suits the unit, a key of `metrics.pck.THRESHOLDS`."""
        return METRICS[self.unit]

    @property
    def mean(self) -> str:
        """The headline: the unweighted mean over the counted joints, `mean_14` of MPII's."""
        return f"mean_{len(self.counted)}"

    @property
    def pooled(self) -> str:
        """All annotated ones of the counted joints together, `pooled_14` of MPII's."""
        return f"pooled_{len(self.counted)}"

    @property
    def titles(self) -> tuple[str, ...]:
        """What a table of rates shows, in its order; `auc` is the area under the curve of `mean`."""
        return *self.columns, *dict.fromkeys((self.mean, self.pooled, f"pooled_{len(self)}")), "auc"

    @property
    def sides(self) -> tuple[str | None, ...]:
        """Of each joint "left", "right" or None."""
        return tuple(skeleton_rules.side(name) for name in self.joints)

    def as_json(self) -> dict[str, Any]:
        """What its JSON file holds, every default written out."""
        named = self.joints.__getitem__

        def pairs(of):
            return [[named(a), named(b)] for a, b in of]

        unit: dict[str, Any] = {"kind": self.unit}
        if self.ends:
            unit["joints"] = [named(n) for n in self.ends]
        if self.sigmas:
            unit["sigmas"] = dict(zip(self.joints, self.sigmas, strict=True))
        return {
            "name": self.name,
            "joints": list(self.joints),
            "mirror": pairs((n, other) for n, other in enumerate(self.mirror) if n < other),
            "limbs": pairs(self.limbs),
            "columns": {name: [named(n) for n in joints] for name, joints in self.columns.items()},
            "counted": [named(n) for n in self.counted],
            "by_visibility": list(self.by_visibility),
            "measured": pairs(self.measured),
            "torso": [named(n) for n in self.torso] if self.torso else None,
            "unit": unit,
        }

    def mapping(self, other: "Skeleton") -> np.ndarray:
        """[J] int64: where `other` has each joint of this skeleton, by its name; -1 where it lacks it."""
        return np.array([other.index.get(name, -1) for name in self.joints], np.int64)


def from_json(told: Any, source: str = "the skeleton") -> Skeleton:
    """The skeleton that a JSON value describes.

    Args:
        told: what `json.load` gives of a file as the module describes it.
        source: what an error calls it, as the file's path.

    Raises:
        UserError: it is no skeleton.
    """
    told = skeleton_rules.checked(told, source)
    joints = tuple(told["joints"])
    place = {name: n for n, name in enumerate(joints)}

    def places(names: Sequence[str]) -> Any:
        return tuple(place[name] for name in names)

    mirror = list(range(len(joints)))
    for a, b in told["mirror"]:
        mirror[place[a]], mirror[place[b]] = place[b], place[a]
    unit, columns = told["unit"], {name: places(of) for name, of in told["columns"].items()}
    limbs = tuple(places(limb) for limb in told["limbs"])
    ends = places(unit["joints"]) if unit.get("joints") else None
    torso = places(told["torso"]) if told["torso"] else ends if unit["kind"] == "torso" else None
    sigmas = unit.get("sigmas")
    return Skeleton(
        name=told["name"],
        joints=joints,
        mirror=tuple(mirror),
        limbs=limbs,
        columns=columns,
        counted=places(told["counted"]),
        by_visibility=tuple(told["by_visibility"]),
        measured=tuple(places(limb) for limb in told["measured"]),
        unit=unit["kind"],
        ends=ends,
        torso=torso,
        sigmas=tuple(float(sigmas[name]) for name in joints) if sigmas else None,
    )


def load(name: StrPath) -> Skeleton:
    """A skeleton by its name, or of a file.

    Args:
        name: one of `NAMES`, or the path of a skeleton's JSON file, or of the `dataset.json` of records or the
            `metadata.json` of an export, whose it is.

    Raises:
        UserError: there is no such file, or it holds no skeleton.
    """
    path = os.path.join(FOLDER, f"{name}.json") if name in NAMES else os.path.expanduser(name)
    told = json_file.read(path, Any, way=f"--skeleton must be one of {', '.join(NAMES)} or a skeleton's JSON file")
    if isinstance(told, dict) and ("splits" in told or "skeleton" in told):
        return of_description(told)
    return from_json(told, str(path))


def of_description(description: dict[str, Any]) -> Skeleton:
    """The skeleton of the records that a `dataset.json` describes; MPII's of those that were built before it said."""
    return from_json(description["skeleton"], "dataset.json") if "skeleton" in description else MPII16


MPII16 = load("mpii16")

# MPII's, which synthetic people, and MPII's and LSP's annotations are made of.
JOINTS = MPII16.joints
NUM_JOINTS = len(JOINTS)
INDEX = MPII16.index
MIRROR = MPII16.mirror
LIMBS = MPII16.limbs
COLUMNS = MPII16.columns
JOINTS_14 = MPII16.counted
