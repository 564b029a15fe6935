#!/usr/bin/env python3
"""Entropic transport by POT, for the section `transport`: one way a process, a line of JSON.

    transport_peer.py make FOLDER N              writes two measures on N points each, and says their largest cost
    transport_peer.py solve FOLDER EPSILON PENALTY METHOD TOLERANCE

The matrix of costs is made before the clock starts; foci makes its own from the positions while it is timed.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def make(folder: Path, count: int) -> dict[str, object]:
    """Two measures on a thick shell such as a head's, each with most of its mass about a place of its own, mm."""
    rng = np.random.default_rng(0)
    for names, centre in (("xa", (1, 0.3, 0.2)), ("yb", (0.3, 1, 0.5))):
        points = rng.standard_normal((count, 3))
        points *= np.array([70, 85, 65]) * rng.uniform(0.75, 1, (count, 1)) / np.linalg.norm(points, axis=1)[:, None]
        centre = np.array(centre) / np.linalg.norm(centre) * 70
        mass = rng.uniform(0.1, 1, count) * (0.05 + np.exp(-((points - centre) ** 2).sum(1) / (2 * 40**2)))
        np.asarray(points.T, order="C").tofile(folder / names[0])
        (mass / mass.sum()).tofile(folder / names[1])
    return {"largest": float(costs(folder).max())}


def measures(folder: Path) -> tuple[np.ndarray, ...]:
    """Positions and masses of both measures."""
    return tuple(np.fromfile(folder / name).reshape((3, -1) if name in "xy" else -1).T for name in "xayb")


def costs(folder: Path) -> np.ndarray:
    """Squared distances."""
    x, _, y, _ = measures(folder)
    return sum((x[:, k, None] - y[None, :, k]) ** 2 for k in range(3))


def solve(folder: Path, epsilon: float, penalty: float, method: str, tolerance: float) -> dict[str, object]:
    """Time POT once; say the error of the marginals, the relaxed ones where they are, as foci measures it."""
    import ot

    _, a, _, b = measures(folder)
    matrix = costs(folder)
    busy, began = time.process_time(), time.perf_counter()
    if np.isinf(penalty):
        plan, log = ot.sinkhorn(a, b, matrix, epsilon, method=method, numItermax=100_000, stopThr=tolerance, log=True)
    else:
        plan, log = ot.unbalanced.sinkhorn_unbalanced(
            a, b, matrix, epsilon, penalty, method=method, reg_type="kl", numItermax=100_000, stopThr=tolerance, log=True)  # fmt: skip
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    if np.isinf(penalty):
        wanted = (a, b)
    else:
        # P = a b exp((f + g − C)/ε) gives f and g up to a constant, that fixes where a·exp(−f/ρ) and b·exp(−g/ρ) have one sum.
        row, column = np.unravel_index(np.argmax(plan), plan.shape)
        f = epsilon * np.log(plan[:, column] / (a * b[column])) + matrix[:, column]
        g = epsilon * np.log(plan[row] / (a[row] * b)) + matrix[row] - f[row]
        shift = penalty / 2 * np.log((a * np.exp(-f / penalty)).sum() / (b * np.exp(-g / penalty)).sum())
        wanted = (a * np.exp(-(f + shift) / penalty), b * np.exp(-(g - shift) / penalty))
    error = sum(abs(plan.sum(1 - axis) - wanted[axis]).sum() for axis in (0, 1)) / a.sum()
    return {"seconds": seconds, "busy": busy, "error": float(error)}


def main() -> None:
    """Do the job."""
    warnings.simplefilter("ignore")
    job, folder, *rest = sys.argv[1:]
    if job == "make":
        answer = make(Path(folder), int(rest[0]))
    else:
        answer = solve(Path(folder), float(rest[0]), float(rest[1]), rest[2], float(rest[3]))
    print(json.dumps(answer))


main()
