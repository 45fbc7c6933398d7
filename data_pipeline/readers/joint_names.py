"""Joints' names as annotation tools spell them, and the skeleton that a list of them is.

`left_hip`, `Left Hip`, `hip_L`, `LHip` and `l.hip` are one name: the side, and what is left of the letters.
"""

import re
from collections.abc import Sequence

from data_pipeline import skeleton as skeletons
from data_pipeline import skeleton_rules
from data_pipeline.common.errors import UserError, shortened
from data_pipeline.skeleton import Skeleton

# A letter for a side before a capital, as in `LHip`; `skeleton_rules.side` knows all other spellings.
_LETTER = re.compile(r"^(L|R)(?=[A-Z][a-z])")


def canonical(name: str) -> tuple[str | None, str]:
    """`(side, rest)` of a name: "left", "right" or None, and the letters and digits that are left, small."""
    name = _LETTER.sub(lambda match: {"L": "left_", "R": "right_"}[match[1]], name.strip())
    side = skeleton_rules.side(name)
    rest = name
    if side:
        rest = re.sub(side, "", name, count=1, flags=re.IGNORECASE)
        if rest == name:  # A single letter.
            rest = re.sub(rf"^{side[0]}(?=[ ._-])|(?<=[ ._-]){side[0]}$", "", name, count=1, flags=re.IGNORECASE)
    return side, re.sub(r"[^a-z0-9]", "", rest.lower())


def places(names: Sequence[str], wanted: Skeleton, source: object) -> list[int]:
    """Where a file has each joint of a skeleton, by its name in any spelling; -1 where it lacks it.

    Args:
        names: of the file's joints.
        wanted: the skeleton.
        source: what an error calls the file.

    Raises:
        UserError: none of the skeleton's joints is there, or one of the two whose distance is its unit is not.
    """
    index = {canonical(name): n for n, name in enumerate(names)}
    found = [index.get(canonical(joint), -1) for joint in wanted.joints]
    told = shortened(", ".join(names))
    if max(found) < 0:
        raise UserError(
            f"{source}: none of {wanted.name}'s joints is among {told}; give --skeleton the file of another"
        )
    if wanted.ends and min(found[n] for n in wanted.ends) < 0:
        ends = " and ".join(wanted.joints[n] for n in wanted.ends)
        raise UserError(f"{source}: {wanted.name} measures in distances of {ends}, which are not both among {told}")
    return found


def skeleton_of(
    names: Sequence[str],
    limbs: Sequence[Sequence[int]] = (),
    pairs: Sequence[Sequence[int]] | None = None,
    name: str = "joints",
    source: object = "",
) -> Skeleton:
    """The skeleton of a file's joints: one that comes with the project and has the same, else one of their own.

    Args:
        names: of the joints.
        limbs: pairs of their places, from 0.
        pairs: mirrored pairs of their places; by their names where None.
        name: what the skeleton is called.
        source: what an error calls the file.

    Raises:
        UserError: the names are none, too many, or two of them the same.
    """
    spelled = [canonical(one) for one in names]
    for known in map(skeletons.load, skeletons.NAMES):
        if sorted(map(str, spelled)) == sorted(str(canonical(joint)) for joint in known.joints):
            return known
    joints = [_plain(one) or f"joint {n + 1}" for n, one in enumerate(names)]
    if pairs is None:
        mirror = skeleton_rules.pairs_by_name(joints)
        if not mirror:  # In spellings such as LHip.
            place = {one: n for n, one in enumerate(spelled)}
            found = [(n, place.get(("right", rest))) for n, (side, rest) in enumerate(spelled) if side == "left"]
            mirror = [[joints[a], joints[b]] for a, b in found if b is not None]
    else:
        mirror = [[joints[a], joints[b]] for a, b in pairs]
    inside = [limb for limb in limbs if len(set(limb)) == 2 and all(0 <= n < len(joints) for n in limb)]
    told = {
        "name": _plain(name) or "joints",
        "joints": joints,
        "mirror": mirror,
        "limbs": [[joints[a], joints[b]] for a, b in inside],
    }
    return skeletons.from_json(told, str(source))


def _plain(name):
    """A name of the characters that a skeleton's may have."""
    return re.sub(r"[^A-Za-z0-9 ._-]", "", name).strip(" ._-")[:64]
