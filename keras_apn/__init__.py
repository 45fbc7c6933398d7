"""Adversarial PoseNet (Chen et al., ICCV 2017): networks, training, metrics and the programs around them.

    model = keras_apn.load("apn-mobile")
    people = model.predict("photo.jpg", boxes=[[310, 45, 220, 350]])
    people[0].named["left_wrist"].x
    picture = keras_apn.draw("photo.jpg", people)
    tracker = keras_apn.track(model)
    for seconds, frame in keras_apn.frames("walk.mp4"):
        people = tracker.update(frame, seconds)

    model = keras_apn.train("demo.flags", "runs/demo", epochs=3)
    keras_apn.evaluate("runs/demo")["pckh@0.5"]["mean_14"]
    keras_apn.export("runs/demo", "exports", formats=["onnx"])

Imports `data_pipeline`; its packages say what they import of each other.
"""

import importlib
from typing import TYPE_CHECKING, Any

from data_pipeline.common import missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from data_pipeline.common.files import StrPath
    from keras_apn.people.model import Image, Model
    from keras_apn.people.person import Person
    from keras_apn.people.tracking import Tracker


missing.watch()

# Programs that are functions too: `python -m keras_apn.train` and `keras_apn.train(...)`.
CALLED = ("train", "evaluate")


def __getattr__(name: str) -> Any:
    if name in CALLED:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def export(workdir: "StrPath | None", output: "StrPath", **flags: Any) -> list[str]:
    """Writes a run's network for TensorFlow Serving, phones and ONNX Runtime.

    Args:
        workdir: the run's folder; None with `model="apn-mobile"`.
        output: the folder to write to.
        **flags: of `python -m export`, as `formats=["onnx"]`, `quantize=["float16"]`, `plausible=True`.

    Returns:
        The paths written, one a format, and that of `serving/` beside a SavedModel.

    Raises:
        ValueError: a value breaks its rule, or a version is there already; one line says what to do.
    """
    from export import __main__ as program

    return program.from_python(workdir, output, **flags)


def load(name: "StrPath", flip: bool = False) -> "Model":
    """A trained model.

    Args:
        name: of a model that comes with the package, as "apn-mobile"; or the path of a run's folder, of an exported
            SavedModel's, or of a `.onnx` or `.tflite` file. The last two, and what comes with the package, do without
            TensorFlow where that is not installed; `plausible` is then not known.
        flip: average with the mirrored crop's heatmaps, at twice the cost.

    Returns:
        A `keras_apn.people.model.Model`, whose `predict` takes images and boxes and gives people.

    Raises:
        ValueError: there is no such model, or it cannot be read.
    """
    # Imported by whoever asks for a model, not by whoever imports a part of the package.
    from keras_apn.people import model

    return model.load(name, flip)


def frames(path: "StrPath") -> "Iterator[tuple[float, np.ndarray]]":
    """The frames of a video, turned as players turn them.

    Args:
        path: of the file.

    Yields:
        The time from the first frame in seconds, and the frame, [H, W, 3] uint8 RGB.

    Raises:
        ValueError: it is no video, or damaged.
    """
    from keras_apn.sources import video_file

    return ((seconds, image) for image, seconds in video_file.VideoFile(path).frames())


def track(model: "Model", smooth: bool = False, wait: bool = False) -> "Tracker":
    """Follows people through the frames of a video or a camera.

    Args:
        model: of `load`.
        smooth: filter joints over time (one-euro filter).
        wait: who was lost is waited for in the box that was given first.

    Returns:
        A `keras_apn.people.tracking.Tracker`, whose `update` takes a frame, its time and what boxes are known.
    """
    from keras_apn.people import tracking

    return tracking.Tracker(model, smooth, wait)


def draw(image: "Image", people: "Sequence[Person]") -> "np.ndarray":
    """Draws people over a copy of an image: the person's right orange, the left blue, occluded joints as white rings.

    Args:
        image: as `Model.predict` takes one.
        people: what it gave.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        ValueError: it is no image.
    """
    from keras_apn.inference import visualization
    from keras_apn.people import model

    drawn = model.as_image(image).copy()
    for person in people:
        drawn = visualization.draw_prediction(drawn, person.joints, person.occluded, person.skeleton)
    return drawn
