"""How well a run's P and C know good joints from bad ones, as far as the run has them."""

import sys

from data_pipeline.common.files import StrPath
from data_pipeline.records import dataset
from keras_apn import config as configuration
from keras_apn.adversarial import discrimination
from keras_apn.inference import discriminator_scores
from keras_apn.models import best_weights


def discriminators(
    workdir: StrPath, records: str | None = None, batch_size: int = 16
) -> dict[str, dict[str, float | None] | None]:
    """How well a run's P and C know good joints from bad ones.

    Args:
        workdir: the run's.
        records: glob of other shards than the run's validation records.
        batch_size: people in a batch.

    Returns:
        `discrimination.Discrimination.scores`; None of both, which is told on standard error, where the workdir holds
        weights of G alone.
    """
    config = configuration.load(workdir)
    model = config.model
    named = {"pose_discriminator": model.pose_discriminator, "confidence_discriminator": model.confidence_discriminator}
    trained = [name for name, wanted in named.items() if model.discriminators and wanted]
    missing = [best_weights.path(workdir, name) for name in trained if not best_weights.find(workdir, name)]
    if missing:
        print(f"No weights in {missing[0]}; P and C are left out", file=sys.stderr)
    if missing or not trained:
        return dict.fromkeys(discrimination.NAMES.values())
    paths = dataset.find(records or config.data.validation_records)
    return discrimination.measure(discriminator_scores.load(workdir), config, paths, batch_size)
