"""What a setting of a peer takes and reaches. Standard library only: the table and the peers' processes share it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Trial:
    """One setting of a peer and what came of it."""

    setting: str
    seconds: list[float] = field(default_factory=list)
    """One number a run."""
    objective: float = 0.0
    dual: float = 0.0
    """The best lower bound of the objective that the solution proves."""
    gap: float = float("inf")
    """(objective − dual)/(½‖Y‖²)."""
    nonzero: int = 0

    @property
    def median(self) -> float:
        """Seconds, the median of the runs."""
        return statistics.median(self.seconds)


def fastest(trials: list[Trial], target: float) -> Trial:
    """The fastest trial that reaches the target gap.

    Where none reaches it, the fastest of those that come within twice the smallest gap: no peer is charged
    for precision that it does not gain.
    """
    bound = max(target, 2 * min(trial.gap for trial in trials))
    return min((trial for trial in trials if trial.gap <= bound), key=lambda trial: trial.median)
