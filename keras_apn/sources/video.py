"""Videos and cameras: frames to find people in, and a video of what was found."""

import contextlib
import os
from collections.abc import Callable, Iterator

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.sources import pictures, video_file
from keras_apn.sources.boxes import Boxes
from keras_apn.sources.camera import Camera
from keras_apn.sources.pictures import Picture, placed

EXTENSIONS = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".lrv", ".avi", ".mkv", ".webm", ".ogv", ".wmv", ".asf", ".flv"),
    *(".mts", ".m2ts", ".ts", ".mpg", ".mpeg", ".vob", ".mxf", ".dv", ".mjpeg", ".mjpg"),
)
CAMERA = "camera:"


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
    without_people = listed = 0

    def __init__(self, source: str, boxes: Boxes, most: int | None = None) -> None:
        self.source, self.most = source, most
        self.live = source.startswith(CAMERA)
        self.name = source if self.live else os.path.basename(source)
        self.frames = _open(source)
        self.size, self.rate = self.frames.size, self.frames.rate
        self.boxes, self.of_frame = boxes, boxes.of_frames(self.size[1], self.size[0], self.name)
        # What a file says of itself is not always true; a camera says nothing.
        self.told = self.frames.count
        self.total = min((count for count in (self.told, most) if count), default=None)

    def read(self, report: Callable[[UserError], None]) -> Iterator[Picture]:
        """Yields a `Picture` for each frame, those without people too.

        Args:
            report: takes the `UserError` of a questionable box, or of a video that ends early.
        """
        (width, height), number = self.size, 0
        for image, seconds in self.frames.frames():
            label = {"video": self.name, "frame": number, "time": round(seconds, 3)}
            people = placed(self.boxes, self.of_frame(number), height, width, f"frame {number}", report)
            yield Picture(label, image, people, number)
            number += 1
            if number == self.most:
                return
        # Some kinds of files only estimate their number of frames.
        if self.live or number < 0.98 * self.told - 2:
            report(UserError(f"{self.source} ended after {number} frames{f' of {self.told}' if self.told else ''}"))

    @contextlib.contextmanager
    def overlays(self, folder: StrPath) -> Iterator[Callable[[Picture, np.ndarray], None]]:
        """Gives a function that adds what was drawn of a `Picture` to a video in `folder`, without sound.

        It plays as the source does: each frame at its own time, a camera's when they came.

        Raises:
            UserError: the source would be written over.
            OSError: the file cannot be written.
        """
        path = self.check_overlays(folder)
        with video_file.written(path, self.size, self.rate, self.frames.aspect) as add:
            yield lambda picture, drawn: add(drawn, picture.label["time"])

    def check_overlays(self, folder: StrPath) -> str:
        """The path of the drawn video; a UserError where it is the source's."""
        path = os.path.join(folder, os.path.splitext(self.name)[0].replace(":", "") + video_file.ending())
        if os.path.realpath(path) == os.path.realpath(self.source):
            raise UserError(f"{self.source} would be written over; give another --output")
        return path


def is_video(source: str) -> bool:
    """Whether `--input` is a camera, or a video: by its name, or by its content where the name says nothing."""
    if source.startswith(CAMERA):
        return True
    if os.path.isdir(source):
        return False
    name = source.lower()
    if name.endswith(EXTENSIONS) or name.endswith(pictures.EXTENSIONS) or not os.path.isfile(source):
        return name.endswith(EXTENSIONS)
    if pictures.is_picture(source):
        return False
    try:
        video_file.VideoFile(source).container.close()
    except UserError:
        return False
    return True


def _open(source):
    """A camera or a file; a UserError where there is none."""
    if source.startswith(CAMERA):
        number = source.removeprefix(CAMERA)
        if not number.isdecimal():
            raise UserError(f"--input must be camera: and its number, as camera:0. Received: {source}")
        return Camera(int(number))
    if not os.path.isfile(source):
        raise UserError(f"{source} does not exist; give --input a picture, a folder, a glob, a video or camera:0")
    return video_file.VideoFile(source)
