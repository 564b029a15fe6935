"""Estimators: the minima that scikit-learn, celer and skglm find, scikit-learn's conventions, and chosen alphas."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from conftest import Regression, make_regression

import foci

sklearn = pytest.importorskip("sklearn")
from sklearn import linear_model  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
FIXED = [foci.MultiTaskLasso, foci.GroupLasso, foci.ElasticNet, foci.ReweightedMultiTaskLasso]
CHOOSING = [foci.MultiTaskLassoSURE, foci.MultiTaskLassoCV]


def problems(count=100):
    """Random problems of different shapes, with alpha and whether an intercept is fitted."""
    for seed in range(count):
        generator = np.random.default_rng(1000 + seed)
        n, q, T = generator.integers(10, 60), 12 * generator.integers(1, 15), generator.integers(1, 7)
        data = make_regression(seed, n, q, T, active=int(min(q, 5)), sigma=generator.choice([0.01, 0.5, 3.0]))
        yield data, data.alpha_max * generator.choice([0.9, 0.5, 0.2, 0.05]), bool(seed % 2)


def objective(data, model, penalty):
    """‖Y − XB − intercept‖² / (2n) + penalty, with B as n_features × n_tasks."""
    B = np.atleast_2d(model.coef_).T
    rest = data.Y - data.X @ B - model.intercept_
    return np.sum(rest**2) / (2 * len(rest)) + penalty(B)


def assert_same_minimum(data, ours, theirs, penalty, their_gap):
    """Both objectives lie above the same minimum by no more than their gaps."""
    lower, upper = objective(data, ours, penalty), objective(data, theirs, penalty)
    rounding = 1e-13 * np.sum(data.Y**2) / len(data.Y)
    assert lower - ours.dual_gap_ <= upper + rounding
    assert upper - their_gap <= lower + rounding


def l21(alpha):
    return lambda B: alpha * np.sum(np.linalg.norm(B, axis=1))


def of_groups(alpha, groups):
    return lambda B: alpha * sum(np.linalg.norm(B[group]) for group in groups)


@pytest.fixture(autouse=True)
def _their_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


# ---- Against others ------------------------------------------------------------------------------------------------


def test_multitask_lasso_against_scikit_learn():
    for data, alpha, intercept in problems():
        ours = foci.MultiTaskLasso(alpha, fit_intercept=intercept, tol=1e-10).fit(data.X, data.Y)
        theirs = linear_model.MultiTaskLasso(alpha, fit_intercept=intercept, tol=1e-10, max_iter=100_000)
        theirs.fit(data.X, data.Y)
        assert_same_minimum(data, ours, theirs, l21(alpha), theirs.dual_gap_)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-3 * np.max(np.abs(theirs.coef_)) + 1e-12)
        np.testing.assert_allclose(ours.predict(data.X), theirs.predict(data.X), rtol=0, atol=1e-3 * np.ptp(data.Y))


def test_lasso_of_one_task_against_scikit_learn():
    for data, alpha, intercept in problems(20):
        y = data.Y[:, 0]
        ours = foci.MultiTaskLasso(alpha, fit_intercept=intercept, tol=1e-12).fit(data.X, y)
        theirs = linear_model.Lasso(alpha, fit_intercept=intercept, tol=1e-12, max_iter=100_000).fit(data.X, y)
        assert ours.coef_.shape == theirs.coef_.shape
        assert np.shape(ours.intercept_) == ()
        assert ours.predict(data.X).shape == y.shape
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-5 * np.max(np.abs(theirs.coef_)) + 1e-12)


def test_elastic_net_against_scikit_learn():
    for seed, (data, alpha, intercept) in enumerate(problems()):
        ratio = (1.0, 0.9, 0.5, 0.1)[seed % 4]
        ours = foci.ElasticNet(alpha, l1_ratio=ratio, fit_intercept=intercept, tol=1e-10).fit(data.X, data.Y)
        theirs = linear_model.MultiTaskElasticNet(
            alpha, l1_ratio=ratio, fit_intercept=intercept, tol=1e-10, max_iter=100_000
        ).fit(data.X, data.Y)

        def penalty(B, alpha=alpha, ratio=ratio):
            return l21(alpha * ratio)(B) + 0.5 * alpha * (1 - ratio) * np.sum(B**2)

        assert_same_minimum(data, ours, theirs, penalty, theirs.dual_gap_)


def test_group_lasso_against_celer():
    celer = pytest.importorskip("celer")
    for seed, (data, alpha, intercept) in enumerate(problems()):
        groups = _groups(seed, data.X.shape[1])
        y = Regression(data.X, data.Y[:, :1], data.B, data.sigma)
        weights = np.sqrt([len(group) for group in groups]) if seed % 3 else np.ones(len(groups))
        ours = foci.GroupLasso(groups, alpha, weights=weights, fit_intercept=intercept, tol=1e-10).fit(y.X, y.Y[:, 0])
        theirs = celer.GroupLasso(
            [group.tolist() for group in groups], alpha, weights=weights, fit_intercept=intercept, tol=1e-10
        ).fit(y.X, y.Y[:, 0])

        def penalty(B, alpha=alpha, groups=groups, weights=weights):
            return alpha * sum(w * np.linalg.norm(B[group]) for w, group in zip(weights, groups, strict=True))

        gap = 1e-10 * np.sum((y.Y - intercept * y.Y.mean(axis=0)) ** 2) / len(y.Y)
        assert_same_minimum(y, ours, theirs, penalty, gap)


def test_multitask_lasso_against_celer():
    celer = pytest.importorskip("celer")
    for data, alpha, intercept in problems():
        ours = foci.MultiTaskLasso(alpha, fit_intercept=intercept, tol=1e-10).fit(data.X, data.Y)
        try:
            theirs = celer.MultiTaskLasso(alpha, fit_intercept=intercept, tol=1e-10).fit(data.X, data.Y)
        except AttributeError as error:
            pytest.skip(f"celer {celer.__version__} does not work with scikit-learn {sklearn.__version__}: {error}")
        gap = 1e-10 * np.sum((data.Y - intercept * data.Y.mean(axis=0)) ** 2) / len(data.Y)
        assert_same_minimum(data, ours, theirs, l21(alpha), gap)


def test_multitask_and_group_lasso_against_skglm():
    skglm = pytest.importorskip("skglm")
    for seed, (data, alpha, _) in enumerate(problems()):
        ours = foci.MultiTaskLasso(alpha, fit_intercept=False, tol=1e-10).fit(data.X, data.Y)
        theirs = skglm.MultiTaskLasso(alpha, fit_intercept=False, tol=1e-9).fit(data.X, data.Y)
        theirs.intercept_ = 0
        # skglm bounds the violation of the optimality conditions, v: the gap is at most v Σ_j ‖B_j − B*_j‖.
        assert_same_minimum(data, ours, theirs, l21(alpha), 1e-8 * np.sum(np.linalg.norm(ours.coef_, axis=0)) + 1e-12)
        groups = _groups(seed, data.X.shape[1])
        y = Regression(data.X, data.Y[:, :1], data.B, data.sigma)
        ours = foci.GroupLasso(groups, alpha, fit_intercept=False, tol=1e-10).fit(y.X, y.Y[:, 0])
        theirs = skglm.GroupLasso([group.tolist() for group in groups], alpha, fit_intercept=False, tol=1e-9)
        theirs.fit(y.X, y.Y[:, 0])
        penalty = of_groups(alpha, groups)
        assert_same_minimum(y, ours, theirs, penalty, 1e-8 * penalty(np.atleast_2d(ours.coef_).T) / alpha + 1e-12)


def _groups(seed, q):
    """Groups of three by turns: side by side, or drawn."""
    order = np.arange(q) if seed % 2 else np.random.default_rng(seed).permutation(q)
    return list(order.reshape(-1, 3))


# ---- Weights of samples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("model", FIXED)
def test_sample_weights_are_repetitions(model, intercept, regression: Regression):
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 4, len(regression.Y))
    fitted = model(alpha=0.1, fit_intercept=intercept, tol=1e-12)
    weighted = clone(fitted).fit(regression.X, regression.Y, counts * 0.37)
    repeated = clone(fitted).fit(np.repeat(regression.X, counts, 0), np.repeat(regression.Y, counts, 0))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-5)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-5)


@pytest.mark.parametrize("intercept", [True, False])
def test_sample_weights_against_scikit_learn(intercept):
    for seed in range(20):
        data = make_regression(seed)
        weights = np.random.default_rng(seed).exponential(size=40)
        alpha = 0.2 * data.alpha_max
        pairs = [
            (foci.MultiTaskLasso, linear_model.Lasso, data.Y[:, 0]),
            (foci.ElasticNet, linear_model.ElasticNet, data.Y[:, 0]),
        ]
        if SKLEARN >= (1, 9):
            pairs += [
                (foci.MultiTaskLasso, linear_model.MultiTaskLasso, data.Y),
                (foci.ElasticNet, linear_model.MultiTaskElasticNet, data.Y),
            ]
        for our, their, Y in pairs:
            ours = our(alpha, fit_intercept=intercept, tol=1e-12).fit(data.X, Y, weights)
            theirs = their(alpha, fit_intercept=intercept, tol=1e-12, max_iter=100_000).fit(data.X, Y, weights)
            np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-5)
            np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=0, atol=1e-4)


# ---- Weights of features, reweighting ------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [foci.MultiTaskLasso, foci.ElasticNet, foci.ReweightedMultiTaskLasso])
def test_weights_of_features_scale_them(model, regression: Regression):
    weights = np.random.default_rng(0).uniform(0.5, 2, 120)
    weights[::5] = np.inf
    options = {"l1_ratio": 1.0} if model is foci.ElasticNet else {}
    ours = model(alpha=0.2, weights=weights, tol=1e-12, **options).fit(regression.X, regression.Y)
    scaled = model(alpha=0.2, tol=1e-12, **options).fit(regression.X / weights, regression.Y)
    np.testing.assert_allclose(ours.coef_, scaled.coef_ / weights, rtol=0, atol=1e-6)
    assert not np.any(ours.coef_[:, ::5])


def test_reweighting_has_fewer_stronger_features(regression: Regression):
    plain = foci.MultiTaskLasso(0.2).fit(regression.X, regression.Y)
    same = foci.ReweightedMultiTaskLasso(0.2, n_reweights=0).fit(regression.X, regression.Y)
    few = foci.ReweightedMultiTaskLasso(0.2).fit(regression.X, regression.Y)
    np.testing.assert_array_equal(plain.coef_, same.coef_)
    assert set(few.active_) < set(plain.active_)

    def nonconvex(model):
        return objective(regression, model, lambda B: 0.2 * np.sum(np.sqrt(np.linalg.norm(B, axis=1))))

    assert nonconvex(few) < nonconvex(plain)


# ---- Chosen alphas -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("model", CHOOSING)
def test_chosen_alpha_gives_the_multitask_lasso(model, is_weighted, regression: Regression):
    weights = np.random.default_rng(0).uniform(0.5, 2, 120) if is_weighted else None
    chosen = model(weights=weights).fit(regression.X, regression.Y)
    alone = foci.MultiTaskLasso(chosen.alpha_, weights=weights).fit(regression.X, regression.Y)
    np.testing.assert_allclose(chosen.coef_, alone.coef_, rtol=0, atol=1e-12)
    np.testing.assert_allclose(chosen.intercept_, alone.intercept_, rtol=0, atol=1e-12)
    assert chosen.selection_.history
    scales = 1 if weights is None else weights[chosen.selection_.columns, np.newaxis]
    np.testing.assert_allclose(
        chosen.selection_.coef / scales, chosen.coef_.T[chosen.selection_.columns], rtol=0, atol=1e-2
    )


def test_sure_is_near_the_best_alpha_there_is():
    for seed in range(5):
        data = make_regression(seed, n=60)
        chosen = foci.MultiTaskLassoSURE(data.sigma, fit_intercept=False).fit(data.X, data.Y)

        def error(model, data=data):
            return np.sum((data.X @ (model.coef_.T - data.B)) ** 2)

        grid = data.alpha_max * np.geomspace(1, 1e-3, 60)
        best = min(error(foci.MultiTaskLasso(alpha, fit_intercept=False).fit(data.X, data.Y)) for alpha in grid)
        # SURE estimates the error up to noise of about σ² √(2nT).
        assert error(chosen) - best < 4 * data.sigma**2 * np.sqrt(2 * data.Y.size)


def test_sigma_is_estimated_about_right():
    ratios = []
    for seed in range(10):
        data = make_regression(seed, n=80, sigma=1.0)
        model = foci.MultiTaskLassoSURE().fit(data.X, data.Y + 5)
        ratios.append(model.sigma_ / data.sigma)
        np.testing.assert_allclose(model.predict(data.X), data.X @ data.B + 5, rtol=0, atol=3)
    assert 0.9 < np.mean(ratios) < 1.1
    assert np.min(ratios) > 0.7
    assert np.max(ratios) < 1.3


def test_sigma_scales_with_the_data(regression: Regression):
    one = foci.MultiTaskLassoSURE().fit(regression.X, regression.Y)
    other = foci.MultiTaskLassoSURE().fit(regression.X * 1e3, regression.Y * 1e-9)
    assert other.sigma_ == pytest.approx(one.sigma_ * 1e-9, rel=1e-3)
    assert other.alpha_ == pytest.approx(one.alpha_ * 1e-6, rel=1e-2)


def test_cross_validation_predicts_about_as_well_as_scikit_learn_s():
    for seed in range(3):
        data = make_regression(seed, n=60)
        ours = foci.MultiTaskLassoCV(fit_intercept=False).fit(data.X, data.Y)
        theirs = linear_model.MultiTaskLassoCV(cv=KFold(5, shuffle=True, random_state=0), fit_intercept=False)
        theirs.fit(data.X, data.Y)

        def error(model, data=data):
            return np.sum((data.X @ (model.coef_.T - data.B)) ** 2)

        assert error(ours) < 1.5 * error(theirs)


# ---- Conventions of scikit-learn -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", [*FIXED, *CHOOSING])
def test_checks_of_scikit_learn(model):
    estimator = model(alpha=0.1) if model in FIXED else model()
    for given in (estimator, model()):
        results = check_estimator(given, on_fail=None)
        failed = [
            (result["check_name"], repr(result["exception"])) for result in results if result["status"] == "failed"
        ]
        assert not failed
        assert sum(result["status"] == "passed" for result in results) > 40


@pytest.mark.parametrize("model", [*FIXED, *CHOOSING])
def test_copies_and_pickles_predict_alike(model, regression: Regression):
    fitted = model().fit(regression.X, regression.Y)
    same = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(same.predict(regression.X), fitted.predict(regression.X))
    again = clone(fitted).fit(regression.X, regression.Y)
    np.testing.assert_array_equal(again.coef_, fitted.coef_)


@pytest.mark.parametrize("model", [*FIXED, *CHOOSING])
def test_attributes(model, regression: Regression):
    fitted = model().fit(regression.X, regression.Y)
    assert fitted.coef_.shape == (5, 120)
    assert fitted.intercept_.shape == (5,)
    assert fitted.n_features_in_ == 120
    assert fitted.n_iter_ >= 0
    assert fitted.dual_gap_ >= 0
    np.testing.assert_array_equal(fitted.active_, np.flatnonzero(np.any(fitted.coef_, axis=0)))
    np.testing.assert_array_equal(fitted.sparse_coef_.toarray(), fitted.coef_)
    assert not model(fit_intercept=False).fit(regression.X, regression.Y).intercept_


def test_group_lasso_names_active_groups(regression: Regression):
    fitted = foci.GroupLasso(3, 0.2).fit(regression.X, regression.Y)
    np.testing.assert_array_equal(fitted.active_groups_, np.unique(fitted.active_ // 3))


def test_works_in_pipelines_and_grids(regression: Regression):
    pipeline = make_pipeline(StandardScaler(), foci.MultiTaskLasso())
    grid = GridSearchCV(pipeline, {"multitasklasso__alpha": [10.0, 0.1]}, cv=3).fit(regression.X, regression.Y)
    assert grid.best_params_ == {"multitasklasso__alpha": 0.1}
    assert cross_val_predict(foci.MultiTaskLassoCV(), regression.X, regression.Y, cv=3).shape == regression.Y.shape


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_copy_X_says_whether_X_may_be_overwritten(dtype, regression: Regression):
    weights = np.linspace(1, 2, 40)
    for options in ({"sample_weight": None}, {"sample_weight": weights}):
        X = np.array(regression.X, dtype, order="F")
        kept = foci.MultiTaskLasso(0.1).fit(X, regression.Y, **options)
        np.testing.assert_array_equal(X, regression.X.astype(dtype))
        overwritten = foci.MultiTaskLasso(0.1, copy_X=False).fit(X, regression.Y, **options)
        assert not np.array_equal(X, regression.X.astype(dtype))
        np.testing.assert_array_equal(kept.coef_, overwritten.coef_)
    X = np.array(regression.X, dtype, order="F")
    X.flags.writeable = False
    foci.MultiTaskLasso(0.1, copy_X=False).fit(X, regression.Y)
