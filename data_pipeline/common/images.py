"""Decoding pictures: one way in all programs."""

import io
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps

from data_pipeline.common import jpeg
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

# Cameras and telephones give up to 108 million pixels, but for a few telephones' 200. Of 2**27 (134 million) the bytes
# take 400 MB; a file of some kilobytes can claim as many.
MOST_SIDE, MOST_PIXELS = 16384, 2**27
# EXIF's number of the note of how the camera was held, and its values whose width and height change places.
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
# Pillow's names of the only kind whose note of how the camera was held few viewers heed, and of the one that Pillow
# turns by itself, size and all.
PNG, TIFF = "PNG", "TIFF"


def decode(source: StrPath | bytes, formats: tuple[str, ...] | None = None) -> np.ndarray:
    """Decodes a picture.

    Args:
        source: a path, or the bytes of a file.
        formats: Pillow's names of those that are taken; None for all that it knows.

    Returns:
        [H, W, 3] uint8 RGB, turned as a note of how the camera was held (EXIF) says, but for a PNG's. Of 16 bits
        the upper eight; transparency is left out.

    Raises:
        UserError: it is missing, damaged, cut short, too large, too dear to decode or no picture; the message is a
            sentence without its subject.
    """
    return _opened(source, formats, _pixels)


def size(source: StrPath | bytes) -> tuple[int, int]:
    """`(width, height)` of a picture as `decode` gives it, by its header alone; raises what `decode` does of that."""
    return _opened(source, None, _size)


def _opened(source, formats, function):
    """What a function gives of an opened picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of sizes, which are checked here, and of damaged notes.
            with PIL.Image.open(_checked(source), formats=formats) as image:
                return function(image)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError("does not exist") from error
    except PIL.Image.DecompressionBombError as error:
        raise UserError(f"has more than the {MOST_PIXELS} pixels that are decoded") from error
    except (OSError, SyntaxError, ValueError) as error:
        known = getattr(error, "strerror", None)
        raise UserError(f"cannot be read ({known})" if known else "is damaged or no picture") from error


def _checked(source):
    """What Pillow opens: the file, or its bytes where they are a JPEG's and had to be looked at."""
    if not isinstance(source, bytes):
        with open(source, "rb") as file:
            start = file.read(len(jpeg.START))
            if start != jpeg.START:
                return source
            source = start + file.read()
    if source.startswith(jpeg.START):
        jpeg.check(source)
    return io.BytesIO(source)


def _size(image):
    """Width and height of an opened picture, upright."""
    width, height = image.size
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        most = f"{MOST_SIDE} a side or {MOST_PIXELS} in all"
        raise UserError(f"has {width} x {height} pixels, more than the {most} that are decoded")
    turned = image.format not in (PNG, TIFF) and image.getexif().get(ORIENTATION) in TURNED
    return (height, width) if turned else (width, height)


def _pixels(image):
    """An opened picture's, read now."""
    _size(image)
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image, np.int64) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    upright = image if image.format == PNG else PIL.ImageOps.exif_transpose(image)
    return np.asarray(upright.convert("RGB"))
