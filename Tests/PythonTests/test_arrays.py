"""solve, path, select and refine: what they find fulfils the conditions of a minimum, however arrays lie in memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from conftest import Regression, make_regression

import foci


def violation(X, Y, B, lambda_, blocks, weights=None, ridge=0.0):
    """By how much the optimality conditions of ½‖Y − XB‖² + λ Σ w_j ‖B_j‖ + ½μ‖B‖² are missed, over λ.

    X_jᵀR − μB_j = λ w_j B_j / ‖B_j‖ where B_j is not zero, and a norm of at most λ w_j elsewhere.
    """
    slopes = X.T @ (Y - X @ B) - ridge * B
    worst = 0.0
    for j, block in enumerate(blocks):
        limit = lambda_ * (1 if weights is None else weights[j])
        norm = np.linalg.norm(B[block])
        if norm > 0:
            worst = max(worst, np.linalg.norm(slopes[block] - limit * B[block] / norm))
        else:
            worst = max(worst, np.linalg.norm(slopes[block]) - limit)
    return worst / lambda_


def singles(q):
    return [[j] for j in range(q)]


# ---- solve ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "descent", "dual", "gradient"])
@pytest.mark.parametrize("ratio", [0.7, 0.2, 0.05])
def test_solution_fulfils_the_conditions_of_a_minimum(solver, ratio):
    for seed in range(5):
        data = make_regression(seed)
        solution = foci.solve(data.X, data.Y, lambda_ratio=ratio, solver=solver, tol=1e-12)
        B = solution.coef_dense()
        assert violation(data.X, data.Y, B, solution.lambda_, singles(120)) < 1e-4
        objective = 0.5 * np.sum((data.Y - data.X @ B) ** 2) + solution.lambda_ * np.sum(np.linalg.norm(B, axis=1))
        assert solution.objective == pytest.approx(objective, rel=1e-12)
        assert solution.converged
        assert 0 <= solution.gap <= 1e-12
        assert solution.lambda_ == pytest.approx(ratio * solution.lambda_max, rel=1e-14)
        np.testing.assert_array_equal(solution.columns, np.flatnonzero(np.any(B, axis=1)))
        np.testing.assert_array_equal(solution.blocks, solution.columns)


def test_three_ways_to_give_lambda_are_one(regression: Regression):
    X, Y = regression.X, regression.Y
    by_ratio = foci.solve(X, Y, lambda_ratio=0.3)
    assert by_ratio.lambda_max == pytest.approx(regression.alpha_max * len(Y), rel=1e-13)
    for other in (foci.solve(X, Y, by_ratio.lambda_ / len(Y)), foci.solve(X, Y, lambda_=by_ratio.lambda_)):
        assert other.lambda_ == pytest.approx(by_ratio.lambda_, rel=1e-15)
        np.testing.assert_array_equal(other.columns, by_ratio.columns)
        np.testing.assert_allclose(other.coef, by_ratio.coef, rtol=0, atol=1e-6)


def layouts(X):
    """The same numbers, as they can lie in memory."""
    n, q = X.shape
    wide = np.zeros((2 * n, 3 * q))
    wide[::2, ::3] = X
    records = np.zeros(X.shape, [("flag", "i1"), ("value", "f8")])
    records["value"] = X
    unaligned = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float64).reshape(n, q)
    readonly = X.copy(order="F")
    readonly.flags.writeable = False
    yield "fortran", np.asfortranarray(X)
    yield "c", np.ascontiguousarray(X)
    yield "rows and columns between", wide[::2, ::3]
    yield "rows backwards", np.asfortranarray(X[::-1])[::-1]
    yield "columns backwards", np.ascontiguousarray(X[:, ::-1])[:, ::-1]
    yield "one field of records", records["value"]
    yield "unaligned", unaligned
    yield "the other order of bytes", X.astype(X.dtype.newbyteorder())
    yield "read-only", readonly
    yield "lists", X.tolist()


def test_layout_in_memory_does_not_matter(regression: Regression):
    expected = foci.solve(regression.X, regression.Y, lambda_ratio=0.2)
    for name, X in layouts(regression.X):
        for Y_name, Y in layouts(regression.Y):
            found = foci.solve(X, Y, lambda_ratio=0.2)
            np.testing.assert_array_equal(found.columns, expected.columns, err_msg=f"{name}, {Y_name}")
            np.testing.assert_allclose(found.coef, expected.coef, rtol=0, atol=1e-12, err_msg=f"{name}, {Y_name}")


def test_broadcast_and_integer_arrays_are_what_their_elements_are():
    generator = np.random.default_rng(1)
    X = generator.integers(-3, 4, (20, 30))
    y = generator.integers(-3, 4, 20)
    Y = np.broadcast_to(y[:, np.newaxis], (20, 3))
    expected = foci.solve(X.astype(float), np.array(Y, float), lambda_ratio=0.3)
    for dtype in (np.int8, np.int64, np.float16, np.longdouble):
        np.testing.assert_array_equal(foci.solve(X.astype(dtype), Y, lambda_ratio=0.3).coef, expected.coef)
    np.testing.assert_allclose(expected.coef[:, 0], expected.coef[:, 2], rtol=1e-12)
    bools = foci.solve(X > 0, Y, lambda_ratio=0.3)
    np.testing.assert_array_equal(bools.coef, foci.solve((X > 0).astype(float), Y, lambda_ratio=0.3).coef)


def test_floats_have_the_certificate_of_doubles(regression: Regression):
    X = np.asfortranarray(regression.X, np.float32)
    for tolerance in (1e-6, 1e-10):
        solution = foci.solve(X, regression.Y, lambda_ratio=0.1, tol=tolerance)
        assert solution.gap <= tolerance
    assert violation(X.astype(float), regression.Y, solution.coef_dense(), solution.lambda_, singles(120)) < 1e-3


def test_one_response_may_have_one_dimension(regression: Regression):
    flat = foci.solve(regression.X, regression.Y[:, 0], lambda_ratio=0.2)
    column = foci.solve(regression.X, regression.Y[:, :1], lambda_ratio=0.2)
    assert flat.coef.shape == (len(flat.columns), 1)
    np.testing.assert_array_equal(flat.coef, column.coef)


def test_arrays_are_not_changed(regression: Regression):
    X, Y = regression.X.copy(order="F"), regression.Y.copy(order="F")
    foci.solve(X, Y, lambda_ratio=0.2)
    foci.select(X, Y, sigma=regression.sigma)
    foci.refine(X, Y, sigma=regression.sigma)
    np.testing.assert_array_equal(X, regression.X)
    np.testing.assert_array_equal(Y, regression.Y)


GROUPS = {
    "size": (4, [list(range(4 * j, 4 * j + 4)) for j in range(15)]),
    "sizes": ([1, 2, 3, 4, 50], [[0], [1, 2], [3, 4, 5], [6, 7, 8, 9], list(range(10, 60))]),
    "lists": ([list(range(0, 60, 2)), list(range(1, 60, 2))], None),
    "array of lists": (np.arange(60).reshape(20, 3).T.copy(), [list(range(j, 60, 3)) for j in range(3)]),
    "labels": (np.arange(60) % 7, [list(range(j, 60, 7)) for j in range(7)]),
    "names": ([("b", "a", "c")[j % 3] for j in range(60)], [list(range(j, 60, 3)) for j in (1, 0, 2)]),
}


@pytest.mark.parametrize("form", GROUPS)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_groups_in_any_form(form, is_weighted):
    groups, blocks = GROUPS[form]
    blocks = groups if blocks is None else blocks
    data = make_regression(3, q=60)
    weights = np.sqrt([len(block) for block in blocks]) if is_weighted else None
    solution = foci.solve(data.X, data.Y, lambda_ratio=0.3, groups=groups, weights=weights, tol=1e-12)
    B = solution.coef_dense()
    assert violation(data.X, data.Y, B, solution.lambda_, blocks, weights) < 1e-4
    expected = [j for j, block in enumerate(blocks) if np.any(B[block])]
    np.testing.assert_array_equal(solution.blocks, expected)
    np.testing.assert_array_equal(solution.columns, np.concatenate([blocks[j] for j in expected]))
    assert len(expected) > 0


def test_weights_leave_out_and_leave_free(regression: Regression):
    weights = np.ones(120)
    weights[::2], weights[1] = np.inf, 0
    solution = foci.solve(regression.X, regression.Y, lambda_ratio=0.3, weights=weights, tol=1e-12)
    B = solution.coef_dense()
    assert not np.any(B[::2])
    # What is free is orthogonal to the residual.
    assert np.max(np.abs(regression.X[:, 1] @ (regression.Y - regression.X @ B))) < 1e-6 * solution.lambda_
    assert violation(regression.X[:, 3::2], regression.Y - regression.X[:, [1]] @ B[[1]], B[3::2], solution.lambda_,
                     singles(59)) < 1e-4  # fmt: skip


def test_elastic_net_fulfils_the_conditions_of_a_minimum(regression: Regression):
    X, Y = regression.X, regression.Y
    solution = foci.solve(X, Y, lambda_ratio=0.2, penalty="elastic-net", ridge=7.0, tol=1e-12)
    assert violation(X, Y, solution.coef_dense(), solution.lambda_, singles(120), ridge=7.0) < 1e-4


def test_entrywise_lasso_solves_each_response_alone(regression: Regression):
    X, Y = regression.X, regression.Y
    whole = foci.solve(X, Y, lambda_=20.0, penalty="l1", tol=1e-12).coef_dense()
    for task in range(Y.shape[1]):
        alone = foci.solve(X, Y[:, task], lambda_=20.0, tol=1e-12).coef_dense()
        np.testing.assert_allclose(whole[:, [task]], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", ["strongest", "median", "unit"])
def test_reweighting_is_what_it_says(scale, regression: Regression):
    X, Y = regression.X, regression.Y
    lambda_ = 0.2 * regression.alpha_max * len(Y)
    first = foci.solve(X, Y, lambda_=lambda_, tol=1e-12)
    roots = np.sqrt(np.linalg.norm(first.coef, axis=1))
    c = {"strongest": np.max(roots), "median": np.sort(roots)[len(roots) // 2], "unit": 0.5}[scale]
    B = first.coef_dense()
    for _ in range(3):
        norms = np.linalg.norm(B, axis=1)
        weights = np.where(norms > 0, c / np.sqrt(np.where(norms > 0, norms, 1)), np.inf)
        B = foci.solve(X, Y, lambda_=lambda_, weights=weights, tol=1e-12).coef_dense()
    found = foci.solve(X, Y, lambda_=lambda_, reweight=3, reweight_scale=scale, tol=1e-12)
    np.testing.assert_allclose(found.coef_dense(), B, rtol=0, atol=1e-4)
    if scale == "strongest":
        assert len(found.blocks) < len(first.blocks)


def test_debiasing_scales_each_block_by_at_least_one(regression: Regression):
    X, Y = regression.X, regression.Y
    shrunken = foci.solve(X, Y, lambda_ratio=0.4, tol=1e-10)
    debiased = foci.solve(X, Y, lambda_ratio=0.4, tol=1e-10, debias=True)
    np.testing.assert_array_equal(debiased.columns, shrunken.columns)
    scales = debiased.coef / shrunken.coef
    assert np.all(scales.min(axis=1) >= 1 - 1e-9)
    np.testing.assert_allclose(scales, scales[:, [0]] * np.ones(scales.shape), rtol=1e-6)

    def rest(solution):
        return np.sum((Y - X[:, solution.columns] @ solution.coef) ** 2)

    assert rest(debiased) < rest(shrunken)


def test_time_limit_warns_at_the_line_that_called():
    generator = np.random.default_rng(0)
    X, Y = np.asfortranarray(generator.standard_normal((200, 5000))), generator.standard_normal((200, 50))
    with pytest.warns(foci.FociWarning) as caught:
        solution = foci.solve(X, Y, lambda_ratio=0.01, time_limit=1e-3)
    assert not solution.converged
    assert {warning.filename for warning in caught} == {__file__}


def test_threads_do_not_matter():
    data = make_regression(0, n=200, q=3000, T=20)
    one, two = (foci.solve(data.X, data.Y, lambda_ratio=0.1, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.coef, two.coef)


# ---- path ----------------------------------------------------------------------------------------------------------


def test_path_is_a_solution_at_each_lambda(regression: Regression):
    X, Y = regression.X, regression.Y
    path = foci.path(X, Y, eps=0.05, n_alphas=12, tol=1e-10)
    assert len(path) == len(path.lambdas) == 12
    np.testing.assert_allclose(np.diff(np.log(path.lambdas)), np.log(0.05) / 11, rtol=1e-9)
    assert path.lambdas[0] == pytest.approx(path.lambda_max)
    for solution, lambda_ in zip(path, path.lambdas, strict=True):
        assert solution.lambda_ == lambda_
        alone = foci.solve(X, Y, lambda_=lambda_, tol=1e-10)
        np.testing.assert_array_equal(solution.columns, alone.columns)
        np.testing.assert_allclose(solution.coef, alone.coef, rtol=0, atol=1e-5)
        assert solution.objective == pytest.approx(alone.objective, rel=1e-9)
    assert len(path[0].columns) == 0
    assert [len(solution.columns) for solution in path[-2:]] == [len(path[10].columns), len(path[11].columns)]


def test_path_takes_alphas_in_any_order(regression: Regression):
    X, Y = regression.X, regression.Y
    groups = np.arange(120) % 40
    alphas = regression.alpha_max * np.array([0.2, 0.9, 0.5])
    path = foci.path(X, Y, alphas=alphas, groups=groups, tol=1e-10)
    np.testing.assert_allclose(path.lambdas, np.sort(alphas)[::-1] * len(Y), rtol=1e-15)
    for solution in path:
        alone = foci.solve(X, Y, lambda_=solution.lambda_, groups=groups, tol=1e-10)
        np.testing.assert_array_equal(solution.blocks, alone.blocks)
        np.testing.assert_allclose(solution.coef_dense(), alone.coef_dense(), rtol=0, atol=1e-5)


# ---- select --------------------------------------------------------------------------------------------------------


def test_sure_of_one_response_is_its_formula(regression: Regression):
    X, y, sigma = regression.X, regression.Y[:, 0], regression.sigma
    selection = foci.select(X, y, "sure", sigma=sigma, tol=1e-12)
    B = selection.coef_dense()[:, 0]
    # Degrees of freedom of the Lasso: the number of active columns (Zou, Hastie & Tibshirani 2007).
    freedom = np.count_nonzero(B)
    assert selection.degrees_of_freedom == pytest.approx(freedom, abs=1e-6)
    risk = np.sum((y - X @ B) ** 2) - len(y) * sigma**2 + 2 * sigma**2 * freedom
    assert selection.value == pytest.approx(risk, rel=1e-6)
    assert selection.value <= min(point["value"] for point in selection.history) + 1e-6
    alone = foci.solve(X, y, lambda_=selection.lambda_, tol=1e-12)
    np.testing.assert_allclose(selection.coef_dense(), alone.coef_dense(), rtol=0, atol=1e-5)


def test_sure_of_many_responses_differentiates_the_fit():
    data = make_regression(2, n=25, q=40, T=3)
    selection = foci.select(data.X, data.Y, "sure", sigma=data.sigma, tol=1e-13)

    def fit(Y):
        return data.X @ foci.solve(data.X, Y, lambda_=selection.lambda_, tol=1e-13).coef_dense()

    # The divergence of the fit by central differences.
    step, freedom = 1e-4, 0.0
    for i in range(25):
        for t in range(3):
            moved = np.zeros((25, 3))
            moved[i, t] = step
            freedom += (fit(data.Y + moved) - fit(data.Y - moved))[i, t] / (2 * step)
    assert selection.degrees_of_freedom == pytest.approx(freedom, rel=1e-3)


@pytest.mark.parametrize("search", ["path", "brent", "grid", "random", "bayesian", "gradient", "line-search", "l-bfgs"])
def test_searches_find_about_the_same_risk(search, regression: Regression):
    best = foci.select(regression.X, regression.Y, search="grid", evaluations=200, sigma=regression.sigma)
    found = foci.select(regression.X, regression.Y, search=search, sigma=regression.sigma)
    assert found.search == search
    scale = np.sum(regression.Y**2)
    assert found.value - best.value < 0.02 * scale
    assert all({"value", "lambda_ratio", "nonzero", "seconds"} <= point.keys() for point in found.history)


@pytest.mark.parametrize("criterion", ["sure-mc", "held-out", "kfold", "gcv", "aic", "bic", "ebic"])
def test_criteria_choose_where_they_are_smallest(criterion):
    data = make_regression(4, n=80)
    selection = foci.select(data.X, data.Y, criterion, sigma=data.sigma, search="grid", evaluations=20)
    assert selection.value == pytest.approx(min(point["value"] for point in selection.history), rel=1e-6, abs=1e-6)
    assert set(np.flatnonzero(np.any(data.B, axis=1))) <= set(selection.columns)


def test_noise_quantile_needs_no_noise_level():
    data = make_regression(4, n=80)
    found = foci.select(data.X, data.Y, "noise-quantile")
    noise = found.noise_quantile
    assert noise["draws"] == 40
    assert found.lambda_ == pytest.approx(noise["quantile"] * noise["deviations"][0], rel=1e-3)
    assert set(np.flatnonzero(np.any(data.B, axis=1))) <= set(found.columns)
    assert foci.select(data.X, 5 * data.Y, "noise-quantile").lambda_ == pytest.approx(5 * found.lambda_, rel=1e-3)
    assert foci.select(data.X, data.Y, "gcv").noise_quantile is None
    with pytest.raises(foci.InvalidInput, match="noise-quantile"):
        foci.select(data.X, data.Y, "noise-quantile", search="l-bfgs")


def test_learned_weights_are_one_a_block():
    data = make_regression(5, n=60, q=40)
    selection = foci.select(data.X, data.Y, "sure", weights="learned", sigma=data.sigma, groups=2)
    assert selection.weights is not None
    assert selection.weights.shape == (20,)
    assert np.isnan(selection.lambda_)
    weights = selection.weights * selection.lambda_max
    B = foci.solve(data.X, data.Y, lambda_=1.0, weights=weights, groups=2, tol=1e-10).coef_dense()
    np.testing.assert_allclose(selection.coef_dense(), B, rtol=0, atol=1e-3)
    shared = foci.select(data.X, data.Y, "sure", sigma=data.sigma, groups=2)
    assert selection.value < shared.value


def test_elastic_net_has_its_ridge_chosen():
    data = make_regression(6, n=60, q=40)
    selection = foci.select(data.X, data.Y, "kfold", penalty="elastic-net")
    assert selection.ridge is not None
    assert selection.ridge > 0
    alone = foci.solve(
        data.X, data.Y, lambda_=selection.lambda_, penalty="elastic-net", ridge=selection.ridge, tol=1e-10
    )
    np.testing.assert_allclose(selection.coef_dense(), alone.coef_dense(), rtol=0, atol=1e-3)


# ---- refine --------------------------------------------------------------------------------------------------------


def test_refine_finds_what_was_put_in_and_its_least_squares():
    for seed in range(10):
        data = make_regression(seed, n=60, q=200, sigma=0.2)
        truth = np.flatnonzero(np.any(data.B, axis=1))
        found = foci.refine(data.X, data.Y, sigma=data.sigma)
        np.testing.assert_array_equal(found.blocks, truth)
        squares, rest, *_ = np.linalg.lstsq(data.X[:, truth], data.Y, rcond=None)
        np.testing.assert_allclose(found.coef, squares, rtol=1e-2, atol=1e-2)
        for score, block in zip(found.scores, truth, strict=True):
            _, without, *_ = np.linalg.lstsq(data.X[:, truth[truth != block]], data.Y, rcond=None)
            assert score == pytest.approx(np.sum(without) - np.sum(rest), rel=1e-2)


def test_refine_of_noise_finds_nothing():
    counts = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        X = generator.standard_normal((40, 100))
        counts.append(len(foci.refine(X, generator.standard_normal((40, 4)), sigma=1.0).blocks))
    # 5 % of 40 is 2; more than 6 happens once in 300 times.
    assert np.count_nonzero(counts) <= 6


# ---- The command ---------------------------------------------------------------------------------------------------


def test_equals_the_command(shared):
    """What `foci solve` and `foci select` print of a file is found of its arrays, to 1e-12."""
    h5py = pytest.importorskip("h5py")
    command = os.environ.get("FOCI_COMMAND") or shutil.which("foci")
    if not command:
        pytest.skip("no command `foci`; FOCI_COMMAND names one")
    file = shared / "reference" / "meg-fixed.problem.h5"
    with h5py.File(file) as problem:
        gain, data = problem["gain"][()], problem["data"][()]

    def printed(*arguments):
        done = subprocess.run([command, *arguments, "--problem", file, "--json"], capture_output=True, check=True)
        return json.loads(done.stdout)

    X = np.asfortranarray(gain)
    told, found = printed("solve", "--lambda-ratio", "0.2"), foci.solve(X, data, lambda_ratio=0.2)
    assert found.blocks.tolist() == told["support"]
    assert found.objective == pytest.approx(told["objective"], rel=1e-12)
    assert found.lambda_max == pytest.approx(told["lambda_max"], rel=1e-12)
    assert found.gap == pytest.approx(told["relative_gap"], abs=1e-12)
    told, chosen = printed("select"), foci.select(X, data)
    assert chosen.blocks.tolist() == told["support"]
    assert chosen.value == pytest.approx(told["value"], rel=1e-12)
    assert chosen.lambda_ / chosen.lambda_max == pytest.approx(told["lambda_ratio"], rel=1e-12)


def test_time_frequency() -> None:
    case = make_regression(3, T=24, active=3)
    plain = foci.solve(case.X, case.Y, lambda_ratio=0.4, tol=1e-11)
    same = foci.solve(case.X, case.Y, lambda_ratio=0.4, method="tf", rho=0, windows=8, tol=1e-11)
    assert same.blocks.tolist() == plain.blocks.tolist()
    np.testing.assert_allclose(same.coef, plain.coef, atol=1e-5 * np.abs(plain.coef).max())
    found = foci.solve(case.X, case.Y, lambda_ratio=0.4, method="tf", rho=0.5, windows=[4, 16], steps=[2, 4], tol=1e-9)
    assert found.gap <= 1e-9
    with pytest.raises(foci.InvalidInput, match="windows"):
        foci.solve(case.X, case.Y, lambda_ratio=0.4, method="tf", windows=7)
    with pytest.raises(foci.InvalidInput, match="rho: a value, with method mixed-norm"):
        foci.solve(case.X, case.Y, lambda_ratio=0.4, rho=0.5)
    with pytest.raises(foci.InvalidInput, match="steps"):
        foci.solve(case.X, case.Y, lambda_ratio=0.4, method="tf", windows=8, steps=[2, 4])
