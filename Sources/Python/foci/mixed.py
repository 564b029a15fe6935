"""Linear models of mixed effects whose effects the data may choose: y = Xβ + Zu + noise, u a departure of each group.

`LinearMixedModel` takes arrays and follows scikit-learn; :func:`fit` takes a formula as lme4 has it and a table (a
pandas DataFrame, or any mapping of names to columns).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from ._errors import InvalidInput
from ._library import Result, Values, numeric, run
from ._table import columns

__all__ = ["LinearMixedModel", "MixedResult", "fit"]

_INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class MixedResult:
    """A model of mixed effects.

    Attributes
    ----------
    fixed_names, random_names, groups : list of str
        Names of the effects, as R has them, and of the groups.
    fixed : ndarray, shape (n_fixed,)
        Estimates of the fixed effects; 0 where not selected.
    standard_errors, pvalues : ndarray, shape (n_fixed,)
        Wald's; NaN where not selected.
    selected, random_selected : ndarray of bool
        Whether effects are in the model.
    inclusion, random_inclusion : ndarray
        Probability that they are; NaN unless models were averaged.
    penalized, random_penalized : ndarray
        What the penalty leaves of effects and variances, before what is selected is fitted again; NaN without one.
    random_variances : ndarray, shape (n_random,)
        Variances of the random effects over groups.
    random_pvalues : ndarray, shape (n_random,)
        Of likelihood-ratio tests; NaN where not selected.
    random_intervals : ndarray, shape (n_random, 2)
        Profile intervals of the standard deviations, with all effects in or fewer than 8 groups, and at most eight
        random effects; else NaN.
    random_covariance : ndarray, shape (n_random, n_random)
        Their covariance.
    deviations : ndarray, shape (n_groups, n_random)
        How each group departs.
    rows : ndarray of int64
        Rows of the table that were used, sorted by group.
    fitted : ndarray
        What the model says of each of these, the groups' departures included.
    report : dict
        All that ``foci mixed --json`` tells.
    """

    fixed_names: list[str]
    random_names: list[str]
    groups: list[str]
    fixed: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    pvalues: NDArray[np.float64]
    selected: NDArray[np.bool_]
    inclusion: NDArray[np.float64]
    random_variances: NDArray[np.float64]
    random_pvalues: NDArray[np.float64]
    random_intervals: NDArray[np.float64]
    random_covariance: NDArray[np.float64]
    random_selected: NDArray[np.bool_]
    random_inclusion: NDArray[np.float64]
    penalized: NDArray[np.float64]
    random_penalized: NDArray[np.float64]
    deviations: NDArray[np.float64]
    rows: NDArray[np.int64]
    fitted: NDArray[np.float64]
    report: dict[str, Any]
    _result: Result

    @classmethod
    def _of(cls, result: Result) -> MixedResult:
        names = json.loads(result.text("names"))
        return cls(
            fixed_names=names["fixed"],
            random_names=names["random"],
            groups=names["groups"],
            fixed=result.array("fixed"),
            standard_errors=result.array("standard-errors"),
            pvalues=result.array("p"),
            selected=result.array("fixed-selected").astype(bool),
            inclusion=result.array("fixed-inclusion"),
            random_variances=result.array("random"),
            random_pvalues=result.array("random-p"),
            random_intervals=np.column_stack([result.array("random-lower"), result.array("random-upper")]),
            random_covariance=result.array("covariance"),
            random_selected=result.array("random-selected").astype(bool),
            random_inclusion=result.array("random-inclusion"),
            penalized=result.array("fixed-penalized"),
            random_penalized=result.array("random-penalized"),
            deviations=np.ascontiguousarray(result.array("deviations").T),
            rows=result.array("rows"),
            fitted=result.array("fitted"),
            report=result.json,
            _result=result,
        )

    def __str__(self) -> str:
        return self._result.text("text")

    def tables(self) -> dict[str, Any]:
        """Data frames "fixed", "random" and "groups", as the command writes them; needs pandas."""
        import pandas

        return {
            name: pandas.read_csv(io.StringIO(self._result.text(f"{name}.tsv")), sep="\t", na_values=["n/a"])
            for name in ("fixed", "random", "groups")
        }

    def figure(self, name: str = "effects") -> str:
        """A figure as SVG: "effects", "inclusion" or "paths"; KeyError where there is none."""
        return self._result.text(f"{name}.svg")


def _options(model: Any) -> dict[str, Any]:
    return {
        "select": model.select,
        "penalty": model.penalty,
        "lambda": model.lam,
        "eta": model.eta,
        "hierarchy": model.hierarchy,
        "standardize": model.standardize,
        "estimation": model.estimation,
        "confidence": model.confidence,
        "seed": model.random_state,
    }


def fit(
    formula: str,
    data: Mapping[str, ArrayLike] | Any,
    *,
    select: str = "average",
    penalty: str = "adaptive-l1",
    lam: float | str = "auto",
    eta: float | str = "auto",
    hierarchy: bool = True,
    keep: Sequence[str] | None = None,
    noise_variance: float | str | None = None,
    standardize: bool = True,
    estimation: str = "reml",
    confidence: float = 0.95,
    random_state: int = 0,
) -> MixedResult:
    """Fit a model of a formula and a table.

    Parameters
    ----------
    formula : str
        As in lme4, such as ``"rt ~ condition*age + (1 + condition | subject)"``; ``||`` for random effects without
        correlations.
    data : DataFrame, or mapping of str to array-like
        Columns of numbers, or of categories; NaN and None are missing, and rows without a value that is used are left
        out.
    select, penalty, lam, eta, hierarchy, standardize, estimation, confidence, random_state
        As of `LinearMixedModel`.
    keep : sequence of str or None
        Fixed effects that are always in; the intercept where None.
    noise_variance : float, str or None
        Variance of the noise where it is known, or the column that has it.

    Returns
    -------
    result : MixedResult

    Raises
    ------
    InvalidInput
        A ValueError, for what cannot be worked with.
    """
    options = Values(
        formula=formula,
        select=select,
        penalty=penalty,
        lambda_=lam,
        eta=eta,
        hierarchy=hierarchy,
        keep=None if keep is None else list(keep) or "",
        noise_variance=noise_variance,
        standardize=standardize,
        estimation=estimation,
        confidence=confidence,
        seed=random_state,
    )
    return MixedResult._of(run("mixed_table", columns(data), options=options))


class LinearMixedModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A linear model of mixed effects, whose effects the data may choose.

    y = X coef_ + intercept_ + Z u + noise; u is normal over groups with variances `random_variances_`.

    Parameters
    ----------
    select : {"average", "subset", "none", "newton", "pgd", "msr3", "msr3-fast"}
        How effects are chosen: averages over models by BIC, the best subset by BIC, not at all, or by a penalty.
    penalty : {"adaptive-l1", "l1", "l0", "scad", "cad", "mcp"}
        The penalty, for the last three.
    lam, eta : float or "auto"
        λ of the penalty and η of the relaxation (msr3, msr3-fast); chosen by BIC along paths where "auto".
    fit_intercept : bool
        Add an intercept to the fixed effects, which is always in.
    random_intercept : bool
        Add one to the random effects.
    hierarchy : bool
        A random effect is in only with the fixed effect of the same feature.
    correlated : bool
        Random effects may be correlated, where all are in (``select="none"``).
    standardize : bool
        Choose effects in standard deviations of features and y.
    estimation : {"reml", "ml"}
        Which likelihood the variances are the best of.
    confidence : float
        What the intervals of `result_` hold.
    random_state : int
        Seed of the averaging.

    Attributes
    ----------
    coef_ : ndarray, shape (n_features,)
        Fixed effects; 0 where not selected.
    intercept_ : float
    random_variances_ : ndarray, shape (n_random,)
        Variances over groups: of the random intercept first, where there is one.
    random_names_ : list of str
        What they are of.
    inclusion_, random_inclusion_ : ndarray
        Probability of each feature's fixed effect and of each random effect; NaN unless models were averaged.
    selected_, random_selected_ : ndarray of bool
        Whether they are in the model.
    noise_variance_ : float
        NaN where rows have their own.
    deviations_ : ndarray, shape (n_groups, n_random)
        How each group departs.
    groups_ : list
        Labels of the groups, as text.
    bic_, objective_ : float
    lam_, eta_ : float
        NaN without a penalty.
    result_ : MixedResult
        All else: standard errors, tests, tables, figures.
    n_features_in_ : int
    feature_names_in_ : ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from foci.mixed import LinearMixedModel
    >>> X = np.tile([[0.0], [1.0], [2.0], [3.0]], (10, 1))
    >>> groups = np.repeat(np.arange(10), 4)
    >>> noise = np.random.default_rng(0).normal(size=40)
    >>> model = LinearMixedModel().fit(X, 2 * X[:, 0] + groups % 3 + 0.1 * noise, groups=groups)
    >>> bool(abs(model.coef_[0] - 2) < 0.1)
    True
    """

    def __init__(
        self,
        select: str = "average",
        *,
        penalty: str = "adaptive-l1",
        lam: float | str = "auto",
        eta: float | str = "auto",
        fit_intercept: bool = True,
        random_intercept: bool = True,
        hierarchy: bool = True,
        correlated: bool = False,
        standardize: bool = True,
        estimation: str = "reml",
        confidence: float = 0.95,
        random_state: int = 0,
    ) -> None:
        self.select = select
        self.penalty = penalty
        self.lam = lam
        self.eta = eta
        self.fit_intercept = fit_intercept
        self.random_intercept = random_intercept
        self.hierarchy = hierarchy
        self.correlated = correlated
        self.standardize = standardize
        self.estimation = estimation
        self.confidence = confidence
        self.random_state = random_state

    def _random(self, X: NDArray[np.float64], Z: Any) -> tuple[NDArray[np.float64], list[str]]:
        """The random columns without the intercept, and their names."""
        features = list(getattr(self, "feature_names_in_", [f"x{k}" for k in range(X.shape[1])]))
        columns = self._random_columns
        if columns is not None:
            return X[:, columns], [str(features[k]) for k in columns]
        if Z is None:
            return np.zeros((len(X), 0)), []
        given = numeric(Z, "Z", dimensions=(1, 2)).astype(np.float64)
        given = given.reshape(len(given), -1)
        if len(given) != len(X):
            raise InvalidInput(f"Z: found {len(given)} rows, expected {len(X)}, as X has")
        return given, [f"z{k}" for k in range(given.shape[1])]

    def _chosen_columns(self, random: Any, Z: Any, n_features: int) -> list[int] | None:
        if random is None:
            return None
        if Z is not None:
            raise InvalidInput("random: found it beside Z, expected one of both")
        if isinstance(random, str):
            if random != "all":
                raise InvalidInput(f"random: found {random!r}, expected 'all', or names or indices of features")
            return list(range(n_features))
        features = [str(name) for name in getattr(self, "feature_names_in_", [])]
        columns = []
        for item in random:
            if isinstance(item, str):
                if item not in features:
                    raise InvalidInput(f"random: found {item!r}, expected names of features of X, or indices")
                columns.append(features.index(item))
            elif -n_features <= int(item) < n_features:
                columns.append(int(item) % n_features)
            else:
                raise InvalidInput(f"random: found {item}, expected indices below {n_features}")
        return columns

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        Z: ArrayLike | None = None,
        *,
        random: str | Sequence[int | str] | None = None,
        noise_variance: float | ArrayLike | None = None,
    ) -> LinearMixedModel:
        """Fit.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
            Features of the fixed effects.
        y : array-like, shape (n_samples,)
        groups : array-like, shape (n_samples,)
            Of which group (subject) each row is: numbers or texts.
        Z : array-like, shape (n_samples, n_random), or None
            Features of random effects other than those of X.
        random : "all", sequence of int or str, or None
            Features of X whose effects may differ between groups: indices or names.
        noise_variance : float, array-like of shape (n_samples,), or None
            Variance of the noise where it is known; estimated where None.

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            A ValueError, for what cannot be worked with.
        """
        matrix, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        if groups is None:
            raise InvalidInput("groups: found nothing, expected the group of each row")
        labels = np.asarray(groups)
        if labels.shape != (len(matrix),):
            raise InvalidInput(f"groups: found shape {labels.shape}, expected {len(matrix)}, one a row of X")
        self._random_columns = self._chosen_columns(random, Z, matrix.shape[1])
        varying, random_names = self._random(matrix, Z)
        features = [str(name) for name in getattr(self, "feature_names_in_", [f"x{k}" for k in range(matrix.shape[1])])]
        ones = np.ones((len(matrix), 1))
        fixed = np.hstack([ones, matrix]) if self.fit_intercept else matrix
        if self.random_intercept:
            varying, random_names = np.hstack([ones, varying]), [_INTERCEPT, *random_names]
        variances = None
        if noise_variance is not None:
            variances = np.broadcast_to(np.asarray(noise_variance, np.float64), len(matrix))
        data = Values(
            response=target,
            groups=[str(label) for label in labels.tolist()],
            fixed=np.asfortranarray(fixed),
            random=np.asfortranarray(varying),
            fixed_names=[_INTERCEPT, *features] if self.fit_intercept else features,
            random_names=random_names or None,
            noise_variance=variances,
        )
        options = Values()
        for name, value in _options(self).items():
            options.set(name, value)
        options.set("correlated", bool(self.correlated))
        self._keep(MixedResult._of(run("mixed", data, options=options)), matrix.shape[1], random_names)
        return self

    def _keep(self, result: MixedResult, n_features: int, random_names: list[str]) -> None:
        inner = result._result
        first = 1 if self.fit_intercept else 0
        fixed, random = inner.array("fixed-columns"), inner.array("random-columns")

        def scattered(places: NDArray[np.int64], values: NDArray[Any], count: int, fill: Any) -> NDArray[Any]:
            full = np.full(count, fill, values.dtype)
            full[places] = values
            return full

        coef = scattered(fixed, result.fixed, n_features + first, 0.0)
        self.coef_ = coef[first:]
        self.intercept_ = float(coef[0]) if first else 0.0
        self.selected_ = scattered(fixed, result.selected, n_features + first, False)[first:]
        self.inclusion_ = scattered(fixed, result.inclusion, n_features + first, np.nan)[first:]
        count = len(random_names)
        self.random_names_ = random_names
        self.random_variances_ = scattered(random, result.random_variances, count, 0.0)
        self.random_selected_ = scattered(random, result.random_selected, count, False)
        self.random_inclusion_ = scattered(random, result.random_inclusion, count, np.nan)
        self.deviations_ = np.zeros((len(result.groups), count))
        self.deviations_[:, random] = result.deviations
        self.groups_ = result.groups
        self.noise_variance_ = inner.number("noise_variance")
        self.bic_ = inner.number("bic")
        self.objective_ = inner.number("objective")
        self.lam_, self.eta_ = inner.number("lambda"), inner.number("eta")
        self.n_iter_ = result.report["iterations"]
        self.result_ = result

    def predict(self, X: ArrayLike, groups: ArrayLike | None = None, Z: ArrayLike | None = None) -> NDArray[np.float64]:
        """Predict.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        groups : array-like, shape (n_samples,), or None
            Adds the departures of groups that `fit` saw; new ones depart from nothing, nor does any where None.
        Z : array-like, shape (n_samples, n_random), or None
            As in `fit`, if it was given there.

        Returns
        -------
        y : ndarray, shape (n_samples,)
        """
        check_is_fitted(self)
        matrix = validate_data(self, X, reset=False, dtype=np.float64)
        predicted = np.asarray(matrix @ self.coef_ + self.intercept_)
        if groups is None:
            return predicted
        labels = np.asarray(groups)
        if labels.shape != (len(matrix),):
            raise InvalidInput(f"groups: found shape {labels.shape}, expected {len(matrix)}, one a row of X")
        varying, _ = self._random(matrix, Z)
        if self.random_intercept:
            varying = np.hstack([np.ones((len(matrix), 1)), varying])
        if varying.shape[1] != len(self.random_names_):
            raise InvalidInput(f"Z: found {varying.shape[1]} random effects, expected {len(self.random_names_)}")
        places = {label: place for place, label in enumerate(self.groups_)}
        departures = np.vstack([self.deviations_, np.zeros((1, len(self.random_names_)))])
        rows = np.array([places.get(str(label), len(places)) for label in labels.tolist()], np.int64)
        return np.asarray(predicted + np.einsum("ij,ij->i", varying, departures[rows]))

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        Z: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """R² of the prediction; with the departures of groups where these are given."""
        return float(r2_score(y, self.predict(X, groups, Z), sample_weight=sample_weight))
