"""What every epoch of a run logged, kept in its workdir as JSON lines."""

import json
import os
import time

import keras
import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, write_whole

FILE = "history.jsonl"


def read(workdir: StrPath) -> list[dict[str, float]]:
    """The epochs of a run, in order.

    Returns:
        A list of dicts: `epoch` from 1, `seconds` that it took, `step_seconds`, the median of its steps with their
        batches, and what training and validation (`val_...`) logged: means over the epoch of each weighted loss term,
        share and accuracy. Empty where there is no history.

    Raises:
        UserError: the file is damaged.
    """
    path = os.path.join(workdir, FILE)
    if not os.path.exists(path):
        return []
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    way = "delete the file, and the run goes on without what it held"
    # A loss may have been no number.
    epochs = [
        json_file.decode(line, dict[str, int | float], f"{path}, line {number}", way=way, not_finite=True)
        for number, line in enumerate(lines, 1)
    ]
    wrong = next((n for n, epoch in enumerate(epochs, 1) if not isinstance(epoch.get("epoch"), int)), None)
    if wrong:
        raise UserError(f"{path}, line {wrong}: must tell its `epoch`, a whole number; {way}")
    return epochs


class History(keras.callbacks.Callback):
    """Adds each epoch to the workdir's history; an epoch that is done again, after a resume, replaces itself."""

    def __init__(self, workdir: StrPath) -> None:
        super().__init__()
        self.workdir = workdir

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.begun, self.steps = time.monotonic(), []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.steps.append(time.monotonic())

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logged = {name: float(value) for name, value in (logs or {}).items()}
        now = {"epoch": epoch + 1, "seconds": round(time.monotonic() - self.begun, 3)}
        if len(self.steps) > 1:  # From one to the next, which leaves out building the graph.
            now["step_seconds"] = round(float(np.median(np.diff(self.steps))), 4)
        now |= logged
        kept = [line for line in read(self.workdir) if line["epoch"] <= epoch]
        write_whole(os.path.join(self.workdir, FILE), "".join(json.dumps(line) + "\n" for line in [*kept, now]))
