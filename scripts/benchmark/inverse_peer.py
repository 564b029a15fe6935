#!/usr/bin/env python3
"""Inverse methods by other programs, for the sections `concomitant` and `time-frequency`: a line of JSON.

    inverse_peer.py make KIND FILE LEAD
        epochs of noise and few sources: KIND is generator, or lead for those of a lead field
    inverse_peer.py concomitant FILE RATIO GAP
        plain alternation in numpy: sweeps over all columns, and every ten sweeps the gap and the square root S of the
        noise covariance anew
    inverse_peer.py time-frequency FILE SPACE TIME TOLERANCE
        MNE-Python's tf_mixed_norm_solver on a problem file

FILE of epochs holds gain (n × q) and epochs (r × n × T). SPACE and TIME are MNE's alphas, TOLERANCE a gap over ½‖Y‖².
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import h5py
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


def make(kind: str, target: Path, lead: Path | None) -> dict[str, object]:
    """Epochs of three sources: a Toeplitz design of 150 × 500 as in Bertrand et al. 2019, or a lead field; noise whose
    correlation falls with the distance of rows."""
    generator = np.random.default_rng(3)
    if lead is None:
        rows, columns, samples, count = 150, 500, 100, 20
        lags = np.abs(np.subtract.outer(np.arange(columns), np.arange(columns)))
        gain = generator.standard_normal((rows, columns)) @ np.linalg.cholesky(0.6**lags).T
    else:
        with h5py.File(lead) as file:
            gain = file["gain"][:].astype(float)
        (rows, columns), samples, count = gain.shape, 50, 50
    gain /= np.linalg.norm(gain, axis=0)
    signal = gain[:, generator.choice(columns, 3, replace=False)] @ generator.standard_normal((3, samples))
    root = np.linalg.cholesky(0.4 ** np.abs(np.subtract.outer(np.arange(rows), np.arange(rows))))
    noise = np.einsum("ij,ljt->lit", root, generator.standard_normal((count, rows, samples)))
    noise *= np.linalg.norm(signal) / np.linalg.norm(noise[0])
    with h5py.File(target, "w") as file:
        file["gain"], file["epochs"] = gain, signal + noise
    return {"rows": rows, "columns": columns, "samples": samples, "epochs": count}


def time_frequency(file: Path, space: float, time_alpha: float, tolerance: float) -> dict[str, object]:
    """MNE's solver, whose tolerance is over ‖Y‖²."""
    import mne
    from mne.inverse_sparse.mxne_optim import tf_mixed_norm_solver
    from problem import Problem

    mne.set_log_level("ERROR")
    problem = Problem.read(file)
    began = time.perf_counter()
    _, active, objectives, gap = tf_mixed_norm_solver(
        problem.data, problem.gain, space, time_alpha, wsize=np.array([4, 16]), tstep=np.array([2, 4]),
        n_orient=problem.orientations, maxit=3000, tol=tolerance * problem.scale, dgap_freq=10, debias=False,
        return_gap=True,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    count = int(np.sum(active)) // problem.orientations
    return {"seconds": seconds, "gap": float(gap) / problem.scale, "objective": float(objectives[-1]), "active": count}


def main() -> None:
    """Do the job."""
    job, *rest = sys.argv[1:]
    answer: dict[str, object]
    if job == "make":
        answer = make(rest[0], Path(rest[1]), Path(rest[2]) if rest[0] == "lead" else None)
    elif job == "concomitant":
        with h5py.File(rest[0]) as file:
            answer = dict(solve(file["gain"][:], file["epochs"][:], float(rest[1]), float(rest[2])))
    else:
        answer = time_frequency(Path(rest[0]), *(float(number) for number in rest[1:4]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
