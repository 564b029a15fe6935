"""Who drives whom among sources of recordings of MNE-Python."""

from __future__ import annotations

from typing import Any

import mne

from .. import _localization
from .._errors import InvalidInput
from .._library import Values, run
from ..dynamics import DynamicsResult
from ._convert import measured, modelled, noise
from ._localize import _progress, _window

#: What options are called by :func:`foci.dynamics.fit`, and by the library.
_NAMES = {"lam": "lambda_", "random_state": "seed"}


def dynamics(
    localization: _localization.Localization,
    epochs: Any,
    forward: Any,
    noise_cov: Any = None,
    *,
    tmin: float | None = None,
    tmax: float | None = None,
    evoked: str | None = None,
    match_names: str = "exact",
    verbose: bool | str | int | None = None,
    **options: Any,
) -> DynamicsResult:
    """Say which source drives which.

    The same computation as ``foci dynamics``: the sources that were found are fitted again in every epoch, all
    together, with the sensors, orientations and rank of their localization.

    Parameters
    ----------
    localization : Localization
        What :func:`localize` found, as it was returned: one that was pickled has no more than its numbers.
    epochs : Epochs
        Of the same subject. An Evoked is refused, as all sources follow one event, without ``force=True``.
    forward : mne.Forward
        The one that the sources were found with.
    noise_cov : mne.Covariance or None
        Noise of one epoch. None estimates it before time 0.
    tmin, tmax : float or None
        First and last time of each epoch, s. All by default, without a covariance from time 0 on.
    evoked : "subtract", "keep" or None
        Whether the evoked response, the mean over epochs, is taken from each. None subtracts it from 10 epochs on.
    match_names : "exact" or "loose"
        As of :func:`localize`.
    verbose : bool, str, int or None
        Level of MNE's logger during the call.
    **options
        ``model``, ``order`` and so on, as of :func:`foci.dynamics.fit`; ``force=True`` takes an average, too.

    Returns
    -------
    result : foci.dynamics.DynamicsResult
        Sources are named "source 1" and so on, as ``localization.sources`` ranks them.

    Warns
    -----
    FociWarning
        Whatever stands against trusting the result.

    Raises
    ------
    InvalidInput
        For what cannot be worked with, in one line.
    """
    if not isinstance(localization, _localization.Localization):
        raise InvalidInput(f"localization: found {type(localization).__name__}, expected what localize returned")
    if localization._result is None:
        raise InvalidInput(
            "localization: found one that was pickled, expected it as localize returned it; localize again"
        )
    if not isinstance(epochs, (mne.Evoked, mne.BaseEpochs)):
        raise InvalidInput(f"epochs: found {type(epochs).__name__}, expected Epochs")
    with mne.use_log_level(verbose):
        model, recording = modelled(forward), measured(epochs)
        covariance = None if noise_cov is None else noise(noise_cov, recording.channels, match_names)
        if tmin is None and tmax is not None and covariance is not None:
            tmin = float(recording.times[0])
        values = Values(
            window=_window(tmin, tmax, recording),
            evoked=evoked,
            match_names=match_names,
            **{_NAMES.get(name, name): value for name, value in options.items()},
        )
        handles = localization._result, model.handle, recording.handle, covariance
        return DynamicsResult._of(run("dynamics_sources", *handles, options=values, progress=_progress()))
