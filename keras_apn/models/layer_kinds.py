"""Layers of two kinds: the plain one, and another that what is built within a context has in its place."""

import contextlib


class Choice:
    """Which of two kinds of layers is built at present.

    Args:
        plain: makes a layer of the kind that is built unless the other is asked for.
        other: makes one of the other kind, with the same class name and weights, so that files of weights serve both.
    """

    def __init__(self, plain, other):
        self._plain, self._other, self._chosen = plain, other, [plain]

    @contextlib.contextmanager
    def within(self, wanted):
        """What is built within is of the other kind, if so `wanted`."""
        self._chosen.append(self._other if wanted else self._plain)
        try:
            yield
        finally:
            self._chosen.pop()

    def layer(self, *arguments, **settings):
        """A layer of the kind that is built at present, with Keras's arguments."""
        return self._chosen[-1](*arguments, **settings)
