"""Who works on what, where several processes or machines share a folder."""

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator

# A claim is renewed so often, and taken for given up when it was not renewed for so long.
RENEWED, GIVEN_UP = 20.0, 300.0


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
        if time.time() - os.path.getmtime(path) > GIVEN_UP:
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


def _renew(path, ended):
    while not ended.wait(RENEWED):
        with contextlib.suppress(OSError):
            os.utime(path)
