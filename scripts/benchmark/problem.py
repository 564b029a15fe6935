"""A whitened problem as arrays: its file, its objective and bounds, and its optimum once the support is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np


@dataclass(frozen=True)
class Problem:
    """Minimize ½‖Y − XB‖² + λ Σ‖B_j‖ over B; block j of B is `orientations` rows."""

    gain: np.ndarray
    """X: n × q, whitened."""
    data: np.ndarray
    """Y: n × T, whitened."""
    orientations: int

    @classmethod
    def read(cls, path: Path) -> Problem:
        """Read a problem file (datasets `gain`, `data`, attribute `orientations`) in double precision."""
        with h5py.File(path) as file:
            gain = np.empty(file["gain"].shape, order="F")
            rows = max(1, int(2**26 / max(1, gain.shape[1])))
            for first in range(0, len(gain), rows):
                gain[first : first + rows] = file["gain"][first : first + rows]
            return cls(gain, np.asfortranarray(file["data"][:], dtype=float), int(file.attrs["orientations"]))

    def write(self, path: Path, precision: type = np.float32) -> None:
        """Write a problem file, the gain in the given precision."""
        with h5py.File(path, "w") as file:
            file["gain"] = np.ascontiguousarray(self.gain, dtype=precision)
            file["data"] = np.ascontiguousarray(self.data)
            file.attrs["orientations"] = self.orientations

    @property
    def scale(self) -> float:
        """½‖Y‖², which relative gaps are relative to."""
        return 0.5 * float(np.sum(self.data**2))

    def block_norms(self, matrix: np.ndarray) -> np.ndarray:
        """‖A_j‖ of every block j of the rows of A (q × T)."""
        return np.linalg.norm(matrix.reshape(-1, self.orientations * matrix.shape[1]), axis=1)

    def largest_lambda(self) -> float:
        """The smallest λ at which B = 0 is optimal."""
        return float(self.block_norms(self.gain.T @ self.data).max())

    def bounds(self, coefficients: np.ndarray, lam: float) -> tuple[float, float]:
        """Objective P(B) and the dual value D of the residual, scaled until it is feasible: D ≤ min P ≤ P(B)."""
        rows = np.flatnonzero(np.any(coefficients, axis=1))
        residual = self.data - self.gain[:, rows] @ coefficients[rows]
        objective = 0.5 * np.sum(residual**2) + lam * self.block_norms(coefficients).sum()
        dual = residual / max(1.0, self.block_norms(self.gain.T @ residual).max() / lam)
        return float(objective), float(np.sum(self.data * dual) - 0.5 * np.sum(dual**2))

    def part(self, blocks: int) -> Problem:
        """The problem of the first blocks alone."""
        return Problem(np.asfortranarray(self.gain[:, : blocks * self.orientations]), self.data, self.orientations)

    def every(self, step: int) -> Problem:
        """The problem of every step-th block."""
        first = np.arange(0, self.gain.shape[1], step * self.orientations)
        columns = (first[:, None] + np.arange(self.orientations)).ravel()
        return Problem(np.asfortranarray(self.gain[:, columns]), self.data, self.orientations)

    def optimum(self, support: np.ndarray, lam: float) -> np.ndarray:
        """B (q × T), optimal among those that vanish off the support (indices of blocks).

        Sweeps of block coordinate descent decide which blocks vanish; between them Newton steps on those that do not:
        the Hessian G + A(1 − uuᵀ), a_j = λ/‖B_j‖, is a small matrix and one more unknown ⟨u_j, D_j⟩ a block.
        """
        o = self.orientations
        columns = (np.asarray(support)[:, None] * o + np.arange(o)).ravel()
        x = self.gain[:, columns]
        gram, target = x.T @ x, x.T @ self.data
        curvatures = [np.linalg.norm(gram[j : j + o, j : j + o], 2) for j in range(0, len(gram), o)]
        b = np.zeros_like(target)
        gradient = -target  # of ½‖Y − XB‖²

        def value(b: np.ndarray) -> float:
            return float(np.sum(b * (0.5 * gram @ b - target)) + lam * self.block_norms(b).sum())

        for _ in range(100):
            for _ in range(10):
                for j, curvature in enumerate(curvatures):
                    rows = slice(j * o, (j + 1) * o)
                    moved = b[rows] - gradient[rows] / curvature
                    moved *= max(0.0, 1 - lam / max(curvature * np.linalg.norm(moved), 1e-300))
                    gradient += gram[:, rows] @ (moved - b[rows])
                    b[rows] = moved
            norms = self.block_norms(b)
            rows = np.repeat(norms > 0, o)
            norms = norms[norms > 0]
            u = b[rows] / np.repeat(norms, o)[:, None]
            slope = gradient[rows] + lam * u
            direction = np.zeros_like(b)
            direction[rows] = self._newton(gram[np.ix_(rows, rows)], np.repeat(lam / norms, o), u, slope)
            now = value(b)
            for length in (1, 0.5, 0.25, 0.1, 0.01):
                if value(b - length * direction) <= now:
                    b = b - length * direction
                    break
            gradient = gram @ b - target
            if np.linalg.norm(slope) <= 1e-13 * np.linalg.norm(target):
                break
        result = np.zeros((self.gain.shape[1], self.data.shape[1]))
        result[columns] = b
        return result

    def _newton(self, gram: np.ndarray, a: np.ndarray, u: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """D with G D + a(D − u⟨u, D⟩) = gradient."""
        o, blocks = self.orientations, len(a) // self.orientations
        inverse = np.linalg.inv(gram + np.diag(a))
        step = inverse @ gradient
        along = np.sum((u * step).reshape(blocks, -1), axis=1)
        quadratic = (inverse * (u @ u.T)).reshape(blocks, o, blocks, o).sum(axis=(1, 3))
        inner = np.linalg.solve(np.eye(blocks) - quadratic * a[::o], along)
        return step + inverse @ (u * (a * np.repeat(inner, o))[:, None])
