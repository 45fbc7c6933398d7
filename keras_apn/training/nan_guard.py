"""Ends a training whose loss is no number any more, and says which people it met there."""

import os
from collections.abc import Callable

import keras
import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, write_json

FOLDER = "not_finite"


class NanGuard(keras.callbacks.Callback):
    """Stops after `limit` steps in a row with a loss that is no number.

    The workdir gets `not_finite/`: `batch.npz` with what the first such step was given, and `report.json` with its
    number and its people. Checkpoints are of before.

    Args:
        workdir: an existing folder.
        limit: steps in a row; looked at every so many steps, so that a device is not waited for at each.
        batch_at: gives the batch, with names, of a step counted from 0; None where the order is not fixed.
    """

    def __init__(self, workdir: StrPath, limit: int, batch_at: Callable[[int], dict] | None = None) -> None:
        super().__init__()
        self.workdir, self.limit, self.batch_at = workdir, limit, batch_at

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.step = int(self.model.step.numpy())

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.step += 1
        if self.step % self.limit == 0 and int(self.model.not_finite.numpy()) >= self.limit:
            self._stop(self.step - int(self.model.not_finite.numpy()))

    def _stop(self, first):
        folder = os.path.join(self.workdir, FOLDER)
        report, people = {"step": first + 1, "people": None}, "in no fixed order, so its people are not known"
        if self.batch_at is not None:
            batch = {name: values.numpy() for name, values in self.batch_at(first).items()}
            pairs = zip(batch["image"], batch["person_index"], strict=True)
            report["people"] = [{"image": image.decode(), "person_index": int(index)} for image, index in pairs]
            people = f"{report['people'][0]['image']} first of its {len(report['people'])} people"
            os.makedirs(folder, exist_ok=True)
            np.savez(os.path.join(folder, "batch.npz"), **{**batch, "image": batch["image"].astype(str)})
        write_json(os.path.join(folder, "report.json"), report)
        raise UserError(
            f"The loss is no number from step {first + 1} on ({people}); {folder} has the batch, the checkpoints are "
            "of before. Lower --learning_rate or look at these records"
        )
