"""What a skeleton's JSON file may say, checked entry by entry, and the defaults of what it leaves out."""

import math
import re
from typing import Any

from data_pipeline.common.errors import UserError, shortened

UNITS = ("head", "torso", "pair", "box", "oks")
KEYS = ("name", "joints", "mirror", "limbs", "columns", "counted", "by_visibility", "measured", "torso", "unit")
MOST_JOINTS = 512
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
# The usual spellings: left_hip, hip_left, LeftHip, leftHip, l_hip, hip-l, L.Hip.
_WHOLE = {side: re.compile(rf"(?:^|[^a-z]){side}(?:[^a-z]|$)", re.IGNORECASE) for side in ("left", "right")}
_CAMEL = {side: re.compile(rf"^{side}(?=[A-Z])|{side.capitalize()}(?![a-z])") for side in ("left", "right")}
_LETTER = {side: re.compile(rf"^{side[0]}[ ._-]|[ ._-]{side[0]}$", re.IGNORECASE) for side in ("left", "right")}


def side(name: str) -> str | None:
    """Which side a joint's name says: "left", "right", or None. `LeftHip`, `hip_l` and `R.Hip` say one too."""
    for patterns in (_WHOLE, _CAMEL, _LETTER):
        found = [which for which, pattern in patterns.items() if pattern.search(name)]
        if len(found) == 1:
            return found[0]
    if match := re.match(r"(left|right)[a-z]", name):
        return match[1]
    return None


def mirrored(name: str) -> str:
    """The same joint's name on the other side, in the same spelling; the name itself where it says no side."""
    own = side(name)
    if own is None:
        return name
    other = "right" if own == "left" else "left"

    def swap(match):
        found = match[0]
        if len(found) <= 2 and own not in found.lower():
            return found.translate({ord(own[0]): other[0], ord(own[0].upper()): other[0].upper()})
        return re.sub(own, lambda m: _cased(other, m[0]), found, flags=re.IGNORECASE)

    for patterns in (_WHOLE, _CAMEL, _LETTER):
        changed, count = patterns[own].subn(swap, name, count=1)
        if count:
            return changed
    return other + name[len(own) :]


def _cased(word, like):
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word


def pairs_by_name(joints: list[str]) -> list[list[str]]:
    """The mirrored pairs that the names of joints say."""
    known = set(joints)
    found = [(name, mirrored(name)) for name in joints if side(name) == "left"]
    return [[name, other] for name, other in found if other in known and other != name]


def checked(told: Any, source: str) -> dict[str, Any]:
    """A skeleton's JSON value with its defaults.

    Args:
        told: what `json.load` gives.
        source: what an error calls it.

    Raises:
        UserError: it breaks a rule; one line says which entry and which rule.
    """
    entries = _Entries(source)
    if not isinstance(told, dict) or not {"name", "joints"} <= set(told):
        entries.refuse("a skeleton is a JSON object with `name`, `joints` and more", told)
    if stray := sorted(set(told) - set(KEYS)):
        entries.refuse(f"a skeleton holds {', '.join(KEYS)} and nothing else", stray)
    joints = entries.joints(told)
    limbs = entries.pairs("limbs", told.get("limbs", []))
    columns = entries.columns(told.get("columns") or {joint: [joint] for joint in joints})
    by_visibility, torso = told.get("by_visibility", list(columns)), told.get("torso")
    if not isinstance(by_visibility, list) or not all(isinstance(c, str) and c in columns for c in by_visibility):
        entries.refuse("`by_visibility` must name columns", by_visibility)
    return {
        "name": told["name"],
        "joints": joints,
        "mirror": entries.mirror(told.get("mirror", [])),
        "limbs": limbs,
        "columns": columns,
        "counted": entries.names(told.get("counted", joints), "counted"),
        "by_visibility": by_visibility,
        "measured": entries.pairs("measured", told.get("measured", limbs)),
        "torso": None if torso is None else entries.names(torso, "torso", 2),
        "unit": entries.unit(told.get("unit", {"kind": "box"})),
    }


class _Entries:
    """The entries of one skeleton, each with its rule."""

    def __init__(self, source: str) -> None:
        self.source, self.known = source, []

    def refuse(self, rule, received):
        raise UserError(f"{self.source}: {rule}. Received: {shortened(received)}")

    def joints(self, told):
        name, joints = told["name"], told["joints"]
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self.refuse("`name` must be of letters, digits, dots and dashes, at most 64", name)
        if not isinstance(joints, list) or not 1 <= len(joints) <= MOST_JOINTS:
            self.refuse(f"`joints` must be a list of 1 to {MOST_JOINTS} names", joints)
        for joint in joints:
            if not isinstance(joint, str) or not NAME.fullmatch(joint):
                self.refuse("each joint's name must be of letters, digits, spaces, dots and dashes, at most 64", joint)
        if twice := _twice(joints):
            self.refuse("each joint's name must come once", twice)
        self.known = joints
        return joints

    def names(self, value, key, count=None):
        good = isinstance(value, list) and all(isinstance(one, str) and one in self.known for one in value)
        if not good or (count is not None and len(value) != count) or not value or _twice(value):
            self.refuse(f"`{key}` must name {count or 'one or more'} of the joints, each once", value)
        return value

    def pairs(self, key, value):
        if not isinstance(value, list):
            self.refuse(f"`{key}` must be a list of pairs of joints", value)
        return [self.names(pair, key, 2) for pair in value]

    def mirror(self, value):
        found = self.pairs("mirror", value)
        if twice := _twice([joint for pair in found for joint in pair]):
            self.refuse("`mirror` must name each joint once", twice)
        return found

    def columns(self, value):
        if not isinstance(value, dict) or not all(NAME.fullmatch(title) for title in value):
            self.refuse("`columns` must be an object of titles, each with a list of joints", value)
        return {title: self.names(of, f"columns.{title}") for title, of in value.items()}

    def unit(self, value):
        if not isinstance(value, dict) or value.get("kind") not in UNITS or set(value) - {"kind", "joints", "sigmas"}:
            self.refuse(f"`unit` must be an object whose `kind` is one of {', '.join(UNITS)}", value)
        kind = value["kind"]
        if kind in ("torso", "pair"):
            return {"kind": kind, "joints": self.names(value.get("joints"), "unit.joints", 2)}
        if kind != "oks":
            return {"kind": kind}
        sigmas = value.get("sigmas")
        if not isinstance(sigmas, dict) or set(sigmas) != set(self.known):
            self.refuse("`unit.sigmas` must give every joint a number", sigmas)
        for joint, sigma in sigmas.items():
            if type(sigma) not in (int, float) or not (math.isfinite(sigma) and 0.001 <= sigma <= 1):
                self.refuse(f"`unit.sigmas.{joint}` must be within 0.001 and 1", sigma)
        return {"kind": kind, "sigmas": sigmas}


def _twice(names):
    """The names that come more than once."""
    return sorted({name for name in names if names.count(name) > 1})
