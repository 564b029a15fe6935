"""Models of mixed effects without selection, beside the plain formulas in numpy and, where R has it, lme4."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from foci.mixed import fit

KINDS = (
    "plain",
    "unbalanced",
    "fewer rows than effects",
    "one effect does not vary",
    "groups of one",
    "signs",
    "scales",
)
CASES = [
    (kind, covariance, estimation) for kind in KINDS for covariance in ("|", "||") for estimation in ("ml", "reml")
]


def table(kind):
    """Rows of groups: y, an intercept x0 and two more columns, all of which may vary."""
    generator = np.random.default_rng(KINDS.index(kind))
    sizes = generator.integers(2, 9, 20)
    if kind == "unbalanced":
        sizes[:4] = 60, 1, 1, 30
    elif kind == "fewer rows than effects":
        sizes = generator.integers(1, 4, 40)
    elif kind == "groups of one":
        sizes[::2] = 1
    labels = np.repeat(np.arange(len(sizes)), sizes)
    X = np.column_stack([np.ones(len(labels)), generator.standard_normal((len(labels), 2))])
    if kind == "signs":
        X[:, 1:] = np.sign(X[:, 1:])
    deviations = np.array([1.0, 0.0 if kind == "one effect does not vary" else 0.6, 0.4])
    effects = np.array([1.0, -0.5, 0.2]) + deviations * generator.standard_normal((len(sizes), 3))
    y = np.sum(X * effects[labels], axis=1) + 0.7 * generator.standard_normal(len(labels))
    if kind == "scales":
        X, y = X * [1, 1e6, 1e-6], 1e3 * y
    return {"y": y, **{f"x{k}": X[:, k] for k in range(3)}, "g": [f"s{k:02}" for k in labels]}, X, labels


def criterion(X, y, labels, beta, Gamma, variance, *, restricted):
    """−2 log likelihood by dense matrices of all rows."""
    omega = np.where(labels[:, None] == labels, X @ Gamma @ X.T, 0) + variance * np.eye(len(y))
    rest = y - X @ beta
    value = np.linalg.slogdet(omega)[1] + rest @ np.linalg.solve(omega, rest) + len(y) * np.log(2 * np.pi)
    if restricted:
        value += np.linalg.slogdet(X.T @ np.linalg.solve(omega, X))[1] - X.shape[1] * np.log(2 * np.pi)
    return value


def fitted(kind, bar, estimation):
    data, X, labels = table(kind)
    result = fit(f"y ~ 0 + x0 + x1 + x2 + (0 + x0 + x1 + x2 {bar} g)", data, select="none", estimation=estimation)
    restricted = estimation == "reml"
    reported = result.report[f"minus_twice_{'restricted_' if restricted else ''}log_likelihood"]
    return data, X, labels, result, reported


@pytest.mark.parametrize(("kind", "bar", "estimation"), CASES)
def test_likelihood_is_that_of_dense_matrices_and_largest(kind, bar, estimation):
    data, X, labels, result, reported = fitted(kind, bar, estimation)
    y, scale = data["y"], np.sqrt(np.mean(X**2, axis=0)) / np.std(data["y"])
    Gamma, noise = result.random_covariance, result.report["noise_variance"]

    def value(beta, Gamma, noise):
        return criterion(X, y, labels, beta, Gamma, noise, restricted=estimation == "reml")

    assert reported == pytest.approx(value(result.fixed, Gamma, noise), abs=1e-8 * max(1, abs(reported)))
    # No small change of a part makes it better.
    generator = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(Gamma * np.outer(scale, scale))
    root = vectors * np.sqrt(np.maximum(values, 0))
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(5):
            step = size * generator.standard_normal(3)
            other = root + size * generator.standard_normal((3, 3))
            changed = other @ other.T / np.outer(scale, scale)
            if bar == "||":
                changed = np.diag(np.diag(Gamma) * np.exp(step) + (size * generator.standard_normal(3) / scale) ** 2)
            assert value(result.fixed + step / scale, Gamma, noise) >= reported - 1e-8
            assert value(result.fixed, changed, noise) >= reported - 1e-8
            assert value(result.fixed, Gamma, noise * np.exp(step[0])) >= reported - 1e-8


R = """
suppressPackageStartupMessages(library(lme4))
data <- read.delim(commandArgs(TRUE)[1])
checks <- lmerControl(check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore", check.nobs.vs.rankZ = "ignore",
                      optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-12))
for (bar in c("|", "||")) for (reml in c(FALSE, TRUE)) {
  formula <- as.formula(sprintf("y ~ 0 + x0 + x1 + x2 + (0 + x0 + x1 + x2 %s g)", bar))
  model <- suppressWarnings(suppressMessages(lmer(formula, data, REML = reml, control = checks)))
  cat(sprintf('{"bar": "%s", "estimation": "%s", "criterion": %.15g}\\n', bar, if (reml) "reml" else "ml",
              -2 * as.numeric(logLik(model))))
}
"""


def has_lme4():
    command = ["Rscript", "-e", "quit(status = !requireNamespace('lme4', quietly = TRUE))"]
    return shutil.which("Rscript") is not None and subprocess.run(command, capture_output=True).returncode == 0


# lme4 stops short of the optimum where columns differ in size by 12 digits.
@pytest.mark.skipif(not has_lme4(), reason="R has no lme4")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "scales"])
def test_likelihood_is_not_above_that_of_lme4(kind, tmp_path):
    data, _, _ = table(kind)
    rows = zip(
        *([repr(float(cell)) for cell in data[name]] for name in ("y", "x0", "x1", "x2")), data["g"], strict=True
    )
    (tmp_path / "table.tsv").write_text("\n".join("\t".join(row) for row in [("y", "x0", "x1", "x2", "g"), *rows]))
    (tmp_path / "fit.R").write_text(R)
    command = ["Rscript", "fit.R", "table.tsv"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for line in answer.splitlines():
        theirs = json.loads(line)
        reported = fitted(kind, theirs["bar"], theirs["estimation"])[-1]
        # lme4 itself ends a little above the optimum.
        assert theirs["criterion"] - 1e-3 < reported < theirs["criterion"] + 1e-8, theirs
