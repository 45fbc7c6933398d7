"""What TensorBoard shows of a run: curves of every epoch, PCKh by joint, and panels of a few validation people.

Steps are epochs, counted from 1 as in the history; PCKh is in percent.
"""

import os
import re

import cv2
import keras
import numpy as np
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.augmentation import augment
from data_pipeline.common.files import StrPath
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.adversarial import discrimination
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.config import TrainingConfig
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.metrics import pck
from keras_apn.training import panel

FOLDER, PEOPLE = "tensorboard", 4
# TensorBoard groups by what stands before the slash.
TAGS = (
    ("loss", "loss/total"),
    (r"(loss|adversarial|gradient_ratio|weight)_(\w+)", r"\1/\2"),
    (r"([pc])_(peak|moved)_auc", r"auc/\1_\2"),
    (r"([pc])_(fake_share|accuracy|auc|calibration|amplitude|toward)(_\w+)?", r"\2/\1\3"),
    (r"update_([gpc])(_least)?", r"update/\1\2"),
    (r"(delta|epsilon)", r"threshold/\1"),
)
Summary, SessionLog = tf.compat.v1.Summary, tf.compat.v1.SessionLog


def tag(name: str) -> str:
    """Where TensorBoard shows what an epoch logs, by its name in `model.logged` or `Discrimination.logs`."""
    for pattern, place in TAGS:
        if match := re.fullmatch(pattern, name):
            return match.expand(place)
    return name


class TensorBoardLogs(keras.callbacks.Callback):
    """Writes a run's curves and panels for TensorBoard.

    Comes behind the callbacks that add to the logs. Of an epoch that is done again, after a resume, and of those
    behind it TensorBoard forgets what was written before.

    Args:
        workdir: an existing folder; gets `tensorboard/train` and `tensorboard/validation`.
        validation: the validation data set, whose first people the panels show.
        training: the run's `config.TrainingConfig`.
    """

    def __init__(self, workdir: StrPath, validation: tf.data.Dataset, training: TrainingConfig) -> None:
        super().__init__()
        self.folder, self.validation, self.training = os.path.join(workdir, FOLDER), validation, training
        self.writers, self.scores, self.shown = {}, {}, None
        self.looked = tf.function(self._look)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        # Here, for the averaged weights are then scored with the same metric.
        self.scores = {
            **{f"pckh/{name}": rate for name, rate in self.model.pckh.table().items()},
            **{f"pckh_joint/{name}": rate for name, rate in self.model.pckh.by_joint().items()},
        }

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        number = epoch + 1
        train, validation = self._curves(logs or {})
        self._write("train", number, [Summary.Value(tag=name, simple_value=v) for name, v in train.items()])
        values = [Summary.Value(tag=name, simple_value=v) for name, v in validation.items()]
        if self._is_due(number):
            values += self._panels(number)
        self._write("validation", number, values)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        for writer in self.writers.values():
            writer.close()
        self.writers = {}

    def _curves(self, logs):
        """What an epoch of training and its validation are drawn as, by tag."""
        train = {tag(name): float(value) for name, value in logs.items() if not name.startswith("val_")}
        train |= {f"learning_rate/{key}": rate for key, rate in learning_rates(self.model).items()}
        known = {name: rate for name, rate in self.scores.items() if rate is not None}
        validation = {"loss/total": float(logs["val_loss"]), **known} if "val_loss" in logs else known
        # As logged: by now the averaged weights are scored with the same metrics.
        names = [f"{key}_{name}" for key, measures in discrimination.MEASURES.items() for name in measures]
        validation |= {tag(name): float(logs[f"val_{name}"]) for name in names if f"val_{name}" in logs}
        if "val_pckh_averaged" in logs:
            validation[f"pckh/{self.skeleton.mean}_averaged"] = 100.0 * float(logs["val_pckh_averaged"])
        return train, validation

    def _write(self, part, step, values):
        """Adds values to the curves of "train" or "validation"; the first time, tells where the run goes on."""
        if part not in self.writers:
            # TensorFlow's newer writer cannot tell it. The suffix keeps files of the same second apart.
            with tf.Graph().as_default():
                self.writers[part] = tf.compat.v1.summary.FileWriter(
                    os.path.join(self.folder, part), filename_suffix=f".{os.getpid()}.{step:06d}"
                )
            self.writers[part].add_session_log(SessionLog(status=SessionLog.START), step)
        self.writers[part].add_summary(Summary(value=values), step)
        self.writers[part].flush()

    def _is_due(self, number):
        every = self.training.panel_epochs
        wanted = every and (number % every == 0 or number == self.training.epochs)
        # Heatmaps that are no numbers cannot be drawn.
        return bool(wanted) and not self.model.not_finite.numpy()

    def _panels(self, number):
        """An image of each of the first validation people, as `Summary.Value`s."""
        if self.shown is None:
            self.shown = first_people(self.validation, self.model.crop_size, PEOPLE, self.skeleton)
        looked = self.looked(tf.constant(self.shown["crop"]))
        found = {**self.shown, **{name: values.numpy() for name, values in looked.items()}}
        unit = found["head_size"][:, None] * self.skeleton.tolerances
        away = pck.distances(found["joints"], found["true"], unit, found["annotated"])
        found["counted"], found["found"] = ~np.isnan(away), away <= pck.THRESHOLDS["pckh"]
        found["crop"] = np.uint8(np.round(255 * found["crop"]))
        values = []
        for n in range(len(away)):
            person = {name: each[n] for name, each in found.items()}
            title = f"epoch {number}, validation person {n + 1}: {_told(person['found'], person['counted'])}"
            values.append(Summary.Value(tag=f"people/{n + 1}", image=_image(panel.draw(person, title, self.skeleton))))
        return values

    @property
    def skeleton(self) -> Skeleton:
        """Whose joints are found."""
        return self.model.networks.skeleton

    def _look(self, crops):
        """What the networks make of crops, by the names of `panel.draw`."""
        networks = self.model.networks
        (*_, maps), context = networks.predict(crops, training=False)
        found = pose_estimator.joints_in_maps(maps)
        return {**maps, **found, **discriminator_scores.probabilities(networks, maps, context)}


def learning_rates(model: AdversarialPoseNet) -> dict[str, float]:
    """The rates that the next step takes, by network ("g", "p", "c")."""
    rates = {}
    for key, optimizer in model.optimizers_of("joint").items():
        if optimizer is not None:
            # Keras 2 answers a question for the rate with that of the last step of this process.
            rate = optimizer._learning_rate
            rates[key] = float(tf.convert_to_tensor(rate(optimizer.iterations) if callable(rate) else rate))
    return rates


def first_people(
    validation: tf.data.Dataset, crop_size: int, count: int, skeleton: Skeleton = MPII16
) -> dict[str, np.ndarray]:
    """Unaugmented crops of the first people of a data set, as `panel.draw` takes them.

    Args:
        validation: batches, as `dataset.load` gives them.
        crop_size: side of the crops in pixels.
        count: people, or as many as there are.
        skeleton: whose joints they have.

    Returns:
        A dict of arrays: `crop` [N, S, S, 3] float32 within 0 and 1, `true` [N, J, 2] and `head_size` [N] crop pixels,
        `annotated` and `visible` [N, J] bool, `occlusion_known` [N] bool.
    """
    batch = next(iter(validation.unbatch().batch(count)))
    example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), crop_size, skeleton)
    return {
        "crop": example["crop"].numpy(),
        "true": geometry.heatmap_to_crop(example["joints_heatmap"]).numpy(),
        "head_size": example["head_size_heatmap"].numpy() * geometry.STRIDE,
        "annotated": example["annotated"].numpy(),
        "visible": example["visible"].numpy(),
        "occlusion_known": example["occlusion_known"].numpy(),
    }


def _told(found, counted):
    if not counted.any():
        return "no head size"
    return f"finds {int(found.sum())} of {int(counted.sum())} joints"


def _image(picture):
    """[H, W, 3] uint8 RGB as an image summary."""
    # Of a long run these are most of what it writes here: packed tightly, a third smaller.
    packed = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    height, width, colours = picture.shape
    return Summary.Image(height=height, width=width, colorspace=colours, encoded_image_string=packed.tobytes())
