"""Adversarial PoseNet: G, P and C trained together (Section 2.5, Algorithm 1)."""

import keras
import tensorflow as tf

from data_pipeline import augment, heatmaps
from data_pipeline.geometry import STRIDE
from keras_apn import labels, lanes, losses
from keras_apn.decode import decode
from keras_apn.discriminators import judge_both, network_inputs
from keras_apn.generator import last_outputs
from keras_apn.metrics import PCKh

TINY = 1e-12


def _where(annotated, maps):
    """A dict of maps [B, H, W, J], or of gradients at them, with zeros where [B, J] joints are not annotated."""
    mask = tf.cast(annotated, tf.float32)[:, None, None]
    return {task: value * mask for task, value in maps.items()}


def _move(optimizer, gradient, network):
    """One update of a network. Optimizers add the replicas' gradients up, and the losses are means over each."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        gradient = [g / replicas for g in gradient]
    optimizer.apply_gradients(zip(gradient, network.trainable_variables, strict=True))


class AdversarialPoseNet(keras.Model):
    """G with its two teachers.

    It is given the networks and trains on batches of patches, as `data_pipeline.dataset.load` gives them. Called, it
    is G. `update` is the part of a training step behind the augmentation; every operation in it has an XLA kernel.

    Args:
        generator: G, from `build_generator`.
        pose_discriminator, confidence_discriminator: P and C, or None for both to train G alone.
        training: a `config.TrainingConfig`.
        data: a `config.DataConfig`.
        total_steps: steps of the whole training, which the thresholds' schedule spans.
    """

    def __init__(
        self, generator, pose_discriminator=None, confidence_discriminator=None, *, training, data, total_steps
    ):
        super().__init__(name="adversarial_posenet")
        if (pose_discriminator is None) != (confidence_discriminator is None):
            raise ValueError("Give both discriminators or neither.")
        self.generator = generator
        self.pose_discriminator = pose_discriminator
        self.confidence_discriminator = confidence_discriminator
        self.training_config = training
        self.data_config = data
        self.total_steps = total_steps
        self.last = last_outputs(generator)
        self.tasks = tuple(self.last)
        self.stacks = len(generator.output) // len(self.tasks)
        self.crop_size = generator.input_shape[1]
        # Steps done: seeds the augmentation and moves the thresholds, so that a resumed run goes on where it was.
        self.step = lanes.counter("step")
        self.means = {name: keras.metrics.Mean(name=name) for name in self._logged()}
        self.pckh = PCKh(name="pckh")
        self.built = True

    def compile(self, generator_optimizer, pose_optimizer=None, confidence_optimizer=None, **kwargs):
        """Takes an optimizer for each network; P's and C's are needed where they are trained."""
        super().compile(optimizer=generator_optimizer, jit_compile=False, **kwargs)
        self.pose_optimizer = pose_optimizer
        self.confidence_optimizer = confidence_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        if self.adversarial:
            pose_optimizer.build(self.pose_discriminator.trainable_variables)
            confidence_optimizer.build(self.confidence_discriminator.trainable_variables)

    _maybe_symbolic_build = lanes.already_built

    def call(self, inputs, training=False):
        """G's heatmaps of [B, S, S, 3] crops within 0 and 1."""
        return self.generator(inputs, training=training)

    @property
    def adversarial(self):
        """Whether P and C take part."""
        return self.pose_discriminator is not None

    @property
    def metrics(self):
        """What `fit` and `evaluate` reset and report."""
        return [*self.means.values(), self.pckh]

    def train_step(self, batch):
        """One step of Algorithm 1 on a batch of patches."""
        replica = tf.distribute.get_replica_context()
        draw = self.step * replica.num_replicas_in_sync + tf.cast(replica.replica_id_in_sync_group, tf.int64)
        seed = tf.stack([tf.constant(self.training_config.seed, tf.int64), draw])
        ranges = augment.Ranges(
            rotation=self.data_config.rotation,
            scale=self.data_config.scale,
            flip=self.data_config.flip,
            color=self.data_config.color,
        )
        chosen = augment.sample(tf.shape(batch["patch"])[0], seed, ranges)
        logs = self.update(augment.make_crops(batch, chosen, self.crop_size))
        for name, value in logs.items():
            self.means[name].update_state(value)
        return {name: self.means[name].result() for name in logs}

    def test_step(self, batch):
        """Scores G on a batch of patches, unaugmented."""
        example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), self.crop_size)
        maps = self.generator(example["crop"], training=False)
        logs, _ = self._supervise(maps, self._truth(example), example["annotated"])
        self.means["loss"].update_state(logs["loss"])
        joints, _ = decode(maps[self.last["pose"]])
        self.pckh.update_state(joints, example["joints_heatmap"], example["head_size_heatmap"], example["annotated"])
        return {"loss": self.means["loss"].result(), "pckh": self.pckh.result()}

    def update(self, example):
        """Moves every network by one step.

        Args:
            example: crops and joints, as `augment.make_crops` gives them.

        Returns:
            A dict of scalars to log: every weighted loss term, the ratios of the adversarial gradients at the
            heatmaps to L_G's, the labels' shares of ones, the discriminators' accuracies, the thresholds.
        """
        step = self._joint_step if self.training_config.mode == "joint" else self._alternating_step
        logs = step(example)
        self.step.assign_add(1)
        return logs

    def _joint_step(self, example):
        """One forward of G serves its own loss, both discriminators and what they pull G toward (Eq. 4)."""
        truth = self._truth(example)
        with tf.GradientTape() as tape:
            maps = self.generator(example["crop"], training=True)
        logs, pulls = self._supervise(maps, truth, example["annotated"])
        if self.adversarial:
            taught, adversarial_pulls = self._teach(example, truth, maps)
            logs |= taught | self._add_adversarial(pulls, adversarial_pulls)
        self._move_generator(tape, maps, pulls)
        return logs

    def _alternating_step(self, example):
        """Algorithm 1 as printed: G by Eq. 1, P and C by Eq. 2 and 3, then G again by Eq. 4."""
        truth, logs = self._truth(example), {}
        for turn in ("supervised", "adversarial") if self.adversarial else ("supervised",):
            with tf.GradientTape() as tape:
                maps = self.generator(example["crop"], training=True)
            supervised, pulls = self._supervise(maps, truth, example["annotated"])
            logs |= supervised
            if turn == "adversarial":
                logs |= self._add_adversarial(pulls, self._deceive(example, maps))
            self._move_generator(tape, maps, pulls)
            if turn == "supervised" and self.adversarial:
                logs |= self._teach(example, truth, maps)[0]
        return logs

    def _truth(self, example):
        """True heatmaps by task; a map that is not annotated is empty."""
        size = self.crop_size // STRIDE
        drawn = heatmaps.targets(
            example["joints_heatmap"], example["annotated"], example["visible"], size, self.data_config.sigma
        )
        return dict(zip(("pose", "occlusion"), drawn, strict=True))

    def _supervise(self, maps, truth, annotated):
        """Eq. 1: the loss by task, and its gradient at every heatmap."""
        # Both tasks by the pose's foreground: weighed by its own target, the occlusion map would learn to cry wolf.
        foreground = self.training_config.foreground_weight
        weights = 1.0 + foreground * truth["pose"] if foreground else None
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = dict.fromkeys(self.tasks, 0.0)
            for name, predicted in maps.items():
                task = name.split("_")[1]
                loss[task] += losses.heatmap_loss(
                    predicted,
                    truth[task],
                    annotated,
                    stacks=self.stacks,
                    reduction=self.training_config.reduction,
                    weights=weights,
                )
            total = sum(loss.values())
        logs = {"loss": total, **{f"loss_{task}": value for task, value in loss.items()}}
        return logs, tape.gradient(total, maps)

    def _fake(self, maps, annotated):
        """What the discriminators see of G: the last stack's maps, empty where the truth is not annotated.

        A true map that is not annotated is empty, so a predicted one beside it would give the fake away.
        """
        return _where(annotated, {task: tf.stop_gradient(maps[name]) for task, name in self.last.items()})

    def _labels(self, example, truth, fake):
        """p_fake and c_fake of this step (Section 2.4)."""
        settings = self.training_config
        progress = tf.cast(self.step, tf.float32) / max(self.total_steps, 1)
        delta = labels.threshold(settings.threshold_schedule, settings.delta_start, settings.delta, progress)
        epsilon = labels.threshold(settings.threshold_schedule, settings.epsilon_start, settings.epsilon, progress)
        p_fake = labels.pose_labels(fake["pose"], example["joints_heatmap"], example["head_size_heatmap"], delta)
        c_fake = labels.confidence_labels(fake["pose"], truth["pose"], self.data_config.sigma, epsilon)
        return {"p": p_fake, "c": c_fake}, {"delta": delta, "epsilon": epsilon}

    def _teach(self, example, truth, maps):
        """Moves P by Eq. 2 and C by Eq. 3.

        Returns:
            `(logs, pulls)`: what to log, and by discriminator the loss and gradient of `_deceive`, from the same
            forward.
        """
        annotated, fake = example["annotated"], self._fake(maps, example["annotated"])
        real = {task: truth[task] for task in self.tasks}
        fake_labels, logs = self._labels(example, truth, fake)
        pulls = {}
        for key, (network, optimizer) in self._discriminators().items():
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(fake)
                on_real, on_fake = judge_both(network, example["crop"], real, fake)
                real_labels = tf.ones_like(on_real)
                loss = losses.label_loss(on_real, real_labels, annotated)
                loss += losses.label_loss(on_fake, fake_labels[key], annotated)
                deceived = losses.label_loss(on_fake, real_labels, annotated)
            pulls[key] = deceived, _where(annotated, tape.gradient(deceived, fake))
            _move(optimizer, tape.gradient(loss, network.trainable_variables), network)
            logs[f"loss_{key}"] = loss
            logs[f"{key}_fake_share"] = losses.masked_mean(fake_labels[key], annotated)
            logs[f"{key}_accuracy"] = 0.5 * (
                losses.accuracy(on_real, real_labels, annotated) + losses.accuracy(on_fake, fake_labels[key], annotated)
            )
        return logs, pulls

    def _deceive(self, example, maps):
        """By discriminator, the loss of not being taken for real (Eq. 4) and its gradient at the last heatmaps."""
        pulls, annotated, fake = {}, example["annotated"], self._fake(maps, example["annotated"])
        for key, (network, _) in self._discriminators().items():
            with tf.GradientTape() as tape:
                tape.watch(fake)
                logits = network(network_inputs(network, example["crop"], fake), training=True)
                deceived = losses.label_loss(logits, tf.ones_like(logits), annotated)
            pulls[key] = deceived, _where(annotated, tape.gradient(deceived, fake))
        return pulls

    def _add_adversarial(self, pulls, adversarial):
        """Adds the weighted adversarial gradients to L_G's at the last stack's heatmaps, in place (Eq. 4)."""
        settings, logs = self.training_config, {}
        reference = tf.linalg.global_norm([pulls[name] for name in self.last.values()])
        fixed = {"p": settings.beta, "c": settings.alpha}
        share = {"p": settings.pose_share, "c": settings.confidence_share}
        for key, (deceived, gradient) in adversarial.items():
            norm = tf.linalg.global_norm(list(gradient.values()))
            weight = fixed[key] if settings.balance == "fixed" else share[key] * reference / (norm + TINY)
            for task, name in self.last.items():
                pulls[name] += weight * gradient[task]
            logs[f"adversarial_{key}"] = weight * deceived
            logs[f"gradient_ratio_{key}"] = weight * norm / (reference + TINY)
        return logs

    def _move_generator(self, tape, maps, pulls):
        """One update of G from the gradients at its heatmaps."""
        gradient = tape.gradient(
            list(maps.values()),
            self.generator.trainable_variables,
            output_gradients=[pulls[name] for name in maps],
        )
        _move(self.optimizer, gradient, self.generator)

    def _discriminators(self):
        return {
            "p": (self.pose_discriminator, self.pose_optimizer),
            "c": (self.confidence_discriminator, self.confidence_optimizer),
        }

    def _logged(self):
        """The names of what a training step reports."""
        names = ["loss", *(f"loss_{task}" for task in self.tasks)]
        if self.adversarial:
            kinds = ("loss_{}", "adversarial_{}", "gradient_ratio_{}", "{}_fake_share", "{}_accuracy")
            names += [kind.format(key) for kind in kinds for key in ("p", "c")] + ["delta", "epsilon"]
        return names
