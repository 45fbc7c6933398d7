"""G with P and C beside it, which say of every joint whether its place is plausible and whether G is sure of it."""

import tensorflow as tf

from data_pipeline.errors import UserError
from keras_apn import averaging, inference, networks
from keras_apn import config as configuration
from keras_apn.discriminators import network_inputs


class JudgedEstimator:
    """An `inference.PoseEstimator` whose joints come with P's and C's probabilities.

    Args:
        estimator: the `inference.PoseEstimator`; with its flip test, P and C judge the mean of the maps.
        pose_discriminator, confidence_discriminator: P and C.
    """

    def __init__(self, estimator, pose_discriminator, confidence_discriminator):
        self.estimator = estimator
        self.pose_discriminator = pose_discriminator
        self.confidence_discriminator = confidence_discriminator
        self.crop_size, self.scales = estimator.crop_size, averaging.ONE_SCALE

    def joints_in_crop(self, crops):
        """Joints of crops, judged.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1.

        Returns:
            What `PoseEstimator.joints_in_crop` does, and [B, 16] probabilities: `plausible`, P's that the joint's
            place fits the body and the image (Section 2.2), and `confident`, C's that G is sure of it (Section 2.3).
        """
        maps = self.estimator.heatmaps(crops)
        found = verdicts(self.pose_discriminator, self.confidence_discriminator, crops, maps)
        return {**inference.joints_in_maps(maps), **found}


def verdicts(pose_discriminator, confidence_discriminator, crops, maps):
    """What P and C say of heatmaps: [B, 16] probabilities `plausible` and `confident`, as of `JudgedEstimator`."""
    judged = {"plausible": pose_discriminator, "confident": confidence_discriminator}
    return {
        name: tf.sigmoid(network(network_inputs(network, crops, maps), training=False))
        for name, network in judged.items()
    }


def from_workdir(workdir, flip=False):
    """The judged estimator with a workdir's best weights: those of P and C are of the same epoch as G's.

    Raises:
        UserError: it is no workdir, holds no weights yet, or was trained without P and C.
    """
    pose_discriminator, confidence_discriminator = networks.discriminators(configuration.load(workdir).model)
    if pose_discriminator is None:
        raise UserError(f"{workdir} was trained with --nodiscriminators: it has no P and C to ask")
    estimator = inference.from_workdir(workdir, flip)
    inference.load_best(pose_discriminator, workdir, "pose_discriminator")
    inference.load_best(confidence_discriminator, workdir, "confidence_discriminator")
    return JudgedEstimator(estimator, pose_discriminator, confidence_discriminator)
