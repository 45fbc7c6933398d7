"""How far a run has come: what decides about best weights, learning rate and an early end, from validation scores."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class RunState:
    """What is known of a run besides its networks and optimizers.

    Attributes:
        scores: of each finished epoch, the higher the better; decides everything else.
        means: what the unfinished epoch has logged so far, the values of the model's metrics; None between epochs.
    """

    scores: list[float] = dataclasses.field(default_factory=list)
    means: list[Any] | None = None

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return len(self.scores)

    @property
    def best(self) -> float | None:
        """The best score; None before the first."""
        return max(self.scores, default=None)

    @property
    def best_epoch(self) -> int | None:
        """The epoch that had the best score first, from 1; None before the first."""
        return self.scores.index(max(self.scores)) + 1 if self.scores else None

    def is_over(self, patience: int) -> bool:
        """Whether `patience` epochs in a row were no better than one before them; never with a patience of 0."""
        return bool(patience) and self.epoch - (self.best_epoch or 0) >= patience

    def reductions(self, patience: int) -> int:
        """How often `patience` epochs in a row were no better than the best so far, each epoch counted once."""
        best, waited, count = float("-inf"), 0, 0
        for score in self.scores:
            waited = 0 if score > best else waited + 1
            best = max(best, score)
            if waited == patience:
                waited, count = 0, count + 1
        return count

    def summary(self) -> dict[str, float | None]:
        """A dict for those who look into the workdir."""
        return {"epoch": self.epoch, "best": self.best, "best_epoch": self.best_epoch}
