"""Estimators that follow scikit-learn: block-sparse linear regression of several tasks at once.

``alpha`` is scikit-learn's: objectives are divided by the number of rows, so that ``alpha`` is λ / n of
:func:`foci.solve`.
``tol`` is not: it is the duality gap over ½‖Y‖² (of centred and weighted data), a bound of the objective's error, where
scikit-learn stops at about twice that gap, after its coefficients moved little.

All but `MultiTaskLassoSURE` and `MultiTaskLassoCV` take ``sample_weight`` as scikit-learn 1.9 does: the mean of squared
errors becomes their weighted mean, so that only ratios of weights matter, and λ = ``alpha`` · Σ ``sample_weight`` for
weights as they are given.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._arrays import Selection, Solution, SparseCoefficients, degrees_of_freedom, positive, select, solve
from ._errors import InvalidInput, NumericalError
from ._library import numeric

__all__ = [
    "ElasticNet",
    "GroupLasso",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "MultiTaskLassoSURE",
    "ReweightedMultiTaskLasso",
]

_Model = TypeVar("_Model", bound="_PenalizedModel")


@dataclass(frozen=True)
class _Training:
    """Data as they are fitted: centred, and rows multiplied by the roots of their weights."""

    X: NDArray[Any]
    Y: NDArray[np.float64]
    X_mean: NDArray[np.float64]
    Y_mean: NDArray[np.float64]
    is_single: bool
    """Whether y had one dimension."""


class _SparseModel(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What the estimators share: the data before, coefficients and predictions after."""

    fit_intercept: bool
    copy_X: bool

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64] | float
    active_: NDArray[np.int64]
    dual_gap_: float
    n_iter_: int

    def _training(self, X: Any, y: Any, sample_weight: Any = None, fewest: int = 1) -> _Training:
        dtypes = [np.float64, np.float32]
        X, y = validate_data(self, X, y, dtype=dtypes, multi_output=True, y_numeric=True, ensure_min_samples=fewest)
        target = numeric(y, "y", dimensions=(1, 2)).astype(np.float64)
        Y = target.reshape(len(target), -1)
        weights = _row_weights(sample_weight, len(Y))
        X_mean, Y_mean = np.zeros(X.shape[1]), np.zeros(Y.shape[1])
        own = None if self.copy_X or not X.flags.writeable else X  # where results may go
        if self.fit_intercept:
            X_mean, Y_mean = (_column_means(values, weights).astype(values.dtype) for values in (X, Y))
            X = own = np.subtract(X, X_mean, out=own, order="F")
            Y = Y - Y_mean
        if weights is not None:
            roots = np.sqrt(weights)[:, np.newaxis]
            X = np.multiply(X, roots.astype(X.dtype), out=own, order="F")
            Y = Y * roots
        return _Training(X, Y, X_mean, Y_mean, target.ndim == 1)

    def _keep(self, found: SparseCoefficients, training: _Training) -> None:
        coef = found.coef_dense().T
        intercept = training.Y_mean - training.X_mean[found.columns] @ found.coef
        self.coef_ = coef[0] if training.is_single else coef
        self.intercept_ = (intercept[0] if training.is_single else intercept) if self.fit_intercept else 0.0
        self.active_ = np.sort(found.columns)

    def _certify(self, solution: Solution, training: _Training) -> None:
        self.dual_gap_ = solution.gap * 0.5 * float(np.sum(training.Y**2)) / len(training.Y)
        self.n_iter_ = solution.report["epochs"] + solution.report["full_passes"]

    @property
    def sparse_coef_(self) -> Any:
        """`coef_` as a sparse matrix, n_tasks × n_features."""
        check_is_fitted(self)
        return csr_matrix(self.coef_)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)

        Returns
        -------
        y : ndarray, shape (n_samples, n_tasks), or (n_samples,) after a fit to one dimension
        """
        check_is_fitted(self)
        matrix = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        return np.asarray(matrix @ self.coef_.T + self.intercept_)


def _scaled(X: NDArray[Any], weights: Any) -> NDArray[Any]:
    """X_j / w_j, whose coefficients w_j B_j are penalized alike."""
    if weights is None:
        return X
    given = numeric(weights, "weights", dimensions=(1,))
    if len(given) != X.shape[1] or not np.all(given > 0):
        raise InvalidInput(f"weights: expected {X.shape[1]} numbers above 0; infinity leaves a feature out")
    return np.asarray(np.multiply(X, (1 / given).astype(X.dtype), order="F"))


def _column_means(values: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return np.asarray(values.mean(axis=0, dtype=np.float64) if weights is None else weights @ values / len(weights))


def _row_weights(sample_weight: Any, n_samples: int) -> NDArray[np.float64] | None:
    """Weights of rows with a mean of one; None where all are equal by definition."""
    if sample_weight is None or isinstance(sample_weight, numbers.Number):
        return None
    weights = numeric(sample_weight, "sample_weight", dimensions=(1,)).astype(np.float64)
    if len(weights) != n_samples:
        raise InvalidInput(f"sample_weight: found {len(weights)} weights, expected {n_samples}, one a row of X")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise InvalidInput("sample_weight: found weights that are negative or not finite, expected numbers from 0")
    if not np.any(weights):
        raise InvalidInput("sample_weight: found nothing but zeros, expected a positive number at least")
    weights /= np.max(weights)
    return weights / np.mean(weights)


class _PenalizedModel(_SparseModel):
    """An estimator whose penalty is given."""

    tol: float
    max_iter: int
    threads: int | None

    alpha: float

    def _solve(self, training: _Training) -> Solution:
        raise NotImplementedError

    def _solved(self, X: NDArray[Any], Y: NDArray[np.float64], **penalty: Any) -> Solution:
        given = {"alpha": self.alpha, **penalty}
        return solve(X, Y, **given, tol=self.tol, max_iter=self.max_iter, threads=self.threads)

    def fit(self: _Model, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> _Model:
        """Fit.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Without an intercept and weights of samples, doubles or floats in Fortran order are not copied.
        y : array-like, shape (n_samples, n_tasks) or (n_samples,)
        sample_weight : array-like, shape (n_samples,), or None
            Weight of each squared error; only ratios matter.

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            A ValueError, for what cannot be worked with.
        """
        training = self._training(X, y, sample_weight)
        solution = self._solve(training)
        self._keep(solution, training)
        self._certify(solution, training)
        return self


class MultiTaskLasso(_PenalizedModel):
    """Minimize ‖Y − XB‖² / (2n) + alpha Σ_j w_j ‖B_j‖ over rows B_j: features that serve all tasks or none.

    Parameters
    ----------
    alpha : float
        Strength of the penalty, as in scikit-learn; λ / n of :func:`foci.solve`.
    weights : array-like, shape (n_features,), or None
        w_j of each feature: one where None; infinity leaves a feature out, 0 leaves it unpenalized.
    fit_intercept : bool
        Fit an intercept, by centring X and y; this copies X.
    tol : float
        Duality gap that is good enough, over ½‖Y‖².
    max_iter : int
        Most sweeps of coordinate descent; what they reached is kept, with a warning.
    copy_X : bool
        False lets X be overwritten where an intercept or weights of samples need it changed. Without both it is never
        copied nor changed.
    threads : int or None
        At most so many; all cores where None. No result depends on it.

    Attributes
    ----------
    coef_ : ndarray, shape (n_tasks, n_features), or (n_features,) where y has one dimension
        Bᵀ.
    intercept_ : ndarray, shape (n_tasks,), or float
    active_ : ndarray of int64
        Features that are not zero, ascending.
    sparse_coef_ : scipy.sparse.csr_matrix, shape (n_tasks, n_features)
        `coef_` where it is not zero.
    dual_gap_ : float
        The objective exceeds the smallest possible one by at most this.
    n_iter_ : int
        Sweeps over features that could be active, and looks at all of them.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray
        Their names, where X had names.

    Examples
    --------
    >>> from foci import MultiTaskLasso
    >>> model = MultiTaskLasso(alpha=0.1).fit([[0, 1], [1, 2], [2, 4]], [[0, 0], [1, 1], [2, 3]])
    >>> model.coef_.shape
    (2, 2)
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200_000,
        copy_X: bool = True,
        threads: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.threads = threads

    def _solve(self, training: _Training) -> Solution:
        return self._solved(training.X, training.Y, weights=self.weights)


class GroupLasso(_PenalizedModel):
    """Minimize ‖Y − XB‖² / (2n) + alpha Σ_g w_g ‖B_g‖ over groups B_g of rows, whose entries are zero together.

    As in celer and skglm, a group of more features does not weigh more unless `weights` say so: the factor √(size) of
    Yuan & Lin (2006) is ``weights=np.sqrt(sizes)``.

    Parameters
    ----------
    groups : int, sequence of int, sequence of sequences of int, or labels
        A number: groups of so many features, side by side. Numbers that add up to n_features: sizes of groups, side by
        side. Lists: indices of the features of each group. As many labels as features: features with the same label, in
        the order of sorted labels. Groups that do not lie side by side cost a copy of X.
    alpha : float
        As in `MultiTaskLasso`.
    weights : array-like, shape (n_groups,), or None
        w_g of each group.
    fit_intercept, tol, max_iter, copy_X, threads
        As in `MultiTaskLasso`.

    Attributes
    ----------
    coef_, intercept_, active_, sparse_coef_, dual_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `MultiTaskLasso`.
    active_groups_ : ndarray of int64
        Groups that are not zero, ascending.
    """

    active_groups_: NDArray[np.int64]

    def __init__(
        self,
        groups: Any = 1,
        alpha: float = 1.0,
        *,
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200_000,
        copy_X: bool = True,
        threads: int | None = None,
    ) -> None:
        self.groups = groups
        self.alpha = alpha
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.threads = threads

    def _solve(self, training: _Training) -> Solution:
        return self._solved(training.X, training.Y, weights=self.weights, groups=self.groups)

    def _keep(self, found: SparseCoefficients, training: _Training) -> None:
        super()._keep(found, training)
        self.active_groups_ = found.blocks


class ElasticNet(_PenalizedModel):
    """Minimize ‖Y − XB‖² / (2n) + alpha · l1_ratio Σ_j w_j ‖B_j‖ + ½ alpha (1 − l1_ratio) ‖B‖² over rows B_j.

    The objective of scikit-learn's ``MultiTaskElasticNet``, and of its ``ElasticNet`` for one task (Zou & Hastie 2005).

    Parameters
    ----------
    alpha : float
        As in `MultiTaskLasso`.
    l1_ratio : float
        The part of the penalty that makes rows zero, above 0 and at most 1.
    weights : array-like, shape (n_features,), or None
        w_j of each feature; they weigh the norms, not the squares.
    fit_intercept, tol, max_iter, copy_X, threads
        As in `MultiTaskLasso`.

    Attributes
    ----------
    coef_, intercept_, active_, sparse_coef_, dual_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `MultiTaskLasso`.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200_000,
        copy_X: bool = True,
        threads: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.threads = threads

    def _solve(self, training: _Training) -> Solution:
        alpha, l1_ratio = positive(self.alpha, "alpha"), positive(self.l1_ratio, "l1_ratio")
        if l1_ratio > 1:
            raise InvalidInput(f"l1_ratio: found {l1_ratio}, expected a number above 0 and at most 1")
        ridge = alpha * (1 - l1_ratio) * len(training.Y)
        penalty = {"penalty": "elastic-net", "ridge": ridge} if ridge > 0 else {}
        return self._solved(training.X, training.Y, alpha=alpha * l1_ratio, weights=self.weights, **penalty)


class ReweightedMultiTaskLasso(_PenalizedModel):
    """A multitask Lasso whose weights follow from its solution, again and again: few, strong features.

    From a `MultiTaskLasso`, each round solves another on its features, with weights ½ √(w_j / ‖B_j‖) of the round
    before, and so descends on ‖Y − XB‖² / (2n) + alpha Σ_j √(w_j ‖B_j‖), which is not convex (Strohmeier et al. 2016).

    Parameters
    ----------
    alpha : float
        As in `MultiTaskLasso`.
    n_reweights : int
        Most rounds, up to 100; 0 is `MultiTaskLasso`.
    weights : array-like, shape (n_features,), or None
        w_j of each feature: one where None; above 0, infinity leaves a feature out. They cost a copy of X.
    fit_intercept, tol, max_iter, copy_X, threads
        As in `MultiTaskLasso`.

    Attributes
    ----------
    coef_, intercept_, active_, sparse_coef_, n_features_in_, feature_names_in_
        As in `MultiTaskLasso`.
    dual_gap_, n_iter_
        Of the `MultiTaskLasso` to begin with.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        n_reweights: int = 5,
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200_000,
        copy_X: bool = True,
        threads: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.n_reweights = n_reweights
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.threads = threads

    def _solve(self, training: _Training) -> Solution:
        X = _scaled(training.X, self.weights)
        scaled = self._solved(X, training.Y, reweight=self.n_reweights, reweight_scale="unit")
        if self.weights is None:
            return scaled
        weights = numeric(self.weights, "weights")[scaled.columns, np.newaxis]
        return replace(scaled, coef=scaled.coef / weights)


class _SelectingModel(_SparseModel):
    """An estimator that chooses λ."""

    search: str
    weights: ArrayLike | None
    tol: float
    threads: int | None
    random_state: Any

    alpha_: float
    selection_: Selection

    def _choose(self, scaled: NDArray[Any], training: _Training, criterion: str, seed: int, **options: Any) -> None:
        precision: dict[str, Any] = {"tol": self.tol, "threads": self.threads}
        self.selection_ = select(scaled, training.Y, criterion, search=self.search, seed=seed, **options, **precision)
        lambda_ = self.selection_.lambda_
        solution = solve(training.X, training.Y, lambda_=lambda_, weights=self.weights, **precision)
        self.alpha_ = lambda_ / len(training.Y)
        self._keep(solution, training)
        self._certify(solution, training)

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))


class MultiTaskLassoSURE(_SelectingModel):
    """A `MultiTaskLasso` whose alpha has the smallest estimated error of the fit: Stein's unbiased risk estimate.

    The estimate ‖Y − XB‖² − nTσ² + 2σ² df (Stein 1981) holds for Gaussian noise that is independent and of the same σ
    in all entries of y. Its degrees of freedom df are exact, by differentiation of the solution (Deledalle et al.
    2014).

    Parameters
    ----------
    sigma : float or None
        Standard deviation of the noise of an entry of y. None: the root of ‖Y − XB‖² / (nT − df) of the solution that
        5-fold cross-validation chooses, after Reid, Tibshirani & Friedman (2016), with exact df; an intercept counts T
        more. Give it where it is known: an estimate from few rows is a rough one.
    search : str
        ``"brent"``, ``"path"``, ``"grid"``, ``"random"``, ``"bayesian"``, ``"gradient"``, ``"line-search"``,
        ``"l-bfgs"`` or ``"adam"``.
    weights : array-like, shape (n_features,), or None
        w_j of each feature: one where None; above 0, infinity leaves a feature out. They cost a copy of X.
    fit_intercept, tol, copy_X, threads
        As in `MultiTaskLasso`.
    random_state : int, RandomState or None
        Of the folds that estimate sigma, and of the searches that draw.

    Attributes
    ----------
    alpha_ : float
        The chosen alpha.
    sigma_ : float
        As given, or as estimated.
    selection_ : Selection
        The criterion at the choice, its degrees of freedom, and what was tried.
    coef_, intercept_, active_, sparse_coef_, dual_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `MultiTaskLasso`, at `alpha_`.
    """

    sigma_: float

    def __init__(
        self,
        sigma: float | None = None,
        *,
        search: str = "brent",
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        copy_X: bool = True,
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.sigma = sigma
        self.search = search
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.copy_X = copy_X
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> MultiTaskLassoSURE:
        """Fit.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Without an intercept, doubles or floats in Fortran order are not copied.
        y : array-like, shape (n_samples, n_tasks) or (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            A ValueError, for what cannot be worked with.
        NumericalError
            Where sigma cannot be estimated.
        """
        training, seed = self._training(X, y, fewest=2), self._seed()
        scaled = _scaled(training.X, self.weights)
        self.sigma_ = self._noise(scaled, training.Y, seed) if self.sigma is None else positive(self.sigma, "sigma")
        self._choose(scaled, training, "sure", seed, sigma=self.sigma_)
        return self

    def _noise(self, X: NDArray[Any], Y: NDArray[np.float64], seed: int) -> float:
        rows, tasks = Y.shape
        fitted = select(X, Y, "kfold", folds=min(5, rows), seed=seed, tol=self.tol, threads=self.threads)
        freedom = degrees_of_freedom(
            X, Y, fitted.lambda_ / fitted.lambda_max, gap=self.tol, threads=self.threads
        ) + tasks * bool(self.fit_intercept)
        rest = float(np.sum((Y - X[:, fitted.columns] @ fitted.coef) ** 2))
        left = rows * tasks - freedom
        if not left > 1e-6 * rows * tasks or not rest > 0:
            raise NumericalError("sigma: cannot be estimated, since the chosen solution fits y exactly; give sigma")
        return float(np.sqrt(rest / left))


class MultiTaskLassoCV(_SelectingModel):
    """A `MultiTaskLasso` whose alpha predicts rows best by the others: k-fold cross-validation over rows.

    The alpha is searched for between the values of a grid, too. X and y are centred once, before rows are held out.

    Parameters
    ----------
    cv : int
        Folds, drawn by `random_state`.
    search : str
        As in `MultiTaskLassoSURE`.
    weights : array-like, shape (n_features,), or None
        w_j of each feature: one where None; above 0, infinity leaves a feature out. They cost a copy of X.
    fit_intercept, tol, copy_X, threads
        As in `MultiTaskLasso`.
    random_state : int, RandomState or None
        Of the folds, and of the searches that draw.

    Attributes
    ----------
    alpha_ : float
        The chosen alpha.
    selection_ : Selection
        The criterion at the choice, and what was tried.
    coef_, intercept_, active_, sparse_coef_, dual_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `MultiTaskLasso`, at `alpha_`.
    """

    def __init__(
        self,
        *,
        cv: int = 5,
        search: str = "brent",
        weights: ArrayLike | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        copy_X: bool = True,
        threads: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.cv = cv
        self.search = search
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.copy_X = copy_X
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> MultiTaskLassoCV:
        """Fit; as `MultiTaskLassoSURE.fit`.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples, n_tasks) or (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            A ValueError, for what cannot be worked with.
        """
        training = self._training(X, y, fewest=2)
        self._choose(_scaled(training.X, self.weights), training, "kfold", self._seed(), folds=self.cv)
        return self
