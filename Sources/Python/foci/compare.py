"""MNE's mixed norm and this package side by side: ``python -m foci.compare --evoked F --forward F --covariance F``."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison that the arguments ask for and prints it.

    Parameters
    ----------
    arguments : sequence of str or None
        Those of the command line by default.

    Returns
    -------
    status : int
        0; 1 where the recording cannot be read or worked with.
    """
    parser = argparse.ArgumentParser(prog="python -m foci.compare", description=__doc__.split(":")[0] + ".")
    parser.add_argument("--evoked", required=True, metavar="file", help="averages, FIF")
    parser.add_argument("--forward", required=True, metavar="file", help="forward model, FIF")
    parser.add_argument("--covariance", required=True, metavar="file", help="noise covariance of one epoch, FIF")
    parser.add_argument("--condition", metavar="name|index", help="average, by name or index from 0 (default: 0)")
    parser.add_argument("--alpha", default="sure", metavar="sure|percent", help="λ: sure, or percent of its maximum")
    parser.add_argument("--loose", default="auto", metavar="auto|number", help="0 fixed, 1 free (default: auto)")
    parser.add_argument("--depth", type=float, default=0.8, metavar="number", help="exponent of depth weighting")
    parser.add_argument("--tmin", type=float, default=0.0, metavar="s", help="first analysed time (default: 0)")
    parser.add_argument("--tmax", type=float, metavar="s", help="last analysed time")
    parser.add_argument("--tol", type=float, default=1e-6, metavar="number", help="duality gap (default: 1e-6)")
    parser.add_argument("--iterations", type=int, default=1, metavar="n", help="n_mxne_iter (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="n", help="of MNE's sure (default: 0)")
    given = parser.parse_args(arguments)
    try:
        print(compared(given))
    except (ValueError, OSError) as error:
        print(f"foci.compare: {error}", file=sys.stderr)
        return 1
    return 0


def compared(given: argparse.Namespace) -> str:
    """The comparison as text."""
    import mne
    from mne.inverse_sparse import mixed_norm

    from . import mne as foci_mne

    mne.set_log_level("error")
    index = 0 if given.condition is None else int(given.condition) if given.condition.isdigit() else given.condition
    evoked = mne.read_evokeds(given.evoked, condition=index)
    forward = mne.read_forward_solution(given.forward)
    covariance = mne.read_cov(given.covariance)
    last = evoked.times[-1] if given.tmax is None else given.tmax
    window = evoked.copy().crop(max(given.tmin, evoked.times[0]), last)
    alpha = given.alpha if given.alpha == "sure" else float(given.alpha)
    loose = given.loose if given.loose == "auto" else float(given.loose)
    shared = {"alpha": alpha, "loose": loose, "depth": given.depth, "n_mxne_iter": given.iterations, "tol": given.tol}
    shared["random_state"] = given.seed

    theirs, their_time = _timed(lambda: mixed_norm(window, forward, covariance, **shared))
    same, same_time = _timed(lambda: foci_mne.mixed_norm(window, forward, covariance, **shared))
    own, own_time = _timed(
        lambda: foci_mne.localize(
            evoked, forward, covariance, loose=loose, depth=given.depth, tmin=window.times[0], tmax=window.times[-1]
        )
    )
    estimates = [theirs, same, own.stc]
    times = [their_time, same_time, own_time]
    heads = ["MNE mixed_norm", "foci mixed_norm", "foci localize"]
    rows = [
        ["", *heads],
        ["seconds", *(f"{seconds:.2f}" for seconds in times)],
        ["times as fast", "1", *(f"{their_time / seconds:.1f}" for seconds in times[1:])],
        ["sources", *(str(len(stc.data)) for stc in estimates)],
        ["largest amplitude (nAm)", *(f"{_largest(stc):.4g}" for stc in estimates)],
        ["noise of the average", "one epoch's", "one epoch's", _noise(own)],
        ["λ", *(2 * [f"{given.alpha} %" if alpha != "sure" else "sure on 15 values"]), _choice(own)],
    ]
    places = [_places(stc) for stc in estimates]
    union = sorted(set().union(*places))
    lines = [
        f"{evoked.comment}: {1000 * window.times[0]:.0f} to {1000 * window.times[-1]:.0f} ms, "
        f"loose {given.loose}, depth {given.depth:g}",
        "",
        _table(rows),
        "",
        "peak amplitudes (nAm) by vertex:",
        _table([["vertex", *heads], *([_name(key), *(_cell(place, key) for place in places)] for key in union)]),
        "",
        _verdict(theirs, same),
    ]
    return "\n".join(lines)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        result = call()
        return result, time.perf_counter() - start


def _largest(stc: Any) -> float:
    return 1e9 * float(np.max(np.abs(stc.data), initial=0))


def _vertices(stc: Any) -> list[NDArray[np.int64]]:
    return list(stc.vertices)


def _places(stc: Any) -> dict[tuple[int, int], float]:
    """Largest amplitude, nAm, by number of the source space and vertex."""
    keys = [(space, int(vertex)) for space, vertices in enumerate(_vertices(stc)) for vertex in vertices]
    peaks = 1e9 * np.max(np.abs(stc.data), axis=1, initial=0)
    return dict(zip(keys, peaks.tolist(), strict=True))


def _name(key: tuple[int, int]) -> str:
    return f"{('lh', 'rh')[key[0]] if key[0] < 2 else key[0]} {key[1]}"


def _cell(places: dict[tuple[int, int], float], key: tuple[int, int]) -> str:
    return f"{places[key]:.4g}" if key in places else "–"


def _noise(own: Any) -> str:
    averages = own.summary["averages"]
    return "estimated" if averages is None else f"one epoch's / {averages:g}"


def _choice(own: Any) -> str:
    ratio = own.summary["lambda_ratio"]
    return f"{100 * ratio:.3g} %, {own.summary['criterion']}, refined" if ratio is not None else "one a source"


def _verdict(theirs: Any, same: Any) -> str:
    if not all(np.array_equal(a, b) for a, b in zip(_vertices(theirs), _vertices(same), strict=True)):
        return "mixed_norm: MNE and foci have different active sets; a smaller --tol brings MNE closer to the minimum"
    if len(theirs.data) == 0:
        return "mixed_norm: no source is active in either"
    difference = np.max(np.abs(theirs.data - same.data)) / np.max(np.abs(theirs.data))
    return f"mixed_norm: the same active set, amplitudes equal to {difference:.1e} of the largest"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if k == 0 else cell.rjust(width) for k, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
