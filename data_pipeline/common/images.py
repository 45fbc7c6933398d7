"""Decoding pictures: one way in all programs."""

import io
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

# Cameras and telephones give up to 108 million pixels, but for a few telephones' 200. Of 2**27 (134 million) the bytes
# take 400 MB; a file of some kilobytes can claim as many.
MOST_SIDE, MOST_PIXELS = 16384, 2**27
# Pillow's names; some telephones write two pictures into one file.
JPEGS = ("JPEG", "MPO")


def decode(source: StrPath | bytes, formats: tuple[str, ...] | None = None) -> np.ndarray:
    """Decodes a picture.

    Args:
        source: a path, or the bytes of a file.
        formats: Pillow's names of those that are taken; None for all that it knows.

    Returns:
        [H, W, 3] uint8 RGB, turned as a JPEG's note of how the camera was held (EXIF) says. Of 16 bits the upper
        eight; transparency is left out.

    Raises:
        UserError: it is missing, damaged, cut short, too large or no picture; the message is a sentence without
            its subject.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of sizes, which are checked here, and of damaged notes.
            with PIL.Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats) as image:
                return _pixels(image)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError("does not exist") from error
    except PIL.Image.DecompressionBombError as error:
        raise UserError(f"has more than the {MOST_PIXELS} pixels that are decoded") from error
    except (OSError, SyntaxError, ValueError) as error:
        known = getattr(error, "strerror", None)
        raise UserError(f"cannot be read ({known})" if known else "is damaged or no picture") from error


def _pixels(image):
    """An opened picture's, read now."""
    width, height = image.size
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        most = f"{MOST_SIDE} a side or {MOST_PIXELS} in all"
        raise UserError(f"has {width} x {height} pixels, more than the {most} that are decoded")
    if image.mode.startswith("I"):
        return np.repeat((np.asarray(image, np.int64) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    upright = PIL.ImageOps.exif_transpose(image) if image.format in JPEGS else image
    return np.asarray(upright.convert("RGB"))
