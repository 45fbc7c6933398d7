"""G with P and C beside it, which say of every joint whether its place is plausible and whether G is sure of it."""

import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn import config as configuration
from keras_apn.inference import pose_estimator, test_time_augmentation
from keras_apn.models import networks
from keras_apn.models.networks import Networks

# What each discriminator's probability is called in a prediction.
PROBABILITIES = {"p": "plausible", "c": "confident"}


def probabilities(networks: Networks, maps: dict[str, tf.Tensor], context: tf.Tensor) -> dict[str, tf.Tensor]:
    """What P and C say of each joint of heatmaps, as far as they are there.

    Args:
        networks: a `Networks`.
        maps: a dict of heatmaps by task, [B, S / 4, S / 4, 16].
        context: of the same people, from `Networks.predict`.

    Returns:
        A dict of [B, 16] float32: `plausible`, P's, and `confident`, C's (Sections 2.2 and 2.3).
    """
    return {PROBABILITIES[key]: tf.sigmoid(logits) for key, logits in networks.logits(maps, context).items()}


class JudgedEstimator:
    """An `pose_estimator.PoseEstimator` whose joints come with P's and C's probabilities.

    Args:
        estimator: the `pose_estimator.PoseEstimator`; with its flip test, P and C judge the mean of the maps.
        networks: the `Networks` with its G.
    """

    def __init__(self, estimator: pose_estimator.PoseEstimator, networks: Networks) -> None:
        self.estimator, self.networks = estimator, networks
        self.crop_size, self.scales = estimator.crop_size, test_time_augmentation.ONE_SCALE

    def joints_in_crop(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
        """Joints of crops, judged.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1.

        Returns:
            What `PoseEstimator.joints_in_crop` and `probabilities` do.
        """
        (*_, maps), context = self.networks.predict(crops, training=False)
        if self.estimator.flip:
            maps = self.estimator.heatmaps(crops)
        return {**pose_estimator.joints_in_maps(maps), **probabilities(self.networks, maps, context)}


def load(workdir: StrPath) -> Networks:
    """The `Networks` with a workdir's best weights: those of P and C are of the same epoch as G's.

    Raises:
        UserError: it is no workdir, or holds no weights yet.
    """
    model = configuration.load(workdir).model
    names = ("generator", "pose_discriminator", "confidence_discriminator")
    built = dict(zip(names, (networks.generator(model), *networks.discriminators(model)), strict=True))
    for name, network in built.items():
        if network is not None:
            pose_estimator.load_best(network, workdir, name)
    return Networks(*built.values())


def from_workdir(workdir: StrPath, flip: bool = False) -> JudgedEstimator:
    """The judged estimator with a workdir's best weights.

    Raises:
        UserError: it is no workdir, holds no weights yet, or was trained without P and C.
    """
    if not configuration.load(workdir).model.discriminators:
        raise UserError(f"{workdir} was trained with --nodiscriminators: it has no P and C to ask")
    loaded = load(workdir)
    return JudgedEstimator(pose_estimator.PoseEstimator(loaded.generator, flip), loaded)
