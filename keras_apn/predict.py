"""Finds people's joints: `python -m keras_apn.predict --workdir=runs/mpii --input=photo.jpg --output=found`.

Writes `predictions.jsonl`, one line a person: the picture (or the video, the frame's number from 0 and its time in
seconds), the person's number in it and box, and of each joint the name, the place in 0-based pixels of the picture,
the score, and how probably it is occluded; with --discriminators also what P and C say. `--format=coco` writes
`predictions.json` instead, as COCO's evaluation takes results. `overlays/` gets each picture with all its people drawn,
or the video.

Pictures are upright, as a camera's note of how it was held (EXIF) says, boxes and joints too, as in every viewer and in
the exported models. Videos are turned as players turn them. A picture of several that is damaged, and a box that is
questionable, are reported and left out; the exit code is then 1. Ctrl-C ends early and keeps what was found.

Exported ONNX and TFLite files, and what comes with the package, do without TensorFlow.
"""

import dataclasses
import itertools
import os
import sys
from collections.abc import Iterable, Iterator

import tqdm
from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.models import shipped
from keras_apn.people import model, output_files
from keras_apn.people.model import Model
from keras_apn.people.person import Person
from keras_apn.people.tracking import Tracker
from keras_apn.sources import box_flags, boxes, interruption, pictures, video
from keras_apn.sources.pictures import Picture

INTERRUPTED = 130
Answers = Iterator[tuple[Picture, list[Person]]]


def find_people(finder: Model, source: Iterable[Picture], batch_size: int, find: bool = True) -> Answers:
    """Finds the joints of people, several at a time; each `Picture` with its people.

    Args:
        finder: a `Model`.
        source: the pictures.
        batch_size: people that the networks see at once.
        find: as of `Model.predict`.
    """
    work = ((picture, picture.image, list(picture.people.values())) for picture in source)
    return finder.stream(work, batch_size, find)


def follow_people(tracker: Tracker, source: Iterable[Picture], chosen: boxes.Boxes) -> Answers:
    """Follows people from frame to frame; each `Picture` with those who are seen in it.

    Args:
        tracker: follows them.
        source: the frames.
        chosen: where their boxes come from. Those that are alike for all frames are of the first; without any,
            somebody is looked for.
    """
    for number, picture in enumerate(source):
        given = None
        if chosen.listed is not None or (number == 0 and None not in chosen.alike):
            given = list(picture.people.values())
        people = tracker.update(picture.image, picture.label["time"], given)
        yield dataclasses.replace(picture, people={}), people


def load(workdir: StrPath | None, name: StrPath | None, flip: bool, discriminators: bool) -> Model:
    """The model that the flags ask for.

    Raises:
        UserError: not exactly one of `workdir` and `name` is given, it cannot be loaded, or has no P and C.
    """
    if bool(workdir) == bool(name):
        raise UserError("Give either --workdir, a run's folder, or --model, an exported model")
    workdir = workdir or (shipped.folder(name) if discriminators else None)
    if workdir:
        return model.of_run(workdir, flip, discriminators)
    if discriminators:
        raise UserError("--discriminators needs --workdir; an export tells what P says where it was exported with it")
    return model.load(name, flip, judged=False)


def open_source(path: str, chosen: boxes.Boxes, frames: int | None) -> pictures.Pictures | video.Video:
    """The `pictures.Pictures` or the `video.Video` of `--input`, for a `boxes.Boxes`, and `--frames` or None."""
    if video.is_video(path):
        return video.Video(path, chosen, frames)
    if frames:
        raise UserError("--frames is for videos and cameras")
    return pictures.Pictures(pictures.find(path), chosen)


class Reporter:
    """Prints mistakes that are left out as they come, and counts them."""

    def __init__(self) -> None:
        self.mistakes = 0

    def __call__(self, error: UserError) -> None:
        """Prints one."""
        self.mistakes += 1
        with tqdm.tqdm.external_write_mode(file=sys.stderr):
            program.fail(error)


def predict(
    answers: Answers,
    source: pictures.Pictures | video.Video,
    output: StrPath,
    report: Reporter,
    overlays: bool = True,
    format: str = "lines",
) -> int:
    """Writes the people of a source.

    Args:
        answers: of `find_people` or `follow_people`.
        source: what they are of.
        output: the folder to write to.
        report: what mistakes in the source are told to. Nothing is written where there are mistakes alone.
        overlays: whether people are drawn.
        format: of `output_files.FILES`.

    Returns:
        How many people were found.
    """
    # Before anything is made: the first picture shows whether there is anything to write.
    first = list(itertools.islice(answers, 1))
    if report.mistakes and not first:
        return 0
    # A terminal gets a bar; a file of standard error does not.
    silent = True if source.total == 1 else None
    with tqdm.tqdm(total=source.total, unit=f" {source.unit}s", file=sys.stderr, disable=silent) as bar:
        counted = _counted(itertools.chain(first, answers), bar)
        return output_files.write(counted, output, source.overlays if overlays else None, format)


def _counted(found, bar):
    for pair in found:
        yield pair
        bar.update()


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run whose best weights are used; this or --model")
    flags.DEFINE_string(
        "model",
        None,
        f"an exported model, a file or a folder, or one of {', '.join(shipped.names())}; this or --workdir",
    )
    flags.DEFINE_string(
        "input",
        None,
        "a picture, a folder of pictures, a glob of them, a video, or a camera as camera:0, which goes on until Ctrl-C",
        required=True,
    )
    box_flags.define()
    flags.DEFINE_bool(
        "find",
        True,
        "without a box, look for one person in the whole picture and then around what was seen; otherwise the whole "
        "picture is taken for a person's box",
    )
    flags.DEFINE_bool(
        "track",
        False,
        "follow people from frame to frame of a video or camera by their joints; --box is then where they are in the "
        "first frame, and --boxes may leave frames out",
    )
    flags.DEFINE_bool("smooth", False, "with --track, smooth the joints over time (one-euro filter)")
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_enum(
        "format", "lines", list(output_files.FILES), "a JSON line a person, or one file of results as COCO has them"
    )
    flags.DEFINE_integer("batch_size", 8, "people whom the networks see at once", lower_bound=1)
    flags.DEFINE_bool("flip", False, "average with the mirrored picture's heatmaps, at twice the time")
    flags.DEFINE_bool("discriminators", False, "say of each joint whether P finds it plausible and C confident")
    flags.DEFINE_bool("overlays", True, "draw the people into copies of the pictures or of the video")
    flags.DEFINE_integer("frames", None, "frames after which a video or a camera ends", lower_bound=1)


def main(values: flags.FlagValues) -> int:
    """Finds the people, says where the answers are; 1 where something was left out, 2 where there is nothing else."""
    chosen = boxes.from_flags(values.box, values.boxes, box_flags.form(values))
    source = open_source(values.input, chosen, values.frames)
    if values.track and not isinstance(source, video.Video):
        raise UserError("--track is for videos and cameras")
    if values.smooth and not values.track:
        raise UserError("--smooth needs --track")
    output_files.require_writable(values.output, values.format)
    if values.overlays:
        source.check_overlays(os.path.join(values.output, output_files.OVERLAYS))
    finder = load(values.workdir, values.model, values.flip, values.discriminators)
    report = Reporter()
    with interruption.stop_asked() as stop:
        seen = itertools.takewhile(lambda _: not stop.is_set(), source.read(report))
        if values.track:
            tracker = Tracker(finder, values.smooth, wait=chosen.listed is None, batch_size=values.batch_size)
            answers = follow_people(tracker, seen, chosen)
        else:
            answers = find_people(finder, seen, values.batch_size, values.find)
        try:
            people = predict(answers, source, values.output, report, values.overlays, values.format)
        except OSError as error:
            where = error.filename or values.output
            raise UserError(f"{where} cannot be written ({error.strerror or error})") from error
    if report.mistakes and not people:
        return program.USER_MISTAKE
    if source.without_people:
        print(f"{source.without_people} of {source.listed} pictures have no box in {values.boxes}; they are left out")
    path = os.path.join(values.output, output_files.FILES[values.format])
    print(f"{people} {'person' if people == 1 else 'people'} in {path}")
    # A camera ends so.
    if stop.is_set() and not getattr(source, "live", False):
        print("Interrupted: not everything was looked at", file=sys.stderr)
        return INTERRUPTED
    return 1 if report.mistakes else 0


if __name__ == "__main__":
    program.run(main, define_flags)
