"""How near the sources found are to the true ones."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

NEAR = 10.0
"""Distance within which a source counts as found, mm."""
MISSED = 100.0
"""What a true source costs that is not found, mm."""
BESIDE = 20.0
"""Distance within which a true source is one that a source found could be, mm."""


def matched_error(distances: np.ndarray) -> float | None:
    """The mean distance of pairs, matched so that it is least (Hungarian method); None where nothing was found.

    All pairs count, however far; the sources that one side has too many have none, and do not count.
    """
    if not distances.size:
        return None
    return float(distances[linear_sum_assignment(distances)].mean())


def cost(distances: np.ndarray) -> float | None:
    """The mean distance over true sources, matched so that it is least; one without a partner counts MISSED, and none
    counts more. None where there is no true source."""
    if not len(distances):
        return None
    capped = np.minimum(distances, MISSED)
    pairs = linear_sum_assignment(capped)
    return float((capped[pairs].sum() + MISSED * (len(distances) - len(pairs[0]))) / len(distances))


def covered(distances: np.ndarray, vertices: list[int], regions: list[list[int] | None]) -> tuple[int, list[int]]:
    """Of the true sources whose nearest source found is within BESIDE and has a region: how many lie in it (their
    grid source is one of its), and the sizes of those regions."""
    inside, sizes = 0, []
    for row, vertex in zip(distances, vertices):
        nearest = int(np.argmin(row)) if row.size else -1
        if nearest >= 0 and row[nearest] <= BESIDE and regions[nearest] is not None:
            inside += vertex in regions[nearest]
            sizes.append(len(regions[nearest]))
    return inside, sizes


def f1(distances: np.ndarray) -> float:
    """2 · pairs / (true + found), with the most pairs that can be matched within NEAR."""
    if not distances.size:
        return 0.0
    near = distances <= NEAR
    pairs = near[linear_sum_assignment(near, maximize=True)].sum()
    return float(2 * pairs / sum(distances.shape))


def scores(
    truth: np.ndarray, found: np.ndarray, vertices: list[int] = (), regions: list[list[int] | None] = ()
) -> dict[str, object]:
    """Matched error (mm), cost (mm), F1, how many sources too many, and coverage by regions, of positions in mm (true
    × 3, found × 3); the grid sources nearest to the true ones, and regions of those found, where they are known."""
    truth, found = np.reshape(truth, (-1, 3)), np.reshape(found, (-1, 3))
    distances = np.linalg.norm(truth[:, None] - found, axis=2)
    inside, sizes = covered(distances, vertices, regions) if len(regions) == len(found) else (0, [])
    return {
        "error": matched_error(distances),
        "cost": cost(distances),
        "f1": f1(distances),
        "excess": len(found) - len(truth),
        "regions": len(sizes),
        "covered": inside,
        "region_size": float(np.mean(sizes)) if sizes else None,
    }
