"""Finds joints in pictures: `python -m keras_apn.predict --workdir=runs/mpii --input=photo.jpg --output=found`.

Writes each picture with the skeleton drawn, and `predictions.jsonl` with one line a person: joints in 0-based pixels
of the picture, their scores, and how probably each is occluded.
"""

import json
import os

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline import drawing, program
from data_pipeline.errors import UserError
from data_pipeline.files import write_whole
from data_pipeline.skeleton import JOINTS
from keras_apn import inference, visualize

EXTENSIONS = (".jpg", ".jpeg", ".png")
LINES = "predictions.jsonl"


def find_pictures(path):
    """The file, or a folder's pictures in order of name; a UserError where there is none."""
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise UserError(f"{path} does not exist; give --input a picture or a folder of pictures")
    found = sorted(os.path.join(path, name) for name in os.listdir(path) if name.lower().endswith(EXTENSIONS))
    if not found:
        raise UserError(f"{path} holds no picture ({', '.join(EXTENSIONS)})")
    return found


def read_picture(path):
    """`(bytes, [H, W, 3] uint8)` of a file; a UserError where it is no whole JPEG or PNG."""
    encoded = tf.io.read_file(path)
    try:
        return encoded, tf.io.decode_image(encoded, channels=3, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise UserError(f"{path} is damaged or no JPEG or PNG picture") from error


def parse_box(words, picture):
    """`--box` as [x, y, width, height], all zeros for the whole picture; a UserError where it misses the picture."""
    if words is None:
        return [0.0, 0.0, 0.0, 0.0]
    try:
        x, y, width, height = box = [float(word) for word in words]
    except ValueError as error:
        raise UserError(f"--box must be four numbers x,y,w,h. Received: {','.join(words)}") from error
    rows, columns = picture.shape[:2]
    if not (np.isfinite(box).all() and width > 0 and height > 0):
        raise UserError(f"--box must have a width and a height above 0. Received: {','.join(words)}")
    if x >= columns or y >= rows or x + width <= 0 or y + height <= 0:
        raise UserError(f"--box={','.join(words)} lies outside the picture of {columns} x {rows} pixels")
    return box


def describe(path, box, found):
    """One person as a dict that goes into a JSON line."""
    joints = [
        {
            "name": name,
            "x": round(float(found["joints"][i, 0]), 2),
            "y": round(float(found["joints"][i, 1]), 2),
            "score": round(float(found["scores"][i]), 4),
            **({"occluded": round(float(found["occluded"][i]), 4)} if "occluded" in found else {}),
        }
        for i, name in enumerate(JOINTS)
    ]
    return {"image": os.path.basename(path), "box": box, "joints": joints}


def draw(picture, box, found):
    """The picture with the skeleton, and the box where one was given."""
    framed = drawing.draw_box(picture, box) if any(box) else picture
    return visualize.draw_prediction(framed, found["joints"], found.get("occluded"))


def predict(estimator, paths, words, output):
    """Predicts one person a picture and writes what was found.

    Args:
        estimator: an `inference.PoseEstimator`.
        paths: of the pictures.
        words: `--box`, or None.
        output: the folder to write to.

    Returns:
        The errors of pictures that were left out, a list of `UserError`.

    Raises:
        UserError: every picture was left out; nothing is written then.
    """
    find = tf.function(
        estimator.joints_in_image,
        input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None, 4], tf.float32)],
    )
    lines, errors = [], []
    for path in paths:
        try:
            encoded, picture = read_picture(path)
            box = parse_box(words, picture)
        except UserError as error:
            errors.append(error)
            continue
        answer = find(encoded[None], tf.constant([box]))
        found = {name: value[0].numpy() for name, value in answer.items()}
        lines.append(json.dumps(describe(path, box, found)) + "\n")
        os.makedirs(output, exist_ok=True)
        stem = os.path.splitext(os.path.basename(path))[0]
        drawing.write_picture(os.path.join(output, f"{stem}.png"), draw(picture, box, found))
    if not lines:
        raise errors[0]
    write_whole(os.path.join(output, LINES), "".join(lines))
    return errors


def define_flags():
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run whose best weights are used", required=True)
    flags.DEFINE_string("input", None, "a JPEG or PNG file, or a folder of them", required=True)
    flags.DEFINE_list("box", None, "x,y,w,h around the person in pixels; the whole picture if not given")
    flags.DEFINE_string("output", None, "the folder to write to", required=True)
    flags.DEFINE_bool("flip", False, "average with the mirrored picture's heatmaps, at twice the time")


def main(values):
    """Loads the weights, predicts, says where the answers are; 1 where a picture of a folder was left out."""
    paths = find_pictures(values.input)
    errors = predict(inference.from_workdir(values.workdir, values.flip), paths, values.box, values.output)
    for error in errors:
        program.fail(error)
    people = len(paths) - len(errors)
    print(f"{people} {'person' if people == 1 else 'people'} in {os.path.join(values.output, LINES)}")
    return 1 if errors else 0


if __name__ == "__main__":
    program.run(main, define_flags)
