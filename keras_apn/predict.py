"""Finds people's joints: `python -m keras_apn.predict --workdir=runs/mpii --input=photo.jpg --output=found`.

Writes `predictions.jsonl`, one line a person: the picture (or the video, the frame's number from 0 and its time in
seconds), the person's number in it and box, and of each joint the name, the place in 0-based pixels of the picture,
the score, and how probably it is occluded; with --discriminators also what P and C say. `overlays/` gets each picture
with all its people drawn, or the video.

Pictures are upright, as a camera's note of how it was held (EXIF) says, boxes and joints too, as in every viewer and in
the exported models. Videos are turned as players turn them. A picture of several that is damaged, and a box outside its
picture, are reported and left out; the exit code is then 1.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import itertools
import os
import sys

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.inference import discriminator_scores, exported_models, output_files, pose_estimator
from keras_apn.models import shipped
from keras_apn.sources import box_file, boxes, pictures, video


def find_people(
    estimator: Any, source: Iterable[pictures.Picture], batch_size: int
) -> Iterator[tuple[pictures.Picture, list[dict[str, np.ndarray]]]]:
    """Finds the joints of people, several at a time.

    Args:
        estimator: an `pose_estimator.PoseEstimator`, or anything with its `crop_size` and `joints_in_crop`.
        source: iterable of `pictures.Picture`.
        batch_size: people that the networks see at once.

    Yields:
        Each `Picture` with a list of dicts, as `output_files.describe` takes them, one a person.
    """
    size = estimator.crop_size
    # Once for all sizes of pictures: otherwise each would be traced anew.
    cut = tf.function(
        lambda image, box: pose_estimator.crop_person(image, box, size),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([4], tf.float32)],
    )
    for chunk in _chunks(source, batch_size):
        squares = [cut(picture.image, box or [0.0] * 4) for picture in chunk for box in picture.people.values()]
        batches = [squares[first : first + batch_size] for first in range(0, len(squares), batch_size)]
        found = itertools.chain.from_iterable(_joints(estimator, batch) for batch in batches)
        for picture in chunk:
            yield picture, list(itertools.islice(found, len(picture.people)))


def _chunks(source, batch_size):
    """Lists of pictures with people for about a batch; no more pictures than that, though they may have nobody."""
    chunk, people = [], 0
    for picture in source:
        chunk.append(picture)
        people += len(picture.people)
        if max(len(chunk), people) >= batch_size:
            yield chunk
            chunk, people = [], 0
    if chunk:
        yield chunk


def _joints(estimator, squares):
    """A dict for each of the `pose_estimator.crop_person`s."""
    views, centers, sides = zip(*squares, strict=True)
    crops = tf.stack([crop for (crop,) in views])
    found = {name: np.asarray(values) for name, values in estimator.joints_in_crop(crops).items()}
    found["joints"] = pose_estimator.joints_to_image(
        found["joints"], tf.stack(centers), tf.stack(sides), estimator.crop_size
    ).numpy()
    return [{name: values[n] for name, values in found.items()} for n in range(len(squares))]


def load(
    workdir: StrPath | None, model: StrPath | None, flip: bool, discriminators: bool
) -> exported_models.ExportedEstimator | pose_estimator.Compiled:
    """The estimator that the flags ask for.

    Raises:
        UserError: not exactly one of `workdir` and `model` is given, it cannot be loaded, or has no P and C.
    """
    if bool(workdir) == bool(model):
        raise UserError("Give either --workdir, a run's folder, or --model, an exported model")
    workdir = workdir or shipped.folder(model)
    if workdir:
        return pose_estimator.Compiled(
            (discriminator_scores if discriminators else pose_estimator).from_workdir(workdir, flip)
        )
    if discriminators:
        raise UserError("--discriminators needs --workdir; exported models hold G alone")
    return exported_models.load(model, flip)


def open_source(path: str, chosen: boxes.Boxes, frames: int | None) -> pictures.Pictures | video.Video:
    """The `pictures.Pictures` or the `video.Video` of `--input`, for a `boxes.Boxes`, and `--frames` or None."""
    if video.is_video(path):
        return video.Video(path, chosen, frames)
    if frames:
        raise UserError("--frames is for videos and cameras")
    return pictures.Pictures(pictures.find(path), chosen)


def predict(
    estimator: Any, source: pictures.Pictures | video.Video, output: StrPath, batch_size: int, overlays: bool = True
) -> tuple[int, int]:
    """Finds and writes the people of a source; mistakes that can be left out are printed as they come.

    Returns:
        `(people, mistakes)`: how many were found, and how many mistakes left out. Nothing is written where there are
        mistakes alone.
    """
    mistakes = 0

    def report(error):
        nonlocal mistakes
        mistakes += 1
        with tqdm.tqdm.external_write_mode(file=sys.stderr):
            program.fail(error)

    found = find_people(estimator, source.read(report), batch_size)
    # Before anything is made: the first picture shows whether there is anything to write.
    first = list(itertools.islice(found, 1))
    if mistakes and not first:
        return 0, mistakes
    # A terminal gets a bar; a file of standard error does not.
    silent = True if source.total == 1 else None
    with tqdm.tqdm(total=source.total, unit=f" {source.unit}s", file=sys.stderr, disable=silent) as bar:
        counted = _counted(itertools.chain(first, found), bar)
        people = output_files.write(counted, output, source.overlays if overlays else None)
    return people, mistakes


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
        "a JPEG or PNG file, a folder of them, a glob of them, a video (.mp4, .avi, .mov, .mkv, .webm), or a camera "
        "as camera:0, which goes on until Ctrl-C",
        required=True,
    )
    flags.DEFINE_multi_string(
        "box",
        None,
        "x,y,w,h around a person, pixels from the picture's corner, in every picture or frame; for several people "
        "several times or with semicolons between; the whole picture if not given",
    )
    flags.DEFINE_string(
        "boxes",
        None,
        "a file of boxes instead. JSON: a dict of names to lists of [x,y,w,h], a detector's list of dicts with image "
        "(or file_name, or COCO's image_id) and box (or bbox), or COCO's annotations. CSV: with the header "
        "image,x,y,width,height. A name "
        "means a picture whose path ends in it; in a video it is a frame's number from 0. Pictures that it does not "
        "name are left out",
    )
    flags.DEFINE_float(
        "min_score", box_file.MIN_SCORE, "boxes of a detector that have a score below it are left out", 0.0, 1.0
    )
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_integer("batch_size", 8, "people whom the networks see at once", lower_bound=1)
    flags.DEFINE_bool("flip", False, "average with the mirrored picture's heatmaps, at twice the time")
    flags.DEFINE_bool("discriminators", False, "say of each joint whether P finds it plausible and C confident")
    flags.DEFINE_bool("overlays", True, "draw the people into copies of the pictures or of the video")
    flags.DEFINE_integer("frames", None, "frames after which a video or a camera ends", lower_bound=1)


def main(values: flags.FlagValues) -> int:
    """Finds the people, says where the answers are; 1 where something was left out, 2 where there is nothing else."""
    source = open_source(values.input, boxes.from_flags(values.box, values.boxes, values.min_score), values.frames)
    estimator = load(values.workdir, values.model, values.flip, values.discriminators)
    try:
        people, mistakes = predict(estimator, source, values.output, values.batch_size, values.overlays)
    except OSError as error:
        raise UserError(f"{error.filename or values.output} cannot be written ({error.strerror})") from error
    if mistakes and not people:
        return program.USER_MISTAKE
    if isinstance(source, pictures.Pictures) and source.without_people:
        print(
            f"{source.without_people} of {len(source.paths)} pictures have no box in {values.boxes}; they are left out"
        )
    print(f"{people} {'person' if people == 1 else 'people'} in {os.path.join(values.output, output_files.LINES)}")
    return 1 if mistakes else 0


if __name__ == "__main__":
    program.run(main, define_flags)
