"""Asks a running TF Serving for joints: `python -m export.client --server=localhost:8500 --grpc --image=photo.jpg`.

Prints a table for each person; with --output it also draws them into a copy of the photograph.
"""

import os
from collections.abc import Sequence

import numpy as np
from absl import flags

from data_pipeline import drawing
from data_pipeline import skeleton as skeletons
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import photographs
from data_pipeline.skeleton import MPII16, Skeleton
from export.serving import connection
from keras_apn.inference import visualization
from keras_apn.sources import box_form, boxes

WHOLE = (0.0, 0.0, 0.0, 0.0)
PICTURES = (".png", ".jpg", ".jpeg")


def table(found: dict[str, np.ndarray], person: int, skeleton: Skeleton = MPII16) -> str:
    """One person's joints in lines of text.

    Args:
        found: of `connection.Rest.ask`.
        person: its row.
        skeleton: whose joints they are.
    """
    names = {"scores": "score", "occluded": "occluded", "plausible": "plausible"}
    columns = [key for key in names if key in found]
    lines = ["joint                 x        y" + "".join(f"{names[key]:>10}" for key in columns)]
    for n, name in enumerate(skeleton.joints):
        x, y = found["joints"][person, n]
        lines.append(f"{name:<14}{x:9.1f}{y:9.1f}" + "".join(f"{found[key][person, n]:10.2f}" for key in columns))
    return "\n".join(lines)


def draw(
    path: StrPath,
    people: Sequence[Sequence[float] | None],
    found: dict[str, np.ndarray],
    skeleton: Skeleton = MPII16,
) -> np.ndarray:
    """The photograph with everybody in it, and their boxes; [H, W, 3] uint8 RGB."""
    picture = photographs.read(path)
    for box in filter(None, people):
        picture = drawing.draw_box(picture, box)
    for person, joints in enumerate(found["joints"]):
        occluded = found["occluded"][person] if "occluded" in found else None
        picture = visualization.draw_prediction(picture, joints, occluded, skeleton)
    return picture


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("server", None, "host:port of the server", required=True)
    flags.DEFINE_bool("grpc", False, "the port is the gRPC one, usually 8500; this or --rest")
    flags.DEFINE_bool("rest", False, "the port is the REST one, usually 8501; this or --grpc")
    flags.DEFINE_string("image", None, "a JPEG or PNG file", required=True)
    flags.DEFINE_multi_string(
        "box",
        None,
        "x,y,w,h around a person, pixels from the picture's corner; for several people several times or with "
        "semicolons between; the whole picture if not given",
    )
    flags.DEFINE_enum("box_format", None, list(box_form.FORMATS), "what its numbers are; xywh if not given")
    flags.DEFINE_enum(
        "box_units",
        None,
        list(box_form.UNITS),
        "pixels, or shares of the picture's width and height; pixels if not given",
    )
    flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
    flags.DEFINE_integer("version", None, "its version; the highest if neither this nor --label is given", 1)
    flags.DEFINE_string("label", None, "of its version, as models.config names it, instead of --version")
    flags.DEFINE_string(
        "skeleton", "mpii16", "whose joints the model finds: a name, or the metadata.json of its export"
    )
    flags.DEFINE_string("output", None, f"a picture to draw the answer into, {', '.join(PICTURES)}")
    flags.DEFINE_float("timeout", 30.0, "seconds to wait for the answer", lower_bound=0.001)


def _check(values):
    """Raises UserError where the flags do not fit each other, before anybody is asked."""
    host, _, port = values.server.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise UserError(f"--server must be host:port, as localhost:8500. Received: {values.server}")
    if values.grpc == values.rest:
        raise UserError("Give either --grpc or --rest, whichever the port is")
    if values.version and values.label:
        raise UserError("Give either --version or --label, not both")
    if values.output:
        if os.path.splitext(values.output)[1].lower() not in PICTURES:
            raise UserError(f"--output must end in {', '.join(PICTURES)}. Received: {values.output}")
        if os.path.realpath(values.output) == os.path.realpath(values.image):
            raise UserError(f"{values.image} would be written over; give another --output")


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give --image a JPEG or PNG file") from error


def _people(values):
    """The boxes in pixels; one None for the whole picture."""
    form = box_form.Form(values.box_format or box_form.DEFAULT_FORMAT, values.box_units)
    chosen = boxes.from_flags(values.box, None, form)
    if not form.relative or chosen.alike == (None,):
        return chosen.alike
    height, width = photographs.read(values.image).shape[:2]
    return tuple(box_form.in_pixels(box, height, width) for box in chosen.alike)


def main(values: flags.FlagValues) -> None:
    """Asks, prints and draws."""
    _check(values)
    skeleton = skeletons.load(values.skeleton)
    people, image = _people(values), _read(values.image)
    server = (connection.Grpc if values.grpc else connection.Rest)(values.server, values.timeout)
    model = connection.Model(values.name, values.version, values.label)
    found = server.ask(model, [image], [box or WHOLE for box in people])
    if found["joints"].shape[1] != len(skeleton):
        raise UserError(
            f"The model finds {found['joints'].shape[1]} joints, and {skeleton.name} has {len(skeleton)}; give "
            "--skeleton the metadata.json of its export"
        )
    for person, box in enumerate(people):
        place = "x,y,w,h = " + ",".join(f"{value:g}" for value in box) if box else "the whole picture"
        print(f"person {person}: {place}\n{table(found, person, skeleton)}\n")
    if values.output:
        try:
            drawing.write_picture(values.output, draw(values.image, people, found, skeleton))
        except OSError as error:
            raise UserError(f"{values.output} cannot be written ({error.strerror})") from error
        print(f"drawn: {values.output}")


if __name__ == "__main__":
    program.run(main, define_flags)
