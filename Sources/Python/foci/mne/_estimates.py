"""Source estimates of MNE, by its public constructors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mne
import numpy as np
from numpy.typing import NDArray

_SCALARS = {"surface": mne.SourceEstimate, "mixed": mne.MixedSourceEstimate}
_VECTORS = {"surface": mne.VectorSourceEstimate, "mixed": mne.MixedVectorSourceEstimate}


def source_estimate(
    kind: str,
    vertices: Sequence[NDArray[Any]],
    sides: Sequence[int],
    index: NDArray[np.int64],
    data: NDArray[np.float64],
    *,
    tmin: float,
    tstep: float,
    subject: str | None,
) -> Any:
    """The estimate of a few sources.

    Parameters
    ----------
    kind : str
        "surface", "volume", "discrete" or "mixed", of the source spaces together.
    vertices : sequence of ndarray
        Vertices of all sources of each source space, ascending.
    sides : sequence of int
        Hemisphere of each source space: 0 left, 1 right, -1 neither.
    index : ndarray of int, shape (n,)
        The sources among those of all spaces, in any order.
    data : ndarray, shape (n, n_times) or (n, 3, n_times)
        A·m; with vectors along x, y and z.
    tmin, tstep : float
        s.
    subject : str or None

    Returns
    -------
    stc : SourceEstimate, VolSourceEstimate or MixedSourceEstimate, or its like of vectors
    """
    spaces = [np.asarray(space, np.int64) for space in vertices]
    ends = np.cumsum([0, *(len(space) for space in spaces)])
    members = [np.flatnonzero((index >= start) & (index < end)) for start, end in zip(ends[:-1], ends[1:], strict=True)]
    members = [rows[np.argsort(index[rows])] for rows in members]
    own = [space[index[rows] - start] for space, rows, start in zip(spaces, members, ends[:-1], strict=True)]
    if kind == "surface":
        # Left, then right, whichever there are and in whichever order.
        where = [k for side in (0, 1) for k in range(len(spaces)) if sides[k] == side]
        members = [members[k] for k in where]
        own = [
            np.concatenate([np.zeros(0, np.int64), *(own[k] for k in where if sides[k] == side)]) for side in (0, 1)
        ]
    order = np.concatenate([np.zeros(0, np.int64), *members])
    kinds: dict[str, Any] = _SCALARS if data.ndim == 2 else _VECTORS
    other: Any = mne.VolSourceEstimate if data.ndim == 2 else mne.VolVectorSourceEstimate
    made = kinds.get(kind, other)
    return made(data[order], own, tmin=tmin, tstep=tstep, subject=subject, verbose=False)
