"""Adversarial PoseNet (Chen et al., ICCV 2017): networks, training, metrics and the programs around them.

    model = keras_apn.load("apn-mobile")
    people = model.predict("photo.jpg", boxes=[[310, 45, 220, 350]])
    people[0].named["left_wrist"].x
    picture = keras_apn.draw("photo.jpg", people)

Imports `data_pipeline`; its packages say what they import of each other.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from data_pipeline.common.files import StrPath
    from keras_apn.inference.model import Image, Model
    from keras_apn.inference.people import Person


def load(name: "StrPath", flip: bool = False) -> "Model":
    """A trained model.

    Args:
        name: of a model that comes with the package, as "apn-mobile"; or the path of a run's folder, of an exported
            SavedModel's, or of a `.onnx` or `.tflite` file. The last two, and what comes with the package, do without
            TensorFlow where that is not installed; `plausible` is then not known.
        flip: average with the mirrored crop's heatmaps, at twice the cost.

    Returns:
        A `keras_apn.inference.model.Model`, whose `predict` takes images and boxes and gives people.

    Raises:
        ValueError: there is no such model, or it cannot be read.
    """
    # Imported by whoever asks for a model, not by whoever imports a part of the package.
    from keras_apn.inference import model

    return model.load(name, flip)


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
    from keras_apn.inference import model, visualization

    drawn = model.as_image(image).copy()
    for person in people:
        drawn = visualization.draw_prediction(drawn, person.joints, person.occluded)
    return drawn
