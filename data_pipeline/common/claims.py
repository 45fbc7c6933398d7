"""Who works on what, where several processes or machines share a folder."""

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator

from data_pipeline.common.errors import UserError, shortened

# A claim is renewed so often, and taken for given up when it was not renewed for so long.
RENEWED, GIVEN_UP = 20.0, 300.0


@contextlib.contextmanager
def alone(folder: str, name: str, flag: str) -> Iterator[None]:
    """Keeps a folder to this process until the context ends.

    Args:
        folder: an existing folder.
        name: of the claim's file in it.
        flag: that names the folder.

    Raises:
        UserError: another process works in it.
    """
    with claim(folder, name) as own:
        if not own:
            path = os.path.join(folder, name)
            raise UserError(
                f"Another process works in {folder} ({_holder(path)}); wait for its end or give another --{flag}. "
                f"Where it was ended by force on another machine, delete {path}"
            )
        yield


@contextlib.contextmanager
def claim(folder: str, name: str) -> Iterator[bool]:
    """Whether this process may work on something, until the context ends; a claim that nobody renews is taken over.

    Args:
        folder: an existing folder that all who share the work see.
        name: of what is worked on.
    """
    path = os.path.join(folder, name)
    if not _taken(path):
        yield False
        return
    ended = threading.Event()
    renewer = threading.Thread(target=_renew, args=(path, ended), daemon=True)
    renewer.start()
    try:
        yield True
    finally:
        ended.set()
        renewer.join()
        with contextlib.suppress(OSError):
            os.remove(path)


def _taken(path):
    """Makes the file of a claim; False where another has it."""
    with contextlib.suppress(OSError):
        if time.time() - os.path.getmtime(path) > GIVEN_UP or _dead(_holder(path)):
            # Renamed first: of two who find it given up, one succeeds.
            stale = f"{path}.{uuid.uuid4().hex}"
            os.rename(path, stale)
            os.remove(stale)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(f"{socket.gethostname()} {os.getpid()}\n")
    except FileExistsError:
        return False
    return True


def _holder(path):
    """Machine and process of a claim, as its file has them; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return shortened(file.readline().strip())
    except OSError:
        return ""


def _dead(holder):
    """Whether a claim is of a process of this machine that is no more."""
    machine, _, number = holder.rpartition(" ")
    if machine != socket.gethostname() or not number.isascii() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # It is another user's, or no number of a process.
        pass
    return False


def _renew(path, ended):
    while not ended.wait(RENEWED):
        with contextlib.suppress(OSError):
            os.utime(path)
