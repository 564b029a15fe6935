"""pysr3, statsmodels and t tests on the tables of mixed_data.py.

pysr3 is called as the MSR3 paper calls it: golden section over log₁₀ λ at each of ten η, the model of the smallest
BIC of Jones (2011), nonzero from 0.01 on.
"""

from __future__ import annotations

import csv
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mixed_data import Table, contrasts
from mixed_rows import holm

ZERO = 0.01
"""Effects of less count as 0, as in the paper."""
LOG_LAMBDAS, LAMBDA_TOLERANCE = (-2.0, 4.0), 0.01
ETAS = np.logspace(-2, 1, 10)
TOLERANCES = {"elastic_eps": 1e-7, "tol_oracle": 1e-5, "tol_solver": 1e-4, "max_iter_oracle": 1000}
REPEATS = 5
"""Fits that a time is the median of."""

Answer = dict[str, object]


def timed(run: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Median seconds of a call, by the clock and of its thread's work."""
    clock, busy = [], []
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    return float(np.median(clock)), float(np.median(busy))


def fitted_by_foci(path: Path, columns: list[str], options: dict[str, object], clock: str) -> Answer:
    """Median seconds of fits by foci's package, by one of its own clocks; FOCI_LIBRARY names the library."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "Sources" / "Python"))
    from sklearn.utils import validation

    # Of scikit-learn 1.6, which other peers do without; only estimators call it.
    validation.__dict__.setdefault("validate_data", None)
    from foci.mixed import fit

    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file, delimiter="\t")
    data = {name: list(cells) for name, cells in zip(names, zip(*rows))}
    data |= {name: np.array(cells, dtype=float) for name, cells in data.items() if name != "group"}
    settings = {"lam" if name == "lambda" else name: value for name, value in options.items()}
    terms, bar = " + ".join(columns), "|" if settings.pop("correlated", False) else "||"
    formula = f"y ~ 0 + {terms} + (0 + {terms} {bar} group)"
    seconds = [fit(formula, data, **settings).report[clock] for _ in range(2 * REPEATS)]
    return {"seconds": float(np.median(seconds))}


def import_pysr3():
    """pysr3 0.3.5, which needs names that numpy 2 and scikit-learn 1.6 moved."""
    import sklearn.base
    import sklearn.utils

    np.infty = np.inf
    for name in ("check_X_y", "check_array"):
        setattr(sklearn.base, name, getattr(sklearn.utils, name))
    import pysr3.lme.models
    import pysr3.lme.problems

    return pysr3.lme


def pysr3_problem(table: Table):
    """A table as pysr3 takes it, every column a fixed and a random effect, all of them penalized."""
    problems = import_pysr3().problems
    design = table.design
    rows = [slice(first, last) for first, last in zip(table.offsets, table.offsets[1:])]
    return problems.LMEProblem(
        fixed_features=[design[part] for part in rows], random_features=[design[part] for part in rows],
        answers=[table.response[part] for part in rows], obs_vars=[table.variance[part] for part in rows],
        group_labels=np.arange(len(rows)), intercept_label=problems.FIXED_RANDOM,
        column_labels=[problems.GROUP] + [problems.FIXED_RANDOM] * (design.shape[1] - 1) + [problems.VARIANCE],
        order_of_objects=np.arange(len(design)), fe_regularization_weights=np.ones(design.shape[1]),
        re_regularization_weights=np.ones(design.shape[1]),
    )  # fmt: skip


def golden_section(value: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Where a function of one valley is smallest, as the paper's search finds it."""
    ratio = (math.sqrt(5) - 1) / 2
    inner, outer = high - ratio * (high - low), low + ratio * (high - low)
    at_inner, at_outer = value(inner), value(outer)
    for _ in range(math.ceil(math.log(tolerance / (high - low)) / math.log(ratio)) - 1):
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - ratio * (high - low)
            at_inner = value(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + ratio * (high - low)
            at_outer = value(outer)
    return (low + outer) / 2 if at_inner < at_outer else (inner + high) / 2


class Relaxed:
    """pysr3's MSR3 of one penalty on one problem."""

    def __init__(self, penalty: str, table: Table) -> None:
        models = import_pysr3().models
        self.problem = pysr3_problem(table)
        self.weights: dict[str, np.ndarray] = {}
        self.shape = {"sigma": 0.3, "rho": 1.6} if penalty == "scad" else {"rho": 0.3} if penalty == "cad" else {}
        names = {"scad": "SCADLmeModelSR3", "cad": "CADLmeModelSR3"}
        self.model = getattr(models, names.get(penalty, "L1LmeModelSR3"))
        if penalty == "adaptive-l1":
            whole = models.SimpleLMEModel(**TOLERANCES, logger_keys=("converged",), stepping="line-search")
            whole.fit_problem(self.problem)
            self.weights = {
                "fe_regularization_weights": 1 / (np.abs(whole.coef_["beta"]) + ZERO),
                "re_regularization_weights": 1 / (np.abs(whole.coef_["gamma"]) + ZERO),
            }

    def fit(self, lam: float, eta: float, *, fast: bool = True):
        """Fit at a λ and an η; MSR3-fast, or MSR3 itself."""
        model = self.model(
            **TOLERANCES, **self.shape, lam=lam, ell=eta, practical=fast, stepping="fixed", max_iter_solver=10_000,
            take_only_positive_part=True, take_expected_value=False, logger_keys=("converged", "jones_bic"),
        )  # fmt: skip
        return model.fit_problem(self.problem, **self.weights)

    def search(self) -> tuple[float, float, object]:
        """λ, η and the model that the paper's search ends at."""
        best = (math.inf, 0.0, 0.0, None)
        for eta in ETAS:
            log = golden_section(
                lambda log, eta=eta: self.fit(10**log, eta).logger_.get("jones_bic"), *LOG_LAMBDAS, LAMBDA_TOLERANCE
            )
            model = self.fit(10**log, eta)
            bic = model.logger_.get("jones_bic")
            if bic < best[0]:
                best = (bic, 10**log, float(eta), model)
        return best[1:]


def chosen_by_pysr3(penalty: str, table: Table) -> Answer:
    """What pysr3's MSR3-fast selects, and how long it takes."""
    began, worked = time.perf_counter(), time.process_time()
    relaxed = Relaxed(penalty, table)
    lam, eta, model = relaxed.search()
    selection = time.perf_counter() - began
    busy = time.process_time() - worked
    fit, fit_busy = timed(lambda: relaxed.fit(lam, eta))
    return {
        "fixed": [bool(abs(one) >= ZERO) for one in model.coef_["beta"]],
        "random": [bool(abs(one) >= ZERO) for one in model.coef_["gamma"]],
        "fit_seconds": fit, "fit_busy": fit_busy, "selection_seconds": selection, "selection_busy": busy,
        "lambda": lam, "eta": eta,
    }  # fmt: skip


def optimized_by_pysr3(solver: str, lam: float, eta: float, table: Table) -> Answer:
    """Where pysr3's proximal gradient (λ) or its MSR3 (λ, η) ends with L1, and how long it takes once."""
    relaxed = Relaxed("l1", table)
    began, worked = time.perf_counter(), time.process_time()
    if solver == "msr3":
        model = relaxed.fit(lam, eta, fast=False)
    else:
        step = min(1e-4, 1e-4 / lam)
        model = import_pysr3().models.L1LmeModel(
            **TOLERANCES, lam=lam, stepping="fixed", fixed_step_len=step, max_iter_solver=300_000,
            logger_keys=("converged",),
        ).fit_problem(relaxed.problem)  # fmt: skip
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    return {"seconds": seconds, "busy": busy, "iterations": int(model.logger_.get("iteration")),
            "beta": list(model.coef_["beta"]), "gamma": list(np.maximum(model.coef_["gamma"], 0))}  # fmt: skip


def loss(table: Table, effects: np.ndarray) -> tuple[float, np.ndarray]:
    """The negative log-likelihood without N/2·log 2π, and its gradient, by β and γ one after the other."""
    design, count = table.design, len(table.columns)
    fixed, variances = effects[:count], effects[count:]
    total, slope = 0.0, np.zeros(2 * count)
    for first, last in zip(table.offsets, table.offsets[1:]):
        part = design[first:last]
        factor = np.linalg.cholesky((part * variances) @ part.T + np.diag(table.variance[first:last]))
        rest = np.linalg.solve(factor, table.response[first:last] - part @ fixed)
        white = np.linalg.solve(factor, part)
        total += 0.5 * rest @ rest + np.log(np.diag(factor)).sum()
        product = white.T @ rest
        slope[:count] -= product
        slope[count:] += 0.5 * ((white**2).sum(axis=0) - product**2)
    return float(total), slope


def relaxed_objective(table: Table, effects: np.ndarray, lam: float, eta: float) -> float:
    """min over x of loss(x) + η/2 ‖x − w‖² + λ‖w‖₁ at w, whose β and γ are given; loss(w) + λ‖w‖₁ where η is 0."""
    from scipy.optimize import minimize

    size = lam * float(np.abs(effects).sum())
    if eta == 0:
        return loss(table, effects)[0] + size

    def relaxed(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = loss(table, point)
        rest = point - effects
        return value + eta / 2 * rest @ rest, slope + eta * rest

    count = len(effects) // 2
    options = {"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 40}
    bounds = [(None, None)] * count + [(0, None)] * count
    return float(minimize(relaxed, effects, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun) + size


def fitted_by_statsmodels(table: Table) -> Iterator[Answer]:
    """statsmodels' likelihoods of a table all of whose columns vary, and the seconds of its fits."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

    design, groups, count = table.design, table.groups, len(table.columns)
    free = {"diagonal": MixedLMParams.from_components(np.ones(count), np.eye(count)), "full": None}
    for covariance, method in ((c, m) for c in free for m in ("ml", "reml")):

        def fit(covariance: str = covariance, method: str = method):
            model = MixedLM(table.response, design, groups, exog_re=design)
            return model.fit(reml=method == "reml", free=free[covariance])

        answer = fit()
        seconds, busy = timed(fit)
        yield {"covariance": covariance, "method": method, "criterion": float(-2 * answer.llf), "seconds": seconds,
               "busy": busy}  # fmt: skip


def contrasts_by_t_tests(table: Table) -> Answer:
    """Which contrasts of a study paired t tests find: Holm 5 %, false discovery rate 5 %, none corrected."""
    from scipy.stats import false_discovery_control, ttest_rel

    subjects = len(table.offsets) - 1
    amplitudes = table.response.reshape(subjects, -1)
    values = []
    for name in contrasts():
        place = name.split("c")[0]
        here = table.columns[name].reshape(subjects, -1)[0] > 0
        own = table.columns[place].reshape(subjects, -1)[0] > 0
        others = np.any([table.columns[n].reshape(subjects, -1)[0] > 0 for n in contrasts()], axis=0)
        base = own & ~others
        values.append(ttest_rel(amplitudes[:, here].ravel(), amplitudes[:, base].ravel()).pvalue.item())
    return {
        "holm": holm(values), "fdr": (false_discovery_control(values) <= 0.05).tolist(),
        "uncorrected": [value <= 0.05 for value in values],
    }  # fmt: skip
