"""Who drives whom among variables that were recorded together: whose past, or state, tells what another does next.

:func:`fit` takes arrays, and tables with a column ``time``. :func:`foci.mne.dynamics` takes the sources that
:func:`foci.mne.localize` found, and epochs. An arrow is predictive influence among what was given: a variable that was
not can fake it.
"""

from __future__ import annotations

import io
import json
import numbers
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import InvalidInput
from ._library import Progress, Result, Values, numeric, run
from ._page import rendered, warned
from ._table import columns

__all__ = ["DynamicsResult", "fit"]

_FIGURES = ("connections", "influence", "spectrum", "forecast")
_FORECAST = np.dtype([("samples", "i8"), ("time", "f8"), ("explained", "f8")])


@dataclass(frozen=True)
class DynamicsResult:
    """Who drives whom.

    Of all matrices element ``[i, j]`` is of what variable j does to variable i, and the diagonal is of nothing.

    Attributes
    ----------
    names : list of str
        The variables.
    influence : ndarray, shape (n, n)
        How much: of autoregression ln of how many times as large the error of prediction is without the past of j; of
        other models the part of the right-hand side that holds j.
    pvalues, fdr : ndarray, shape (n, n)
        Probability of as much where there is none, and the same corrected for the number of connections; NaN where the
        model has no test.
    selected : ndarray of bool, shape (n, n)
        Whether the connection is claimed.
    confirmed : ndarray, shape (n, n)
        1 where reversed time tells the opposite, 0 where not, NaN where that was not asked.
    frequency : ndarray, shape (n, n)
        Part of the resamples of epochs that claim the connection; NaN where none were drawn.
    order : int
        Lags, or order of the equations.
    spectrum : ndarray, shape (n, n, n_frequencies), or None
        Influence by frequency, of each j all i together 1 (squared); None where the model is not linear.
    frequencies : ndarray, shape (n_frequencies,), or None
        Hz.
    forecast : ndarray, structured
        On what the model has not seen: ``samples`` and ``time`` (s) ahead, part of the variance ``explained``; empty
        where nothing was held out.
    warnings : list of str
        What stands against trusting it.
    report : dict
        All that ``foci dynamics --json`` tells.
    """

    names: list[str]
    influence: NDArray[np.float64]
    pvalues: NDArray[np.float64]
    fdr: NDArray[np.float64]
    selected: NDArray[np.bool_]
    confirmed: NDArray[np.float64]
    frequency: NDArray[np.float64]
    order: int
    spectrum: NDArray[np.float64] | None
    frequencies: NDArray[np.float64] | None
    forecast: NDArray[Any]
    warnings: list[str]
    report: dict[str, Any]
    _result: Result

    @classmethod
    def _of(cls, result: Result) -> DynamicsResult:
        report = result.json
        try:
            spectrum, frequencies = result.array("spectrum"), result.array("frequencies")
        except KeyError:
            spectrum, frequencies = None, None
        horizons = [tuple(horizon[name] for name in _FORECAST.names or ()) for horizon in report["forecast"]]
        return cls(
            names=report["variables"],
            influence=result.array("influence"),
            pvalues=result.array("p"),
            fdr=result.array("fdr"),
            selected=result.array("selected") == 1,
            confirmed=result.array("confirmed"),
            frequency=result.array("frequency"),
            order=report["order"],
            spectrum=spectrum,
            frequencies=frequencies,
            forecast=np.array(horizons, _FORECAST),
            warnings=report["warnings"],
            report=report,
            _result=result,
        )

    def __str__(self) -> str:
        return self._result.text("text")

    def _repr_html_(self) -> str:
        opening, *lines = str(self).splitlines()
        listed = "".join(f"<li>{escape(line.strip())}</li>" for line in lines)
        return f"<div>{escape(opening)}" + (f"<ul>{listed}</ul>" if listed else "") + warned(self.warnings) + "</div>"

    def connections(self) -> Any:
        """A data frame with a row a connection, as ``connections.tsv`` has it; needs pandas."""
        import pandas

        table = io.StringIO(self._result.text("connections.tsv"))
        # A variable may be called NA.
        return pandas.read_csv(table, sep="\t", keep_default_na=False, na_values=["n/a"])

    def tables(self) -> dict[str, Any]:
        """The data frame "connections"; needs pandas."""
        return {"connections": self.connections()}

    def figure(self, name: str = "connections") -> str:
        """A figure as SVG: "connections", "influence", "spectrum" or "forecast"; KeyError where there is none."""
        return self._result.text(f"{name}.svg")

    def figures(self) -> dict[str, str]:
        """All figures that there are."""
        found = {}
        for name in _FIGURES:
            try:
                found[name] = self.figure(name)
            except KeyError:
                continue
        return found

    def save(self, folder: str | os.PathLike[str], *, heading: str | None = None) -> None:
        """Write what ``foci dynamics --output`` writes: page, table, figures and JSON; needs pystache.

        Parameters
        ----------
        folder : path-like
            Made where it is not there; files of these names are replaced.
        heading : str or None
            Of the page; by default the subject and the condition, where they are known.
        """
        texts = {f"{name}.svg": svg for name, svg in self.figures().items()}
        for name in ("connections.tsv", "dynamics.json"):
            texts[name] = self._result.text(name)
        shown, template = json.loads(self._result.text("page.json")), self._result.text("page.template")
        texts["dynamics.html"] = rendered(shown, template, heading)
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (path / name).write_text(text, encoding="utf-8")

    def to_connectivity(self) -> Any:
        """The influences for MNE-Connectivity.

        Returns
        -------
        connectivity : mne_connectivity.Connectivity
            Of all pairs; of ``get_data("dense")`` a row is of one that drives, a column of one that is driven.

        Raises
        ------
        ImportError
            Where mne-connectivity is not installed.
        """
        try:
            from mne_connectivity import Connectivity
        except ImportError as error:
            raise ImportError(
                "to_connectivity needs mne-connectivity, which is not installed: pip install mne-connectivity"
            ) from error
        driven, drives = np.nonzero(~np.eye(len(self.names), dtype=bool))
        return Connectivity(
            self.influence[driven, drives],
            n_nodes=len(self.names),
            names=self.names,
            indices=(drives, driven),
            method=f"foci dynamics, {self.report['model']}",
            n_epochs_used=self.report["epochs"],
        )


def _interval(interval: float | None, sfreq: float | None) -> float:
    if (interval is None) == (sfreq is None):
        found = "neither" if interval is None else "both"
        raise InvalidInput(f"interval and sfreq: found {found}, expected one of both")
    name, value = ("interval", interval) if sfreq is None else ("sfreq", sfreq)
    if not isinstance(value, numbers.Real) or not 0 < value < np.inf:
        raise InvalidInput(f"{name}: found {value!r}, expected a positive number")
    return float(value) if sfreq is None else 1 / float(value)


def _epochs(data: Any) -> dict[str, NDArray[Any]]:
    """Arrays as the library takes them: the epochs last, or one after the other with their lengths."""
    if isinstance(data, (list, tuple)) and data and all(np.ndim(epoch) == 2 for epoch in data):
        epochs = [numeric(epoch, f"data[{k}]", dimensions=(2,)) for k, epoch in enumerate(data)]
        for k, epoch in enumerate(epochs):
            if len(epoch) != len(epochs[0]):
                raise InvalidInput(
                    f"data[{k}]: found {len(epoch)} variables, expected {len(epochs[0])}, as data[0] has"
                )
        return {
            "epochs": np.concatenate(epochs, axis=1),
            "lengths": np.array([epoch.shape[1] for epoch in epochs], np.int64),
        }
    array = numeric(data, "data", dimensions=(2, 3))
    return {"epochs": array if array.ndim == 2 else np.moveaxis(array, 0, 2)}


def fit(
    data: ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike] | Any,
    *,
    interval: float | None = None,
    sfreq: float | None = None,
    names: Sequence[str] | None = None,
    positions: ArrayLike | None = None,
    model: str = "plain",
    order: int | str = "auto",
    penalty: str = "group-lasso",
    lam: float | str = "auto",
    false_discovery_rate: float = 0.05,
    smallest_influence: float = 0.1,
    resamples: int | None = None,
    held_out: float = 0.2,
    random_state: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> DynamicsResult:
    """Fit a model of who drives whom.

    Parameters
    ----------
    data : array-like, list of array-like, DataFrame, or mapping of str to array-like
        Epochs, of shape (n_epochs, n_variables, n_times), or one, of shape (n_variables, n_times); a list of epochs of
        that shape whose numbers of times may differ; or a table with columns ``time`` (s), optionally ``epoch``, and
        one for each variable.
    interval, sfreq : float or None
        Time from one sample to the next, s, or the sampling frequency, Hz: one of both. A table has its own.
    names : sequence of str or None
        Of the variables; "variable 1" and so on by default. A table has its own.
    positions : array-like, shape (n_variables, 3), or None
        Where the variables are, m, for the picture of connections; not of tables.
    model : {"plain", "linear", "library", "network"}
        Autoregression with conditional Granger causality; linear differential equations; equations of products and
        tanh of the variables; a neural network of few connections.
    order : int or "auto"
        Lags of autoregression, by BIC where "auto"; order of the equations, 1 or 2.
    penalty, lam : str, float or "auto"
        What keeps a network sparse, and its λ: "group-lasso", "none", "l0", "c-node", "pathreg", "lassonet-inner" or
        "lassonet-outer"; held-out segments choose λ where "auto".
    false_discovery_rate : float
        Accepted part of false connections among those claimed.
    smallest_influence : float
        Influences below this part of the strongest are not claimed.
    resamples : int or None
        Resamples of epochs that tell how steady connections are; 100 where None, of other models than plain 20.
    held_out : float
        Part of the epochs, of one epoch of its time, that judges forecasts; 0 for none.
    random_state : int
        Seed of all that is drawn.
    threads : int or None
        At most so many; all cores where None. No result depends on it.
    progress : callable or None
        Called with two texts, a stage and a detail, now and then.

    Returns
    -------
    result : DynamicsResult

    Warns
    -----
    FociWarning
        Whatever stands against trusting the result.

    Raises
    ------
    InvalidInput
        A ValueError, for what cannot be worked with.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from foci import dynamics
    >>> x = np.random.default_rng(0).normal(size=(20, 2, 200))
    >>> for t in range(1, 200):
    ...     x[:, 1, t] += 0.5 * x[:, 0, t - 1]  # the first drives the second
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     result = dynamics.fit(x, sfreq=200, names=["a", "b"])
    >>> bool(result.selected[1, 0]), bool(result.selected[0, 1])
    (True, False)
    """
    options = Values(
        model=model,
        order=order,
        penalty=penalty,
        lambda_=lam,
        false_discovery_rate=false_discovery_rate,
        smallest_influence=smallest_influence,
        resamples=resamples,
        held_out=held_out,
        seed=random_state,
        threads=threads,
    )
    if hasattr(data, "columns") or isinstance(data, Mapping):
        for name, value in (("interval", interval), ("sfreq", sfreq), ("names", names), ("positions", positions)):
            if value is not None:
                raise InvalidInput(f"{name}: found it beside a table, expected none: columns tell times and names")
        return DynamicsResult._of(run("dynamics_table", columns(data), options=options, progress=progress))
    values = Values(
        **_epochs(data),
        interval=_interval(interval, sfreq),
        names=None if names is None else [str(name) for name in names],
        positions=None if positions is None else numeric(positions, "positions", dimensions=(2,)),
    )
    return DynamicsResult._of(run("dynamics", values, options=options, progress=progress))
