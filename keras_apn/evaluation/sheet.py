"""The first people of records on one picture, truth beside prediction."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline import drawing
from keras_apn.evaluation.scoring import examples
from keras_apn.inference import visualization

PEOPLE, COLUMNS, SIDE = 24, 4, 192


def draw(finder: Any, paths: Sequence[str], people: int = PEOPLE) -> np.ndarray:
    """The first people of records, each twice: the annotated joints, then the predicted ones; [H, W, 3] uint8 RGB."""
    example = next(examples(paths, finder.crop_size, people, finder.scales, finder.skeleton))
    views = example.pop("views")
    answer = finder.joints_in_crop(views if len(views) > 1 else views[0])
    found, truth = ({name: values.numpy() for name, values in part.items()} for part in (answer, example))
    pictures = []
    for n, crop in enumerate(truth["crop"]):
        image, (joints, drawn) = drawing.enlarged(
            (crop * 255).astype(np.uint8), SIDE, truth["true"][n], found["joints"][n]
        )
        annotated = truth["annotated"][n]
        pictures.append(drawing.draw_pose(image, joints, ~truth["visible"][n], annotated, finder.skeleton))
        occluded = found["occluded"][n] if "occluded" in found else None
        pictures.append(visualization.draw_prediction(image, drawn, occluded, finder.skeleton))
    return drawing.contact_sheet(pictures, 2 * COLUMNS, SIDE)
