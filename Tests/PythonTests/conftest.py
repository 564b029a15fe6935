"""What several tests use. The package is taken as it is installed, or as PYTHONPATH and FOCI_LIBRARY say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


@dataclass(frozen=True)
class Regression:
    """A random regression Y = XB + noise with few rows of B that are not zero."""

    X: NDArray[np.float64]
    Y: NDArray[np.float64]
    B: NDArray[np.float64]
    sigma: float

    @property
    def alpha_max(self) -> float:
        """The smallest alpha at which MultiTaskLasso without an intercept finds nothing."""
        return float(np.max(np.linalg.norm(self.X.T @ self.Y, axis=1))) / len(self.Y)


def make_regression(
    seed: int, n: int = 40, q: int = 120, T: int = 5, active: int = 6, sigma: float = 0.5
) -> Regression:
    generator = np.random.default_rng(seed)
    # Neighbouring columns are correlated, as those of gains are.
    X = generator.standard_normal((n, q)) + 0.7 * generator.standard_normal((n, 1))
    B = np.zeros((q, T))
    B[generator.choice(q, active, replace=False)] = generator.standard_normal((active, T))
    Y = X @ B + sigma * generator.standard_normal((n, T))
    return Regression(np.asfortranarray(X), np.asfortranarray(Y), B, sigma)


@pytest.fixture
def regression() -> Regression:
    return make_regression(0)


def run_python(
    code: str, *arguments: str, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
    )


@pytest.fixture
def python() -> Callable[..., Any]:
    return run_python


@pytest.fixture
def shared() -> Path:
    """The folder of test data beside the checkout."""
    folder = Path(os.environ.get("FOCI_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; FOCI_SHARED names another folder")
    return folder
