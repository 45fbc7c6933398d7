"""A trained model in Python: images in, people out. TensorFlow is imported for runs and SavedModels alone."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from data_pipeline.common import images as image_files
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.inference import arrays, exported_files
from keras_apn.inference.people import Person
from keras_apn.models import shipped
from keras_apn.sources import box_file
from keras_apn.sources.boxes import check_inside

CONFIG_FILE = "config.json"
Image = np.ndarray | bytes | StrPath


class Model:
    """Finds the joints of people; `load` makes it.

    Args:
        find: crops [B, S, S, 3] float32 within 0 and 1 to a dict of `joints` [B, 16, 2] crop pixels, `scores` and, if
            known, `occluded` and `plausible` [B, 16].
        crop_size: S.
    """

    def __init__(self, find: Callable[[np.ndarray], dict[str, Any]], crop_size: int) -> None:
        self._find, self.crop_size = find, crop_size

    def predict(
        self, images: Image | list[Image], boxes: Sequence | None = None, batch_size: int = 8
    ) -> list[Person] | list[list[Person]]:
        """Finds people.

        Args:
            images: an image: [H, W, 3] uint8 RGB, the path of a picture, or its encoded bytes; or a list of images.
            boxes: for an image a list of boxes `[x, y, width, height]`, pixels from its corner, one a person; None for
                the whole image. For a list of images a list of such lists.
            batch_size: people that the network sees at once.

        Returns:
            A `Person` for each box, in order; for a list of images a list of such lists.

        Raises:
            UserError: an image cannot be read, or a box is none or outside it.
        """
        several = isinstance(images, list)
        given: list[Image] = images if isinstance(images, list) else [images]
        each: Sequence = [None] * len(given) if boxes is None else boxes if several else [boxes]
        if len(each) != len(given):
            raise UserError(f"`boxes` must hold a list for each of {len(given)} images. Received: {len(each)}")
        work = [
            (n, *self._crop(image, box))
            for n, (source, own) in enumerate(zip(given, each, strict=True))
            for image in [as_image(source)]
            for box in _checked(own, image)
        ]
        people: list[list[Person]] = [[] for _ in given]
        for first in range(0, len(work), batch_size):
            batch = work[first : first + batch_size]
            found = self._find(np.stack([crop for _, _, crop, _, _ in batch]))
            found = {name: np.asarray(values) for name, values in found.items()}
            for row, (n, box, _, center, side) in enumerate(batch):
                joints = arrays.joints_to_image(found["joints"][row], center, side, self.crop_size)
                others = {name: found[name][row] for name in ("occluded", "plausible") if name in found}
                people[n].append(Person(box, joints.astype(np.float32), found["scores"][row], **others))
        return people if several else people[0]

    def _crop(self, image, box):
        center, side = arrays.square_of_box(box, *image.shape[:2])
        return box, arrays.crop_image(image, center, side, self.crop_size), center, side


def load(name: StrPath, flip: bool = False) -> Model:
    """As `keras_apn.load`."""
    folder = shipped.folder(name)
    if folder and importlib.util.find_spec("tensorflow") is None:
        return _of_export(shipped.onnx_file(folder), flip)
    if folder or os.path.exists(os.path.join(name, CONFIG_FILE)):
        return _of_run(folder or name, flip)
    return _of_export(name, flip)


def _of_run(workdir, flip):
    """With P, where the run has it."""
    from keras_apn import config
    from keras_apn.inference import discriminator_scores, pose_estimator
    from keras_apn.models import best_weights

    model = config.load(workdir).model
    judged = model.discriminators and model.pose_discriminator and best_weights.find(workdir, "pose_discriminator")
    estimator = (discriminator_scores if judged else pose_estimator).from_workdir(workdir, flip)
    return Model(pose_estimator.Compiled(estimator).joints_in_crop, estimator.crop_size)


def _of_export(path, flip):
    runtime = exported_files.open_model(path)
    if flip and "pose" not in runtime.outputs:
        raise UserError("flip needs heatmaps, and this export gives joints alone")

    def find(crops):
        if not flip and "joints" in runtime.outputs:
            return runtime(crops, "joints")
        maps = runtime(crops, "pose")
        if flip:
            other = arrays.mirrored(runtime(np.ascontiguousarray(crops[:, :, ::-1]), "pose"))
            maps = {task: (values + other[task]) / 2 for task, values in maps.items()}
        return arrays.joints_in_maps(maps)

    return Model(find, runtime.crop_size)


def as_image(source: Image) -> np.ndarray:
    """An image as [H, W, 3] uint8 RGB: an array is one already, a file is decoded.

    Raises:
        UserError: it is no image.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise UserError(f"An image must be [H, W, 3] uint8 RGB. Received: {source.shape} {source.dtype}")
        return source
    if not isinstance(source, bytes | str | os.PathLike):
        raise UserError(f"An image must be an array, a path or bytes. Received: {type(source).__name__}")
    try:
        return image_files.decode(source)
    except UserError as error:
        what = "What was given as bytes" if isinstance(source, bytes) else source
        raise UserError(f"{what} {error}") from error


def _checked(boxes, image):
    """The boxes of an image, as tuples; None for the whole."""
    if boxes is None:
        return [None]
    found = []
    for box in boxes:
        if not hasattr(box, "__len__"):
            raise UserError(f"`boxes` must be a list of [x, y, width, height]. Received: {boxes}")
        values = tuple(box_file.parse(list(box), "a box"))
        check_inside(values, *image.shape[:2], "the image")
        found.append(values)
    return found
