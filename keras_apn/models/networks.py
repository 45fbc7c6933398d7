"""G, P and C of a configuration, and what a training step and inference ask of them together."""

from typing import Any

import keras
import tensorflow as tf

from data_pipeline.geometry import STRIDE
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.config import ModelConfig
from keras_apn.models.discriminators import build_confidence_discriminator, build_pose_discriminator, judge, sees
from keras_apn.models.generator import CONTEXT, build_generator, by_stack, tasks, with_context
from keras_apn.models.recomputation import Recomputed


def generator(model: ModelConfig) -> keras.Model:
    """G of a `config.ModelConfig`."""
    return build_generator(
        crop_size=model.crop_size,
        stacks=model.stacks,
        features=model.features,
        levels=model.levels,
        occlusion=not model.single_task,
        head=model.head,
        joints=len(model.skeleton),
    )


def discriminators(model: ModelConfig) -> tuple[keras.Model | None, keras.Model | None]:
    """`(P, C)` of a `config.ModelConfig`, each None where it trains without."""
    sizes: dict[str, Any] = {
        "crop_size": model.crop_size,
        "features": model.discriminator_features,
        "levels": model.levels,
        "occlusion": not model.single_task,
        "design": model.discriminator_design,
        "joints": len(model.skeleton),
    }
    p = c = None
    if model.discriminators and model.pose_discriminator:
        p = build_pose_discriminator(
            **sizes, context_channels=model.features if model.pose_context == "generator" else None
        )
    if model.discriminators and model.confidence_discriminator:
        # What C has to judge, a map's shape and height, takes half of P's width (BUILD_NOTES 45).
        c = build_confidence_discriminator(**sizes | {"features": max(model.discriminator_features // 2, 2)})
    return p, c


class Networks:
    """G, P and C together, of which P and C may be missing.

    Args:
        generator, pose_discriminator, confidence_discriminator: G, P and C; None for a discriminator that is not
            there.
        recompute: whether G forgets in training what its stacks compute, and computes it again for the gradient.
        skeleton: whose joints they find.

    Attributes:
        generator, skeleton: as given.
        discriminators: P and C, as far as they are there, by "p" and "c".
        tasks: the kinds of heatmap that G predicts, of "pose" and "occlusion".
        size: side of the heatmaps in pixels.
        context: what P sees of the image: "features" of G, the "image", or None where there is no P.
    """

    def __init__(
        self,
        generator: keras.Model,
        pose_discriminator: keras.Model | None = None,
        confidence_discriminator: keras.Model | None = None,
        recompute: bool = False,
        skeleton: Skeleton = MPII16,
    ) -> None:
        given = {"p": pose_discriminator, "c": confidence_discriminator}
        self.generator, self.skeleton = generator, skeleton
        self.discriminators = {key: network for key, network in given.items() if network is not None}
        self.tasks = tasks("stack1_occlusion" in generator.output)
        self.size = generator.input_shape[1] // STRIDE
        self.context = sees(pose_discriminator) if "p" in self.discriminators else None
        sees_features = self.context == "features"
        self._predictor = with_context(generator) if sees_features else generator
        self._recomputed = Recomputed(generator, context=sees_features) if recompute else None

    @property
    def by_key(self) -> dict[str, keras.Model]:
        """All that are there, by "g", "p" and "c"."""
        return {"g": self.generator, **self.discriminators}

    def logits(self, maps: dict[str, tf.Tensor], context: tf.Tensor) -> dict[str, tf.Tensor]:
        """What P and C say of heatmaps at inference, whoever's they are.

        Args:
            maps: a dict of heatmaps by task, [B, S / 4, S / 4, J].
            context: of the same people, from `predict`.

        Returns:
            A dict of [B, J] logits by "p" and "c".
        """
        return {key: judge(network, context, maps)[0] for key, network in self.discriminators.items()}

    def predict(self, crop: tf.Tensor, training: bool = True) -> tuple[list[dict[str, tf.Tensor]], tf.Tensor]:
        """G's heatmaps, and what P sees of the image.

        Args:
            crop: [B, S, S, 3] within 0 and 1.
            training: whether G's batch norms take the batch's statistics.

        Returns:
            `(stacks, context)`: of each stack a dict of [B, S / 4, S / 4, J] maps by task; features of G, or `crop`.
        """
        if training and self._recomputed is not None:
            maps = dict(self._recomputed(crop))
        else:
            maps = dict(self._predictor(crop, training=training))
        context = maps.pop(CONTEXT, crop)
        return by_stack(maps, self.tasks), context
