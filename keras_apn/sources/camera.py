"""A camera's frames as they come."""

import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.silence import silence
from keras_apn.sources.video_file import FASTEST_RATE, USUAL_RATE


class Camera:
    """A camera; attributes as of `video_file.VideoFile`.

    Args:
        number: as the system counts them.

    Raises:
        UserError: there is none.
    """

    count, aspect = 0, Fraction(1)

    def __init__(self, number: int) -> None:
        with silence():
            self.capture = cv2.VideoCapture(number)
        if not self.capture.isOpened():
            raise UserError(f"camera:{number} is no camera that can be opened")
        rate = self.capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= FASTEST_RATE else USUAL_RATE
        self.size = tuple(int(self.capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if min(self.size) < 1:
            raise UserError(f"camera:{number} has no frames that can be read")

    def frames(self) -> Iterator[tuple[np.ndarray, float]]:
        """Yields frames, [H, W, 3] uint8 RGB, and the time since the first in seconds, by this computer's clock."""
        begun = None
        try:
            while True:
                there, frame = self.capture.read()
                if not there:
                    return
                now = time.monotonic()
                begun = now if begun is None else begun
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), now - begun
        finally:
            self.capture.release()
