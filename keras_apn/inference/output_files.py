"""What was found, written: a JSON line a person, and drawings."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from data_pipeline import drawing
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, whole_file
from data_pipeline.skeleton import JOINTS
from keras_apn.inference import visualization

LINES, OVERLAYS = "predictions.jsonl", "overlays"

# The probabilities of a joint that an estimator may give, as its dict and a line name them.
PROBABILITIES = ("occluded", "plausible", "confident")


def describe(label: dict, number: int, box: Sequence[float] | None, found: dict[str, np.ndarray]) -> dict[str, Any]:
    """One person as a dict that goes into a line.

    Args:
        label: of the `pictures.Picture`.
        number: of the person in it.
        box: of the person; None for the whole picture.
        found: dict of `joints` [16, 2] image pixels, `scores` [16] and what there is of `PROBABILITIES`, [16].

    Raises:
        UserError: a number is not finite.
    """
    if not all(np.isfinite(values).all() for values in found.values()):
        raise UserError("The model's answer is not finite: its training has diverged")
    joints = [
        {
            "name": name,
            "x": round(float(found["joints"][i, 0]), 2),
            "y": round(float(found["joints"][i, 1]), 2),
            "score": round(float(found["scores"][i]), 4),
            **{key: round(float(found[key][i]), 4) for key in PROBABILITIES if key in found},
        }
        for i, name in enumerate(JOINTS)
    ]
    return {**label, "person": number, "box": box, "joints": joints}


def draw(picture: Any, found: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    """A `pictures.Picture` with the boxes that were given and all skeletons; [H, W, 3] uint8 RGB."""
    drawn = picture.image
    for box in filter(None, picture.people.values()):
        drawn = drawing.draw_box(drawn, box)
    for person in found:
        drawn = visualization.draw_prediction(drawn, person["joints"], person.get("occluded"))
    return drawn


def write(
    answers: Iterable[tuple],
    output: StrPath,
    overlays: Callable[[str], contextlib.AbstractContextManager] | None = None,
) -> int:
    """Writes answers as they come; `predictions.jsonl` appears when it is whole.

    Args:
        answers: pairs of a `pictures.Picture` and a list of dicts, as `describe` takes them, one a person.
        output: the folder to write to; made with the first answer.
        overlays: None, or a function from a folder to a context manager that gives a function of a `Picture` and its
            drawing.

    Returns:
        The number of people.
    """
    people = 0
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(stack.enter_context(whole_file(os.path.join(output, LINES))), "w"))
        overlay = stack.enter_context(overlays(os.path.join(output, OVERLAYS))) if overlays else None
        for picture, found in answers:
            for (number, box), person in zip(picture.people.items(), found, strict=True):
                file.write(json.dumps(describe(picture.label, number, box, person)) + "\n")
                people += 1
            file.flush()
            if overlay:
                overlay(picture, draw(picture, found))
    return people
