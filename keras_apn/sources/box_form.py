"""What the four numbers of a box mean, and which boxes of a file are people's."""

import dataclasses
from collections.abc import Sequence

from data_pipeline.common.errors import UserError, shortened

# Corner and size; two opposite corners; centre and size. How they are written, by name.
FORMATS = {"xywh": "x,y,w,h", "xyxy": "x1,y1,x2,y2", "cxcywh": "cx,cy,w,h"}
DEFAULT_FORMAT = "xywh"
# Shares of the picture's width and height are `relative`.
UNITS = ("pixels", "relative")

# What a detector is less sure of is taken for nobody.
MIN_SCORE = 0.3
# No picture has so many pixels in a row; a number beyond is a mistake, and NaN is not below it either.
MOST = 1e6
# A relative box may stick out of its picture, but not lie a picture away.
MOST_RELATIVE = 2.0

UNITS_QUESTION = (
    "lie within 0 and 1: give --box_units=relative if they are shares of the picture's width and height, or "
    "--box_units=pixels"
)


@dataclasses.dataclass(frozen=True)
class Form:
    """How boxes are written, and whose count.

    Attributes:
        numbers: one of `FORMATS`; None for `xywh`, but a box that would only fit its picture as corners is questioned.
        units: one of `UNITS`; None for pixels, but boxes that all lie within 0 and 1 are questioned.
        min_score: boxes of a detector with a score below it are left out.
        category: the number of people among a detector's kinds of things; None for 1, as in COCO's files, and 0 in
            YOLO's.
    """

    numbers: str | None = None
    units: str | None = None
    min_score: float = MIN_SCORE
    category: int | None = None

    @property
    def relative(self) -> bool:
        """Whether boxes are shares of the picture."""
        return self.units == "relative"

    def box(self, values: Sequence, place: str) -> list[float]:
        """Four numbers, or words for them, as x, y, width and height in the same units.

        Raises:
            UserError: they are none, or have no width or height; `place` says where they stand.
        """
        box = self.corner_and_size(values, place)
        if not min(box[2:]) > 0:
            raise UserError(f"{place} must have a width and a height above 0. Received: {_shown(values)}")
        return box

    def corner_and_size(self, values: Sequence, place: str) -> list[float]:
        """As `box`, but a width or a height may be 0 or below."""
        numbers = self.numbers or DEFAULT_FORMAT
        try:
            a, b, c, d = found = [float(value) for value in values]
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{place} must be four numbers {FORMATS[numbers]}. Received: {_shown(values)}") from error
        if not all(abs(value) < MOST for value in found):
            raise UserError(f"{place} must have finite numbers below {MOST:g}. Received: {_shown(values)}")
        if self.relative and not all(abs(value) <= MOST_RELATIVE for value in found):
            raise UserError(
                f"{place} must be relative, within 0 and 1, or give --box_units=pixels. Received: {_shown(values)}"
            )
        if numbers == "xyxy":
            return [a, b, c - a, d - b]
        return [a - c / 2, b - d / 2, c, d] if numbers == "cxcywh" else found

    def question_units(self, boxes: Sequence[Sequence[float]], place: str) -> None:
        """Raises UserError where boxes may be pixels or relative."""
        if self.units is None and boxes and all(0 <= value <= 1 for box in boxes for value in box):
            raise UserError(f"{place}: all boxes {UNITS_QUESTION}")


# As boxes are where nobody says otherwise.
PLAIN = Form()


def in_pixels(box: Sequence[float], height: int, width: int) -> list[float]:
    """A relative box in pixels of a picture."""
    return [value * size for value, size in zip(box, (width, height, width, height), strict=True)]


def _shown(values):
    return shortened(",".join(map(str, values)) if isinstance(values, list | tuple) else values)
