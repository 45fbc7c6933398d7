"""The one-euro filter (Casiez, Roussel, Vogel, CHI 2012): smooths joints that rest, follows those that move.

A first-order low-pass filter whose cutoff rises with the speed: `min_cutoff + beta * |speed|`.
"""

import math

import numpy as np

# Hertz, at rest; hertz by sizes of the person a second; hertz of the speed itself, as the paper has it.
MIN_CUTOFF, BETA, SPEED_CUTOFF = 1.5, 4.0, 1.0


def alpha(cutoff: float | np.ndarray, seconds: float) -> float | np.ndarray:
    """The weight of a new value in a low-pass filter of a cutoff in hertz, so many seconds after the last."""
    turned = 2.0 * math.pi * cutoff * seconds
    return turned / (turned + 1.0)


class OneEuro:
    """Filters arrays of one shape that come at any times.

    Args:
        min_cutoff: hertz; lower is smoother at rest.
        beta: hertz by sizes a second; higher follows sooner.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA) -> None:
        self.min_cutoff, self.beta = min_cutoff, beta
        self._time: float | None = None
        self._value = self._speed = np.zeros(())

    def __call__(self, value: np.ndarray, seconds: float, size: float = 1.0) -> np.ndarray:
        """The filtered value, float64, of a value at a time; of one that is not later than the last, the last.

        Args:
            value: any shape, the same each time.
            seconds: its time.
            size: what speed is measured in, as the size of a person whose joints they are.
        """
        value = np.asarray(value, np.float64)
        if self._time is None:
            self._value, self._speed = value, np.zeros_like(value)
        elif (passed := seconds - self._time) > 0:
            speed = (value - self._value) / passed
            self._speed = self._speed + alpha(SPEED_CUTOFF, passed) * (speed - self._speed)
            weight = alpha(self.min_cutoff + self.beta * np.abs(self._speed) / size, passed)
            self._value = self._value + weight * (value - self._value)
        else:
            return self._value
        self._time = seconds
        return self._value
