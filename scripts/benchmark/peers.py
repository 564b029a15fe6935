"""The peers: how each is called, and the settings that are tried of it.

Peers are imported only where they are used. Their objectives are ours divided by n, but for MNE's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from problem import Problem
from trials import Trial, fastest

SLOW = 20.0
"""A solve that takes longer, in seconds, is not repeated."""
REPEATED = 2.0
"""Seconds that all runs of one setting may take before the fastest setting is known."""
FLOOR = 1e-11
"""Relative gap below which no tighter setting is tried."""

Solver = Callable[[Problem, float], np.ndarray]
"""From a problem and λ to B (q × T)."""
PathSolver = Callable[[Problem, np.ndarray], np.ndarray]
"""From a problem and falling λ to B of each (L × q × T)."""


def celer(tolerance: float) -> Solver:
    """celer; its tolerance is a gap relative to ‖Y‖²."""
    from celer import Lasso, MultiTaskLasso

    def solve(problem: Problem, lam: float) -> np.ndarray:
        single = problem.data.shape[1] == 1
        model = (Lasso if single else MultiTaskLasso)(
            alpha=lam / len(problem.data), tol=tolerance, fit_intercept=False
        )
        coefficients = model.fit(problem.gain, problem.data[:, 0] if single else problem.data).coef_
        return coefficients.reshape(problem.data.shape[1], -1).T

    return solve


def skglm(strategy: str, tolerance: float) -> Solver:
    """skglm (quadratic datafit, L1 or L2/1 penalty); its tolerance is a violation of optimality."""
    from skglm.estimators import Lasso, MultiTaskLasso

    def solve(problem: Problem, lam: float) -> np.ndarray:
        single = problem.data.shape[1] == 1
        model = (Lasso if single else MultiTaskLasso)(
            alpha=lam / len(problem.data), tol=tolerance, ws_strategy=strategy, max_iter=100, fit_intercept=False
        )
        coefficients = model.fit(problem.gain, problem.data[:, 0] if single else problem.data).coef_
        return coefficients.reshape(problem.data.shape[1], -1).T

    return solve


def sklearn(tolerance: float) -> Solver:
    """scikit-learn's Lasso, one sample; its tolerance is a gap relative to ‖y‖²."""
    from sklearn.linear_model import Lasso

    def solve(problem: Problem, lam: float) -> np.ndarray:
        model = Lasso(alpha=lam / len(problem.data), tol=tolerance, fit_intercept=False, max_iter=100_000)
        return model.fit(problem.gain, problem.data[:, 0]).coef_[:, None]

    return solve


def mne(tolerance: float) -> Solver:
    """MNE-Python's block coordinate descent; same objective, its tolerance is the gap itself."""
    from mne.inverse_sparse.mxne_optim import mixed_norm_solver

    def solve(problem: Problem, lam: float) -> np.ndarray:
        active_coefficients, active, *_ = mixed_norm_solver(
            problem.data,
            problem.gain,
            lam,
            maxit=3000,
            tol=tolerance * problem.scale,
            n_orient=problem.orientations,
            solver="bcd",
            debias=False,
            verbose="error",
        )
        coefficients = np.zeros((problem.gain.shape[1], problem.data.shape[1]))
        coefficients[active] = active_coefficients
        return coefficients

    return solve


def settings(peer: str, target: float, curve: bool) -> Iterator[list[tuple[str, Solver]]]:
    """Settings of a peer in families, each from its loosest tolerance to its tightest; more of them for a curve."""

    def tolerances(first: int, last: int) -> list[float]:
        return [10.0**-power for power in range(1 if curve else first, last + 1)]

    if peer == "celer":
        yield [(f"tol {tol:.0e}", celer(tol)) for tol in tolerances(5, 9)]
    elif peer == "sklearn":
        yield [(f"tol {tol:.0e}", sklearn(tol)) for tol in tolerances(4, 8)]
    elif peer == "skglm":
        for strategy, loosest in (("fixpoint", [100.0, 10.0, 1.0]), ("subdiff", [])):
            chosen = [*(loosest if curve else []), *tolerances(2, 8)]
            yield [(f"{strategy}, tol {tol:.0e}", skglm(strategy, tol)) for tol in chosen]
    else:
        loose = [(f"bcd, tol {10.0**-power:.0e}", mne(10.0**-power)) for power in (1, 2, 3, 4)] if curve else []
        tight = [(f"bcd, tol {10.0**-power:.0e}", mne(10.0**-power)) for power in (6, 8)] if curve else []
        yield [*loose, (f"bcd, tol {target:.0e}", mne(target)), *tight]


def timed(solver: Solver, problem: Problem, lam: float) -> tuple[float, np.ndarray]:
    """Seconds of one solve, and B."""
    began = time.perf_counter()
    coefficients = solver(problem, lam)
    return time.perf_counter() - began, coefficients


def ladder(
    peer: str, problem: Problem, lam: float, target: float, runs: int, curve: bool, limit: float
) -> Iterator[Trial]:
    """Trials of a peer's settings, yielded as they are done; the fastest that reaches the target comes again, with
    all its runs.

    A family of settings ends where the target is reached and more precision costs more time. For a curve it goes on
    from there, until the gap no longer shrinks or the next solve would probably pass the limit of seconds; neither
    ends it before the target, so that a row never shows a peer worse than it is. Compilation comes before.
    """
    small = problem.part(100)
    small_lambda = 0.5 * small.largest_lambda()
    trials: dict[str, tuple[Trial, Solver]] = {}
    families = list(settings(peer, target, curve))
    best_seconds = np.inf
    for family in families:
        family[0][1](small, small_lambda)
        began, worse, smallest = time.perf_counter(), 0, np.inf
        for setting, solver in family:
            seconds, coefficients = timed(solver, problem, lam)
            trial = Trial(setting, [seconds], *problem.bounds(coefficients, lam))
            trial.gap = (trial.objective - trial.dual) / problem.scale
            if curve and trial.gap < smallest:
                while len(trial.seconds) < runs and sum(trial.seconds) < REPEATED:
                    trial.seconds.append(timed(solver, problem, lam)[0])
            trial.nonzero = int(np.count_nonzero(problem.block_norms(coefficients)))
            trials[setting] = (trial, solver)
            yield trial
            if trial.gap <= target:
                best_seconds = min(best_seconds, trial.median)
            worse = worse + 1 if trial.gap > 0.5 * smallest else 0
            smallest = min(smallest, trial.gap)
            passed = time.perf_counter() - began + 2 * trial.seconds[-1] > limit / len(families)
            if smallest <= target and curve and (trial.gap <= FLOOR or worse >= 2 or passed):
                break
            if trial.median >= best_seconds and not curve:
                break
    best = fastest([trial for trial, _ in trials.values()], target)
    while len(best.seconds) < runs and best.seconds[0] < SLOW:
        best.seconds.append(timed(trials[best.setting][1], problem, lam)[0])
    yield best


def celer_path(tolerance: float) -> PathSolver:
    """celer's own path of the multitask Lasso, each point from the one before."""
    from celer.homotopy import mtl_path

    def solve(problem: Problem, lambdas: np.ndarray) -> np.ndarray:
        alphas = lambdas / len(problem.data)
        return mtl_path(problem.gain, problem.data, alphas=alphas, tol=tolerance)[1].transpose(2, 1, 0)

    return solve


def celer_warm(tolerance: float) -> PathSolver:
    """celer's estimator, fitted again and again from where it was."""
    from celer import MultiTaskLasso

    def solve(problem: Problem, lambdas: np.ndarray) -> np.ndarray:
        model = MultiTaskLasso(tol=tolerance, fit_intercept=False, warm_start=True)
        results = []
        for lam in lambdas:
            model.alpha = lam / len(problem.data)
            results.append(model.fit(problem.gain, problem.data).coef_.T.copy())
        return np.array(results)

    return solve


def skglm_path(strategy: str, tolerance: float) -> PathSolver:
    """skglm's own path of the multitask Lasso, each point from the one before."""
    from skglm.estimators import MultiTaskLasso

    def solve(problem: Problem, lambdas: np.ndarray) -> np.ndarray:
        model = MultiTaskLasso(tol=tolerance, ws_strategy=strategy, max_iter=100, fit_intercept=False)
        return model.path(problem.gain, problem.data, lambdas / len(problem.data))[1].transpose(2, 1, 0)

    return solve


def path_settings(peer: str) -> Iterator[tuple[str, PathSolver]]:
    """Ways to a path, the likeliest to be best first."""
    if peer == "celer":
        yield "mtl_path, tol 1e-06", celer_path(1e-6)
        yield "warm starts, tol 1e-06", celer_warm(1e-6)
    else:
        yield "path, fixpoint, tol 1e-04", skglm_path("fixpoint", 1e-4)
        yield "path, subdiff, tol 1e-04", skglm_path("subdiff", 1e-4)


def path_trials(peer: str, problem: Problem, lambdas: np.ndarray) -> Iterator[dict[str, object]]:
    """Every way to a path of λ, once: its seconds and the gaps of all points."""
    small = problem.part(100)
    for setting, solver in path_settings(peer):
        solver(small, small.largest_lambda() * np.array([0.9, 0.5]))
        began = time.perf_counter()
        coefficients = solver(problem, lambdas)
        seconds = time.perf_counter() - began
        gaps = []
        for lam, point in zip(lambdas, coefficients):
            objective, dual = problem.bounds(point, lam)
            gaps.append((objective - dual) / problem.scale)
        nonzero = int(np.count_nonzero(problem.block_norms(coefficients[-1])))
        yield {"setting": setting, "seconds": [seconds], "gaps": gaps, "nonzero": nonzero,
               "objective": objective, "dual": dual}  # fmt: skip
