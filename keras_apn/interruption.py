"""A request to stop, by SIGTERM or Ctrl-C, that waits until it suits."""

import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """A training stopped because it was asked to, with everything saved.

    Attributes:
        signal: a `signal.Signals`.
        step: steps that were done.
    """

    def __init__(self, signal, step):
        super().__init__(f"Stopped by {signal.name} after step {step}")
        self.signal, self.step = signal, step


class Interruption:
    """Within this context the first SIGTERM or Ctrl-C is only noted; the next one does what it always does.

    Attributes:
        signal: the one that came, or None.
    """

    def __init__(self):
        self.signal = None

    def __enter__(self):
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        self._put_back()

    def _note(self, number, _):
        self.signal = signal.Signals(number)
        self._put_back()

    def _put_back(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
