"""What a training step teaches each network: the losses of Eq. 1 to 4, their labels and their gradients."""

import tensorflow as tf

from data_pipeline import heatmaps
from data_pipeline.geometry import STRIDE
from keras_apn import labels, losses, replicas
from keras_apn.discriminators import judge_both, network_inputs
from keras_apn.generator import last_outputs
from keras_apn.recomputation import Recomputed

TINY = 1e-12


def _where(annotated, maps):
    """A dict of maps [B, H, W, J], or of gradients at them, with zeros where [B, J] joints are not annotated."""
    mask = tf.cast(annotated, tf.float32)[:, None, None]
    return {task: value * mask for task, value in maps.items()}


def _scaled(values, scale):
    return values if scale is None else [scale * value for value in values]


def _unscaled(gradients, scale):
    return gradients if scale is None else [gradient / scale for gradient in gradients]


def _pull(tape, scaled, fake, annotated, scale):
    """The gradient at the fake heatmaps of a loss that was multiplied by `scale`."""
    gradient = tape.gradient(scaled, fake)
    return _where(annotated, dict(zip(gradient, _unscaled(list(gradient.values()), scale), strict=True)))


class Objective:
    """The losses of G, P and C and their gradients.

    A phase is a method that takes an example, as `augment.make_crops` gives it, the share of the training that is
    done, what losses are multiplied by before they are differentiated (None for 1), and, where the example is a part of
    a batch, the `count` of `losses.masked_mean`. It gives `(gradients, logs)`: by network ("g", "p", "c") a list of
    gradients as of its `trainable_variables`, and a dict of scalars. The batch's are the means of its parts'.

    Args:
        networks: a dict of G, P and C by "g", "p" and "c"; P and C may be missing together.
        training: a `config.TrainingConfig`.
        data: a `config.DataConfig`.
    """

    def __init__(self, networks, training, data):
        self.networks, self.training, self.data = networks, training, data
        self.generator = networks["g"]
        self.judges = {key: networks[key] for key in ("p", "c") if key in networks}
        self.last = last_outputs(self.generator)
        self.tasks = tuple(self.last)
        self.stacks = len(self.generator.output) // len(self.tasks)
        self.size = self.generator.input_shape[1] // STRIDE
        self._recomputed = Recomputed(self.generator) if training.recompute else None

    @property
    def phases(self):
        """The phases of a step by name, in order; every network that a phase has gradients for moves behind it."""
        if not self.judges or self.training.mode == "joint":
            return {"joint": self.joint}
        return {"supervised": self.supervised, "adversarial": self.adversarial}

    @property
    def logged(self):
        """The names of what the phases of a step log."""
        names = ["loss", *(f"loss_{task}" for task in self.tasks)]
        if self.judges:
            kinds = ("loss_{}", "adversarial_{}", "gradient_ratio_{}", "{}_fake_share", "{}_accuracy")
            names += [kind.format(key) for kind in kinds for key in self.judges] + ["delta", "epsilon"]
        return names

    def joint(self, example, progress, scale=None, count=None):
        """One forward of G serves its own loss, both discriminators and what they pull G toward (Eq. 4)."""
        truth, (tape, maps) = self.truth(example), self._forward(example)
        logs, pulls = self.supervise(maps, truth, example["annotated"], count)
        gradients = {}
        if self.judges:
            gradients, taught, adversarial = self._teach(example, truth, maps, progress, scale, count)
            logs |= taught | self._add_adversarial(pulls, adversarial)
        gradients["g"] = self._generator_gradient(tape, maps, pulls, scale)
        return gradients, logs

    def supervised(self, example, progress, scale=None, count=None):
        """The first half of Algorithm 1: G by Eq. 1, and P and C by Eq. 2 and 3."""
        truth, (tape, maps) = self.truth(example), self._forward(example)
        logs, pulls = self.supervise(maps, truth, example["annotated"], count)
        gradients, taught, _ = self._teach(example, truth, maps, progress, scale, count)
        gradients["g"] = self._generator_gradient(tape, maps, pulls, scale)
        return gradients, logs | taught

    def adversarial(self, example, progress, scale=None, count=None):
        """The second half: G by Eq. 4, before P and C as they have become."""
        tape, maps = self._forward(example)
        logs, pulls = self.supervise(maps, self.truth(example), example["annotated"], count)
        logs |= self._add_adversarial(pulls, self._deceive(example, maps, scale, count))
        return {"g": self._generator_gradient(tape, maps, pulls, scale)}, logs

    def truth(self, example):
        """True heatmaps by task; a map that is not annotated is empty."""
        drawn = heatmaps.targets(
            example["joints_heatmap"], example["annotated"], example["visible"], self.size, self.data.sigma
        )
        return dict(zip(("pose", "occlusion"), drawn, strict=True))

    def supervise(self, maps, truth, annotated, count=None):
        """Eq. 1: `(logs, pulls)`, the loss by task and its gradient at every heatmap."""
        # Both tasks by the pose's foreground: weighed by its own target, the occlusion map would learn to cry wolf.
        foreground = self.training.foreground_weight
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
                    reduction=self.training.reduction,
                    weights=weights,
                    count=count,
                )
            total = sum(loss.values())
        logs = {"loss": total, **{f"loss_{task}": value for task, value in loss.items()}}
        return logs, tape.gradient(total, maps)

    def score(self, maps, example):
        """Eq. 1 on a batch that may hold people of whom nothing is annotated, who do not count.

        Returns:
            `(loss, weight)`; the mean of several batches' losses by their weights is that of all their people.
        """
        logs, _ = self.supervise(maps, self.truth(example), example["annotated"])
        mask = tf.cast(example["annotated"], tf.float32)
        if self.training.reduction == "mean":
            return logs["loss"], tf.reduce_sum(mask)
        people = tf.reduce_sum(tf.reduce_max(mask, axis=1))
        return logs["loss"] * tf.cast(tf.shape(mask)[0], tf.float32) / tf.maximum(people, 1.0), people

    def _forward(self, example):
        """G's heatmaps, and the tape that remembers them."""
        with tf.GradientTape() as tape:
            if self._recomputed is not None:
                maps = self._recomputed(example["crop"])
            else:
                maps = self.generator(example["crop"], training=True)
        return tape, maps

    def _generator_gradient(self, tape, maps, pulls, scale):
        """G's gradient from the gradients at its heatmaps."""
        upstream = _scaled([pulls[name] for name in maps], scale)
        variables = self.generator.trainable_variables
        return _unscaled(tape.gradient(list(maps.values()), variables, output_gradients=upstream), scale)

    def _fake(self, maps, annotated):
        """What the discriminators see of G: the last stack's maps, empty where the truth is not annotated.

        A true map that is not annotated is empty, so a predicted one beside it would give the fake away.
        """
        return _where(annotated, {task: tf.stop_gradient(maps[name]) for task, name in self.last.items()})

    def _labels(self, example, truth, fake, progress):
        """p_fake and c_fake of this step (Section 2.4), and their thresholds."""
        settings = self.training
        delta = labels.threshold(settings.threshold_schedule, settings.delta_start, settings.delta, progress)
        epsilon = labels.threshold(settings.threshold_schedule, settings.epsilon_start, settings.epsilon, progress)
        p_fake = labels.pose_labels(fake["pose"], example["joints_heatmap"], example["head_size_heatmap"], delta)
        c_fake = labels.confidence_labels(fake["pose"], truth["pose"], self.data.sigma, epsilon)
        return {"p": p_fake, "c": c_fake}, {"delta": delta, "epsilon": epsilon}

    def _teach(self, example, truth, maps, progress, scale, count):
        """P by Eq. 2 and C by Eq. 3.

        Returns:
            `(gradients, logs, pulls)`: the gradients of both, what to log, and by discriminator the loss and gradient
            of `_deceive`, from the same forward.
        """
        annotated, fake = example["annotated"], self._fake(maps, example["annotated"])
        real = {task: truth[task] for task in self.tasks}
        fake_labels, logs = self._labels(example, truth, fake, progress)
        gradients, pulls = {}, {}
        for key, network in self.judges.items():
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(fake)
                on_real, on_fake = judge_both(network, example["crop"], real, fake)
                real_labels = tf.ones_like(on_real)
                loss = losses.label_loss(on_real, real_labels, annotated, count)
                loss += losses.label_loss(on_fake, fake_labels[key], annotated, count)
                deceived = losses.label_loss(on_fake, real_labels, annotated, count)
                to_teach, to_pull = _scaled([loss, deceived], scale)
            pulls[key] = deceived, _pull(tape, to_pull, fake, annotated, scale)
            gradients[key] = _unscaled(tape.gradient(to_teach, network.trainable_variables), scale)
            logs[f"loss_{key}"] = loss
            logs[f"{key}_fake_share"] = losses.masked_mean(fake_labels[key], annotated, count)
            logs[f"{key}_accuracy"] = 0.5 * (
                losses.accuracy(on_real, real_labels, annotated, count)
                + losses.accuracy(on_fake, fake_labels[key], annotated, count)
            )
        return gradients, logs, pulls

    def _deceive(self, example, maps, scale, count):
        """By discriminator, the loss of not being taken for real (Eq. 4) and its gradient at the last heatmaps."""
        pulls, annotated, fake = {}, example["annotated"], self._fake(maps, example["annotated"])
        for key, network in self.judges.items():
            with tf.GradientTape() as tape:
                tape.watch(fake)
                logits = network(network_inputs(network, example["crop"], fake), training=True)
                deceived = losses.label_loss(logits, tf.ones_like(logits), annotated, count)
                (to_pull,) = _scaled([deceived], scale)
            pulls[key] = deceived, _pull(tape, to_pull, fake, annotated, scale)
        return pulls

    def _add_adversarial(self, pulls, adversarial):
        """Adds the weighted adversarial gradients to L_G's at the last stack's heatmaps, in place (Eq. 4)."""
        settings, logs = self.training, {}
        own = [[pulls[name] for name in self.last.values()], *(list(pull.values()) for _, pull in adversarial.values())]
        reference, *norms = self._norms(own)
        fixed = {"p": settings.beta, "c": settings.alpha}
        share = {"p": settings.pose_share, "c": settings.confidence_share}
        for (key, (deceived, gradient)), norm in zip(adversarial.items(), norms, strict=True):
            weight = fixed[key] if settings.balance == "fixed" else share[key] * reference / (norm + TINY)
            for task, name in self.last.items():
                pulls[name] += weight * gradient[task]
            logs[f"adversarial_{key}"] = weight * deceived
            logs[f"gradient_ratio_{key}"] = weight * norm / (reference + TINY)
        return logs

    def _norms(self, groups):
        """The norm of each list of gradients over the whole batch; over its own part where a batch comes in parts."""
        norms = [tf.linalg.global_norm(group) for group in groups]
        # Replicas cannot meet within the loop over the parts.
        return norms if self.training.accumulate > 1 else replicas.joint_norms(norms)
