"""Localization of recordings of MNE-Python."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mne
import numpy as np

from .._errors import InvalidInput
from .._library import Values, run
from ._convert import MeasuredData, Model, measured, modelled, noise
from ._result import Localization

#: How options of the library are called here, for its messages.
_NAMING = {
    "window": "tmin and tmax",
    "averages": "nave",
    "noise": "noise_source",
    "orientation": "loose",
    "lambda": "alpha",
    "criterion": "alpha",
    "reweight": "n_mxne_iter",
    "seed": "random_state",
    "gap": "tol",
    "gain-error": "gain_error",
    "false-positive-rate": "false_positive_rate",
    "stability-by": "stability_by",
    "match-names": "match_names",
}

_logger = logging.getLogger("mne")


def localize(
    evoked: Any,
    forward: Any,
    noise_cov: Any = None,
    *,
    loose: Any = "auto",
    depth: float | None = 0.8,
    alpha: float | str | None = None,
    method: str = "mixed-norm",
    windows: str | None = None,
    rho: float | None = None,
    weights: str | None = None,
    rank: Any = None,
    sensors: str = "all",
    tmin: float | None = None,
    tmax: float | None = None,
    baseline: Any = "auto",
    nave: float | None = None,
    noise_source: str | None = None,
    sigma: float | str = "covariance",
    gain_error: float | None = None,
    false_positive_rate: float | None = None,
    n_mxne_iter: int | None = None,
    penalty: str | None = None,
    ridge: float | None = None,
    gamma: float | None = None,
    search: str | None = None,
    folds: int | None = None,
    draws: int | None = None,
    stability: int | None = None,
    stability_by: str | None = None,
    debias: bool = True,
    tol: float = 1e-6,
    match_names: str = "exact",
    random_state: int | None = None,
    threads: int | None = None,
    verbose: bool | str | int | None = None,
) -> Any:
    """Find the sources of a recording.

    The same computation as ``foci localize``: the same input gives the same result. By default λ is chosen by Stein's
    unbiased risk estimate; from the sources at that λ the search goes on to the few points and patches of cortex that
    each explain more than noise does, as measured before time 0, and tells how sure each of them is.

    Parameters
    ----------
    evoked : Evoked, Epochs, or a list of them
        What the sensors measured. Epochs are localized as their average, and kept one by one for what needs them:
        ``alpha="kfold-epochs"`` and ``stability``. Of a list each is localized for itself; what their preparations
        have in common is computed once.
    forward : mne.Forward
        Of any orientation. One that was converted to surface or fixed orientation is converted back, in a copy. The
        gain is not copied where it is of doubles. Nothing that is given is changed.
    noise_cov : mne.Covariance or None
        Noise of one epoch, not of the average. None estimates it from the recording, see ``noise_source``.
    loose : "auto", float or dict
        How sources may point: 0 along the normal of the cortex, 1 anywhere, between them anywhere with tangential
        components scaled by √loose. "auto" is 0.2 where the forward has normals and three orientations a source, else
        what it allows; 0 where the caller converted it to fixed orientation. Sources of volumes and discrete ones are
        free with any value above 0. Of a dict by kind of source space, the value of "surface" counts, and the others
        must be 1.
    depth : float or None
        Exponent of the depth weighting, 0 (or None) to 1.
    alpha : str, float or None
        "sure", or another criterion that chooses λ: "sure-mc", "held-out", "kfold", "kfold-epochs", "gcv", "aic",
        "bic", "ebic", "evidence" or "noise-quantile". A number: λ in percent of the smallest λ at which no source is
        active. None: the usual criterion of the method.
    method : str
        How sources are estimated: "mixed-norm"; "tf", sparse in time and frequency, too (TF-MxNE); "concomitant", with
        the noise estimated along with the sources from single epochs (CLaR; takes Epochs); or "evidence".
    windows : str or None
        Of "tf": sets of windows to choose from, such as "80ms,40ms+160ms"; None chooses among the usual ones.
    rho : float or None
        Of "tf": which part of the penalty is of single coefficients, 0 to 1; None chooses.
    weights : str or None
        How sources are told from noise: "shared" (one λ for all, as MNE's mixed norm), "reweighted" (rounds of
        reweighting at that λ), "refined" (from there exchanged for the few that are each worth more than noise),
        "learned" (a λ for each) or "evidence" (a variance for each). None is "refined" where λ is chosen, and where
        ``alpha`` or ``n_mxne_iter`` is a number "reweighted" ("shared" with ``n_mxne_iter=1``).
    rank : None, "info", "data", "full", int, or dict
        Rank of the data, also by kind as in ``{"meg": 70, "eeg": 59}``. None is the smallest that processing history,
        projectors, data and covariance say.
    sensors : str
        "all", "meg", "eeg", "mag" or "grad".
    tmin, tmax : float or None
        Analysed times, s. By default all from time 0 on.
    baseline : "auto", None, or tuple of two
        What holds noise alone, s: two times as in MNE, whose mean is subtracted, None for either end; "auto": before
        time 0, the mean subtracted where it is many standard errors from 0; None: likewise, nothing subtracted.
    nave : float or None
        How many trials the recording averages, by which noise is divided; a fraction for differences. What the
        recording says by default.
    noise_source : str or None
        What the noise covariance is taken from: "covariance" (``noise_cov``), "baseline" (before time 0), "epochs"
        (what differs between them in the window), or "auto" (epochs or, where they make epochs held out less likely,
        ``noise_cov``, else the baseline). None is "covariance" where it is given, else "auto".
    sigma : "covariance", "baseline" or float
        Standard deviation of the noise after whitening: what the covariance says, as measured in the baseline, or
        a number of times what the covariance says.
    gain_error : float or None
        Relative error of the gain that refining reckons with, 0 to 1; learned by default.
    false_positive_rate : float or None
        How likely noise alone may make a refined source in the window; 0.05 by default.
    n_mxne_iter : int or None
        As in MNE: one more than the rounds of reweighting; 1 keeps the sources of the convex solution.
    penalty : str or None
        Penalty of whole sources: "l21" by default, "elastic-net", "mcp" or "scad".
    ridge, gamma : float or None
        Number of shape of the penalty: μ of the elastic net, γ of MCP and SCAD.
    search : str or None
        How λ is searched for: "path" by default.
    folds, draws : int or None
        Folds of the criteria that hold something out (5 by default), random directions of sure-mc (1), draws of noise
        of noise-quantile (40).
    stability : int or None
        Repeat the whole choice so often, and tell how often each source is found again.
    stability_by : str or None
        What the repeats differ in: "epochs" drawn with replacement, "sensors" left out, or fresh "noise". By default
        epochs where there are any, else noise.
    debias : bool
        Whether the shrinkage of amplitudes by the penalty is undone.
    tol : float
        Relative duality gap at which a solve is good enough.
    match_names : "exact" or "loose"
        When names of channels mean the same; with "loose" upper and lower case, blanks, serial numbers behind and kinds
        before a name do not count.
    random_state : int or None
        Seed of folds, directions, searches and repeats; None is 0.
    threads : int or None
        At most so many; all cores where None. No result depends on it.
    verbose : bool, str, int or None
        Level of MNE's logger during the call: progress is told at INFO.

    Returns
    -------
    localization : Localization or list of Localization
        The sources, how they were chosen, and how far to trust them; a list for a list.

    Warns
    -----
    FociWarning
        Whatever should be known before the result is trusted.

    Raises
    ------
    InvalidInput
        For what cannot be worked with, in one line.

    See Also
    --------
    mixed_norm : MNE's function with this package's solver.

    Notes
    -----
    Beside MNE's ``mixed_norm``: the noise is divided by ``nave``, an offset of the baseline is subtracted, and sources
    are weighted by depth with all three columns of the gain where it has them, also where orientations are fixed.
    With ``nave=1``, ``baseline=None``, ``weights="shared"`` and a number for ``alpha`` the estimates are the same but
    for the weights of fixed orientations.

    Examples
    --------
    >>> import mne, foci.mne  # doctest: +SKIP
    >>> result = foci.mne.localize(evoked, forward, noise_cov, tmin=0.05, tmax=0.15)  # doctest: +SKIP
    >>> result.sources[["x_mm", "y_mm", "z_mm", "peak_nAm"]]  # doctest: +SKIP
    """
    several = isinstance(evoked, (list, tuple))
    given: list[Any] = list(evoked) if isinstance(evoked, (list, tuple)) else [evoked]
    for inst in given:
        if not isinstance(inst, (mne.Evoked, mne.BaseEpochs)):
            raise InvalidInput(f"evoked: found {type(inst).__name__}, expected an Evoked, Epochs, or a list of them")
    settings = {
        "depth": _depth(depth),
        **_choice(alpha, method),
        "method": method,
        "windows": windows,
        "rho": rho,
        "weights": weights,
        "rank": _rank(rank),
        "sensors": sensors,
        "averages": nave,
        "noise": noise_source,
        "sigma": str(sigma),
        "gain_error": gain_error,
        "false_positive_rate": false_positive_rate,
        "reweight": _rounds(n_mxne_iter),
        "penalty": penalty,
        "ridge": ridge,
        "gamma": gamma,
        "search": search,
        "folds": folds,
        "draws": draws,
        "stability": stability,
        "stability_by": stability_by,
        "debias": bool(debias),
        "gap": tol,
        "match_names": match_names,
        "seed": random_state,
        "threads": threads,
        "keep_preparation": len(given) > 1,
        "naming": ",".join(f"{name}={here}" for name, here in _NAMING.items()),
    }
    with mne.use_log_level(verbose):
        model = modelled(forward)
        settings["orientation"] = _orientation(loose, model)
        recordings = [measured(inst) for inst in given]
        results = [_localized(recording, model, noise_cov, settings, tmin, tmax, baseline) for recording in recordings]
    return results if several else results[0]


def _localized(
    recording: MeasuredData,
    model: Model,
    noise_cov: Any,
    settings: dict[str, Any],
    tmin: float | None,
    tmax: float | None,
    baseline: Any,
) -> Localization:
    covariance = None if noise_cov is None else noise(noise_cov, recording.channels, settings["match_names"])
    options = Values(
        **settings,
        window=_window(tmin, tmax, recording),
        baseline=_baseline(baseline, recording),
    )
    result = run("localize", model.handle, recording.handle, covariance, options=options, progress=_progress())
    return Localization(result, recording, model)


def _progress() -> Callable[[str, str], None]:
    """Tells MNE's logger of a computation: each stage once at INFO, all the rest at DEBUG."""
    told: set[str] = set()

    def tell(stage: str, detail: str) -> None:
        _logger.log(logging.DEBUG if stage in told else logging.INFO, "foci: %s %s", stage, detail)
        told.add(stage)

    return tell


# ---- Arguments -----------------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))


def _depth(depth: Any) -> float:
    if depth is None:
        return 0.0
    if not _is_number(depth):
        raise InvalidInput(f"depth: found {depth!r}, expected an exponent from 0 to 1, or None")
    return float(depth)


def _choice(alpha: Any, method: str) -> dict[str, Any]:
    """How λ is found."""
    if alpha is None:
        return {}
    if isinstance(alpha, str):
        # Of mixed norms the library's own default, where nothing else is asked for: weights by evidence have a
        # criterion of their own.
        return {"criterion": None if alpha == "sure" and method == "mixed-norm" else alpha}
    if not _is_number(alpha) or not 0 < alpha <= 100:
        raise InvalidInput(
            f"alpha: found {alpha!r}, expected the name of a criterion such as 'sure', or percent of the smallest λ at "
            "which no source is active, above 0 and up to 100"
        )
    return {"lambda_": float(alpha) / 100}


def _rounds(n_mxne_iter: Any) -> int | None:
    if n_mxne_iter is None:
        return None
    if not _is_number(n_mxne_iter) or n_mxne_iter != int(n_mxne_iter) or n_mxne_iter < 1:
        raise InvalidInput(f"n_mxne_iter: found {n_mxne_iter!r}, expected a whole number from 1")
    return int(n_mxne_iter) - 1


def _rank(rank: Any) -> str | None:
    if rank is None or isinstance(rank, str):
        return rank
    if isinstance(rank, Mapping) and rank:
        return ",".join(f"{kind}:{number}" for kind, number in rank.items())
    if _is_number(rank) and rank == int(rank):
        return str(int(rank))
    raise InvalidInput(
        f"rank: found {rank!r}, expected None, 'info', 'data', 'full', a whole number, or such numbers by kind as in "
        "{'meg': 70, 'eeg': 59}"
    )


def _orientation(loose: Any, model: Model) -> str | None:
    """How sources may point, as the library names it."""
    expected = "expected 'auto', a number from 0 (fixed) to 1 (free), or a dict of them by kind of source space"
    if isinstance(loose, Mapping):
        kinds = {space["type"] for space in model.forward["src"]}
        known = {"surf": "surface", "vol": "volume", "discrete": "discrete"}
        present = {known[kind] for kind in kinds}
        if set(loose) != present:
            raise InvalidInput(
                f"loose: found values for {', '.join(sorted(map(str, loose))) or 'nothing'}, expected one "
                f"for each kind of source space: {', '.join(sorted(present))}"
            )
        for kind, value in loose.items():
            if kind != "surface" and value != 1:
                raise InvalidInput(f"loose: found {value!r} for {kind} sources, expected 1: they are free")
        loose = loose.get("surface", 1)
    if isinstance(loose, str):
        if loose != "auto":
            return loose
        return "fixed" if model.was_fixed else None
    if not _is_number(loose) or not 0 <= loose <= 1:
        raise InvalidInput(f"loose: found {loose!r}, {expected}")
    return "fixed" if loose == 0 else "free" if loose == 1 else f"loose:{float(loose)!r}"


def _time(value: Any, name: str) -> float:
    if not _is_number(value):
        raise InvalidInput(f"{name}: found {value!r}, expected a time in seconds or None")
    return float(value)


def _window(tmin: Any, tmax: Any, recording: MeasuredData) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """First and last time; None where neither is given."""
    if tmin is None and tmax is None:
        return None
    first, last = recording.times[0], recording.times[-1]
    # As the library does where nothing is given: from time 0 on, or all of what ends before.
    usual = first if last < -0.5 / recording.inst.info["sfreq"] else max(0.0, first)
    window = [usual if tmin is None else _time(tmin, "tmin"), last if tmax is None else _time(tmax, "tmax")]
    if window[0] > window[1]:
        raise InvalidInput(
            f"tmin and tmax: found {window[0]:g} to {window[1]:g} s, expected a first time and one after it"
        )
    return np.array(window)


def _baseline(baseline: Any, recording: MeasuredData) -> Any:
    if baseline is None:
        return "none"
    if isinstance(baseline, str):
        return baseline
    if not isinstance(baseline, Sequence) or len(baseline) != 2:
        raise InvalidInput(
            f"baseline: found {baseline!r}, expected 'auto', None, or a first and a last time in seconds"
        )
    first, last = baseline
    return np.array(
        [
            recording.times[0] if first is None else _time(first, "baseline"),
            recording.times[-1] if last is None else _time(last, "baseline"),
        ]
    )
