"""A trained model in Python: images in, people out. TensorFlow is imported for runs and SavedModels alone."""

import importlib.util
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from data_pipeline.common import images as image_files
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.inference import arrays, exported_files
from keras_apn.models import shipped
from keras_apn.people import finding
from keras_apn.people.person import PROBABILITIES, Person
from keras_apn.sources.box_form import Form
from keras_apn.sources.boxes import check_inside

CONFIG_FILE = "config.json"
Image = np.ndarray | bytes | StrPath
Box = Sequence[float]
T = TypeVar("T")


class Model:
    """Finds the joints of people; `load` makes it.

    Args:
        find: crops [B, S, S, 3] float32 within 0 and 1 to a dict of `joints` [B, J, 2] crop pixels, `scores` and, if
            known, `occluded`, `plausible` and `confident` [B, J].
        crop_size: S.
        skeleton: whose J joints they are.
    """

    def __init__(
        self, find: Callable[[np.ndarray], dict[str, Any]], crop_size: int, skeleton: Skeleton = MPII16
    ) -> None:
        self._find, self.crop_size, self.skeleton = find, crop_size, skeleton

    def predict(
        self, images: Image | list[Image], boxes: Sequence | None = None, batch_size: int = 8, find: bool = True
    ) -> list[Person] | list[list[Person]]:
        """Finds people.

        Args:
            images: an image: [H, W, 3] uint8 RGB, the path of a picture, or its encoded bytes; or a list of images.
            boxes: for an image a list of boxes `[x, y, width, height]`, pixels from its corner, one a person; None for
                one person, who is found first. For a list of images a list of such lists.
            batch_size: people that the network sees at once.
            find: without a box, look for the person in the whole image, then around what was seen there, as
                `keras_apn.people.finding` does; otherwise the whole image is taken for the person's box.

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

        def work():
            for source, own in zip(given, each, strict=True):
                image = as_image(source)
                yield None, image, _checked(own, image)

        found = [people for _, people in self.stream(work(), batch_size, find)]
        return found if several else found[0]

    def stream(
        self, work: Iterable[tuple[T, np.ndarray, Sequence[Box | None]]], batch_size: int = 8, find: bool = True
    ) -> Iterator[tuple[T, list[Person]]]:
        """Finds the people of many images, of which only those of a batch are in memory together.

        Args:
            work: for each image whatever stands for it, its [H, W, 3] uint8 RGB pixels, and its boxes.
            batch_size, find: as of `predict`.

        Yields:
            What stands for the image, and its people in the order of its boxes.
        """
        for chunk in _chunks(work, batch_size):
            places = [(image, box) for _, image, boxes in chunk for box in boxes]
            people = iter(self._people(places, batch_size, find))
            for key, _, boxes in chunk:
                yield key, list(itertools.islice(people, len(boxes)))

    def _people(self, places, batch_size, find):
        """The person in each of some boxes of images."""
        unknown = [n for n, (_, box) in enumerate(places) if box is None] if find else []
        found = finding.find([places[n][0] for n in unknown], lambda of: self.seen(of, batch_size)) if unknown else []
        for n, box in zip(unknown, found, strict=True):
            places[n] = (places[n][0], box)
        return self.look(places, batch_size)

    def seen(
        self, places: Sequence[tuple[np.ndarray, Box | None]], batch_size: int = 8
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `look`, but `(joints [N, J, 2] image pixels, scores [N, J])`."""
        people = self.look(places, batch_size)
        return np.stack([person.joints for person in people]), np.stack([person.scores for person in people])

    def look(self, places: Sequence[tuple[np.ndarray, Box | None]], batch_size: int = 8) -> list[Person]:
        """The person in each of some boxes of images.

        Args:
            places: each an image, [H, W, 3] uint8 RGB, and a box in it; None for all of it.
            batch_size: as of `predict`.
        """
        people = []
        for first in range(0, len(places), batch_size):
            batch = places[first : first + batch_size]
            squares = [arrays.square_of_box(box, *image.shape[:2]) for image, box in batch]
            crops = [
                arrays.crop_image(image, *square, self.crop_size)
                for (image, _), square in zip(batch, squares, strict=True)
            ]
            found = {name: np.asarray(values) for name, values in self._find(np.stack(crops)).items()}
            for n, ((_, box), square) in enumerate(zip(batch, squares, strict=True)):
                joints = arrays.joints_to_image(found["joints"][n], *square, self.crop_size)
                others: dict[str, Any] = {name: found[name][n] for name in PROBABILITIES if name in found}
                others["skeleton"] = self.skeleton
                box = None if box is None else tuple(box)
                people.append(Person(box, joints.astype(np.float32), found["scores"][n], **others))
        return people


def _chunks(work, batch_size):
    """Lists of images with people for about a batch; no more images than that, though they may have nobody."""
    chunk, people = [], 0
    for one in work:
        chunk.append(one)
        people += len(one[2])
        if max(len(chunk), people) >= batch_size:
            yield chunk
            chunk, people = [], 0
    if chunk:
        yield chunk


def load(name: StrPath, flip: bool = False, judged: bool | None = None) -> Model:
    """A trained model, as `keras_apn.load` loads it.

    Args:
        name, flip: as of `keras_apn.load`.
        judged: whether a run's P and C say what they think; None for what the run has, False to do without.

    Raises:
        UserError: there is no such model, it cannot be read, or it has no P and C though `judged` is true.
    """
    folder = shipped.folder(name)
    if folder and (judged is False or importlib.util.find_spec("tensorflow") is None):
        return _of_export(shipped.onnx_file(folder), flip)
    if folder or os.path.exists(os.path.join(name, CONFIG_FILE)):
        return of_run(folder or name, flip, judged)
    return _of_export(name, flip)


def of_run(workdir: StrPath, flip: bool = False, judged: bool | None = None) -> Model:
    """The best weights of a run, arguments and errors as of `load`."""
    from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow.
    from keras_apn import config
    from keras_apn.inference import discriminator_scores, pose_estimator
    from keras_apn.models import best_weights

    model = config.load(workdir).model
    if judged is None:
        has = model.discriminators and model.pose_discriminator and best_weights.find(workdir, "pose_discriminator")
        judged = bool(has)
    estimator = (discriminator_scores if judged else pose_estimator).from_workdir(workdir, flip)
    return Model(pose_estimator.Compiled(estimator).joints_in_crop, estimator.crop_size, model.skeleton)


def _of_export(path, flip):
    if os.path.isdir(path):  # A SavedModel.
        from data_pipeline.common import tensorflow_setup  # noqa: F401
    runtime = exported_files.open_model(path)
    if flip and "pose" not in runtime.outputs:
        raise UserError("flip needs heatmaps, and this export gives joints alone")

    def find(crops):
        if not flip and "joints" in runtime.outputs:
            return runtime(crops, "joints")
        maps = runtime(crops, "pose")
        if flip:
            other = arrays.mirrored(runtime(np.ascontiguousarray(crops[:, :, ::-1]), "pose"), runtime.skeleton)
            maps = {task: (values + other[task]) / 2 for task, values in maps.items()}
        return arrays.joints_in_maps(maps)

    return Model(find, runtime.crop_size, runtime.skeleton)


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
    """The boxes of an image, as tuples; one None where there are none given."""
    if boxes is None:
        return [None]
    found = []
    for box in boxes:
        if not hasattr(box, "__len__"):
            raise UserError(f"`boxes` must be a list of [x, y, width, height]. Received: {boxes}")
        values = tuple(Form().box(list(box), "a box"))
        check_inside(values, *image.shape[:2], "the image")
        found.append(values)
    return found
