"""Adversarial PoseNet: G, P and C trained together (Section 2.5, Algorithm 1)."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from data_pipeline.augmentation import augment
from data_pipeline.decode import decode
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn import keras_compat, replicas
from keras_apn.adversarial import alternating, losses, moved_joints, train_step
from keras_apn.adversarial.batch import Batch, counts
from keras_apn.adversarial.discrimination import Discrimination
from keras_apn.config import DataConfig, TrainingConfig
from keras_apn.metrics.running_pck import PCKh
from keras_apn.models.networks import Networks
from keras_apn.optimization.accumulation import accumulated
from keras_apn.optimization.moving_average import MovingAverage


class AdversarialPoseNet(keras.Model):
    """G with its two teachers.

    It is given the networks and trains on batches of patches, as `dataset.endless` gives them. Called, it is G.
    `update` is the part of a training step behind the augmentation; every operation in it has an XLA kernel.

    Args:
        generator: G, from `build_generator`.
        pose_discriminator, confidence_discriminator: P and C, each None to train without.
        training: a `config.TrainingConfig`.
        data: a `config.DataConfig`.
        total_steps: steps of the whole training, which the thresholds' schedule spans.
        skeleton: whose joints they find.
    """

    def __init__(
        self,
        generator: keras.Model,
        pose_discriminator: keras.Model | None = None,
        confidence_discriminator: keras.Model | None = None,
        *,
        training: TrainingConfig,
        data: DataConfig,
        total_steps: int,
        skeleton: Skeleton = MPII16,
    ) -> None:
        super().__init__(name="adversarial_posenet")
        self.generator = generator
        self.pose_discriminator = pose_discriminator
        self.confidence_discriminator = confidence_discriminator
        self.training_config = training
        self.data_config = data
        self.total_steps = total_steps
        self.networks = Networks(generator, pose_discriminator, confidence_discriminator, training.recompute, skeleton)
        self.crop_size = generator.input_shape[1]
        # Steps done: seeds the augmentation and moves the thresholds, so that a resumed run goes on where it was.
        self.step = keras_compat.counter("step")
        # Steps in a row, up to the last one, with a loss that is no number.
        self.not_finite = keras_compat.counter("not_finite")
        # What plateaus multiply the learning rates by; None where there are none.
        plateaus = training.learning_rate_schedule == "plateau"
        self.reduction = keras_compat.same_everywhere(1.0, "reduction") if plateaus else None
        self.average = MovingAverage(generator, training.average_decay) if training.average_decay else None
        self.means = {name: keras.metrics.Mean(name=name) for name in self.logged}
        self.pckh = PCKh(name="pckh", skeleton=skeleton)
        # How well P and C know good joints from bad ones; of validation alone, `evaluate` begins it anew.
        self.discrimination = Discrimination(self.networks, training, data)
        self.built = True

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        pose_optimizer: keras.optimizers.Optimizer | None = None,
        confidence_optimizer: keras.optimizers.Optimizer | None = None,
        adversarial_optimizer: keras.optimizers.Optimizer | None = None,
        **kwargs: Any,
    ) -> None:
        """Takes an optimizer for each network; P's and C's are needed where they are trained.

        With an `adversarial_optimizer` the second update of G in alternating mode has a state of its own.
        """
        super().compile(optimizer=generator_optimizer, jit_compile=False, **kwargs)
        self.pose_optimizer = pose_optimizer
        self.confidence_optimizer = confidence_optimizer
        self.adversarial_optimizer = adversarial_optimizer
        for key, network in self.networks.by_key.items():
            for optimizer in {id(o): o for o in (self.optimizers_of(name)[key] for name in self.phases)}.values():
                optimizer.build(network.trainable_variables)
        # Augmentation stays outside: the warp has no XLA kernel.
        self.compiled_update = tf.function(self.update, jit_compile=True) if self.training_config.xla else self.update
        # What `training.loop` calls, on iterators of batches.
        self.step_everywhere = replicas.over(self.distribute_strategy, self.train_step)
        self.test_everywhere = replicas.over(self.distribute_strategy, self.test_step)

    def call(self, inputs: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """G's heatmaps of [B, S, S, 3] crops within 0 and 1."""
        return self.generator(inputs, training=training)

    @property
    def moves_joints(self) -> bool:
        """Whether P learns true poses of which some joints were moved."""
        return self.training_config.moved_joints and "p" in self.networks.discriminators

    @property
    def phases(self) -> dict[str, Callable]:
        """The updates of a step by name, in order: one, or the three of Algorithm 1 as printed."""
        alternates = self.training_config.mode == "alternating" and self.networks.discriminators
        return alternating.UPDATES if alternates else {"joint": train_step.joint}

    @property
    def logged(self) -> list[str]:
        """The names of what a step logs."""
        names = ["loss", *(f"loss_{task}" for task in self.networks.tasks)]
        for key in self.networks.discriminators:
            kinds = ("real", "fake", "moved") if key == "p" and self.moves_joints else ("real", "fake")
            names += [f"{what}_{key}" for what in ("adversarial", "gradient_ratio", "weight")]
            names += [f"loss_{key}_{kind}" for kind in kinds] + [f"{key}_accuracy_{kind}" for kind in kinds]
            names.append(f"{key}_fake_share")
        return [*names, "delta", "epsilon"] if self.networks.discriminators else names

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What is begun anew with each epoch and each validation."""
        return [*self.means.values(), self.pckh]

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of Algorithm 1 on a batch of patches; gives the means of the epoch so far."""
        ranges = augment.Ranges(
            rotation=self.data_config.rotation,
            scale=self.data_config.scale,
            flip=self.data_config.flip,
            color=self.data_config.color,
        )
        chosen = augment.sample(tf.shape(batch["patch"])[0], self._draw(), ranges)
        logs = self.compiled_update(augment.make_crops(batch, chosen, self.crop_size, self.networks.skeleton))
        for name, value in logs.items():
            self.means[name].update_state(value)
        # What steps log is the same on every replica, so that each one's own means are those of all.
        return {name: tf.math.divide_no_nan(*map(tf.convert_to_tensor, self.means[name].variables)) for name in logs}

    def test_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Scores G, P and C on a batch of patches, unaugmented."""
        plain = augment.identity(tf.shape(batch["patch"])[0])
        example = augment.make_crops(batch, plain, self.crop_size, self.networks.skeleton)
        stacks, context = self.networks.predict(example["crop"], training=False)
        known = self._batch(example)
        self.means["loss"].update_state(*self._score(stacks, known))
        joints, _ = decode(stacks[-1]["pose"])
        self.pckh.update_state(joints, example["joints_heatmap"], example["head_size_heatmap"], example["annotated"])
        self.discrimination.update(stacks[-1], context, known)
        return {}

    def begin(self) -> None:
        """Forgets what steps logged and what was validated; at the start of an epoch and of a validation."""
        self.reset_metrics()
        self.discrimination.reset()

    def scores(self) -> dict[str, float]:
        """`loss`, `pckh` and `Discrimination.logs` of what was validated on all replicas; outside of steps."""
        scores = {"loss": float(self.means["loss"].result()), "pckh": float(self.pckh.result())}
        return scores | self.discrimination.logs()

    def update(self, example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Moves every network by one step.

        Args:
            example: crops and joints, as `augment.make_crops` gives them.

        Returns:
            A dict of scalars to log: every weighted loss term, the ratios of the adversarial gradients at the
            heatmaps to L_G's, the labels' shares of ones, the discriminators' accuracies, the thresholds.
        """
        logs, progress = {}, tf.cast(self.step, tf.float32) / max(self.total_steps, 1)
        if self.moves_joints:
            example = example | self._moved(example)
        parts = self.training_config.accumulate
        of_all = counts(example, self.networks.size, parts)
        for name, phase in self.phases.items():

            def compute(part, phase=phase):
                return phase(self.networks, self._batch(part, of_all), self.training_config, progress)

            gradients, logged = accumulated(compute, example, parts)
            self._move(gradients, self.optimizers_of(name))
            logs |= logged
        logs = replicas.means(logs)
        self.step.assign_add(1)
        if self.average is not None:
            self.average.update(self.step)
        finite = tf.reduce_all([tf.math.is_finite(value) for name, value in logs.items() if name.startswith("loss")])
        self.not_finite.assign(tf.where(finite, tf.zeros([], tf.int64), self.not_finite + 1))
        return logs

    def _batch(self, example, of_all=None):
        known = {"sigma": self.data_config.sigma, "skeleton": self.networks.skeleton}
        return Batch(example, size=self.networks.size, counts=of_all, **known)

    def _score(self, stacks, batch):
        """Eq. 1 on a batch that may hold people of whom nothing is annotated, who do not count.

        Returns:
            `(loss, weight)`; the mean of several batches' losses by their weights is that of all their people.
        """
        loss, _ = losses.generator_loss(stacks, batch.truth, batch.joints, self.training_config)
        mask = tf.cast(batch.joints["pose"].mask, tf.float32)
        if self.training_config.reduction == "mean":
            return loss, tf.reduce_sum(mask)
        people = tf.reduce_sum(tf.reduce_max(mask, axis=1))
        return loss * tf.cast(tf.shape(mask)[0], tf.float32) / tf.maximum(people, 1.0), people

    def _draw(self):
        """A seed of this step and replica, [2] int64."""
        replica = tf.distribute.get_replica_context()
        draw = self.step * replica.num_replicas_in_sync + tf.cast(replica.replica_id_in_sync_group, tf.int64)
        return tf.stack([tf.constant(self.training_config.seed, tf.int64), draw])

    def _moved(self, example):
        """The example's poses with some joints moved, as `Batch` takes them."""
        place = example["joints_heatmap"], example["head_size_heatmap"], example["annotated"]
        # Not the augmentation's seed, which is that of its step too.
        joints, moved, scrambled = moved_joints.of_every_second(*place, -1 - self._draw(), self.networks.skeleton)
        return {"moved_heatmap": joints, "moved": moved, "scrambled": scrambled}

    def optimizers_of(self, phase: str) -> dict[str, keras.optimizers.Optimizer]:
        """By network what moves it in one of `phases`."""
        own = phase == "adversarial" and self.adversarial_optimizer is not None
        generator_optimizer = self.adversarial_optimizer if own else self.optimizer
        return {"g": generator_optimizer, "p": self.pose_optimizer, "c": self.confidence_optimizer}

    def _move(self, gradients, optimizers):
        """One update of every network that has a gradient."""
        # Optimizers add the replicas' gradients up, whose mean is that of the batch.
        for key, gradient in gradients.items():
            if replicas.count() > 1:
                gradient = [g / replicas.count() for g in gradient]
            variables = self.networks.by_key[key].trainable_variables
            optimizers[key].apply_gradients(zip(gradient, variables, strict=True))
