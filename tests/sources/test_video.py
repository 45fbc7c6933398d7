import os
import pathlib
import subprocess
import sys

import av
import cv2
import numpy as np
import PIL.Image
import pytest

from data_pipeline.common.errors import UserError
from keras_apn.sources import camera, video, video_file
from keras_apn.sources.box_file import Listed
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


# As an MP4 file has it: how its frames are turned, nine fixed-point numbers.
PLAIN = (1, 0, 0, 0, 1, 0, 0, 0, 0x4000)
TURNED = {
    90: (0, 1, 0, -1, 0, 0, 0, 0, 0x4000),
    180: (-1, 0, 0, 0, -1, 0, 0, 0, 0x4000),
    270: (0, -1, 0, 1, 0, 0, 0, 0, 0x4000),
}


def _turn(path, matrix):
    """Writes another matrix into an MP4 file's track, as a telephone does that is held upright."""
    content = pathlib.Path(path).read_bytes()
    plain, told = (
        b"".join((number << 16).to_bytes(4, "big", signed=number < 0) for number in of) for of in (PLAIN, matrix)
    )
    at = content.index(plain, content.index(b"tkhd"))
    pathlib.Path(path).write_bytes(content[:at] + told + content[at + len(plain) :])


@pytest.fixture
def clip(tmp_path):
    return _write(tmp_path / "clip.mp4", "mp4v")


class _Camera:
    """What OpenCV gives for a camera, with so many frames before it is pulled out."""

    def __init__(self, frames):
        self.frames, self.read_so_far = frames, 0

    def isOpened(self):
        return True

    def get(self, key):
        return {cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48}.get(key, -1)

    def read(self):
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
    frames = list(video.Video(clip, Boxes(listed=Listed({"1": [box, box]}))).read(None))
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


def test_a_camera_that_stops_is_reported(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(2))
    errors = []
    assert len(list(video.Video("camera:0", Boxes()).read(errors.append))) == 2
    assert "camera:0 ended after 2 frames" in str(errors[0])


def test_a_camera_may_be_told_when_to_end(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(100))
    source = video.Video("camera:0", Boxes(), most=3)
    assert [len(list(source.read(None))), source.rate] == [3, video_file.USUAL_RATE]


def _drawn(source, folder):
    """The source's frames with their colours turned, written by itself."""
    with source.overlays(str(folder)) as write:
        for picture in source.read(None):
            write(picture, 255 - picture.image)


def test_the_drawn_video_has_the_size_the_rate_and_the_frames_of_the_first(clip, tmp_path):
    source = video.Video(clip, Boxes())
    _drawn(source, tmp_path / "out")
    drawn = video.Video(str(tmp_path / "out" / "clip.mp4"), Boxes())
    frames = list(drawn.read(None))
    assert [drawn.size, drawn.rate, len(frames)] == [(64, 48), RATE, FRAMES]
    assert [frame.label["time"] for frame in frames] == [n / RATE for n in range(FRAMES)]
    assert frames[0].image.min() > 200
    assert os.listdir(tmp_path / "out") == ["clip.mp4"]


def test_browsers_play_the_drawn_video(clip, tmp_path):
    _drawn(video.Video(clip, Boxes()), tmp_path / "out")
    path = tmp_path / "out" / "clip.mp4"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_without_h264_there_is_vp9(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(video_file.av, "codecs_available", {"libvpx-vp9", "mpeg4"})
    _drawn(video.Video(clip, Boxes()), tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["clip.webm"]
    drawn = list(video.Video(str(tmp_path / "out" / "clip.webm"), Boxes()).read(None))
    assert [round(frame.label["time"], 2) for frame in drawn] == [round(n / RATE, 2) for n in range(FRAMES)]


def test_frames_that_are_not_equally_long_stay_so(tmp_path):
    times = [0.0, 0.1, 0.5, 0.52, 1.4]
    with video_file.written(tmp_path / "a.mp4", (65, 47), 30.0) as add:
        for seconds in times:
            add(np.zeros((47, 65, 3), np.uint8), seconds)
    source = video.Video(str(tmp_path / "a.mp4"), Boxes())
    assert source.size == (66, 48)  # H.264 has even sides.
    _drawn(source, tmp_path / "out")
    for path in (tmp_path / "a.mp4", tmp_path / "out" / "a.mp4"):
        found = [frame.label["time"] for frame in video.Video(str(path), Boxes()).read(None)]
        np.testing.assert_allclose(found, times, atol=0.002)


def test_a_cameras_video_lasts_as_long_as_the_camera_was_on(monkeypatch, tmp_path):
    # One that says 240 frames a second and gives one each half second.
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr(camera.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: _Camera(100))
    _drawn(video.Video("camera:0", Boxes(), most=5), tmp_path)
    frames = [frame.label["time"] for frame in video.Video(str(tmp_path / "camera0.mp4"), Boxes()).read(None)]
    assert frames == [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("degrees", list(TURNED))
def test_videos_of_telephones_are_upright(tmp_path, degrees):
    with video_file.written(tmp_path / "a.mp4", (64, 48), RATE) as add:
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[:12, :16] = 255  # Bright at the left of the top.
        for n in range(3):
            add(frame, n / RATE)
    _turn(tmp_path / "a.mp4", TURNED[degrees])
    source = video.Video(str(tmp_path / "a.mp4"), Boxes())
    shown = np.rot90(frame, -degrees // 90)
    assert source.size == shown.shape[1::-1]
    found = [picture.image for picture in source.read(None)]
    assert len(found) == 3
    assert np.abs(found[0].astype(int) - shown).mean() < 3
    _drawn(video.Video(str(tmp_path / "a.mp4"), Boxes()), tmp_path / "out")
    drawn = video.Video(str(tmp_path / "out" / "a.mp4"), Boxes())
    assert np.abs(next(drawn.read(None)).image.astype(int) - (255 - shown)).mean() < 3


FULL = """
import resource, sys
import numpy as np
from keras_apn.sources import video_file
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
noise = np.random.default_rng(0)
try:
    with video_file.written(sys.argv[1], (320, 240), 10.0) as add:
        for n in range(int(sys.argv[3])):
            add(noise.integers(0, 256, (240, 320, 3), np.uint8), n / 10)
except OSError as error:
    print(error.filename, error.strerror)
"""


@pytest.mark.parametrize(("most", "frames"), [(200_000, 60), (2_000, 2)], ids=["midway", "at the end"])
def test_a_video_that_the_disk_does_not_hold_is_an_error(tmp_path, most, frames, find_the_project):
    path = tmp_path / "a.mp4"
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(most), str(frames)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith(f"{path} File too large"), ended.stderr
    assert os.listdir(tmp_path) == []


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
    ("source", "expected"),
    [
        *((name, True) for name in ("camera:0", "a/b.MP4", "a.m4v", "a.3gp", "GL010001.LRV", "00001.MTS", "a.ts")),
        *((name, False) for name in ("a.jpg", ".", "a.avif", "a")),
    ],
)
def test_a_video_is_told_by_its_name(source, expected):
    assert video.is_video(source) == expected


def test_a_video_without_an_ending_is_told_by_its_content(clip, tmp_path):
    named, picture, text = tmp_path / "clip", tmp_path / "picture", tmp_path / "text"
    named.write_bytes(pathlib.Path(clip).read_bytes())
    PIL.Image.new("RGB", (4, 4)).save(picture, "PNG")
    text.write_text("no video")
    assert [video.is_video(str(path)) for path in (named, picture, text)] == [True, False, False]


@pytest.mark.parametrize("ending", ["m4v", "3gp", "LRV", "mts", "mov", "webm"])
def test_videos_by_their_other_names(tmp_path, ending):
    kind = {"LRV": "mp4", "mts": "mpegts", "m4v": "mp4"}.get(ending, ending)
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream("libvpx" if ending == "webm" else "libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 50 * n, np.uint8), "rgb24")))
        container.mux(stream.encode())
    source = video.Video(str(path), Boxes())
    assert [source.size, [frame.label["time"] for frame in source.read(None)]] == [(64, 48), [0.0, 0.1, 0.2, 0.3]]
