"""How near the sources found are to the true ones."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

NEAR = 10.0
"""Distance within which a source counts as found, mm."""
MISSED = 100.0
"""What a true source costs that is not found, mm."""
BESIDE = 20.0
"""Distance within which a true source is one that a source found could be, mm."""
ALIKE = 0.01
"""Distances are alike that differ by less, mm; positions are told to 0.001 mm."""


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


def agreement(grid: np.ndarray, halves: list[dict[str, list]]) -> list[dict[str, object]]:
    """Of each source of either half: the distance to the nearest one of the other, mm; whether that is its counterpart,
    within BESIDE; whether it lies in the counterpart's region, and whether wholly so, both None without one.

    It is judged as the truth is by `covered`: a source lies in a region where the grid source nearest to it is one of
    the region's. A source found may lie midway between two grid sources, which are then equally near: either will do,
    and it lies there wholly where both are.
    """
    tree, result = cKDTree(grid), []
    positions = [np.reshape(half["positions"], (-1, 3)) for half in halves]
    for k, own in enumerate(positions):
        other, regions = positions[1 - k], halves[1 - k]["regions"]
        for position in own:
            distances = np.linalg.norm(other - position, axis=1)
            nearest = int(np.argmin(distances)) if distances.size else -1
            counterpart = nearest >= 0 and bool(distances[nearest] <= BESIDE)
            inside = wholly = None
            if counterpart and regions[nearest] is not None:
                near = tree.query_ball_point(position, tree.query(position)[0] + ALIKE)
                held = np.isin(near, regions[nearest])
                inside, wholly = bool(held.any()), bool(held.all())
            result.append(
                {"half": k, "distance": float(distances[nearest]) if nearest >= 0 else None,
                 "counterpart": counterpart, "inside": inside, "wholly": wholly}
            )  # fmt: skip
    return result


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
