"""Videos and cameras: frames to find people in, and a video of what was found."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

# FFmpeg's own words about a file; what a user can mend is told by a UserError.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, whole_file
from data_pipeline.common.silence import silence
from keras_apn.sources.boxes import Boxes
from keras_apn.sources.pictures import Picture

EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv", ".webm")
CAMERA = "camera:"

# Of a video that does not say its own.
USUAL_RATE, FASTEST_RATE = 25.0, 240.0


class Video:
    """The frames of a video file or a camera.

    Args:
        source: the file, or `camera:` and the camera's number.
        boxes: a `boxes.Boxes`.
        most: frames after which it ends, or None.

    Raises:
        UserError: it cannot be opened, or `boxes` does not fit it.
    """

    unit = "frame"
    without_people = 0

    def __init__(self, source: str, boxes: Boxes, most: int | None = None) -> None:
        self.source, self.most = source, most
        self.live = source.startswith(CAMERA)
        self.name = source if self.live else os.path.basename(source)
        self.capture = _open(source)
        rate = self.capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= FASTEST_RATE else USUAL_RATE
        self.size = tuple(int(self.capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if min(self.size) < 1:
            raise UserError(f"{source} has no frames that can be read")
        self.boxes = boxes.of_frames(self.size[1], self.size[0])
        # What a file says of itself is not always true; a camera says nothing.
        self.told = 0 if self.live else max(0, int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.total = min((count for count in (self.told, most) if count), default=None)

    def read(self, report: Callable[[UserError], None]) -> Iterator[Picture]:
        """Yields a `Picture` for each frame, those without people too; a camera's until Ctrl-C.

        Args:
            report: takes the `UserError` of a video that ends early.

        Raises:
            UserError: not one frame can be read.
        """
        number = 0
        with _interrupt() if self.live else contextlib.nullcontext(threading.Event()) as stop:
            while number != self.most and not stop.is_set():
                there, frame = self.capture.read()
                if not there:
                    break
                if number == 0:
                    begun = time.monotonic()
                # A file's own clock knows frames that are not equally long.
                seconds = time.monotonic() - begun if self.live else self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                label = {"video": self.name, "frame": number, "time": round(seconds, 3)}
                yield Picture(label, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dict(enumerate(self.boxes(number))))
                number += 1
            ended = number == self.most or stop.is_set()
        self.capture.release()
        if number == 0 and not ended:
            raise UserError(f"{self.source} has no frames that can be read")
        # Some kinds of files only estimate their number of frames.
        if not ended and (self.live or number < 0.98 * self.told - 2):
            report(UserError(f"{self.source} ended after {number} frames{f' of {self.told}' if self.told else ''}"))

    @contextlib.contextmanager
    def overlays(self, folder: StrPath) -> Iterator[Callable[[Picture, np.ndarray], None]]:
        """Gives a function that adds what was drawn of a `Picture` to an MP4 file in `folder`, without sound.

        Raises:
            UserError: the video would be written over, or the file cannot be written.
        """
        path = os.path.join(folder, f"{os.path.splitext(self.name)[0].replace(':', '')}.mp4")
        if os.path.realpath(path) == os.path.realpath(self.source):
            raise UserError(f"{self.source} would be written over; give another --output")
        with whole_file(path) as partial:
            writer = cv2.VideoWriter(partial, cv2.VideoWriter.fourcc(*"mp4v"), self.rate, self.size)
            try:
                if not writer.isOpened():
                    raise UserError(f"{path} cannot be written as a video of {self.size[0]} x {self.size[1]} pixels")
                yield lambda picture, drawn: writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            finally:
                writer.release()


def is_video(source: str) -> bool:
    """Whether `--input` is a video file or a camera, by its name."""
    return source.startswith(CAMERA) or (source.lower().endswith(EXTENSIONS) and not os.path.isdir(source))


def _open(source):
    """OpenCV's capture of a file or a camera; a UserError where it has none."""
    camera = source.removeprefix(CAMERA)
    if source.startswith(CAMERA) and not camera.isdecimal():
        raise UserError(f"--input must be camera: and its number, as camera:0. Received: {source}")
    if not source.startswith(CAMERA) and not os.path.isfile(source):
        raise UserError(f"{source} does not exist; give --input a picture, a folder, a glob, a video or camera:0")
    with silence():
        capture = cv2.VideoCapture(int(camera) if source.startswith(CAMERA) else source)
    if not capture.isOpened():
        kind = "is no camera that can be opened" if source.startswith(CAMERA) else "is damaged or no video"
        raise UserError(f"{source} {kind}")
    return capture


@contextlib.contextmanager
def _interrupt():
    """An event that Ctrl-C sets; a second Ctrl-C interrupts as ever."""
    stop = threading.Event()

    def end(*_):
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
