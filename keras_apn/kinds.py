"""Layers of two kinds: Keras's own, and one of ours that what is built within a context has in its place."""

import contextlib


class Choice:
    """Which of two classes of layers is built at present.

    Args:
        plain: Keras's class, which is built unless another is asked for.
        ours: a subclass with the same name and weights, so that files of weights serve both.
    """

    def __init__(self, plain, ours):
        self._plain, self._ours, self._chosen = plain, ours, [plain]

    @contextlib.contextmanager
    def within(self, wanted):
        """What is built within is of our kind, if so `wanted`."""
        self._chosen.append(self._ours if wanted else self._plain)
        try:
            yield
        finally:
            self._chosen.pop()

    def layer(self, *arguments, **settings):
        """A layer of the kind that is built at present, with Keras's arguments."""
        return self._chosen[-1](*arguments, **settings)
