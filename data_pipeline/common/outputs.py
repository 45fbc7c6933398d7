"""Whether what a program is to write can be written, asked before its work rather than after."""

import os
import tempfile
from collections.abc import Sequence

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

# Endings of the pictures that are drawn.
PICTURES = (".png", ".jpg", ".jpeg")


def require_folder(path: StrPath | None, flag: str) -> None:
    """Asks whether a folder can be made, or written to where it is there; nothing where the flag was not given.

    Args:
        path: of the folder, which is not made.
        flag: that gives it.

    Raises:
        UserError: it cannot be.
    """
    if path is not None:
        _require_writable(path, path, flag)


def require_file(path: StrPath | None, flag: str, endings: Sequence[str] = ()) -> None:
    """The same of a file, which is not touched.

    Args:
        path: of the file.
        flag: that gives it.
        endings: of which its name must have one, in small or capital letters; any if none are given.

    Raises:
        UserError: its name has another ending, it is a folder, or its folder cannot be written to.
    """
    if path is None:
        return
    if endings and not str(path).lower().endswith(tuple(endings)):
        raise UserError(f"--{flag} must end in {', '.join(endings)}. Received: {path}")
    if os.path.isdir(path):
        raise UserError(f"--{flag}={path} is a folder; give the name of a file")
    _require_writable(os.path.dirname(os.path.abspath(path)), path, flag)


def _require_writable(folder, path, flag):
    """Raises UserError unless a file can be made in a folder, or in the nearest one above it that is there."""
    nearest = os.path.abspath(folder)
    try:
        while not os.path.exists(nearest) and not os.path.islink(nearest):
            nearest = os.path.dirname(nearest)
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"--{flag}={path} cannot be written ({reason}); give another --{flag}") from error
