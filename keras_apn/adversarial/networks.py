"""G, P and C as a training step uses them."""

from data_pipeline.geometry import STRIDE
from keras_apn.models import discriminators
from keras_apn.models.generator import CONTEXT, by_stack, with_context
from keras_apn.models.generator import tasks as tasks_of
from keras_apn.models.recomputation import Recomputed


class Networks:
    """The three networks, of which P and C may be missing.

    Args:
        generator, pose_discriminator, confidence_discriminator: G, P and C; None for a discriminator that is not
            there.
        recompute: whether G forgets in training what its stacks compute, and computes it again for the gradient.

    Attributes:
        generator: G.
        discriminators: P and C, as far as they are there, by "p" and "c".
        tasks: the kinds of heatmap that G predicts, of "pose" and "occlusion".
        size: side of the heatmaps in pixels.
        context: what P sees of the image: "features" of G, the "image", or None where there is no P.
    """

    def __init__(self, generator, pose_discriminator=None, confidence_discriminator=None, recompute=False):
        given = {"p": pose_discriminator, "c": confidence_discriminator}
        self.generator = generator
        self.discriminators = {key: network for key, network in given.items() if network is not None}
        self.tasks = tasks_of("stack1_occlusion" in generator.output)
        self.size = generator.input_shape[1] // STRIDE
        self.context = discriminators.sees(pose_discriminator) if "p" in self.discriminators else None
        sees_features = self.context == "features"
        self._predictor = with_context(generator) if sees_features else generator
        self._recomputed = Recomputed(generator, context=sees_features) if recompute else None

    @property
    def by_key(self):
        """All that are there, by "g", "p" and "c"."""
        return {"g": self.generator, **self.discriminators}

    def predict(self, crop, training=True):
        """G's heatmaps, and what P sees of the image.

        Args:
            crop: [B, S, S, 3] within 0 and 1.
            training: whether G's batch norms take the batch's statistics.

        Returns:
            `(stacks, context)`: of each stack a dict of [B, S / 4, S / 4, 16] maps by task; features of G, or `crop`.
        """
        if training and self._recomputed is not None:
            maps = dict(self._recomputed(crop))
        else:
            maps = dict(self._predictor(crop, training=training))
        context = maps.pop(CONTEXT, crop)
        return by_stack(maps, self.tasks), context
