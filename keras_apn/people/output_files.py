"""What was found, written: a JSON line a person or COCO's results, and drawings."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from data_pipeline import drawing
from data_pipeline.common import outputs
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, whole_file
from keras_apn.inference import visualization
from keras_apn.people.person import PROBABILITIES, Person
from keras_apn.sources.pictures import Picture

OVERLAYS = "overlays"
# The names of `--format` and the files that they make.
FILES = {"lines": "predictions.jsonl", "coco": "predictions.json"}
# COCO's number of people.
PERSON = 1
Put = Callable[[Picture, Sequence[Person]], None]


def describe(label: dict, number: int, person: Person) -> dict[str, Any]:
    """One person as a dict that goes into a line.

    Args:
        label: of the `Picture`.
        number: of the person in it.
        person: who was found.

    Raises:
        UserError: a number is not finite.
    """
    _require_finite(person)
    named = {key: of for key in PROBABILITIES if (of := getattr(person, key)) is not None}
    joints = [
        {
            "name": name,
            "x": round(float(person.joints[i, 0]), 2),
            "y": round(float(person.joints[i, 1]), 2),
            "score": round(float(person.scores[i]), 4),
            **{key: round(float(of[i]), 4) for key, of in named.items()},
        }
        for i, name in enumerate(person.skeleton.joints)
    ]
    return {**label, "person": number, "box": _rounded(person.box), "joints": joints}


def coco_result(picture: Picture, person: Person) -> dict[str, Any]:
    """One person as COCO's evaluation takes results: [x, y, score] of each joint in one list.

    `image_id` is the number by which the file of boxes knows the picture, or that of the picture's name where it is a
    number, as COCO's are, or the name; of a video the frame's number. `score` is the joints' mean.

    Raises:
        UserError: a number is not finite.
    """
    _require_finite(person)
    triples = np.concatenate([person.joints, person.scores[:, None]], 1)
    return {
        "image_id": image_id(picture),
        "category_id": PERSON,
        "keypoints": [round(float(value), 4) for value in triples.ravel()],
        "score": round(float(person.scores.mean()), 6),
        **({} if person.number is None else {"track_id": person.number}),
    }


def image_id(picture: Picture) -> int | str:
    """The number by which COCO's files know a picture; see `coco_result`."""
    if picture.image_id is not None:
        return picture.image_id
    stem = os.path.splitext(os.path.basename(picture.label["image"]))[0]
    return int(stem) if stem.isdecimal() else stem


def _require_finite(person):
    values = (person.joints, person.scores, *(getattr(person, key) for key in PROBABILITIES))
    if not all(np.isfinite(of).all() for of in values if of is not None):
        raise UserError("The model's answer is not finite: its training has diverged")


def _rounded(box):
    return None if box is None else [round(float(value), 2) for value in box]


def draw(picture: Picture, people: Sequence[Person]) -> np.ndarray:
    """A picture with the boxes that were given and all skeletons; [H, W, 3] uint8 RGB."""
    drawn = picture.image
    for box in filter(None, picture.people.values()):
        drawn = drawing.draw_box(drawn, box)
    for person in people:
        drawn = visualization.draw_prediction(drawn, person.joints, person.occluded, person.skeleton)
        if person.number is not None:
            drawn = drawing.draw_number(drawn, person.number, person.joints[person.joints[:, 1].argmin()])
    return drawn


def require_writable(output: StrPath, format: str) -> None:
    """Raises UserError where the file of answers cannot be written in `--output`, before any work is done."""
    outputs.require_folder(output, "output")
    file = os.path.join(output, FILES[format])
    if os.path.isdir(file):
        raise UserError(f"{file} is a folder; give another --output")


@contextlib.contextmanager
def _lines(path: StrPath) -> Iterator[Put]:
    with _kept(path) as name, open(name, "w", encoding="utf-8") as file:

        def put(picture, people):
            for number, person in _numbered(picture, people):
                file.write(json.dumps(describe(picture.label, number, person)) + "\n")
            file.flush()

        yield put


@contextlib.contextmanager
def _coco(path: StrPath) -> Iterator[Put]:
    with _kept(path) as name, open(name, "w", encoding="utf-8") as file:
        before = "[\n"

        def put(picture, people):
            nonlocal before
            for person in people:
                file.write(before + json.dumps(coco_result(picture, person)))
                before = ",\n"
            file.flush()

        try:
            yield put
        finally:
            file.write("[]\n" if before == "[\n" else "\n]\n")


def _numbered(picture, people):
    """People with their number in the picture: of those who are followed their own, else that of their box."""
    if any(person.number is not None for person in people):
        return [(person.number, person) for person in people]
    return list(zip(picture.people, people, strict=True))


@contextlib.contextmanager
def _kept(path):
    """As `whole_file`, but what there was before an interruption is kept."""
    interrupted = None
    with whole_file(path) as partial:
        try:
            yield partial
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted:
        raise interrupted


WRITERS = {"lines": _lines, "coco": _coco}


def write(
    answers: Iterable[tuple[Picture, Sequence[Person]]],
    output: StrPath,
    overlays: Callable[[str], contextlib.AbstractContextManager] | None = None,
    format: str = "lines",
) -> int:
    """Writes answers as they come; the file of them appears when it is whole, or interrupted.

    Args:
        answers: pairs of a `Picture` and its people.
        output: the folder to write to; made with the first answer.
        overlays: None, or a function from a folder to a context manager that gives a function of a `Picture` and its
            drawing.
        format: one of `FILES`.

    Returns:
        The number of people.

    Raises:
        OSError: a file cannot be written. Where it is a drawing, the answers are whole all the same.
    """
    people = 0
    with contextlib.ExitStack() as stack:
        overlay = stack.enter_context(overlays(os.path.join(output, OVERLAYS))) if overlays else None
        failed = None
        with WRITERS[format](os.path.join(output, FILES[format])) as put:
            for picture, found in answers:
                put(picture, found)
                people += len(found)
                if overlay and not failed:
                    try:
                        overlay(picture, draw(picture, found))
                    except OSError as error:
                        failed = error
        if failed:
            raise failed
    return people
