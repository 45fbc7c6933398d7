import io

import numpy as np
import PIL.Image
import pytest

from data_pipeline.common import jpeg
from data_pipeline.common.errors import UserError


def _file(**options):
    image = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def _with_frame(kind=0xC0, height=40, width=56, scans=1, more=b""):
    """A file of segments alone: a frame of a kind and size, so many scans, an end."""
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    frame = b"\xff" + bytes([kind]) + b"\0\x0b\x08" + size + b"\x01\x01\x11\0"
    return b"\xff\xd8" + frame + more + b"\xff\xda\0\x02\x12\x34" * scans + b"\xff\xd9"


def test_photographs_pass():
    jpeg.check(_file())
    jpeg.check(_file(progressive=True))
    jpeg.check(_file(exif=b"Exif\0\0" + _file()))


@pytest.mark.parametrize("length", range(3, 200, 7))
def test_what_is_cut_short_passes_for_the_decoder_to_say_so(length):
    jpeg.check(_file(progressive=True)[:length])


@pytest.mark.parametrize(("scans", "allowed"), [(12, True), (13, False)])
def test_the_largest_picture_has_twelve_scans(scans, allowed):
    data = _with_frame(height=8192, width=16384, scans=scans)
    if allowed:
        jpeg.check(data)
    else:
        with pytest.raises(UserError) as caught:
            jpeg.check(data)
        assert str(caught.value) == "has too many scans for its 134217728 pixels; save it anew, not progressive"


@pytest.mark.parametrize("kind", [0xC0, 0xC2, 0xC9, 0xCF])
def test_every_kind_of_frame_has_a_size(kind):
    with pytest.raises(UserError, match="too many scans for its 134217728 pixels"):
        jpeg.check(_with_frame(kind, 8192, 16384, 13))


@pytest.mark.parametrize("kind", [0xC4, 0xC8, 0xCC, 0xBF, 0xD8, 0xE0])
def test_tables_have_none(kind):
    jpeg.check(_with_frame(kind, 8192, 16384, 13))


def test_the_first_frame_counts():
    jpeg.check(_with_frame(scans=13, more=_with_frame(0xC0, 8192, 16384, 0)[2:-2]))


@pytest.mark.parametrize(("count", "allowed"), [(509, True), (510, False)])
def test_segments_are_bounded(count, allowed):
    # Beside them a frame, a scan and the end.
    data = _with_frame(more=b"\xff\xfe\0\x02" * count)
    if allowed:
        jpeg.check(data)
    else:
        with pytest.raises(UserError) as caught:
            jpeg.check(data)
        assert str(caught.value) == "has more than the 512 segments that are looked at; save it anew"


@pytest.mark.parametrize("filler", [b"\xff", b"\0", b"\xff\0", b"\xff\xd0", b"\xff\x01"])
def test_filling_is_bounded_and_costs_no_segments(filler):
    count = jpeg.MOST_FILLING // len(filler)
    jpeg.check(b"\xff\xd8" + filler * count + _with_frame()[2:])
    with pytest.raises(UserError) as caught:
        jpeg.check(b"\xff\xd8" + filler * (count + 1) + _with_frame()[2:])
    assert str(caught.value) == "has more than 65536 bytes of filling between its segments"


def test_filling_is_counted_over_all_segments():
    half = b"\0" * (jpeg.MOST_FILLING // 2 + 1)
    with pytest.raises(UserError, match="of filling"):
        jpeg.check(b"\xff\xd8" + half + b"\xff\xfe\0\x02" + half + _with_frame()[2:])


def test_a_scans_data_is_no_filling():
    data = _with_frame()
    end = data[-2:]
    jpeg.check(data[:-2] + b"\x12" * 2 * jpeg.MOST_FILLING + b"\xff\xda\0\x02" + end)


def test_what_follows_the_end_is_not_looked_at():
    jpeg.check(_with_frame(height=8192, width=16384) + b"\xff\xda\0\x02" * 600)


@pytest.mark.parametrize("hidden", [b"\xff\xda\0\x02" * 20, b"\xff\xd9"])
def test_what_a_segment_holds_is_not_looked_at(hidden):
    segment = b"\xff\xfe" + (len(hidden) + 2).to_bytes(2, "big") + hidden
    jpeg.check(_with_frame(height=8192, width=16384, scans=12, more=segment))
    with pytest.raises(UserError, match="too many scans"):
        jpeg.check(_with_frame(height=8192, width=16384, scans=13, more=segment))


@pytest.mark.parametrize("length", [b"\0\0", b"\0\x01"])
def test_a_segment_without_a_length_hides_no_scans(length):
    # libjpeg goes on behind the two bytes.
    data = _with_frame(height=8192, width=16384, scans=13, more=b"\xff\xfe" + length)
    with pytest.raises(UserError, match="too many scans"):
        jpeg.check(data)
