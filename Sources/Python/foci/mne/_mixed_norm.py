"""MNE's mixed norm with this package's solver."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mne
import mne.proj  # not an attribute of mne before it is imported
import numpy as np
from mne.io.constants import FIFF
from numpy.typing import NDArray

from .._arrays import Solution, solve
from .._errors import InvalidInput
from ._convert import Channels
from ._estimates import source_estimate

_logger = logging.getLogger("mne")

#: MNE's defaults of depth weighting for sparse solvers.
_DEPTH = {"exp": 0.8, "limit": None, "limit_depth_chs": "whiten", "combine_xyz": "fro", "allow_fixed_depth": True}
_KINDS = {"surf": "surface", "vol": "volume", "discrete": "discrete"}


def mixed_norm(
    evoked: Any,
    forward: Any,
    noise_cov: Any,
    alpha: float | str = "sure",
    loose: Any = "auto",
    depth: Any = 0.8,
    maxit: int = 3000,
    tol: float = 1e-4,
    active_set_size: int | None = 10,
    debias: bool = True,
    time_pca: bool | int = True,
    weights: Any = None,
    weights_min: float = 0.0,
    solver: str = "auto",
    n_mxne_iter: int = 1,
    return_residual: bool = False,
    return_as_dipoles: bool = False,
    dgap_freq: float = 10,
    rank: Any = None,
    pick_ori: str | None = None,
    sure_alpha_grid: Any = "auto",
    verbose: bool | str | int | None = None,
    *,
    rng: Any = None,
    random_state: Any = None,
) -> Any:
    """Mixed-norm estimate (MxNE) and iterative reweighted MxNE as `mne.inverse_sparse.mixed_norm` gives them, sooner.

    A drop-in: the same arguments, preparation, estimates and returned objects, for MNE's solver this package's, which
    meets its duality gap. Gain and whitener are made by MNE's public functions, so that they are the same numbers.

    Parameters
    ----------
    evoked : Evoked or list of Evoked
        A list is localized jointly, as in MNE: one set of sources for all.
    forward : mne.Forward
    noise_cov : mne.Covariance
        Not divided by the number of averages, as in MNE; :func:`localize` does divide it.
    alpha : float or "sure"
        Percent of the smallest λ at which no source is active, above 0 and below 100. "sure": the one of
        ``sure_alpha_grid`` that minimizes Stein's unbiased risk estimate, by finite differences along one random
        direction (Deledalle et al. 2014) and of debiased amplitudes where ``debias``: MNE's definition, and
        with the same seed MNE's choice. :func:`localize` has exact degrees of freedom instead.
    loose, depth, weights, weights_min, time_pca, rank, pick_ori, n_mxne_iter
        As in MNE.
    debias : bool
        Undo the shrinkage of each source by a factor at least 1 (Gramfort et al. 2012). The factors are those of the
        minimum; MNE's descent ends after 1000 iterations, often far from it, and says so in its log.
    tol : float
        As in MNE: the duality gap over ‖M‖², M the whitened data; at most 1e-12 of ½‖M‖² is
        asked of the solver in any case, so that no source is active that is not at the minimum.
    maxit, active_set_size, solver, dgap_freq
        Of MNE's solver; accepted and without effect.
    return_residual : bool
        Also return what the sources leave of the data.
    return_as_dipoles : bool
        Return lists of `mne.Dipole` instead of source estimates.
    sure_alpha_grid : array or "auto"
        Values of alpha that "sure" chooses from; 15 from 100 to 10, evenly by their logarithms.
    verbose : bool, str, int or None
        Level of MNE's logger.
    rng, random_state : None, int, Generator or RandomState
        Seed of the random direction, as MNE 1.13 (``rng``) and earlier ones (``random_state``) draw it.

    Returns
    -------
    stc : SourceEstimate or its like, list of Dipole, or list of either
        Source time courses for each evoked.
    residual : Evoked or list of Evoked
        Only with ``return_residual``.

    Raises
    ------
    ValueError
        As MNE raises it.
    """
    _check(alpha, n_mxne_iter, dgap_freq, sure_alpha_grid, pick_ori, solver, rng, random_state)
    given: list[mne.Evoked] = list(evoked) if isinstance(evoked, (list, tuple)) else [evoked]
    with mne.use_log_level(verbose):
        prepared = _prepared(given, forward, noise_cov, loose, depth, weights, weights_min, rank)
        if pick_ori == "vector" and prepared.width == 1:
            raise ValueError('pick_ori="vector" cannot be combined with a fixed orientation forward solution.')
        data = prepared.whitener @ np.concatenate([inst.data[prepared.rows] for inst in given], axis=1)
        found = _estimated(
            prepared, data, alpha, time_pca, tol, n_mxne_iter, debias, sure_alpha_grid, rng, random_state
        )
        fit = prepared.gain[:, found.columns] @ found.scaled
        share = 1 - np.sum((data - fit) ** 2) / np.sum(data**2)
        _logger.info("Explained %5.1f%% variance", 100 * share)
        outs, residuals, start = [], [], 0
        for inst in given:
            part = slice(start, start + len(inst.times))
            start = part.stop
            own = found.amplitudes[:, part]
            if return_as_dipoles:
                outs.append(_dipoles(prepared, found, own, data[:, part], inst))
            else:
                outs.append(_stc(prepared, found, own, inst, pick_ori))
            if return_residual:
                residuals.append(_residual(prepared, found, own, inst))
    out = outs if len(outs) > 1 else outs[0]
    if not return_residual:
        return out
    return out, residuals if len(outs) > 1 else residuals[0]


def _check(
    alpha: Any,
    n_mxne_iter: Any,
    dgap_freq: Any,
    grid: Any,
    pick_ori: Any,
    solver: Any,
    rng: Any,
    random_state: Any,
) -> None:
    """What MNE checks of its arguments."""
    if isinstance(alpha, str):
        if alpha != "sure":
            raise ValueError(f"alpha: found {alpha!r}, expected 'sure' or a number in [0, 100)")
    elif not 0 <= alpha < 100:
        raise ValueError(f'If not equal to "sure" alpha must be in [0, 100). Got alpha = {alpha}')
    elif alpha == 0:
        raise InvalidInput("alpha: found 0, expected above 0: without a penalty no source is left out")
    if n_mxne_iter < 1:
        raise ValueError(f"MxNE has to be computed at least 1 time. Requires n_mxne_iter >= 1, got {n_mxne_iter}")
    if dgap_freq <= 0:
        raise ValueError(f"dgap_freq must be a positive integer. Got dgap_freq = {dgap_freq}")
    if not isinstance(grid, (np.ndarray, list)) and not (isinstance(grid, str) and grid == "auto"):
        raise ValueError(f'If not equal to "auto" sure_alpha_grid must be an array. Got {type(grid)}')
    if pick_ori not in (None, "vector"):
        raise ValueError(f"pick_ori: found {pick_ori!r}, expected None or 'vector'")
    if solver not in ("cd", "bcd", "auto"):
        raise ValueError(f"solver: found {solver!r}, expected 'cd', 'bcd' or 'auto'")
    if rng is not None and random_state is not None:
        raise TypeError("Specify only one of rng or random_state")


# ---- Preparation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Prepared:
    """A forward as MNE prepares it for its sparse solvers.

    Attributes
    ----------
    forward : mne.Forward
        In the orientation that was asked for, of the used channels.
    info : mne.Info
        Of the used channels.
    rows : list of int
        The used channels among those of the data.
    whitener : ndarray, shape (rank, n_channels)
    gain : ndarray, shape (rank, n_columns)
        Whitened, times `scale`, Fortran order.
    scale : ndarray, shape (n_columns,)
        What columns were multiplied by.
    kept : ndarray of int, shape (n_columns,)
        Columns of the forward that they are.
    """

    forward: Any
    info: mne.Info
    rows: list[int]
    whitener: NDArray[np.float64]
    gain: NDArray[np.float64]
    scale: NDArray[np.float64]
    kept: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Columns a source."""
        return 1 if mne.forward.is_fixed_orient(self.forward) else 3


def _prepared(
    given: Sequence[mne.Evoked],
    forward: Any,
    noise_cov: Any,
    loose: Any,
    depth: Any,
    weights: Any,
    weights_min: float,
    rank: Any,
) -> _Prepared:
    """Channels, orientation, depth weights and whitening in MNE's order."""
    for inst in given:
        if not isinstance(inst, mne.Evoked):
            raise TypeError(f"evoked must be an instance of Evoked or a list of them, got {type(inst)}")
        if inst.ch_names != given[0].ch_names:
            raise ValueError("All the datasets must have the same good channels.")
    info = given[0].info
    _check_reference(info)
    depth = {**_DEPTH, **(depth if isinstance(depth, Mapping) else {"exp": depth})}
    exponent = None if depth["exp"] is None or float(depth["exp"]) == 0 else float(depth["exp"])
    if exponent is not None and exponent < 0:
        raise ValueError(f"depth exponent should be greater than or equal to 0, got {exponent}")
    looseness = _looseness(forward["src"], loose)
    is_fixed = all(value == 0 for value in looseness.values())
    if is_fixed and "volume" in looseness:
        raise ValueError(
            "Computing inverse solutions for volume source spaces with fixed orientations is not supported."
        )

    if is_fixed:
        if not mne.forward.is_fixed_orient(forward):
            if depth["allow_fixed_depth"]:
                forward = mne.convert_forward_solution(forward, force_fixed=True, use_cps=True)
        elif exponent is not None and not depth["allow_fixed_depth"]:
            raise ValueError(
                "For a fixed orientation with depth weighting, the forward must be free and in surface orientation"
            )
    else:
        if mne.forward.is_fixed_orient(forward):
            raise ValueError("Forward operator has fixed orientation and can only be used with loose=0.")
        if any(value < 1 for value in looseness.values()) and not forward["surf_ori"]:
            forward = mne.convert_forward_solution(forward, surf_ori=True, use_cps=True)

    bad = {*info["bads"], *noise_cov["bads"]}
    there = {*forward["sol"]["row_names"], *noise_cov["names"]}
    there = {name for name in there if name in forward["sol"]["row_names"] and name in noise_cov["names"]}
    names = [name for name in info["ch_names"] if name in there and name not in bad]
    rows = [info["ch_names"].index(name) for name in names]
    picked = mne.pick_info(info, rows)
    forward = mne.pick_channels_forward(forward, names, ordered=True, copy=True)
    _check_compensation(forward["info"], picked)

    prior = None
    if exponent is not None:
        prior = mne.forward.compute_depth_prior(
            forward,
            picked,
            exp=exponent,
            limit=depth["limit"],
            limit_depth_chs=depth["limit_depth_chs"],
            combine_xyz=depth["combine_xyz"],
            noise_cov=noise_cov,
            rank=rank,
        )
    directions = None
    if is_fixed and not mne.forward.is_fixed_orient(forward):
        prior = None if prior is None else prior[2::3]
        forward = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True, use_cps=True, copy=False)
    elif not is_fixed:
        directions = mne.forward.compute_orient_prior(forward, loose=looseness)

    prepared = mne.cov.prepare_noise_cov(noise_cov, info, names, rank)
    whitener, _ = mne.cov.compute_whitener(prepared, info, names, pca=True, rank=rank, verbose=False)
    gain = whitener @ forward["sol"]["data"]
    scale = np.ones(gain.shape[1], dtype=gain.dtype)
    for factor in (prior, directions):
        if factor is not None:
            scale *= factor
    np.sqrt(scale, out=scale)
    gain *= scale
    # The trace of GRG' is made equal to the rank.
    factor = np.sqrt((prepared["eig"] > 0).sum() / np.linalg.norm(gain) ** 2)
    scale *= factor
    gain *= factor
    kept = np.arange(gain.shape[1])
    if weights is not None:
        own = _weights(weights, weights_min, 1 if mne.forward.is_fixed_orient(forward) else 3, gain.shape[1])
        scale *= own
        gain *= own
        kept = np.flatnonzero(own > weights_min / _largest(weights))
    return _Prepared(forward, picked, rows, whitener, np.asfortranarray(gain[:, kept]), scale[kept], kept)


def _check_reference(info: mne.Info) -> None:
    if not len(mne.pick_types(info, meg=False, eeg=True)):
        return
    if info["custom_ref_applied"]:
        raise ValueError("Custom EEG reference is not allowed for inverse modeling.")
    if not any(projector["kind"] == FIFF.FIFFV_PROJ_ITEM_EEG_AVREF for projector in info["projs"]):
        raise ValueError(
            "EEG average reference (using a projector) is mandatory for modeling, use the method "
            "set_eeg_reference(projection=True)"
        )


def _check_compensation(model: mne.Info, data: mne.Info) -> None:
    own = [{*Channels.of(info, "channels").compensations} for info in (model, data)]
    if own[0] != own[1]:
        found = [" and ".join(sorted(grades)) for grades in own]
        raise ValueError(f"Compensation grade of data ({found[1]}) and forward ({found[0]}) don't match")


def _looseness(src: Any, loose: Any) -> dict[str, float]:
    """How sources of each kind of source space may point."""
    kinds = {_KINDS[space["type"]] for space in src}
    if isinstance(loose, str):
        if loose != "auto":
            raise ValueError(f"loose: found {loose!r}, expected 'auto', a number or a dict")
        loose = 0.2 if src.kind == "surface" else 1.0
    values = dict(loose) if isinstance(loose, Mapping) else {kind: float(loose) for kind in kinds}
    if set(values) != kinds:
        raise ValueError(
            f"loose, if dict, must have keys {sorted(kinds)} to match the source space, got {sorted(values)}"
        )
    for kind, value in values.items():
        if kind == "volume" and value != 1:
            raise ValueError(f'loose parameter has to be 1 or "auto" for volume source spaces, got {value}')
        if not 0 <= value <= 1:
            raise ValueError(f"loose ({kind}) must be between 0 and 1, got {value}")
    return values


def _of_sources(weights: Any) -> NDArray[np.float64]:
    """Weights a source."""
    data = getattr(weights, "data", None)
    if data is not None and not isinstance(weights, np.ndarray):
        return np.asarray(np.max(np.abs(np.asarray(data)), axis=1), np.float64)
    return np.asarray(weights, np.float64)


def _largest(weights: Any) -> float:
    return float(np.max(_of_sources(weights)))


def _weights(weights: Any, weights_min: float, width: int, count: int) -> NDArray[np.float64]:
    """Weights a column, the largest 1."""
    own, largest = _of_sources(weights), _largest(weights)
    if weights_min > largest:
        raise ValueError(f"weights_min > weights_max ({weights_min} > {largest})")
    columns: NDArray[np.float64] = np.repeat(own / largest, width)
    if len(columns) != count:
        raise ValueError(f"weights do not have the correct dimension  ({len(columns)} != {count})")
    return columns


# ---- Solving -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """Active columns of the prepared gain.

    Attributes
    ----------
    columns : ndarray of int, shape (n_active,)
        Among those of the prepared gain, ascending, whole sources.
    scaled : ndarray, shape (n_active, n_times)
        Coefficients of these columns.
    amplitudes : ndarray, shape (n_active, n_times)
        A·m.
    index : ndarray of int, shape (n_active / width,)
        The sources in the forward.
    """

    columns: NDArray[np.int64]
    scaled: NDArray[np.float64]
    amplitudes: NDArray[np.float64]
    index: NDArray[np.int64]


def _estimated(
    prepared: _Prepared,
    data: NDArray[np.float64],
    alpha: Any,
    time_pca: Any,
    tol: float,
    n_mxne_iter: int,
    debias: bool,
    grid: Any,
    rng: Any,
    random_state: Any,
) -> _Found:
    basis = None
    response = data
    if time_pca:
        left, values, basis = np.linalg.svd(data, full_matrices=False)
        if not isinstance(time_pca, bool):
            left, values, basis = left[:, :time_pca], values[:time_pca], basis[:time_pca]
        response = left * values
    width, gain = prepared.width, prepared.gain
    norms = np.sqrt(np.sum((gain.T @ response).reshape(len(gain.T) // width, -1) ** 2, axis=1))
    unit = float(np.max(norms)) / 100
    problem = _Reweighted(gain, response, width, unit, tol, n_mxne_iter, debias)
    if isinstance(alpha, str):
        chosen = np.geomspace(100, 10, num=15) if isinstance(grid, str) else np.asarray(grid, np.float64)
        columns, scaled = _by_risk(problem, chosen, rng, random_state)
    else:
        columns, scaled = problem.solved(float(alpha))
    if len(columns) == 0:
        warnings.warn("No active dipoles found. alpha is too big.", RuntimeWarning, stacklevel=3)
    if basis is not None:
        scaled = scaled @ basis
    return _Found(columns, scaled, scaled * prepared.scale[columns, None], np.unique(prepared.kept[columns] // width))


@dataclass(frozen=True)
class _Reweighted:
    """½‖M − GX‖² + λ Σ √‖X_j‖ by rounds, each on the sources that the one before left (Strohmeier et al. 2016)."""

    gain: NDArray[np.float64]
    response: NDArray[np.float64]
    width: int
    unit: float
    tol: float
    rounds: int
    debias: bool

    def with_response(self, response: NDArray[np.float64]) -> _Reweighted:
        return _Reweighted(self.gain, response, self.width, self.unit, self.tol, self.rounds, self.debias)

    def solved(self, alpha: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Active columns, ascending, and their coefficients, at alpha percent."""
        # MNE divides the gain by a hundredth of λ_max, and reweighting depends on that scale.
        weights = None
        before: Solution | None = None
        for round_ in range(self.rounds):
            is_last = round_ == self.rounds - 1
            found = self._solve(alpha, weights, debias=self.debias and is_last)
            if is_last or len(found.columns) == 0:
                break
            if before is not None and np.array_equal(before.columns, found.columns):
                change = np.max(np.abs(found.coef - before.coef)) * self.unit
                if change < self.tol * np.sum(self.response**2):
                    if self.debias:
                        found = self._solve(alpha, weights, debias=True)
                    break
            before = found
            norms = self.unit * np.sqrt(np.sum(found.coef.reshape(len(found.blocks), -1) ** 2, axis=1))
            weights = np.full(self.gain.shape[1] // self.width, np.inf)
            weights[found.blocks] = 1 / (2 * np.sqrt(norms))
        return found.columns, found.coef

    def _solve(self, alpha: float, weights: NDArray[np.float64] | None, *, debias: bool) -> Solution:
        return solve(
            self.gain,
            self.response,
            lambda_=alpha * self.unit,
            groups=self.width,
            weights=weights,
            debias=debias,
            tol=min(2 * self.tol, 1e-12),
        )


def _by_risk(
    problem: _Reweighted, grid: NDArray[np.float64], rng: Any, random_state: Any
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The solution of the smallest unbiased risk by finite differences (Deledalle et al. 2014), at unit noise."""
    response, gain = problem.response, problem.gain
    step = 2 / response.shape[0] ** 0.3
    direction = _generator(rng, random_state).standard_normal(response.shape)
    shifted = problem.with_response(response + step * direction)
    best, least, choice = None, np.inf, grid[0]
    for alpha in grid:
        columns, coef = problem.solved(float(alpha))
        other, moved = shifted.solved(float(alpha))
        fit = gain[:, columns] @ coef
        freedom = np.sum((gain[:, other] @ moved - fit) * direction) / step
        risk = np.sum((response - fit) ** 2) - response.size + 2 * freedom
        if best is None or risk < least:
            best, least, choice = (columns, coef), risk, alpha
    _logger.info("Selected alpha: %s", choice)
    if best is None:
        raise ValueError("sure_alpha_grid is empty")
    return best


def _generator(rng: Any, random_state: Any) -> Any:
    """The generator that MNE takes."""
    if random_state is None:
        return rng if isinstance(rng, np.random.RandomState) else np.random.default_rng(rng)
    if isinstance(random_state, (np.random.RandomState, np.random.Generator)):
        return random_state
    return np.random.RandomState(random_state)


# ---- Results -------------------------------------------------------------------------------------------------------


def _stc(prepared: _Prepared, found: _Found, amplitudes: NDArray[np.float64], inst: mne.Evoked, pick_ori: Any) -> Any:
    forward, src = prepared.forward, prepared.forward["src"]
    data = amplitudes
    if prepared.width == 3:
        parts = amplitudes.reshape(-1, 3, amplitudes.shape[1])
        data = np.sqrt(np.sum(parts**2, axis=1))
        if pick_ori == "vector":
            axes = forward["source_nn"].reshape(-1, 3, 3)[found.index]
            data = axes.transpose(0, 2, 1) @ parts
    left, right = int(FIFF.FIFFV_MNE_SURF_LEFT_HEMI), int(FIFF.FIFFV_MNE_SURF_RIGHT_HEMI)
    sides = [{left: 0, right: 1}.get(int(space["id"]), -1) for space in src]
    return source_estimate(
        src.kind,
        [space["vertno"] for space in src],
        sides,
        found.index,
        data,
        tmin=float(inst.times[0]),
        tstep=float(1 / inst.info["sfreq"]),
        subject=src[0]["subject_his_id"],
    )


def _dipoles(
    prepared: _Prepared,
    found: _Found,
    amplitudes: NDArray[np.float64],
    data: NDArray[np.float64],
    inst: mne.Evoked,
) -> list[mne.Dipole]:
    forward, width = prepared.forward, prepared.width
    count = len(found.index)
    times = inst.times[0] + np.arange(amplitudes.shape[1]) / inst.info["sfreq"]
    gain = prepared.gain[:, found.columns] / prepared.scale[found.columns]
    fits = _shared_fit(data, amplitudes, gain).reshape(count, width, -1).sum(axis=1)
    dipoles = []
    for k, source in enumerate(found.index):
        own = amplitudes[k * width : (k + 1) * width]
        if width == 1:
            amplitude = own[0]
            directions = np.tile(forward["source_nn"][source], (len(times), 1))
        else:
            if forward["surf_ori"]:
                own = forward["source_nn"][3 * source : 3 * source + 3].T @ own
            amplitude = np.linalg.norm(own, axis=0)
            directions = (own / np.where(amplitude > 0, amplitude, 1)).T
        place = np.tile(forward["source_rr"][source], (len(times), 1))
        dipoles.append(mne.Dipole(times, place, amplitude, directions, fits[k]))
    return dipoles


def _shared_fit(
    data: NDArray[np.float64], amplitudes: NDArray[np.float64], gain: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much each column explains of the power at each time, in percent, as MNE parts it.

    Along orthonormal directions that span the fields, what is explained is given to the columns in proportion to how
    much of the direction each of them has.

    Returns
    -------
    parts : ndarray, shape (n_columns, n_times)
    """
    power = np.sum(data**2, axis=0)
    if gain.shape[1] == 0:
        return np.zeros(amplitudes.shape)
    basis, values, _ = np.linalg.svd(gain, full_matrices=False)
    basis = basis[:, values >= values[0] * 1e-6]
    fields = (basis.T @ gain)[:, :, None] * amplitudes  # directions × columns × times
    norms = np.linalg.norm(fields, axis=1, keepdims=True)
    fields /= np.where(norms > 0, norms, 1)
    explained = np.linalg.norm((basis.T @ data)[:, None] * fields, axis=0) ** 2
    left = np.linalg.norm((basis.T @ (data - gain @ amplitudes))[:, None] * fields, axis=0) ** 2
    parts: NDArray[np.float64] = 100 * (explained - left) / np.where(power > 0, power, np.inf)
    return parts


def _residual(prepared: _Prepared, found: _Found, amplitudes: NDArray[np.float64], inst: mne.Evoked) -> mne.Evoked:
    """What is left of the data; projectors that are applied to them are applied to the fit as well."""
    names = prepared.info["ch_names"]
    residual = inst.copy().pick(names)
    rows = [prepared.forward["sol"]["row_names"].index(name) for name in names]
    fit = prepared.forward["sol"]["data"][np.ix_(rows, prepared.kept[found.columns])] @ amplitudes
    applied = [projector for projector in inst.info["projs"] if projector["active"]]
    if applied:
        matrix, *_ = mne.proj.make_projector(applied, names, include_active=True)
        fit = matrix @ fit
    residual.data -= fit
    return residual
