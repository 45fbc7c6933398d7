"""A request to stop, by SIGTERM or Ctrl-C, that waits until it suits."""

import signal
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Steps between two looks at what other workers were asked: each waits for the devices.
EVERY = 10


class Stopped(Exception):
    """A training stopped because it was asked to, with everything saved.

    Attributes:
        signal: a `signal.Signals`.
        step: steps that were done.
    """

    def __init__(self, signal: signal.Signals, step: int) -> None:
        super().__init__(f"Stopped by {signal.name} after step {step}")
        self.signal, self.step = signal, step


class StopSignal:
    """Within this context the first SIGTERM or Ctrl-C is only noted; the next one does what it always does.

    Args:
        told: where several workers train together, a function from this one's number to those of all; then a signal to
            one is a signal to all, at the next `look` of all.

    Attributes:
        signal: the one that came, or None.
    """

    def __init__(self, told: Callable[[int], list[int]] | None = None) -> None:
        self.signal: signal.Signals | None = None
        self._told, self._own = told, 0

    def look(self, step: int = 0) -> None:
        """Asks the other workers, at every `EVERY`th step; all of them must do so at once."""
        if self._told is not None and step % EVERY == 0:
            number = max(self._told(self._own))
            self.signal = signal.Signals(number) if number else None

    def __enter__(self) -> "StopSignal":
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._put_back()

    def _note(self, number, _):
        self._own = number
        if self._told is None:
            self.signal = signal.Signals(number)
        self._put_back()

    def _put_back(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
