"""Localization from arrays, without MNE-Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._errors import InvalidInput
from ._library import Covariance, Forward, Progress, Recording, Values, run
from ._localization import Localization


def localize(
    forward: Mapping[str, Any],
    recording: Mapping[str, Any],
    covariance: Mapping[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Localization:
    """Find the sources of a recording that is given as arrays.

    The same computation as ``foci localize`` and :func:`foci.mne.localize`, to which objects of MNE-Python are given.

    Parameters
    ----------
    forward : mapping
        ``names``, ``kinds`` ("mag", "grad" or "eeg") and ``gain`` (channels × sources · orientations, V/(A·m), T/(A·m)
        or T/m/(A·m)), ``orientations`` (1, or 3: x, y and z of each source in turn), ``positions`` (sources × 3, m)
        in ``frame`` ("head", "mri" or "ctf"); where known ``normals``, ``hemispheres`` (0 left, 1 right, -1 volume),
        ``vertices``, ``triangles`` (indices of sources), ``subject``. The gain is not copied.
    recording : mapping
        ``names``, ``kinds``, ``data`` (channels × samples, or channels × samples × epochs; V, T or T/m),
        ``sampling_frequency`` (Hz), ``first_time`` (s; 0 is the event), ``averages`` (trials that data are the
        average of; left out where unknown); where known ``bad`` (not 0 for channels marked bad), ``projectors``
        (k × channels), ``is_projected`` (not 0 where the data have them applied), ``maxwell_rank``, ``condition``.
    covariance : mapping or None
        ``names``, ``kinds``, ``matrix`` of one epoch (channels × channels, or its diagonal), ``samples`` that it was
        estimated from, ``projectors``. None estimates the noise from the epochs or before time 0.
    progress : callable or None
        Called with two texts, a stage and a detail, now and then.
    **options
        The options of ``foci localize`` with underscores, such as ``window=(0.05, 0.15)``, ``orientation="fixed"``,
        ``lambda_=0.2``, ``weights="shared"``, ``noise="epochs"``; ``debias=False`` for ``--no-debias``.

    Returns
    -------
    localization : Localization

    Warns
    -----
    FociWarning
        Whatever should be known before the result is trusted.

    Raises
    ------
    InvalidInput
        For what cannot be worked with, in one line.
    """
    for name, given in (("forward", forward), ("recording", recording), ("covariance", covariance)):
        if not isinstance(given, Mapping) and (given is not None or name != "covariance"):
            raise InvalidInput(f"{name}: found {type(given).__name__}, expected a mapping of names to values")
    handles = Forward(**forward), Recording(**recording), None if covariance is None else Covariance(**covariance)
    return Localization(run("localize", *handles, options=Values(**options), progress=progress))
