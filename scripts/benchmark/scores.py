"""How near the sources found are to the true ones."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

NEAR = 10.0
"""Distance within which a source counts as found, mm."""


def matched_error(distances: np.ndarray) -> float | None:
    """The mean distance of pairs, matched so that it is least (Hungarian method); None where nothing was found.

    All pairs count, however far; the sources that one side has too many have none, and do not count.
    """
    if not distances.size:
        return None
    return float(distances[linear_sum_assignment(distances)].mean())


def f1(distances: np.ndarray) -> float:
    """2 · pairs / (true + found), with the most pairs that can be matched within NEAR."""
    if not distances.size:
        return 0.0
    near = distances <= NEAR
    pairs = near[linear_sum_assignment(near, maximize=True)].sum()
    return float(2 * pairs / sum(distances.shape))


def scores(truth: np.ndarray, found: np.ndarray) -> dict[str, float | int | None]:
    """Matched error (mm), F1, and how many sources too many, of positions in mm (true × 3, found × 3)."""
    truth, found = np.reshape(truth, (-1, 3)), np.reshape(found, (-1, 3))
    distances = np.linalg.norm(truth[:, None] - found, axis=2)
    return {"error": matched_error(distances), "f1": f1(distances), "excess": len(found) - len(truth)}
