"""G with P and C beside it, which say of every joint whether its place is plausible and whether G is sure of it."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn import config as configuration
from keras_apn.inference import pose_estimator, test_time_augmentation
from keras_apn.models import best_weights, networks, platt_scaling
from keras_apn.models.generator import CONTEXT
from keras_apn.models.networks import Networks

Verdict = Callable[[tf.Tensor], tf.Tensor]

# What each discriminator's probability is called in a prediction.
PROBABILITIES = {"p": "plausible", "c": "confident"}


def probabilities(
    networks: Networks, maps: dict[str, tf.Tensor], context: tf.Tensor, verdict: Verdict = tf.sigmoid
) -> dict[str, tf.Tensor]:
    """What P and C say of each joint of heatmaps, as far as they are there.

    Args:
        networks: a `Networks`.
        maps: a dict of heatmaps by task, [B, S / 4, S / 4, J].
        context: of the same people, from `Networks.predict`.
        verdict: what P's logits become.

    Returns:
        A dict of [B, J] float32: `plausible`, P's, and `confident`, C's (Sections 2.2 and 2.3).
    """
    logits = networks.logits(maps, context)
    return {PROBABILITIES[key]: (verdict if key == "p" else tf.sigmoid)(values) for key, values in logits.items()}


class JudgedEstimator(pose_estimator.PoseEstimator):
    """A `PoseEstimator` whose joints come with P's and C's probabilities, of one scale.

    Args:
        networks: the `Networks`.
        flip: as of `PoseEstimator`; P and C then judge the mean of the maps.
        verdict: what P's logits become: a run's `platt_scaling.Scaling`, or their plain sigmoid.
    """

    def __init__(self, networks: Networks, flip: bool = False, verdict: Verdict = tf.sigmoid) -> None:
        super().__init__(networks.generator, flip, skeleton=networks.skeleton)
        self.networks, self.verdict = networks, verdict

    def seen(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
        """The heatmaps, and as `CONTEXT` what P sees of the crops; see `PoseEstimator.seen`."""
        contexts = []

        def predict(views):
            (*_, maps), context = self.networks.predict(views, training=False)
            contexts.append(context)
            return maps

        maps = test_time_augmentation.average(predict, crops, self.flip, self.scales, self.skeleton)
        return {**maps, CONTEXT: contexts[0]}

    def told(self, seen: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Joints, judged; see `PoseEstimator.told`."""
        maps = {task: values for task, values in seen.items() if task != CONTEXT}
        return {
            **pose_estimator.joints_in_maps(maps),
            **probabilities(self.networks, maps, seen[CONTEXT], self.verdict),
        }

    def heatmaps(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
        """As of `PoseEstimator`."""
        return {task: values for task, values in self.seen(crops).items() if task != CONTEXT}


def load(workdir: StrPath, names: Sequence[str] = ("pose_discriminator", "confidence_discriminator")) -> Networks:
    """The `Networks` with a workdir's best weights: those of P and C are of the same epoch as G's.

    Args:
        workdir: the run's.
        names: of the discriminators that are wanted.

    Raises:
        UserError: it is no workdir, or holds no weights yet.
    """
    model = configuration.load(workdir).model
    pose, confidence = networks.discriminators(model)
    built = {"generator": networks.generator(model), "pose_discriminator": pose, "confidence_discriminator": confidence}
    built = {name: built[name] for name in ("generator", *names) if built[name] is not None}
    for name, network in built.items():
        pose_estimator.load_best(network, workdir, name)
    return Networks(**built, skeleton=model.skeleton)


def from_workdir(workdir: StrPath, flip: bool = False, verdict: Verdict | None = None) -> JudgedEstimator:
    """The judged estimator with a workdir's best weights.

    Args:
        workdir: the run's.
        flip: as of `JudgedEstimator`.
        verdict: what P's logits become; None for the run's scaling, or their plain sigmoid where it has none.

    Raises:
        UserError: it is no workdir, holds no weights yet, or was trained without P and C.
    """
    if not configuration.load(workdir).model.discriminators:
        raise UserError(f"{workdir} was trained with --nodiscriminators: it has no P and C to ask")
    return JudgedEstimator(load(workdir), flip, verdict or _scaling(workdir))


def has_p(workdir: StrPath) -> bool:
    """Whether a workdir holds P's best weights."""
    model = configuration.load(workdir).model
    return bool(model.discriminators and model.pose_discriminator and best_weights.find(workdir, "pose_discriminator"))


def with_p(workdir: StrPath, flip: bool = False, verdict: Verdict | None = None) -> JudgedEstimator:
    """The estimator of G and P alone, for exports; arguments as of `from_workdir`.

    Raises:
        UserError: the workdir holds no P.
    """
    if not has_p(workdir):
        raise UserError(f"{workdir} has no P, which says how plausible joints are; leave --plausible out")
    return JudgedEstimator(load(workdir, ("pose_discriminator",)), flip, verdict or _scaling(workdir))


def _scaling(workdir):
    known = platt_scaling.read(workdir)
    return known[0] if known else tf.sigmoid
