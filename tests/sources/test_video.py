import os
import signal

import cv2
import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import video
from keras_apn.sources.boxes import Boxes

RATE, FRAMES = 12.5, 6


def _write(path, codec, frames=FRAMES):
    """A video of 64 x 48 pixels whose left half gets redder by 40 a frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), RATE, (64, 48))
    for n in range(frames):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[:, :32, 2] = min(40 * n, 255)  # Red, in OpenCV's order.
        writer.write(frame)
    writer.release()
    return str(path)


@pytest.fixture
def clip(tmp_path):
    return _write(tmp_path / "clip.mp4", "mp4v")


class _Camera:
    """What OpenCV gives for a camera, with so many frames before it is pulled out."""

    def __init__(self, frames, interrupted_at=None):
        self.frames, self.read_so_far, self.interrupted_at = frames, 0, interrupted_at

    def isOpened(self):
        return True

    def get(self, key):
        return {cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48}.get(key, -1)

    def read(self):
        if self.read_so_far == self.interrupted_at:
            os.kill(os.getpid(), signal.SIGINT)
        self.read_so_far += 1
        return self.read_so_far <= self.frames, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "mp4v"), ("CLIP.AVI", "MJPG"), ("clip.mkv", "mp4v")])
def test_frames_are_numbered_and_timed(tmp_path, name, codec):
    source = video.Video(_write(tmp_path / name, codec), Boxes())
    frames = list(source.read(None))
    assert [frame.label for frame in frames] == [{"video": name, "frame": n, "time": n / RATE} for n in range(FRAMES)]
    assert [source.total, source.rate, source.size] == [FRAMES, RATE, (64, 48)]


def test_frames_are_rgb(clip):
    last = list(video.Video(clip, Boxes()).read(None))[-1]
    assert last.image[24, 16, 0] > 150
    assert last.image[24, 16, 2] < 50


def test_frames_have_their_own_boxes_and_those_without_are_there_too(clip):
    box = [1.0, 2.0, 3.0, 4.0]
    frames = list(video.Video(clip, Boxes(listed={"1": [box, box]})).read(None))
    assert [frame.people for frame in frames[:3]] == [{}, {0: box, 1: box}, {}]


def test_it_ends_after_as_many_frames_as_are_asked_for(clip):
    source = video.Video(clip, Boxes(), most=2)
    assert source.total == 2
    assert len(list(source.read(None))) == 2


def test_a_video_that_is_cut_short_is_reported(tmp_path):
    whole = _write(tmp_path / "whole.avi", "MJPG", frames=40)
    with open(whole, "rb") as file:
        (tmp_path / "cut.avi").write_bytes(file.read()[: os.path.getsize(whole) // 2])
    errors = []
    frames = list(video.Video(str(tmp_path / "cut.avi"), Boxes()).read(errors.append))
    assert 5 < len(frames) < 35
    assert f"cut.avi ended after {len(frames)} frames of 40" in str(errors[0])


@pytest.mark.parametrize("content", [b"", b"a letter", None], ids=["empty", "text", "missing"])
def test_a_video_that_cannot_be_read_is_one_clear_line(tmp_path, content, capfd):
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged or no video" if content is not None else "does not exist"):
        video.Video(str(path), Boxes())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("source", "words"), [("camera:x", "must be camera: and its number"), ("camera:97", "is no camera")]
)
def test_a_camera_that_is_none_is_one_clear_line(source, words, capfd):
    with pytest.raises(UserError, match=words):
        video.Video(source, Boxes())
    assert capfd.readouterr().err == ""


def test_ctrl_c_ends_a_camera_cleanly(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(100, interrupted_at=3))
    before = signal.getsignal(signal.SIGINT)
    frames = list(video.Video("camera:0", Boxes()).read(None))
    assert [frame.label["frame"] for frame in frames] == [0, 1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_camera_that_stops_is_reported(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(2))
    errors = []
    assert len(list(video.Video("camera:0", Boxes()).read(errors.append))) == 2
    assert "camera:0 ended after 2 frames" in str(errors[0])


def test_a_camera_may_be_told_when_to_end(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(100))
    source = video.Video("camera:0", Boxes(), most=3)
    assert [len(list(source.read(None))), source.rate] == [3, video.USUAL_RATE]


def test_the_drawn_video_has_the_size_the_rate_and_the_frames_of_the_first(clip, tmp_path):
    source = video.Video(clip, Boxes())
    with source.overlays(str(tmp_path / "out")) as write:
        for picture in source.read(None):
            write(picture, 255 - picture.image)
    drawn = video.Video(str(tmp_path / "out" / "clip.mp4"), Boxes())
    frames = list(drawn.read(None))
    assert [drawn.size, drawn.rate, len(frames)] == [(64, 48), RATE, FRAMES]
    assert frames[0].image.min() > 200
    assert os.listdir(tmp_path / "out") == ["clip.mp4"]


def test_a_video_is_never_written_over(clip, tmp_path):
    with (
        pytest.raises(UserError, match=r"clip\.mp4 would be written over"),
        video.Video(clip, Boxes()).overlays(str(tmp_path)),
    ):
        pass


def test_an_interrupted_drawing_leaves_nothing(clip, tmp_path):
    with pytest.raises(KeyboardInterrupt), video.Video(clip, Boxes()).overlays(str(tmp_path / "out")):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("source", "expected"), [("camera:0", True), ("a/b.MP4", True), ("a.jpg", False), (".", False)]
)
def test_a_video_is_told_by_its_name(source, expected):
    assert video.is_video(source) == expected
