"""How well P and C know good joints from bad ones, on held-out people (BUILD_NOTES 44).

Of each discriminator: `auc`, the area under the ROC curve of its verdict on G's joints against their labels (p_fake,
c_fake); `peak_auc`, that of the plain height of G's peaks against the same labels, which it must beat to teach
anything; `calibration`, the expected calibration error of its probabilities. Of P, `moved_auc`: its verdict on true
maps of which some joints were moved. Of C, `amplitude`: how much its logit changes where G's maps grow by a fifth.

A joint that is not annotated or lies outside the crop counts nowhere.
"""

import math

import keras
import tensorflow as tf

from data_pipeline.augmentation import augment
from data_pipeline.records import dataset, integrity
from keras_apn import keras_compat
from keras_apn.adversarial import labels, moved_joints
from keras_apn.adversarial.objective import Objective
from keras_apn.models import discriminators
from keras_apn.models.generator import CONTEXT, with_context

# What is known of each discriminator, by its key in `Objective.judges`, in the order of tables.
MEASURES = {
    "p": ("auc", "peak_auc", "moved_auc", "calibration"),
    "c": ("auc", "peak_auc", "amplitude", "calibration"),
}
NAMES = {"p": "pose", "c": "confidence"}
BINS, CALIBRATION_BINS = 2000, 15
# What G's maps are multiplied by for `amplitude`.
LOUDER = 1.2
# Of the joints that are moved, which shall be the same in every epoch.
SEED = 44


class AreaUnderCurve(keras.metrics.Metric):
    """The area under the ROC curve of scores within 0 and 1, from a histogram of `BINS`; ties count half."""

    def __init__(self, name="auc"):
        super().__init__(name=name)
        self.counts = self.add_weight(name="counts", shape=(2, BINS), initializer="zeros")

    def update_state(self, scores, given, counted):
        """Adds a batch.

        Args:
            scores: [B, 16] float32 within 0 and 1; what lies outside falls into the last bin at that end.
            given: [B, 16] labels, 0 or 1.
            counted: [B, 16] bool, the others are left out.
        """
        place = tf.clip_by_value(tf.cast(scores * BINS, tf.int32), 0, BINS - 1) + BINS * tf.cast(given, tf.int32)
        found = tf.math.unsorted_segment_sum(tf.cast(counted, tf.float32), place, 2 * BINS)
        self.counts.assign_add(tf.reshape(found, (2, BINS)))

    def reset_state(self):
        """Forgets all batches."""
        keras_compat.clear((self.counts,))

    def result(self):
        """A scalar within 0 and 1; NaN where there is one class of labels alone."""
        negatives, positives = tf.unstack(tf.cast(tf.convert_to_tensor(self.counts), tf.float64))
        above = tf.cumsum(negatives, exclusive=True) + 0.5 * negatives
        return tf.reduce_sum(positives * above) / (tf.reduce_sum(positives) * tf.reduce_sum(negatives))


class CalibrationError(keras.metrics.Metric):
    """The expected calibration error of probabilities, over `CALIBRATION_BINS` equal bins."""

    def __init__(self, name="calibration"):
        super().__init__(name=name)
        # Of each bin the number of joints, the sum of their probabilities and that of their labels.
        self.sums = self.add_weight(name="sums", shape=(CALIBRATION_BINS, 3), initializer="zeros")

    def update_state(self, probabilities, given, counted):
        """Adds a batch: [B, 16] probabilities, labels (0 or 1), and whether they count."""
        place = tf.clip_by_value(tf.cast(probabilities * CALIBRATION_BINS, tf.int32), 0, CALIBRATION_BINS - 1)
        values = tf.stack([tf.ones_like(probabilities), probabilities, tf.cast(given, tf.float32)], axis=-1)
        values = tf.where(counted[..., None], values, 0.0)
        self.sums.assign_add(tf.math.unsorted_segment_sum(values, place, CALIBRATION_BINS))

    def reset_state(self):
        """Forgets all batches."""
        keras_compat.clear((self.sums,))

    def result(self):
        """A scalar within 0 and 1, the mean distance of probability and share of ones; NaN where nothing counted."""
        count, probability, ones = tf.unstack(tf.convert_to_tensor(self.sums), axis=-1)
        return tf.reduce_sum(tf.abs(probability - ones)) / tf.reduce_sum(count)


class MeanChange(keras.metrics.Metric):
    """A mean over what counts."""

    def __init__(self, name="amplitude"):
        super().__init__(name=name)
        self.sums = self.add_weight(name="sums", shape=(2,), initializer="zeros")

    def update_state(self, values, counted):
        """Adds a batch: [B, 16] values, and whether they count."""
        shares = tf.stack([tf.where(counted, values, 0.0), tf.cast(counted, tf.float32)])
        self.sums.assign_add(tf.reduce_sum(shares, axis=(1, 2)))

    def reset_state(self):
        """Forgets all batches."""
        keras_compat.clear((self.sums,))

    def result(self):
        """A scalar; NaN where nothing counted."""
        total, count = tf.unstack(tf.convert_to_tensor(self.sums))
        return total / count


METRICS = {"amplitude": MeanChange, "calibration": CalibrationError}


class Discrimination:
    """The measures of P and C over batches of held-out people.

    No Keras layer, so that what holds it does not take its metrics for its own: they live from the first to the last
    batch of a validation, and need no place in checkpoints.

    Args:
        objective: an `objective.Objective`, with P and C where they are there.
    """

    def __init__(self, objective):
        self.objective = objective
        self.metrics = {
            key: {name: METRICS.get(name, AreaUnderCurve)(name=f"{key}_{name}") for name in MEASURES[key]}
            for key in objective.judges
        }
        # Moved joints differ from batch to batch, not from epoch to epoch.
        self.batches = keras_compat.counter("batches")
        generator = objective.generator
        predictor = with_context(generator) if objective.context == "features" else generator
        # In a closure: Keras would add the layers of an attribute to the model's own.
        self._predict = lambda crops: predictor(crops, training=False)

    def predict(self, crops):
        """`(maps, context)` of [B, S, S, 3] crops: all of G's heatmaps by name, and what P sees of the image."""
        maps = dict(self._predict(crops))
        return maps, maps.pop(CONTEXT, crops)

    def update(self, maps, context, example):
        """Adds a batch.

        Args:
            maps, context: from `predict`.
            example: crops and joints, as `augment.make_crops` gives them.
        """
        objective, masks, truth = self.objective, self.objective.masks(example), self.objective.truth(example)
        seen = self._seen({task: maps[name] for task, name in objective.last.items()}, masks, masks["judged"])
        place = example["joints_heatmap"], example["head_size_heatmap"]
        given = {
            "p": labels.pose_labels(seen["pose"], *place, objective.training.delta),
            "c": labels.confidence_labels(
                seen["pose"], truth["pose"], objective.data.sigma, objective.training.epsilon
            ),
        }
        for key, network in objective.judges.items():
            metrics, counted = self.metrics[key], masks["judged"]
            kinds = [seen]
            if key == "p":
                moved_heatmap, moved = moved_joints.move(*place, example["annotated"], self._seed())
                everybody = tf.ones_like(example["occlusion_known"])
                changed = example | {"moved_heatmap": moved_heatmap, "scrambled": everybody}
                moved_masks = objective.masks(changed)
                moved_truth = objective.truth(changed | {"joints_heatmap": moved_heatmap})
                kinds.append(self._seen(moved_truth, moved_masks, moved_masks["moved"]))
            else:
                kinds.append({task: LOUDER * values for task, values in seen.items()})
            logits, other = discriminators.judge(network, context, *kinds)
            metrics["auc"].update_state(_spread(logits), given[key], counted)
            # The root: heights of the first epochs lie close to zero.
            peaks = tf.reduce_max(seen["pose"], axis=(1, 2))
            metrics["peak_auc"].update_state(tf.sqrt(tf.maximum(peaks, 0.0)), given[key], counted)
            metrics["calibration"].update_state(tf.sigmoid(logits), given[key], counted)
            if key == "p":
                metrics["moved_auc"].update_state(_spread(other), tf.cast(~moved, tf.float32), moved_masks["moved"])
            else:
                metrics["amplitude"].update_state(other - logits, counted)
        self.batches.assign_add(1)

    def reset(self):
        """Forgets all batches."""
        self.batches.assign(0)
        for metrics in self.metrics.values():
            for metric in metrics.values():
                metric.reset_state()

    def scores(self):
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

    def logs(self):
        """`scores` as an epoch logs them, `p_auc` and so on; what is not known is left out."""
        scores = self.scores()
        each = {f"{key}_{name}": value for key, own in NAMES.items() for name, value in (scores[own] or {}).items()}
        return {name: value for name, value in each.items() if value is not None}

    def _seen(self, maps, masks, counted):
        """What P and C see of heatmaps, as in training: empty where a joint does not count."""
        return {
            task: maps[task] * tf.cast(masks[task] & counted, tf.float32)[:, None, None]
            for task in self.objective.tasks
        }

    def _seed(self):
        """Of this batch and replica, [2] int64."""
        replica = tf.distribute.get_replica_context()
        draw = self.batches * replica.num_replicas_in_sync + tf.cast(replica.replica_id_in_sync_group, tf.int64)
        return tf.stack([tf.constant(SEED, tf.int64), draw])


def measure(judges, config, paths, batch_size=16):
    """The scores of a run's P and C on records, of unaugmented crops without a flip test.

    Args:
        judges: a `discriminator_scores.Judges`.
        config: the run's `config.Config`, whose thresholds at the end of training the labels have.
        paths: shards.
        batch_size: people in a batch; moved joints depend on it.

    Returns:
        `Discrimination.scores`.
    """
    networks = {"g": judges.generator}
    networks |= {key: judges.networks[name] for key, name in NAMES.items() if name in judges.networks}
    found = Discrimination(Objective(networks, config.training, config.data))
    if found.metrics:
        crop_size, described = judges.generator.input_shape[1], dataset.describe(paths)

        @tf.function(reduce_retracing=True)
        def add(batch):
            example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), crop_size)
            found.update(*found.predict(example["crop"]), example)

        segments = integrity.survey(described["shards"], tolerated=0.0)
        for batch in dataset.load(segments, patch_size=described["patch_size"], batch_size=batch_size):
            add(batch)
    return found.scores()


def _spread(logits):
    """Logits within 0 and 1 in their order; bins of a sigmoid would tie those of a discriminator that is sure."""
    return 0.5 + 0.5 * tf.math.softsign(logits)


def _finite(value):
    value = float(value)
    return value if math.isfinite(value) else None
