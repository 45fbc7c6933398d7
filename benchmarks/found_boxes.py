"""How well people are found without a box: `python -m benchmarks.found_boxes --annotations=FILE --images=DIR`.

Held-out photographs of MPII, as `data_pipeline.build_tfrecords --validation_people` chooses them. PCKh@0.5, the mean of
14 joints, with the annotated boxes, with a box that is found, and with the whole picture for one. The last two are
compared with whoever of the photograph they fit best. `elsewhere` is the share of answers that are three head sizes off
in the mean.
"""

import collections
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from absl import flags

from data_pipeline.build_tfrecords import hold_out
from data_pipeline.common import program
from data_pipeline.readers import mpii, photographs
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import JOINTS_14
from keras_apn.inference.arrays import BOX_MARGIN
from keras_apn.people import model

FAR = 3.0


def errors(person: Person, joints: np.ndarray) -> np.ndarray:
    """[14] distances in head sizes of [16, 2] joints from an annotated person; NaN where not annotated."""
    away = np.linalg.norm(joints - person.joints_image, axis=-1) / person.head_size
    return np.where(person.annotated, away, np.nan)[list(JOINTS_14)]


def summary(found: Sequence[np.ndarray]) -> dict[str, float]:
    """PCKh@0.5 in percent, the mean of 14 joints, and the share of people who were found elsewhere."""
    away = np.stack(found)
    right = np.where(np.isnan(away), np.nan, away < 0.5)
    return {
        "people": len(away),
        "pckh": 100 * float(np.nanmean(np.nanmean(right, 0))),
        "elsewhere": 100 * float(np.mean(np.nanmean(away, 1) > FAR)),
    }


def annotated_box(person: Person) -> list[float]:
    """The box whose crop is the person's."""
    side = float(person.side_image) / BOX_MARGIN
    x, y = (float(value) + 0.5 - side / 2 for value in person.center_image)
    return [x, y, side, side]


def work(names: Sequence[str], boxes: dict[str, list], images: str) -> Iterator[tuple[str, np.ndarray, list]]:
    """Photographs as `Model.stream` takes them, read one after the other."""
    for name in names:
        yield name, photographs.read(os.path.join(images, name)), boxes[name]


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("annotations", None, "MPII's, as the builder takes them", required=True)
    flags.DEFINE_string("images", None, "the folder of its photographs", required=True)
    flags.DEFINE_string("model", "apn-mobile", "as of keras_apn.load")
    flags.DEFINE_integer("people", 300, "held out, with all others of their photographs", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the choice")
    flags.DEFINE_list("photographs", None, "of one and of several annotated people, as 70,30; all if not given")


def main(values: flags.FlagValues) -> None:
    """Finds, compares and tells, photographs of one annotated person and of several apart."""
    people = mpii.read(values.annotations, "train").people
    people = [people[n] for n in photographs.present(people, values.images, allow_missing=True)]
    splits = hold_out(people, [person.split for person in people], values.people, values.seed)
    shown = collections.defaultdict(list)
    for person, split in zip(people, splits, strict=True):
        if split == "validation":
            shown[person.image].append(person)
    finder = model.load(values.model, judged=False)
    most = [None if values.photographs is None else int(count) for count in values.photographs or ("0", "0")]
    for kind, several in (("one person", False), ("several", True)):
        names = [name for name, who in shown.items() if (len(who) > 1) == several][: most[several]]
        boxes = {name: [annotated_box(person) for person in shown[name]] for name in names}
        told = [
            errors(person, found.joints)
            for name, answer in finder.stream(work(names, boxes, values.images))
            for person, found in zip(shown[name], answer, strict=True)
        ]
        print(f"{kind}, annotated boxes: {summary(told)}", flush=True)
        for way, find in (("found", True), ("whole picture", False)):
            nobody = {name: [None] for name in names}
            told = [
                min((errors(person, found.joints) for person in shown[name]), key=np.nanmean)
                for name, (found,) in finder.stream(work(names, nobody, values.images), find=find)
            ]
            print(f"{kind}, {way}: {summary(told)}", flush=True)
    print(f"model {values.model}, photographs {len(shown)}", file=sys.stderr)


if __name__ == "__main__":
    program.run(main, define_flags)
