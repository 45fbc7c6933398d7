"""Ctrl-C and SIGTERM as the end of what is looked at: what was found so far is written."""

import contextlib
import signal
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_asked() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second one ends the process as ever."""
    stop, before = threading.Event(), {}

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(*_):
        stop.set()
        restore()

    # Only a main thread may, and only there does Ctrl-C arrive.
    if threading.current_thread() is threading.main_thread():
        before.update({number: signal.signal(number, end) for number in SIGNALS})
    try:
        yield stop
    finally:
        restore()
