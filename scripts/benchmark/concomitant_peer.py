#!/usr/bin/env python3
"""Concomitant Lasso with repetitions by plain alternation, numpy alone: what a benchmark compares foci with.

    concomitant_peer.py FOLDER RATIO GAP

FOLDER holds gain.npy (n × q) and epochs.npy (r × n × T). Sweeps over all columns; every ten sweeps the gap, and the
square root S of the noise covariance anew from the eigenvalues of the residual's second moment. Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def noise_root(moment: Array, floor: float) -> tuple[Array, Array, Array]:
    """γ, s and S⁻¹ of a second moment."""
    squares, vectors = np.linalg.eigh(moment)
    gamma = np.sqrt(np.maximum(squares, 0))
    values = np.maximum(gamma, floor)
    return gamma, values, (vectors / values) @ vectors.T


def solve(gain: Array, epochs: Array, ratio: float, tolerance: float) -> dict[str, float]:
    """Alternates until the gap over the objective at zero is at the tolerance."""
    began = time.perf_counter()
    count, rows, samples = epochs.shape
    mean = epochs.mean(0)
    moment = np.einsum("lit,ljt->ij", epochs, epochs, optimize=True) / (count * samples)
    floor = float(np.linalg.norm(mean) / (1000 * np.sqrt(rows * samples)))
    gamma, values, inverse = noise_root(moment, floor)
    penalty = ratio * float(np.linalg.norm(gain.T @ (inverse @ mean), axis=1).max())
    at_zero = 0.5 * samples * float((gamma**2 / values + values).sum())
    estimate = np.zeros((gain.shape[1], samples))
    residual, sweeps = mean.copy(), 0
    while True:
        # Along U = a·S⁻¹R the dual is a parabola in a.
        force = inverse @ residual
        fit = mean - residual
        fitted = samples * float((gamma**2 / values).sum()) + float((force * fit).sum())
        share = (gamma / values) ** 2
        curvature = samples * floor * float(share.sum())
        slope = float(np.linalg.norm(gain.T @ force, axis=1).max())
        scale = max(0.0, min(fitted / curvature, penalty / slope, 1 / np.sqrt(share.max())))
        primal = 0.5 * samples * float((gamma**2 / values + values).sum())
        primal += penalty * float(np.linalg.norm(estimate, axis=1).sum())
        dual = scale * fitted - 0.5 * scale**2 * curvature + 0.5 * samples * floor * rows
        gap = (primal - dual) / at_zero
        if gap <= tolerance or sweeps >= 20_000:
            break
        metric = inverse @ gain
        lipschitz = np.einsum("ij,ij->j", gain, metric)
        for _ in range(10):
            for j in np.flatnonzero(lipschitz):
                old = estimate[j]
                new = old + metric[:, j] @ residual / lipschitz[j]
                norm = np.linalg.norm(new)
                new = new * max(0.0, 1 - penalty / (lipschitz[j] * norm)) if norm > 0 else new
                if old.any() or new.any():
                    residual -= np.outer(gain[:, j], new - old)
                    estimate[j] = new
        sweeps += 10
        cross = mean @ (mean - residual).T + (mean - residual) @ residual.T
        gamma, values, inverse = noise_root(moment - (cross + cross.T) / (2 * samples), floor)
    return {
        "seconds": time.perf_counter() - began,
        "gap": float(gap),
        "objective": primal,
        "active": int((np.linalg.norm(estimate, axis=1) > 0).sum()),
        "sweeps": sweeps,
    }


def main() -> None:
    """Solve the problem of a folder."""
    folder, ratio, gap = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(solve(np.load(folder / "gain.npy"), np.load(folder / "epochs.npy"), ratio, gap)))


if __name__ == "__main__":
    main()
