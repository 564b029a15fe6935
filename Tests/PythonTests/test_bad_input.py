"""Whatever is given, the answer is a valid result or an exception that says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import make_regression

import foci

DATA = make_regression(0, n=20, q=30, T=3)
X, Y = DATA.X, DATA.Y
HUGE = np.broadcast_to(1.0, (10**6, 10**6))  # which would take 8 TB to copy


def with_element(array, value):
    changed = np.array(array)
    changed[1, 2] = value
    return changed


WRONG = {
    "X of one dimension": (lambda: foci.solve(X[0], Y, 1.0), "X: found 1 dimensions"),
    "X of three": (lambda: foci.solve(X[None], Y, 1.0), "X: found 3 dimensions"),
    "X of objects": (lambda: foci.solve(X.astype(object), Y, 1.0), "X: found ndarray of dtype object"),
    "X of texts": (lambda: foci.solve(X.astype(str), Y, 1.0), "X: .*dtype <U"),
    "X of complex numbers": (lambda: foci.solve(X + 0j, Y, 1.0), "X: found complex numbers"),
    "X of dates": (lambda: foci.solve(X.astype("M8[s]"), Y, 1.0), "X: .*datetime64"),
    "X ragged": (lambda: foci.solve([[1.0], [1.0, 2.0]], Y, 1.0), "X: found list, expected an array of numbers"),
    "X masked": (lambda: foci.solve(np.ma.masked_less(X, 0), Y, 1.0), "X: found masked elements"),
    "X nothing": (lambda: foci.solve(None, Y, 1.0), "X: found NoneType"),
    "X without rows": (lambda: foci.solve(X[:0], Y[:0], 1.0), r"X: found shape \(0, 30\)"),
    "X without columns": (lambda: foci.solve(X[:, :0], Y, 1.0), r"X: found shape \(20, 0\)"),
    "X with NaN": (lambda: foci.solve(with_element(X, np.nan), Y, 1.0), "X: NaN or infinity at row 1, column 2"),
    "X with infinity": (lambda: foci.solve(with_element(X, np.inf), Y, 1.0), "X: NaN or infinity at row 1, column 2"),
    "Y with NaN": (lambda: foci.solve(X, with_element(Y, np.nan), 1.0), "Y: NaN or infinity at row 1, column 2"),
    "Y without columns": (lambda: foci.solve(X, Y[:, :0], 1.0), r"Y: found shape \(20, 0\)"),
    "other numbers of rows": (lambda: foci.solve(X, Y[:7], 1.0), "Y: found 7 rows, expected 20"),
    "X too large": (lambda: foci.solve(HUGE, HUGE, 1.0), "X: "),
    "Y too large": (lambda: foci.solve(HUGE[:, :1].copy(order="F"), HUGE, 1.0), "Y: "),
    "no λ": (lambda: foci.solve(X, Y), "λ: found none"),
    "two λ": (lambda: foci.solve(X, Y, 1.0, lambda_=2.0), "λ: found alpha and lambda_"),
    "alpha of zero": (lambda: foci.solve(X, Y, 0), "alpha: found 0, expected a positive number"),
    "alpha a text": (lambda: foci.solve(X, Y, "auto"), "alpha: found 'auto'"),
    "lambda negative": (lambda: foci.solve(X, Y, lambda_=-1), "lambda_: -1"),
    "lambda NaN": (lambda: foci.solve(X, Y, lambda_=np.nan), "lambda_: nan"),
    "ratio above one": (lambda: foci.solve(X, Y, lambda_ratio=1.5), "1.5"),
    "ratio an array": (lambda: foci.solve(X, Y, lambda_ratio=[0.5]), "lambda_ratio: 1 numbers"),
    "tolerance negative": (lambda: foci.solve(X, Y, 1.0, tol=-1), "tol: -1"),
    "tolerance a text": (lambda: foci.solve(X, Y, 1.0, tol="small"), "tol: 'small'"),
    "penalty unknown": (lambda: foci.solve(X, Y, 1.0, penalty="l3"), "l3"),
    "penalty a number": (lambda: foci.solve(X, Y, 1.0, penalty=2), "penalty: 2"),
    "ridge missing": (lambda: foci.solve(X, Y, 1.0, penalty="elastic-net"), "ridge: nothing"),
    "weights too few": (lambda: foci.solve(X, Y, 1.0, weights=[1.0, 2.0]), "weights: 2; expected 30"),
    "weights negative": (lambda: foci.solve(X, Y, 1.0, weights=-np.ones(30)), "weight .* is -1"),
    "weights NaN": (lambda: foci.solve(X, Y, 1.0, weights=np.full(30, np.nan)), "weight .* is nan"),
    "groups of zero": (lambda: foci.solve(X, Y, 1.0, groups=0), "groups: found 0"),
    "groups that do not divide": (lambda: foci.solve(X, Y, 1.0, groups=7), "groups: found 7"),
    "groups that do not add up": (lambda: foci.solve(X, Y, 1.0, groups=[10, 10]), "groups: found 2"),
    "groups that overlap": (lambda: foci.solve(X, Y, 1.0, groups=[range(20), range(10, 30)]), "each feature|each of"),
    "groups out of range": (lambda: foci.solve(X, Y, 1.0, groups=[range(1, 31)]), "each feature|each of"),
    "groups mixed": (lambda: foci.solve(X, Y, 1.0, groups=[[1], 2]), "groups: found list"),
    "groups of nothing": (lambda: foci.solve(X, Y, 1.0, groups=[]), "groups"),
    "groups a number that is not whole": (lambda: foci.solve(X, Y, 1.0, groups=1.5), "groups: found float"),
    "reweight negative": (lambda: foci.solve(X, Y, 1.0, reweight=-1), "-1"),
    "threads negative": (lambda: foci.solve(X, Y, 1.0, threads=-1), "-1"),
    "alphas and lambdas": (lambda: foci.path(X, Y, alphas=[1.0], lambdas=[1.0]), "alphas and lambdas"),
    "alphas with zero": (lambda: foci.path(X, Y, alphas=[1.0, 0.0]), "alphas: "),
    "alphas empty": (lambda: foci.path(X, Y, alphas=[]), "alphas: "),
    "eps above one": (lambda: foci.path(X, Y, eps=2), "eps: 2"),
    "count of zero": (lambda: foci.path(X, Y, n_alphas=0), "n_alphas: 0"),
    "criterion unknown": (lambda: foci.select(X, Y, "best"), "best"),
    "search unknown": (lambda: foci.select(X, Y, search="luck"), "luck"),
    "sigma negative": (lambda: foci.select(X, Y, sigma=-1), "-1"),
    "sigma of zero": (lambda: foci.refine(X, Y, sigma=0), "sigma"),
    "folds more than rows": (lambda: foci.select(X, Y, "kfold", folds=21), "21|folds"),
    "weights of another kind": (lambda: foci.select(X, Y, weights="mine"), "mine"),
    "charge negative": (lambda: foci.refine(X, Y, charge=-1), "-1"),
    "start out of range": (lambda: foci.refine(X, Y, sigma=1, start=[30]), "30"),
    "start not whole": (lambda: foci.refine(X, Y, sigma=1, start=[0.5]), "start: found numbers that are not whole"),
    "l1_ratio of zero": (lambda: foci.ElasticNet(l1_ratio=0).fit(X, Y), "l1_ratio: found 0"),
    "sample weights negative": (lambda: foci.MultiTaskLasso().fit(X, Y, -np.ones(20)), "sample_weight: .*negative"),
    "sample weights of zeros": (lambda: foci.MultiTaskLasso().fit(X, Y, np.zeros(20)), "sample_weight: .*zeros"),
    "sample weights too few": (lambda: foci.MultiTaskLasso().fit(X, Y, np.ones(3)), "sample_weight: found 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case):
    call, text = WRONG[case]
    with pytest.raises(foci.InvalidInput, match=text) as raised:
        call()
    message = str(raised.value)
    assert message.strip()
    assert "\n" not in message


def test_random_calls_never_crash():
    """Random bad calls in a process that must end well; FOCI_FUZZ says how many."""
    count = os.environ.get("FOCI_FUZZ", "500")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", Path(__file__).with_name("fuzz.py"), count], capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-4000:])
    assert f"{count} calls" in done.stdout
