"""How well P and C know good joints from bad ones, on held-out people (BUILD_NOTES 44).

Of each discriminator: `auc`, the area under the ROC curve of its verdict on G's joints against their labels (p_fake,
c_fake); `peak_auc`, that of the plain height of G's peaks against the same labels, which it must beat to teach
anything; `calibration`, the expected calibration error of its probabilities. Of P, `moved_auc`: its verdict on true
maps of which some joints were moved. Of C, `amplitude`: how much its logit changes where G's maps grow by a fifth. And
of both, `toward`: the share of G's wrong joints whose pose map is pulled toward the true one, along the straight line.

A joint that is not annotated or lies outside the crop counts nowhere.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_pipeline.augmentation import augment
from data_pipeline.records import dataset, integrity
from keras_apn import keras_compat
from keras_apn.adversarial import labels, losses, moved_joints
from keras_apn.adversarial.batch import Batch
from keras_apn.config import Config, DataConfig, TrainingConfig
from keras_apn.metrics.ranking import AreaUnderCurve, CalibrationError, CountedMean
from keras_apn.models import discriminators
from keras_apn.models.networks import Networks

# What is known of each discriminator, by its key in `Networks.discriminators`, in the order of tables.
MEASURES = {
    "p": ("auc", "peak_auc", "moved_auc", "calibration", "toward"),
    "c": ("auc", "peak_auc", "amplitude", "calibration", "toward"),
}
NAMES = {"p": "pose", "c": "confidence"}
# What G's maps are multiplied by for `amplitude`.
LOUDER = 1.2
# Of the joints that are moved, which shall be the same in every epoch.
SEED = 44
METRICS = {"amplitude": CountedMean, "toward": CountedMean, "calibration": CalibrationError}


class Discrimination:
    """The measures of P and C over batches of held-out people.

    No Keras layer, so that what holds it does not take its metrics for its own: they live from the first to the last
    batch of a validation, and need no place in checkpoints.

    Args:
        networks: a `Networks`, with P and C where they are there.
        training, data: the run's `config.TrainingConfig` and `config.DataConfig`; the thresholds of the labels are
            those at the end of training.
    """

    def __init__(self, networks: Networks, training: TrainingConfig, data: DataConfig) -> None:
        self.networks, self.training, self.data = networks, training, data
        self.metrics: dict[str, dict[str, Any]] = {
            key: {name: METRICS.get(name, AreaUnderCurve)(name=f"{key}_{name}") for name in MEASURES[key]}
            for key in networks.discriminators
        }
        # Moved joints differ from batch to batch, not from epoch to epoch.
        self.batches = keras_compat.counter("batches")

    def update(self, maps: dict[str, tf.Tensor], context: tf.Tensor, batch: Batch) -> None:
        """Adds a batch.

        Args:
            maps: the last stack's heatmaps by task, from `Networks.predict` without training.
            context: what P sees of the image, from there too.
            batch: a `Batch`.
        """
        seen, counted = batch.seen(maps), batch.joints["judged"].mask
        place = batch.example["joints_heatmap"], batch.example["head_size_heatmap"]
        given = {
            "p": labels.pose_labels(seen["pose"], *place, self.training.delta, batch.skeleton.tolerances),
            "c": labels.confidence_labels(seen["pose"], batch.truth["pose"], self.data.sigma, self.training.epsilon),
        }
        for key, network in self.networks.discriminators.items():
            metrics = self.metrics[key]
            if key == "p":
                changed = self._with_moved_joints(batch)
                beside = changed.moved_truth(self.networks.tasks)
            else:
                beside = {task: LOUDER * values for task, values in seen.items()}
            with tf.GradientTape() as tape:
                tape.watch(seen["pose"])
                logits, other = discriminators.judge(network, context, seen, beside)
                escaped = losses.label_loss(logits, tf.ones_like(logits), counted)
            pull = -tape.gradient(escaped, seen["pose"], unconnected_gradients="zero")
            metrics["auc"].update_state(_spread(logits), given[key], counted)
            # The root: heights of the first epochs lie close to zero.
            peaks = tf.reduce_max(seen["pose"], axis=(1, 2))
            metrics["peak_auc"].update_state(tf.sqrt(tf.maximum(peaks, 0.0)), given[key], counted)
            metrics["calibration"].update_state(tf.sigmoid(logits), given[key], counted)
            wrong = counted & (given["p"] < 0.5)
            along = tf.reduce_sum(pull * (batch.truth["pose"] - seen["pose"]), axis=(1, 2))
            metrics["toward"].update_state(tf.cast(along > 0.0, tf.float32), wrong)
            if key == "p":
                kept = tf.cast(~changed.example["moved"], tf.float32)
                metrics["moved_auc"].update_state(_spread(other), kept, changed.joints["moved"].mask)
            else:
                metrics["amplitude"].update_state(other - logits, counted)
        self.batches.assign_add(1)

    def reset(self) -> None:
        """Forgets all batches."""
        self.batches.assign(0)
        for metrics in self.metrics.values():
            for metric in metrics.values():
                metric.reset_state()

    def scores(self) -> dict[str, dict[str, float | None] | None]:
        """`{"pose": {"auc", ...}, "confidence": {"auc", ...}}` of all batches so far; outside of graphs.

        None for a discriminator that is not there, for an area with one class of labels alone, and for what is no
        number.
        """
        return {
            name: {measure: _finite(metric.result()) for measure, metric in self.metrics[key].items()}
            if key in self.metrics
            else None
            for key, name in NAMES.items()
        }

    def logs(self) -> dict[str, float]:
        """`scores` as an epoch logs them, `p_auc` and so on; what is not known is left out."""
        scores = self.scores()
        each = {f"{key}_{name}": value for key, own in NAMES.items() for name, value in (scores[own] or {}).items()}
        return {name: value for name, value in each.items() if value is not None}

    def _with_moved_joints(self, batch):
        """The batch with joints of everybody moved."""
        place = [batch.example[name] for name in ("joints_heatmap", "head_size_heatmap", "annotated")]
        joints, moved = moved_joints.move(*place, self._seed(), batch.skeleton)
        everybody = tf.ones_like(batch.example["occlusion_known"])
        example = batch.example | {"moved_heatmap": joints, "moved": moved, "scrambled": everybody}
        return Batch(example, size=batch.size, sigma=batch.sigma, skeleton=batch.skeleton)

    def _seed(self):
        """Of this batch and replica, [2] int64."""
        replica = tf.distribute.get_replica_context()
        draw = self.batches * replica.num_replicas_in_sync + tf.cast(replica.replica_id_in_sync_group, tf.int64)
        return tf.stack([tf.constant(SEED, tf.int64), draw])


def measure(
    networks: Networks, config: Config, paths: Sequence[str], batch_size: int = 16
) -> dict[str, dict[str, float | None] | None]:
    """The scores of a run's P and C on records, of unaugmented crops without a flip test.

    Args:
        networks: the run's `Networks`.
        config: the run's `config.Config`, whose thresholds at the end of training the labels have.
        paths: shards.
        batch_size: people in a batch; moved joints depend on it.

    Returns:
        `Discrimination.scores`.
    """
    found = Discrimination(networks, config.training, config.data)
    if found.metrics:
        crop_size, described = networks.generator.input_shape[1], dataset.describe(paths)
        skeleton = networks.skeleton
        dataset.require_skeleton(described, skeleton)

        @tf.function(reduce_retracing=True)
        def add(batch):
            example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), crop_size, skeleton)
            stacks, context = networks.predict(example["crop"], training=False)
            batch = Batch(example, size=networks.size, sigma=config.data.sigma, skeleton=skeleton)
            found.update(stacks[-1], context, batch)

        segments = integrity.survey(described["shards"], tolerated=0.0)
        load = {"patch_size": described["patch_size"], "batch_size": batch_size, "skeleton": skeleton}
        for batch in dataset.load(segments, **load):
            add(batch)
    return found.scores()


def _spread(logits):
    """Logits within 0 and 1 in their order; bins of a sigmoid would tie those of a discriminator that is sure."""
    return 0.5 + 0.5 * tf.math.softsign(logits)


def _finite(value):
    value = float(value)
    return value if math.isfinite(value) else None
