"""G with P and C beside it, which say of every joint whether its place is plausible and whether G is sure of it."""

import tensorflow as tf

from data_pipeline.common.errors import UserError
from keras_apn import config as configuration
from keras_apn.inference import pose_estimator, test_time_augmentation
from keras_apn.models import discriminators, networks
from keras_apn.models.generator import CONTEXT, last_outputs, with_context

# What each discriminator's probability is called in a prediction.
PROBABILITIES = {"pose": "plausible", "confidence": "confident"}


class Judges:
    """G, P and C at inference.

    Args:
        generator: G.
        pose_discriminator, confidence_discriminator: P and C, each None where it is not there.
    """

    def __init__(self, generator, pose_discriminator=None, confidence_discriminator=None):
        self.generator = generator
        given = {"pose": pose_discriminator, "confidence": confidence_discriminator}
        self.networks = {name: network for name, network in given.items() if network is not None}
        self.last = last_outputs(generator)
        self._predictor = with_context(generator) if self._sees() == "features" else generator

    def _sees(self):
        return discriminators.sees(self.networks["pose"]) if "pose" in self.networks else None

    def predict(self, crops):
        """G's answer and what P sees of the image.

        Args:
            crops: [B, S, S, 3] float32 within 0 and 1.

        Returns:
            `(maps, context)`: the last stack's heatmaps by task, [B, S / 4, S / 4, 16] each, and the context of
            `logits`.
        """
        found = dict(self._predictor(crops, training=False))
        return {task: found[name] for task, name in self.last.items()}, found.get(CONTEXT, crops)

    def logits(self, maps, context):
        """What P and C say of heatmaps, whoever's they are.

        Args:
            maps: a dict of heatmaps by task.
            context: of the same people, from `predict`.

        Returns:
            A dict of [B, 16] logits, `pose` and `confidence`, of those that are there.
        """
        return {name: discriminators.judge(network, context, maps)[0] for name, network in self.networks.items()}

    def verdicts(self, maps, context):
        """`logits` as probabilities [B, 16]: `plausible`, P's, and `confident`, C's (Sections 2.2 and 2.3)."""
        return {PROBABILITIES[name]: tf.sigmoid(logits) for name, logits in self.logits(maps, context).items()}


class JudgedEstimator:
    """An `pose_estimator.PoseEstimator` whose joints come with P's and C's probabilities.

    Args:
        estimator: the `pose_estimator.PoseEstimator`; with its flip test, P and C judge the mean of the maps.
        judges: the `Judges` with its G.
    """

    def __init__(self, estimator, judges):
        self.estimator, self.judges = estimator, judges
        self.crop_size, self.scales = estimator.crop_size, test_time_augmentation.ONE_SCALE

    def joints_in_crop(self, crops):
        """Joints of crops, judged.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1.

        Returns:
            What `PoseEstimator.joints_in_crop` and `Judges.verdicts` do.
        """
        maps, context = self.judges.predict(crops)
        if self.estimator.flip:
            maps = self.estimator.heatmaps(crops)
        return {**pose_estimator.joints_in_maps(maps), **self.judges.verdicts(maps, context)}


def load(workdir):
    """The `Judges` with a workdir's best weights: those of P and C are of the same epoch as G's.

    Raises:
        UserError: it is no workdir, or holds no weights yet.
    """
    model = configuration.load(workdir).model
    names = ("generator", "pose_discriminator", "confidence_discriminator")
    built = dict(zip(names, (networks.generator(model), *networks.discriminators(model)), strict=True))
    for name, network in built.items():
        if network is not None:
            pose_estimator.load_best(network, workdir, name)
    return Judges(*built.values())


def from_workdir(workdir, flip=False):
    """The judged estimator with a workdir's best weights.

    Raises:
        UserError: it is no workdir, holds no weights yet, or was trained without P and C.
    """
    if not configuration.load(workdir).model.discriminators:
        raise UserError(f"{workdir} was trained with --nodiscriminators: it has no P and C to ask")
    judges = load(workdir)
    return JudgedEstimator(pose_estimator.PoseEstimator(judges.generator, flip), judges)
