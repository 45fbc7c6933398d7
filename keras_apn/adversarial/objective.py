"""What a training step teaches each network: the losses of Eq. 1 to 4, their labels and their gradients."""

import tensorflow as tf

from data_pipeline import heatmaps
from data_pipeline.geometry import STRIDE
from keras_apn import replicas
from keras_apn.adversarial import labels, losses
from keras_apn.models import discriminators
from keras_apn.models.generator import CONTEXT, last_outputs, with_context
from keras_apn.models.recomputation import Recomputed

TINY = 1e-12


def _where(counted, maps):
    """A dict of maps [B, H, W, J], or of gradients at them, with zeros where [B, J] joints do not count."""
    mask = tf.cast(counted, tf.float32)[:, None, None]
    return {task: value * mask for task, value in maps.items()}


def _scaled(values, scale):
    return values if scale is None else [scale * value for value in values]


def _unscaled(gradients, scale):
    return gradients if scale is None else [gradient / scale for gradient in gradients]


class Objective:
    """The losses of G, P and C and their gradients.

    A phase is a method that takes an example, the share of the training that is done, what losses are multiplied by
    before they are differentiated (None for 1), and, where the example is a part of a batch, the `counts` of `count`.
    It gives `(gradients, logs)`: by network ("g", "p", "c") a list of gradients as of its `trainable_variables`, and a
    dict of scalars. The batch's are the means of its parts'.

    An example is what `augment.make_crops` gives, and, where P learns moved joints, `moved_heatmap` [B, 16, 2] and
    `moved` [B, 16], as `moved_joints.of_every_second` gives them, and `scrambled` [B], whose joints they are.

    Args:
        networks: a dict of G, P and C by "g", "p" and "c"; P and C may be missing.
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
        # What P sees of the image: G's features, the image, or nothing where there is no P.
        self.context = discriminators.sees(self.judges["p"]) if "p" in self.judges else None
        self.moves = "p" in self.judges and training.moved_joints
        if training.recompute:
            self._predict = Recomputed(self.generator, context=self.context == "features")
        else:
            predictor = with_context(self.generator) if self.context == "features" else self.generator
            self._predict = lambda crop: predictor(crop, training=True)

    @property
    def phases(self):
        """The phases of a step by name, in order; every network that a phase has gradients for moves behind it."""
        if not self.judges or self.training.mode == "joint":
            return {"joint": self.joint}
        return {"supervised": self.supervised, "real": self.real, "adversarial": self.adversarial}

    @property
    def logged(self):
        """The names of what the phases of a step log."""
        names = ["loss", *(f"loss_{task}" for task in self.tasks)]
        for key in self.judges:
            kinds = ("real", "fake", "moved") if key == "p" and self.moves else ("real", "fake")
            names += [f"{what}_{key}" for what in ("adversarial", "gradient_ratio", "weight")]
            names += [f"loss_{key}_{kind}" for kind in kinds] + [f"{key}_accuracy_{kind}" for kind in kinds]
            names.append(f"{key}_fake_share")
        return [*names, "delta", "epsilon"] if self.judges else names

    def masks(self, example):
        """Which joints count where, by name: [B, 16] bool.

        `pose` and `occlusion` in the terms of Eq. 1: those annotated, and those whose person's occlusion is known.
        `judged` before P and C: those annotated within the crop; outside of it true and predicted maps are equally
        empty, and no label could tell them apart. `shown` with moved joints: the same, before and after; of them
        `whole` of the people whose joints all stay, `moved` of the others.
        """
        annotated, known = example["annotated"], example["occlusion_known"][:, None]
        judged = annotated & heatmaps.inside(example["joints_heatmap"], self.size)
        found = {"pose": annotated, "occlusion": annotated & known, "judged": judged}
        if "moved_heatmap" in example:
            shown, scrambled = judged & heatmaps.inside(example["moved_heatmap"], self.size), example["scrambled"]
            whole, moved = shown & ~scrambled[:, None], shown & scrambled[:, None]
            found |= {"shown": shown, "whole": whole, "moved": moved}
        return found

    def count(self, example, parts):
        """How many joints count where, in the mean over the parts of a batch and over the replicas."""
        masks = self.masks(example)
        totals = tf.stack([tf.reduce_sum(tf.cast(mask, tf.float32)) for mask in masks.values()])
        return dict(zip(masks, tf.unstack(replicas.mean(totals) / parts), strict=True))

    def joint(self, example, progress, scale=None, counts=None):
        """One forward of G serves its own loss, both discriminators and what they pull G toward (Eq. 4)."""
        truth, (tape, maps, context) = self.truth(example), self._forward(example)
        logs, pulls = self.supervise(maps, truth, example, counts)
        gradients = {}
        if self.judges:
            gradients, taught, adversarial = self._teach(example, truth, maps, context, progress, scale, counts)
            logs |= taught | self._add_adversarial(pulls, adversarial, progress)
        gradients["g"] = self._generator_gradient(tape, maps, pulls, scale)
        return gradients, logs

    def supervised(self, example, progress, scale=None, counts=None):
        """Algorithm 1 until its first updates: G by Eq. 1, P and C by their terms of what G predicted before it."""
        truth, (tape, maps, context) = self.truth(example), self._forward(example)
        logs, pulls = self.supervise(maps, truth, example, counts)
        gradients, taught, _ = self._teach(example, truth, maps, context, progress, scale, counts, kinds=("fake",))
        gradients["g"] = self._generator_gradient(tape, maps, pulls, scale)
        return gradients, logs | taught

    def real(self, example, progress, scale=None, counts=None):
        """P and C by their terms of the truth."""
        context = self._forward(example)[2] if self.context == "features" else example["crop"]
        truth = self.truth(example)
        gradients, logs, _ = self._teach(example, truth, None, context, progress, scale, counts, kinds=("real",))
        return gradients, logs

    def adversarial(self, example, progress, scale=None, counts=None):
        """The end of Algorithm 1: G by Eq. 4, before P and C as they have become."""
        truth, (tape, maps, context) = self.truth(example), self._forward(example)
        logs, pulls = self.supervise(maps, truth, example, counts)
        deceived = self._deceive(example, truth, maps, context, progress, scale, counts)
        logs |= self._add_adversarial(pulls, deceived, progress)
        return {"g": self._generator_gradient(tape, maps, pulls, scale)}, logs

    def truth(self, example):
        """True heatmaps by task; a map that is not annotated is empty."""
        return self._drawn(example, example["joints_heatmap"])

    def _drawn(self, example, joints_heatmap):
        drawn = heatmaps.targets(joints_heatmap, example["annotated"], example["visible"], self.size, self.data.sigma)
        return dict(zip(("pose", "occlusion"), drawn, strict=True))

    def supervise(self, maps, truth, example, counts=None):
        """Eq. 1: `(logs, pulls)`, the loss by task and its gradient at every heatmap."""
        # Both tasks by the pose's foreground: weighed by its own target, the occlusion map would learn to cry wolf.
        foreground, masks = self.training.foreground_weight, self.masks(example)
        weights = 1.0 + foreground * truth["pose"] if foreground else None
        with tf.GradientTape() as tape:
            tape.watch(maps)
            loss = dict.fromkeys(self.tasks, 0.0)
            for name, predicted in maps.items():
                task = name.split("_")[1]
                loss[task] += losses.heatmap_loss(
                    predicted,
                    truth[task],
                    masks[task],
                    stacks=self.stacks,
                    reduction=self.training.reduction,
                    weights=weights,
                    count=counts and counts[task],
                )
            total = sum(loss.values())
        logs = {"loss": total, **{f"loss_{task}": value for task, value in loss.items()}}
        return logs, tape.gradient(total, maps)

    def score(self, maps, example):
        """Eq. 1 on a batch that may hold people of whom nothing is annotated, who do not count.

        Returns:
            `(loss, weight)`; the mean of several batches' losses by their weights is that of all their people.
        """
        logs, _ = self.supervise(maps, self.truth(example), example)
        mask = tf.cast(example["annotated"], tf.float32)
        if self.training.reduction == "mean":
            return logs["loss"], tf.reduce_sum(mask)
        people = tf.reduce_sum(tf.reduce_max(mask, axis=1))
        return logs["loss"] * tf.cast(tf.shape(mask)[0], tf.float32) / tf.maximum(people, 1.0), people

    def _forward(self, example):
        """The tape that remembers a forward of G, its heatmaps, and what P sees of the image, without gradient."""
        with tf.GradientTape() as tape:
            maps = dict(self._predict(example["crop"]))
        features = maps.pop(CONTEXT, None)
        return tape, maps, example["crop"] if features is None else tf.stop_gradient(features)

    def _generator_gradient(self, tape, maps, pulls, scale):
        """G's gradient from the gradients at its heatmaps."""
        upstream = _scaled([pulls[name] for name in maps], scale)
        variables = self.generator.trainable_variables
        return _unscaled(tape.gradient(list(maps.values()), variables, output_gradients=upstream), scale)

    def _seen(self, maps, masks):
        """What P and C see of heatmaps by task: of every joint that is judged, and occlusion where it is known.

        A true map of any other joint is empty, so a predicted one beside it would give the fake away.
        """
        seen = _where(masks["judged"], {task: maps[task] for task in self.tasks})
        if "occlusion" in seen:
            seen |= _where(masks["occlusion"], {"occlusion": seen["occlusion"]})
        return seen

    def _fake(self, maps, masks):
        """What P and C see of G: the last stack's maps."""
        return self._seen({task: tf.stop_gradient(maps[name]) for task, name in self.last.items()}, masks)

    def _pull(self, tape, scaled, fake, masks, scale):
        """The gradient at the fake heatmaps of a loss that was multiplied by `scale`; none where they are not seen."""
        gradient = tape.gradient(scaled, fake)
        return self._seen(dict(zip(gradient, _unscaled(list(gradient.values()), scale), strict=True)), masks)

    def _labels(self, example, truth, fake, progress):
        """p_fake and c_fake of this step (Section 2.4), and their thresholds."""
        settings = self.training
        delta = labels.threshold(settings.threshold_schedule, settings.delta_start, settings.delta, progress)
        epsilon = labels.threshold(settings.threshold_schedule, settings.epsilon_start, settings.epsilon, progress)
        p_fake = labels.pose_labels(fake["pose"], example["joints_heatmap"], example["head_size_heatmap"], delta)
        c_fake = labels.confidence_labels(fake["pose"], truth["pose"], self.data.sigma, epsilon)
        return {"p": p_fake, "c": c_fake}, {"delta": delta, "epsilon": epsilon}

    def _teach(self, example, truth, maps, context, progress, scale, counts, kinds=("real", "fake")):
        """P by Eq. 2 and C by Eq. 3, each by its terms of these kinds of maps.

        Returns:
            `(gradients, logs, pulls)`: the gradients of both, what to log, and by discriminator the loss and gradient
            of `_deceive`, from the same forward.
        """
        masks, gradients, pulls = self.masks(example), {}, {}
        fake = self._fake(maps, masks) if "fake" in kinds else None
        views, terms, logs = self._terms(example, truth, fake, masks, progress, kinds)
        for key, network in self.judges.items():
            own = list(dict.fromkeys(view for view, _, _ in terms[key].values()))
            with tf.GradientTape(persistent=True) as tape:
                if "fake" in own:
                    tape.watch(fake)
                found = discriminators.judge(network, context, *(views[view] for view in own), training=True)
                found, loss = dict(zip(own, found, strict=True)), 0.0
                for kind, (view, mask, given) in terms[key].items():
                    count = counts and counts[mask]
                    term = losses.label_loss(found[view], given, masks[mask], count)
                    loss += term
                    logs[f"loss_{key}_{kind}"] = term
                    logs[f"{key}_accuracy_{kind}"] = losses.accuracy(found[view], given, masks[mask], count)
                    if kind == "fake":
                        deceived = self._deceived(found[view], given, masks[mask], count)
                        (to_pull,) = _scaled([deceived], scale)
                (to_teach,) = _scaled([loss], scale)
            if "fake" in own:
                pulls[key] = deceived, self._pull(tape, to_pull, fake, masks, scale)
                count = counts and counts["judged"]
                logs[f"{key}_fake_share"] = losses.masked_mean(terms[key]["fake"][2], masks["judged"], count)
            gradients[key] = _unscaled(tape.gradient(to_teach, network.trainable_variables), scale)
        return gradients, logs, pulls

    def _terms(self, example, truth, fake, masks, progress, kinds):
        """What P and C learn: maps by the name of their view, their terms by discriminator and kind, the thresholds.

        A term is `(view, mask, labels)`, the mask by its name in `masks`. The fakes' view is the first:
        `discriminators.judge` judges it by itself, as the pull needs it.
        """
        views, terms, thresholds = {}, {key: {} for key in self.judges}, {}
        if "fake" in kinds:
            views["fake"] = fake
            fake_labels, thresholds = self._labels(example, truth, fake, progress)
            for key, own in terms.items():
                own["fake"] = "fake", "judged", fake_labels[key]
        if "real" in kinds:
            views["truth"], ones = self._seen(truth, masks), tf.ones_like(masks["judged"], tf.float32)
            for own in terms.values():
                own["real"] = "truth", "judged", ones
            if self.moves:
                drawn = self._drawn(example, example["moved_heatmap"])
                views["drawn"] = self._seen(drawn, masks | {"judged": masks["shown"]})
                terms["p"]["real"] = "drawn", "whole", ones
                terms["p"]["moved"] = "drawn", "moved", 1.0 - tf.cast(example["moved"], tf.float32)
        return views, terms, thresholds

    def _deceived(self, logits, fake_labels, judged, count):
        """The loss of not being taken for real (Eq. 4), of all joints or of those whose label is 0."""
        if self.training.pull == "wrong":
            judged &= fake_labels < 0.5
        return losses.label_loss(logits, tf.ones_like(logits), judged, count)

    def _deceive(self, example, truth, maps, context, progress, scale, counts):
        """By discriminator, the loss of `_deceived` and its gradient at the last heatmaps."""
        pulls, masks = {}, self.masks(example)
        fake = self._fake(maps, masks)
        fake_labels, _ = self._labels(example, truth, fake, progress)
        for key, network in self.judges.items():
            with tf.GradientTape() as tape:
                tape.watch(fake)
                (logits,) = discriminators.judge(network, context, fake, training=True)
                deceived = self._deceived(logits, fake_labels[key], masks["judged"], counts and counts["judged"])
                (to_pull,) = _scaled([deceived], scale)
            pulls[key] = deceived, self._pull(tape, to_pull, fake, masks, scale)
        return pulls

    def _add_adversarial(self, pulls, adversarial, progress):
        """Adds the weighted adversarial gradients to L_G's at the last stack's heatmaps, in place (Eq. 4)."""
        settings, logs = self.training, {}
        own = [[pulls[name] for name in self.last.values()], *(list(pull.values()) for _, pull in adversarial.values())]
        reference, *norms = self._norms(own)
        fixed = {"p": settings.beta, "c": settings.alpha}
        share = {"p": settings.pose_share, "c": settings.confidence_share}
        ramp = labels.ramp(progress, settings.pull_start, settings.pull_full)
        for (key, (deceived, gradient)), norm in zip(adversarial.items(), norms, strict=True):
            weight = fixed[key]
            if settings.balance == "share":
                # A discriminator that is fooled has a vanishing gradient, which its share would blow up.
                left = tf.minimum(1.0, deceived / settings.fooled) if settings.fooled else 1.0
                weight = tf.where(norm > TINY, share[key] * left * reference / (norm + TINY), 0.0)
            weight *= ramp
            for task, name in self.last.items():
                pulls[name] += weight * gradient[task]
            logs[f"adversarial_{key}"] = weight * deceived
            logs[f"gradient_ratio_{key}"] = weight * norm / (reference + TINY)
            logs[f"weight_{key}"] = weight
        return logs

    def _norms(self, groups):
        """The norm of each list of gradients over the whole batch; over its own part where a batch comes in parts."""
        norms = [tf.linalg.global_norm(group) for group in groups]
        # Replicas cannot meet within the loop over the parts.
        return norms if self.training.accumulate > 1 else replicas.joint_norms(norms)
