"""What `--help` prints: what a program does, then its flags by group, as wide as the screen."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

from absl import flags

WORDS = ("--help", "-h", "-help", "--helpshort", "--helpfull", "-?")
NARROW, WIDE = 60, 160
# The packages whose flags are shown; absl, TensorFlow and others define some too, of which users need one.
OURS = ("data_pipeline", "keras_apn", "export", "benchmarks")
FLAGFILE = "--flagfile=FILE reads flags from a file, one a line; flags behind it override them"


def wanted(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for help."""
    return any(word in WORDS for word in arguments)


def text(groups: Mapping[str, Sequence[str]] | None = None, width: int | None = None) -> str:
    """The help of the program that runs.

    Args:
        groups: its flags by title, in order; flags in none of them come first, under no title.
        width: of the lines in characters; the terminal's by default.
    """
    width = min(max(width or shutil.get_terminal_size((100, 24)).columns, NARROW), WIDE)
    known = [flag for own in _own_flags().values() for flag in own]
    by_name = {flag.name: flag for flag in dict.fromkeys(known)}
    titled = {title: [by_name.pop(name) for name in names] for title, names in (groups or {}).items()}
    about = (sys.modules["__main__"].__doc__ or "").strip()
    parts = [about, FLAGFILE + ".", *(_lines(list(by_name.values()), width) if by_name else [])]
    for title, own in titled.items():
        parts += ["", f"{title}:", *_lines(own, width)]
    return "\n".join([parts[0], "", *parts[1:]]) + "\n"


def _own_flags():
    """Lists of flags by the module that defined them: the program, whose name is its file's, or one of ours."""
    found = flags.FLAGS.flags_by_module_dict()
    return {name: own for name, own in found.items() if name == sys.argv[0] or name.split(".")[0] in OURS}


def _lines(own, width):
    """Two columns: each flag with its default, and what it is."""
    left = [_named(flag) for flag in own]
    room = min(max(map(len, left)) + 4, 2 * width // 5)
    lines = []
    for name, flag in zip(left, own, strict=True):
        told = textwrap.wrap(flag.help + (" (on by default)" if flag.boolean and flag.default else ""), width - room)
        told = told or [""]
        first = f"  {name}".ljust(room)
        if len(name) > room - 4:
            lines.append(f"  {name}")
            first = " " * room
        lines += [first + told[0], *(" " * room + line for line in told[1:])]
    return lines


def _named(flag):
    if flag.boolean:
        return f"--[no]{flag.name}"
    value = flag.default
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"--{flag.name}={'...' if value in (None, '') else value}"
