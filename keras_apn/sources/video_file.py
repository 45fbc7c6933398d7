"""Frames of a video file as players show them, and a file of frames that browsers play."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, whole_file

# FFmpeg's own words about a file; what a user can mend is told by a UserError.
av.logging.set_level(None)

# Of a video that does not say its own, and the fastest that one is believed.
USUAL_RATE, FASTEST_RATE = 25.0, 240.0
# Of what is written. Every usual rate is a whole number of ticks a frame, or nearly so.
TICKS = 90_000
# The encoders, the best first: what it is written into, its name and its settings. Browsers play all but the last.
ENCODERS = (
    (".mp4", "libx264", {"crf": "20", "preset": "veryfast", "bf": "0"}),
    (".mp4", "libopenh264", {"b": "8M"}),
    (".webm", "libvpx-vp9", {"crf": "32", "b": "0", "cpu-used": "5", "row-mt": "1"}),
    (".mp4", "mpeg4", {"qscale": "3"}),
)


class VideoFile:
    """A file that is decoded frame by frame.

    Args:
        path: the file.

    Attributes:
        size: width and height of the frames as they are shown: a telephone's video that was taken upright is upright.
        rate: frames a second.
        count: frames that the file says it has; 0 where it does not.
        aspect: width of a pixel by its height; 1 of nearly all.

    Raises:
        UserError: it cannot be opened, or has no frames that can be read.
    """

    def __init__(self, path: StrPath) -> None:
        try:
            self.container = av.open(os.fspath(path), metadata_errors="replace")
            # A picture of a cover is no video.
            self.stream = next(s for s in self.container.streams.video if not _is_cover(s))
        except StopIteration as error:
            raise UserError(f"{path} has no frames that can be read") from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UserError(f"{path} is damaged or no video") from error
        self.stream.thread_type = "AUTO"
        rate = float(self.stream.average_rate or self.stream.guessed_rate or 0)
        self.rate = rate if 0 < rate <= FASTEST_RATE else USUAL_RATE
        self.count = self.stream.frames or self._estimated()
        decoded = self._decode()
        first = next(decoded, None)
        if first is None:
            self.container.close()
            raise UserError(f"{path} has no frames that can be read")
        self._decoded = itertools.chain([first], decoded)
        self.size = first[0].shape[1], first[0].shape[0]

    @property
    def aspect(self) -> Fraction:
        """As the class says."""
        told = self.stream.codec_context.sample_aspect_ratio or Fraction(1)
        return 1 / told if self._turns % 2 and told else told

    def frames(self) -> Iterator[tuple[np.ndarray, float]]:
        """Yields each frame once, [H, W, 3] uint8 RGB, and its time from the first in seconds."""
        with contextlib.closing(self.container):
            yield from self._decoded

    def _estimated(self):
        """Frames by the length, which some kinds of files tell instead."""
        if self.stream.duration and self.stream.time_base:
            return round(float(self.stream.duration * self.stream.time_base) * self.rate)
        return round(self.container.duration / av.time_base * self.rate) if self.container.duration else 0

    def _decode(self):
        begun = size = None
        for number, frame in enumerate(self._raw()):
            self._turns = round(frame.rotation / 90) % 4
            image = np.rot90(frame.to_ndarray(format="rgb24"), self._turns)
            size = size or image.shape
            # Of a stream whose frames change their size the first counts; boxes and the drawn video are of it.
            if image.shape != size:
                frame = frame.reformat(*(size[1::-1] if self._turns % 2 == 0 else size[:2]))
                image = np.rot90(frame.to_ndarray(format="rgb24"), self._turns)
            seconds = number / self.rate if frame.time is None else frame.time
            begun = seconds if begun is None else begun
            yield np.ascontiguousarray(image), seconds - begun

    def _raw(self):
        """FFmpeg's frames; what is damaged between them is passed over, and where nothing more can be read it ends."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue


def _is_cover(stream):
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def ending() -> str:
    """What a written video's name ends in."""
    return _encoder()[0]


def _encoder():
    return next(of for of in ENCODERS if of[1] in av.codecs_available)


@contextlib.contextmanager
def written(
    path: StrPath, size: tuple[int, int], rate: float, aspect: Fraction = Fraction(1)
) -> Iterator[Callable[[np.ndarray, float], None]]:
    """Gives a function that adds a frame, [H, W, 3] uint8 RGB, shown from so many seconds on; they come in order.

    Args:
        path: of the file, which ends in `ending()`. It appears when it is whole, and not at all where an exception
            comes before.
        size: width and height of the frames. An odd one gets its last row or column twice, as H.264 needs it.
        rate: frames a second of which the last one's length is made; all others last until the next.
        aspect: width of a pixel by its height.

    Raises:
        OSError: it cannot be written, as where a disk is full.
    """
    _, name, options = _encoder()
    width, height = (side + side % 2 for side in size)
    # What plays begins before all has been fetched.
    begins_early = {"movflags": "faststart"}
    with (
        whole_file(path) as partial,
        _as_os_error(path),
        av.open(partial, "w", options=begins_early) as container,
    ):
        stream = container.add_stream(name, rate=Fraction(rate).limit_denominator(10_000), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.sample_aspect_ratio = aspect
        last = -1

        def add(image, seconds):
            nonlocal last
            padded = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), "edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
            frame.pts = last = max(last + 1, round(seconds * TICKS))
            frame.time_base, frame.duration = Fraction(1, TICKS), round(TICKS / rate)
            with _as_os_error(path):
                container.mux(stream.encode(frame))

        yield add
        container.mux(stream.encode())


@contextlib.contextmanager
def _as_os_error(path):
    """FFmpeg's errors as those of a file."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
