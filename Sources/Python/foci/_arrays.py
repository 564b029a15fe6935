"""Sparse regression on arrays: at one λ, along a path, with chosen hyperparameters, and by exchange of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import InvalidInput
from ._library import Problem, Progress, Result, Values, numeric, run

__all__ = [
    "Refinement",
    "Selection",
    "Solution",
    "SolutionPath",
    "SparseCoefficients",
    "path",
    "refine",
    "select",
    "solve",
]


# ---- Results -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SparseCoefficients:
    """Coefficients of which only those of active blocks are kept.

    Attributes
    ----------
    blocks : ndarray of int64, shape (n_active_blocks,)
        The blocks (features, or groups of them) that are not zero, ascending.
    columns : ndarray of int64, shape (n_active,)
        Their columns of X, block after block.
    coef : ndarray, shape (n_active, T)
        Their coefficients: rows of B.
    n_features : int
        Columns of X.
    report : dict
        What the library tells of the computation, as ``foci solve --json`` and ``foci select --json`` print it.
    """

    blocks: NDArray[np.int64]
    columns: NDArray[np.int64]
    coef: NDArray[np.float64] = field(repr=False)
    n_features: int
    report: dict[str, Any] = field(repr=False)

    def coef_dense(self) -> NDArray[np.float64]:
        """All of B.

        Returns
        -------
        B : ndarray, shape (n_features, T)
        """
        dense = np.zeros((self.n_features, self.coef.shape[1]))
        dense[self.columns] = self.coef
        return dense


@dataclass(frozen=True, eq=False)
class Solution(SparseCoefficients):
    """The minimum at one λ, as :func:`solve` and :func:`path` find it.

    Attributes
    ----------
    lambda_, lambda_max : float
        λ, and the smallest λ at which nothing is active, both on the scale of ½‖Y − XB‖²; scikit-learn's ``alpha`` is
        λ / n.
    objective : float
        ½‖Y − XB‖² + penalty, before reweighting and debiasing.
    gap : float
        That objective exceeds the smallest possible one by at most ``gap`` · ½‖Y‖². NaN for a penalty that is not
        convex.
    converged : bool
        Whether the gap that was asked for was reached; a warning was given where it was not.
    """

    lambda_: float
    lambda_max: float
    objective: float
    gap: float
    converged: bool


@dataclass(frozen=True, eq=False)
class SolutionPath(Sequence[Solution]):
    """Solutions from the largest λ to the smallest, a sequence.

    Attributes
    ----------
    lambdas : ndarray, shape (n_alphas,)
        λ of each, descending.
    lambda_max : float
        The smallest λ at which nothing is active.
    solutions : tuple of Solution
    """

    lambdas: NDArray[np.float64]
    lambda_max: float
    solutions: tuple[Solution, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.solutions)

    @overload
    def __getitem__(self, index: int) -> Solution: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Solution, ...]: ...

    def __getitem__(self, index: int | slice) -> Solution | tuple[Solution, ...]:
        return self.solutions[index]


@dataclass(frozen=True, eq=False)
class Selection(SparseCoefficients):
    """What :func:`select` chose, and the solution there.

    Attributes
    ----------
    criterion, search, penalty : str
        What was minimized, how, and over which penalty.
    value : float
        The criterion at the choice.
    degrees_of_freedom : float
        Of the solution there; NaN where the criterion has none.
    lambda_ : float
        λ at the choice; NaN where each block has a λ of its own.
    lambda_max : float
        The smallest λ at which nothing is active.
    weights : ndarray, shape (n_blocks,), or None
        λ_j / λ_max of each block, where they were learned.
    ridge, gamma : float or None
        The number beside λ that the penalty has, given or chosen.
    history : list of dict
        What was tried, in order: ``"value"``, ``"lambda_ratio"`` (of λ_max), ``"nonzero"`` (active blocks),
        ``"relative_gap"``, ``"seconds"`` and, where there are any, ``"ridge"`` and ``"gradient_norm"``.
    end : str
        Why the search ended, such as ``"converged"``.
    noise_quantile : dict or None
        What λ follows from by the criterion noise-quantile: ``"quantile"``, ``"draws"``, ``"deviations"`` (σ found),
        ``"correlation"`` (of neighbouring samples of the noise drawn).
    """

    criterion: str
    search: str
    penalty: str
    value: float
    degrees_of_freedom: float
    lambda_: float
    lambda_max: float
    weights: NDArray[np.float64] | None = field(repr=False)
    ridge: float | None
    gamma: float | None
    history: list[dict[str, Any]] = field(repr=False)
    end: str
    noise_quantile: dict[str, Any] | None


@dataclass(frozen=True, eq=False)
class Refinement(SparseCoefficients):
    """The blocks that :func:`refine` found worth more than noise, and their least squares.

    Attributes
    ----------
    scores : ndarray, shape (n_active_blocks,)
        By how much the squared residual would rise without each block, the others refitted.
    """

    scores: NDArray[np.float64]


# ---- Blocks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """How columns form blocks: their sizes, and, where blocks do not lie side by side, the columns in their order."""

    sizes: NDArray[np.int64] | None
    order: NDArray[np.int64] | None

    @property
    def count(self) -> int | None:
        return None if self.sizes is None else len(self.sizes)


def _blocks(groups: Any, n_features: int) -> _Blocks:
    """The blocks that `groups` means, in any of its forms; see `solve`."""
    expected = (
        f"expected a size that divides the {n_features} features, sizes that add up to them, lists of their indices, "
        "or a label for each"
    )
    if groups is None:
        return _Blocks(None, None)
    if isinstance(groups, (int, np.integer)) and not isinstance(groups, (bool, np.bool_)):
        if groups < 1 or n_features % groups:
            raise InvalidInput(f"groups: found {groups}, {expected}")
        return _Blocks(np.full(n_features // int(groups), groups, np.int64), None)
    try:
        members = list(islice(groups, n_features + 1))
        are_lists = bool(members) and all(np.ndim(member) == 1 for member in members)
        given = None if are_lists else np.asarray(members)
    except Exception as error:  # of whatever kind the elements of foreign containers raise
        raise InvalidInput(f"groups: found {type(groups).__name__} ({error}), {expected}") from error
    whole = np.arange(n_features)
    if given is None:
        sizes = np.array([len(member) for member in members], np.int64)
        found = f"groups: found lists that do not hold each of the {n_features} features once, {expected}"
        if not np.all(sizes) or sum(sizes.tolist()) != n_features:
            raise InvalidInput(found)
        order = np.concatenate([numeric(member, "groups", integers=True) for member in members])
        if not np.array_equal(np.sort(order), whole):
            raise InvalidInput(found)
        return _Blocks(sizes, None if np.array_equal(order, whole) else order)
    if given.ndim != 1 or given.dtype.kind not in "biuUS":
        raise InvalidInput(f"groups: found an array of shape {given.shape} and dtype {given.dtype}, {expected}")
    # Sizes are told from labels: as many positive sizes as features that add up to them are all 1.
    if given.dtype.kind in "iu" and np.all(given > 0) and np.sum(given) == n_features:
        return _Blocks(given.astype(np.int64), None)
    if len(given) != n_features:
        raise InvalidInput(f"groups: found {len(given)} numbers or labels, {expected}")
    _, labels, counts = np.unique(given, return_inverse=True, return_counts=True)
    order = np.argsort(labels, kind="stable")
    return _Blocks(counts.astype(np.int64), None if np.array_equal(order, whole) else order)


#: What options of the library are called here, where not alike.
_NAMES = {"lambda": "lambda_", "gap": "tol", "maximum-epochs": "max_iter", "count": "n_alphas", "path": "n_alphas"}


def _renamed(error: InvalidInput, names: Mapping[str, str]) -> InvalidInput:
    """An error of the library, which begins with its name of an argument, with the name that it has here."""
    name, colon, text = str(error).partition(":")
    return InvalidInput(names.get(name, name.replace("-", "_")) + colon + text)


@dataclass(frozen=True)
class Regression:
    """X and Y as the library has them, and what it takes to name what it finds by the columns of the given X."""

    problem: Problem
    n_samples: int
    n_features: int
    order: NDArray[np.int64] | None

    @classmethod
    def of(cls, X: ArrayLike, Y: ArrayLike, groups: Any = None) -> Regression:
        matrix, response = numeric(X, "X", dimensions=(2,)), numeric(Y, "Y", dimensions=(1, 2))
        for name, array in (("X", matrix), ("Y", response)):
            if array.size == 0:
                raise InvalidInput(f"{name}: found shape {array.shape}, expected at least one row and one column")
        n_samples, n_features = matrix.shape
        if n_features >= 2**31:
            raise InvalidInput(f"X: found {n_features} columns, expected fewer than 2^31")
        if len(response) != n_samples:
            raise InvalidInput(f"Y: found {len(response)} rows, expected {n_samples}, as many as X has")
        blocks = _blocks(groups, n_features)
        if blocks.order is not None:
            matrix = np.asfortranarray(matrix[:, blocks.order])
        try:
            problem = Problem(matrix, response, blocks.sizes)
        except InvalidInput as error:
            raise _renamed(error, {"design": "X", "response": "Y"}) from None
        return cls(problem, n_samples, n_features, blocks.order)

    def run(
        self,
        function: str,
        progress: Progress | None = None,
        *,
        names: Mapping[str, str] = _NAMES,
        is_quiet: bool = False,
        **options: Any,
    ) -> Result:
        """Runs a function of the library with options by the library's names; errors have those of `names`."""
        try:
            return run(function, self.problem, options=Values(**options), progress=progress, is_quiet=is_quiet)
        except InvalidInput as error:
            raise _renamed(error, names) from None

    def coefficients(self, result: Result) -> dict[str, Any]:
        """The fields of `SparseCoefficients`."""
        columns = result.array("columns")
        return {
            "blocks": result.array("blocks"),
            "columns": columns if self.order is None else self.order[columns],
            "coef": result.array("coefficients").T,
            "n_features": self.n_features,
            "report": result.json,
        }

    def solution(self, result: Result) -> Solution:
        return Solution(**self.coefficients(result), **_certificate(result.json), lambda_max=result.json["lambda_max"])

    def selection(self, result: Result) -> Selection:
        report = result.json
        lambda_max, ratio = report["lambda_max"], report.get("lambda_ratio")
        return Selection(
            **self.coefficients(result),
            **{
                name: report[name]
                for name in ("criterion", "search", "penalty", "value", "lambda_max", "history", "end")
            },
            degrees_of_freedom=_number(report.get("degrees_of_freedom")),
            lambda_=np.nan if ratio is None else ratio * lambda_max,
            weights=result.array("weights") if ratio is None else None,
            ridge=report.get("ridge"),
            gamma=report.get("gamma"),
            noise_quantile=report.get("noise_quantile"),
        )


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _certificate(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "lambda_": report["lambda"],
        "objective": report["objective"],
        "gap": _number(report.get("relative_gap")),
        "converged": report["reason"] == "converged",
    }


# ---- Functions -----------------------------------------------------------------------------------------------------


def solve(
    X: ArrayLike,
    Y: ArrayLike,
    alpha: float | None = None,
    *,
    lambda_: float | None = None,
    lambda_ratio: float | None = None,
    groups: Any = None,
    method: str = "mixed-norm",
    rho: float | None = None,
    windows: Any = None,
    steps: Any = None,
    penalty: str = "l21",
    ridge: float | None = None,
    gamma: float | None = None,
    weights: ArrayLike | None = None,
    reweight: int = 0,
    reweight_scale: str = "strongest",
    debias: bool = False,
    tol: float = 1e-6,
    max_iter: int | None = None,
    time_limit: float | None = None,
    solver: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Solution:
    """Minimize ½‖Y − XB‖² + λ Σ_j w_j ‖B_j‖, or with another penalty, at one λ.

    Give λ in one of three ways. For an X of n rows:

    ================  =========================  ==================================================
    ``alpha``         λ = ``alpha`` · n          as in scikit-learn, whose objective is ours over n
    ``lambda_``       λ = ``lambda_``            as in MNE-Python
    ``lambda_ratio``  λ = ``lambda_ratio``·λ_max  a fraction of the λ at which nothing is active
    ================  =========================  ==================================================

    Parameters
    ----------
    X : array-like, shape (n, q)
        Design. Doubles or floats in Fortran order are not copied; floats stay floats, with the same certificate.
    Y : array-like, shape (n, T) or (n,)
        Response.
    alpha, lambda_, lambda_ratio : float
        One of them, positive.
    groups : int, sequence or None
        How columns form blocks B_j, whose norm is the root of the sum of squares of all of their coefficients. None:
        each column is a block. A number: blocks of so many. Numbers that add up to q: sizes of blocks, side by side.
        Lists: indices of the columns of each block. As many labels as columns: columns with the same label, blocks in
        the order of sorted labels. Blocks that do not lie side by side cost a copy of X.
    method : str
        ``"mixed-norm"``, or ``"tf"``: B of few coefficients Z in time and frequency (TF-MxNE, Gramfort et al. 2013),
        with λ Σ_j w_j ((1−ρ)‖Z_j‖ + ρ Σ|Z_j|) in the place of the penalty.
    rho : float or None
        ρ of ``"tf"``, 0 to 1; 0.3 where None.
    windows, steps : int, sequence of int, or None
        Of ``"tf"``: lengths of windows, even, and samples from one to the next, in samples; 16, and a quarter of each,
        where None.
    penalty : str
        ``"l21"``, ``"l1"`` (of single entries of B), ``"elastic-net"``, ``"mcp"`` or ``"scad"``; the last two
        are not convex.
    ridge : float or None
        μ of ``"elastic-net"``: + ½μ‖B‖².
    gamma : float or None
        γ of ``"mcp"`` and ``"scad"``.
    weights : array-like, shape (n_blocks,), or None
        w_j: one where None; infinity leaves a block out, 0 leaves it unpenalized.
    reweight : int
        Rounds of reweighting (Strohmeier et al. 2016), of ``"l21"`` without weights: w_j = c / √‖B_j‖ of the round
        before, where a block at zero stays there.
    reweight_scale : str
        c: ``"strongest"``, the largest √‖B_j‖ of the first solution, so that all other blocks pay more than λ;
        ``"median"``, their median; or ``"unit"``, ½, which descends on the penalty λ Σ_j √‖B_j‖.
    debias : bool
        Undo the shrinkage of each block by a factor at least 1 (Gramfort et al. 2012).
    tol : float
        Duality gap that is good enough, as a fraction of ½‖Y‖².
    max_iter : int or None
        Most sweeps of coordinate descent, 200,000 by default; what they reached is returned, with a warning.
    time_limit : float or None
        Seconds after which what was reached is returned, with a warning.
    solver : str
        ``"auto"``, ``"descent"``, ``"dual"`` or ``"gradient"``. They find the same minimum.
    threads : int or None
        At most so many; all cores where None. No result depends on it.
    progress : callable or None
        Called with two texts, a stage and a detail, now and then.

    Returns
    -------
    solution : Solution

    Raises
    ------
    InvalidInput
        For what cannot be worked with.

    Examples
    --------
    >>> import numpy as np, foci
    >>> generator = np.random.default_rng(0)
    >>> X = np.asfortranarray(generator.standard_normal((50, 200)))
    >>> Y = X[:, [7, 42]] @ generator.standard_normal((2, 10))
    >>> foci.solve(X, Y, lambda_ratio=0.5).blocks
    array([ 7, 42])
    """
    regression = Regression.of(X, Y, groups)
    result = regression.run(
        "solve",
        progress,
        **_strength(regression, alpha, lambda_, lambda_ratio),
        method=method,
        rho=rho,
        windows=None if windows is None else np.atleast_1d(np.asarray(windows, dtype=np.float64)),
        steps=None if steps is None else np.atleast_1d(np.asarray(steps, dtype=np.float64)),
        penalty=penalty,
        ridge=ridge,
        gamma=gamma,
        weights=weights,
        reweight=reweight,
        reweight_scale=reweight_scale,
        debias=debias,
        gap=tol,
        maximum_epochs=max_iter,
        time_limit=time_limit,
        solver=solver,
        threads=threads,
    )
    return regression.solution(result)


def _strength(
    regression: Regression, alpha: float | None, lambda_: float | None, lambda_ratio: float | None
) -> dict[str, Any]:
    given = {
        name: value
        for name, value in (("alpha", alpha), ("lambda_", lambda_), ("lambda_ratio", lambda_ratio))
        if value is not None
    }
    if len(given) != 1:
        raise InvalidInput(f"λ: found {' and '.join(given) or 'none'}, expected one of alpha, lambda_ and lambda_ratio")
    if alpha is None:
        return given
    return {"lambda_": positive(alpha, "alpha") * regression.n_samples}


def positive(value: Any, name: str) -> float:
    """The number, if it is one above zero and finite."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not 0 < number < np.inf:
        raise InvalidInput(f"{name}: found {value!r}, expected a positive number")
    return number


def path(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    alphas: ArrayLike | None = None,
    lambdas: ArrayLike | None = None,
    eps: float = 1e-3,
    n_alphas: int = 100,
    groups: Any = None,
    penalty: str = "l21",
    ridge: float | None = None,
    gamma: float | None = None,
    weights: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int | None = None,
    time_limit: float | None = None,
    solver: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> SolutionPath:
    """Minimize ½‖Y − XB‖² + λ Σ_j w_j ‖B_j‖ at many λ, each from the one before.

    Parameters
    ----------
    X : array-like, shape (n, q)
        Design.
    Y : array-like, shape (n, T) or (n,)
        Response.
    alphas, lambdas : array-like or None
        Values of λ / n or of λ, in any order; at most one of the two. None: ``n_alphas`` values from λ_max to
        ``eps`` · λ_max, evenly by their logarithms.
    eps : float
        The last λ as a fraction of λ_max.
    n_alphas : int
        How many.
    groups, penalty, ridge, gamma, weights, tol, max_iter, time_limit, solver, threads, progress
        As in :func:`solve`.

    Returns
    -------
    path : SolutionPath
        The solutions, λ descending.

    Raises
    ------
    InvalidInput
        For what cannot be worked with.
    """
    regression = Regression.of(X, Y, groups)
    if alphas is not None and lambdas is not None:
        raise InvalidInput("λ: found alphas and lambdas, expected at most one of the two")
    scale = 1 if alphas is None else regression.n_samples
    given = lambdas if alphas is None else alphas
    name = "lambdas" if alphas is None else "alphas"
    grid = None
    if given is not None:
        grid = -np.sort(-numeric(given, name, dimensions=(1,)).astype(np.float64)) * scale
    result = regression.run(
        "path",
        progress,
        names=_NAMES | {"lambda-ratio": "eps", "lambdas": name},
        lambdas=grid,
        lambda_ratio=eps if grid is None else None,
        count=n_alphas if grid is None else None,
        penalty=penalty,
        ridge=ridge,
        gamma=gamma,
        weights=weights,
        gap=tol,
        maximum_epochs=max_iter,
        time_limit=time_limit,
        solver=solver,
        threads=threads,
    )
    whole = regression.coefficients(result)
    ends, block_ends = result.array("offsets"), result.array("block-offsets")
    lambda_max = result.json["lambda_max"]
    solutions = []
    for point, report in enumerate(result.json["path"]):
        columns = slice(ends[point], ends[point + 1])
        solutions.append(
            Solution(
                blocks=whole["blocks"][block_ends[point] : block_ends[point + 1]],
                columns=whole["columns"][columns],
                coef=whole["coef"][columns],
                n_features=regression.n_features,
                report=report,
                **_certificate(report),
                lambda_max=lambda_max,
            )
        )
    return SolutionPath(result.array("lambdas"), lambda_max, tuple(solutions))


def select(
    X: ArrayLike,
    Y: ArrayLike,
    criterion: str = "sure",
    *,
    search: str | None = None,
    penalty: str = "l21",
    weights: str = "shared",
    sigma: float = 1.0,
    groups: Any = None,
    ridge: float | None = None,
    gamma: float | None = None,
    hypergradient: str | None = None,
    start: float | None = None,
    evaluations: int | None = None,
    folds: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    tol: float = 1e-6,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Selection:
    """Choose the hyperparameters of ½‖Y − XB‖² + λ Σ_j ‖B_j‖, or of another penalty, by minimizing a criterion.

    Parameters
    ----------
    X : array-like, shape (n, q)
        Design.
    Y : array-like, shape (n, T) or (n,)
        Response.
    criterion : str
        ``"sure"`` (Stein's unbiased risk estimate with exact degrees of freedom), ``"sure-mc"`` (with those of random
        directions), ``"held-out"``, ``"kfold"`` (prediction of rows by others; a copy of X a fold), ``"gcv"``,
        ``"aic"``, ``"bic"``, ``"ebic"``, ``"evidence"``, or ``"noise-quantile"`` (the λ at which noise alone shows
        nothing in 95 % of cases, at the noise level of the residual: no path, and ``sigma`` is not read).
    search : str or None
        ``"path"``, ``"brent"``, ``"grid"``, ``"random"``, ``"bayesian"``, ``"gradient"``, ``"line-search"``,
        ``"l-bfgs"`` or ``"adam"``; by default ``"brent"``, for learned weights ``"line-search"``.
    penalty : str
        As in :func:`solve`.
    weights : str
        ``"shared"``, one λ for all blocks, or ``"learned"``, one for each.
    sigma : float
        Standard deviation of the noise of an entry of Y, which the criteria but held-out, kfold and gcv need; 1 is that
        of whitened data.
    groups : int, sequence or None
        As in :func:`solve`.
    ridge : float or None
        μ of ``"elastic-net"``; chosen as well where None.
    gamma : float or None
        γ of ``"mcp"`` and ``"scad"``.
    hypergradient : str or None
        ``"implicit"`` (the default), ``"implicit-forward"``, ``"forward"``, ``"backward"`` or ``"finite-differences"``.
    start : float or None
        Where to begin, as a fraction of λ_max; by default 0.5, for learned weights 0.1.
    evaluations : int or None
        Most evaluations of the criterion; points of a grid along each side.
    folds, draws, seed : int or None
        Folds of kfold (5 by default; held-out holds out the first of them), random directions of sure-mc (1),
        draws of noise of noise-quantile (40), and the seed of all that is drawn (0).
    tol, threads, progress
        As in :func:`solve`.

    Returns
    -------
    selection : Selection
        The choice, the solution there, and what was tried.

    Raises
    ------
    InvalidInput
        For what cannot be worked with.
    NumericalError
        Where the criterion cannot be computed anywhere.

    Examples
    --------
    >>> import numpy as np, foci
    >>> generator = np.random.default_rng(0)
    >>> X = np.asfortranarray(generator.standard_normal((50, 200)))
    >>> Y = X[:, [7, 42]] @ generator.standard_normal((2, 10)) + 0.1 * generator.standard_normal((50, 10))
    >>> selection = foci.select(X, Y, sigma=0.1)
    >>> bool(np.isin([7, 42], selection.blocks).all())
    True
    """
    regression = Regression.of(X, Y, groups)
    result = regression.run(
        "select",
        progress,
        criterion=criterion,
        search=search,
        penalty=penalty,
        weights=weights,
        sigma=sigma,
        ridge=ridge,
        gamma=gamma,
        hypergradient=hypergradient,
        start=start,
        evaluations=evaluations,
        folds=folds,
        draws=draws,
        seed=seed,
        gap=tol,
        threads=threads,
    )
    return regression.selection(result)


def degrees_of_freedom(X: ArrayLike, Y: ArrayLike, lambda_ratio: float, **precision: Any) -> float:
    """Exact degrees of freedom of the fit at a fraction of λ_max: the divergence of XB by Y (Deledalle et al. 2014)."""
    # The one evaluation of a criterion that has them; that its search went no further is no news.
    result = Regression.of(X, Y).run(
        "select", is_quiet=True, criterion="gcv", search="brent", start=lambda_ratio, evaluations=1, **precision
    )
    return _number(result.json["degrees_of_freedom"])


def refine(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    charge: float | None = None,
    sigma: float = 1.0,
    false_positive_rate: float | None = None,
    maximum_count: int | None = None,
    ridge: float | None = None,
    start: ArrayLike | None = None,
    seed: int | None = None,
    groups: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Refinement:
    """Find the few blocks that are each worth more than noise: best subset of blocks.

    By alternating projection (Ziskind & Wax 1988): blocks are exchanged one at a time for the best one anywhere,
    dropped where they explain less than their charge, and added where they explain more, until nothing helps.

    Parameters
    ----------
    X : array-like, shape (n, q)
        Design.
    Y : array-like, shape (n, T) or (n,)
        Response.
    charge : float or None
        What a block must explain of ‖Y‖². None: what white noise alone explains by its best block, but rarely more.
    sigma : float
        Standard deviation of that noise, of an entry of Y.
    false_positive_rate : float or None
        How often that noise may explain more; 0.05 by default.
    maximum_count : int or None
        Most blocks; 30 by default.
    ridge : float or None
        Part of its amplitude that a ridge takes from each block, which keeps blocks that nearly coincide from
        cancelling each other; 1e-6 by default.
    start : array-like of int or None
        Blocks to begin with, beside none; such as ``solve(...).blocks``.
    seed : int or None
        Of the noise that is drawn to know what it explains; 0 by default.
    groups, threads, progress
        As in :func:`solve`.

    Returns
    -------
    refinement : Refinement

    Raises
    ------
    InvalidInput
        For what cannot be worked with.
    """
    regression = Regression.of(X, Y, groups)
    result = regression.run(
        "refine",
        progress,
        charge=charge,
        sigma=sigma,
        false_positive_rate=false_positive_rate,
        maximum_count=maximum_count,
        ridge=ridge,
        start=None if start is None else numeric(start, "start", integers=True, dimensions=(1,)),
        seed=seed,
        threads=threads,
    )
    return Refinement(**regression.coefficients(result), scores=result.array("scores"))
