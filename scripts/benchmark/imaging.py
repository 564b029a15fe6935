"""Sparse localizations of MNE-Python and invertmeeg as their users call them, from recording and forward files.

Their own objects are made of the arrays, so that whitening, depth weighting and the choice of λ and of the number of
sources are those of their public functions. All get the same noise covariance: Ledoit and Wolf's shrinkage of the
baseline, by MNE's compute_covariance, of the rank that channels and projectors say, since by itself it would keep no
more directions than there are samples. MNE-Python: depth 0.8, orientation as the case says. Sparse methods ask for no
more than positions of sources: a surface without triangles carries them, and sensors have no places.

invertmeeg: settings as they are by default; sources with six nearest neighbours each, since its patches spread along
them. Orientation: fixed and loose cases get gains along the normals, free ones its directions by principal components,
as it would do by itself. Electrodes have no projector, since a rank below the number of sensors ends in an error; the
simulated ones have none of the reference's noise, so that it loses nothing. Each kind of sensor is in units of the root
mean square of its baseline, since beside electrodes in volts its whitening takes all other sensors for empty.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import mne
import numpy as np
from mne.beamformer import rap_music, trap_music
from mne.inverse_sparse import gamma_map, mixed_norm, tf_mixed_norm
from mne.io.constants import FIFF
from scipy.spatial import cKDTree

LOOSE = 0.2
"""Looseness of loose cases."""
NEIGHBOURS = 6
"""Neighbours of a source."""
PEAK = 0.01
"""Distance within which a peak of a dense estimate is the largest, m."""
FAINT = 0.01
"""Fraction of the largest amplitude below which there are no peaks; the bound of a method comes later."""


@dataclass(frozen=True)
class Inputs:
    """What a localization takes."""

    evoked: mne.Evoked
    """The window, times from 0 on."""
    forward: mne.Forward
    covariance: mne.Covariance
    loose: float
    """0 for fixed orientation, 1 for free."""
    sources: int
    """The true number, for methods that must be told."""
    seed: int

    @classmethod
    def read(cls, case: dict[str, object], surface: bool) -> Inputs:
        """Read a recording and its forward, on a surface for MNE-Python or as points for invertmeeg; estimate the
        covariance."""
        with h5py.File(case["recording"]) as file:
            data, first = file["data"][:].astype(float), float(file.attrs["first_time"])
            frequency = float(file.attrs["sampling_frequency"])
            names, kinds = file["sensors/name"].asstr()[:], file["sensors/kind"].asstr()[:]
        info = mne.create_info(list(names), frequency, list(kinds), verbose="error")
        start = round(-first * frequency)
        units = np.ones(len(data))
        if not surface:
            for kind in np.unique(kinds):
                units[kinds == kind] = np.sqrt(np.mean(data[kinds == kind, :start] ** 2))
            data /= units[:, None]
        scalings = None if surface else {kind: 1.0 for kind in ("mag", "grad", "eeg")}
        baseline = mne.EpochsArray(data[None, :, :start], info, verbose="error")
        evoked = mne.EvokedArray(data[:, start:], info, tmin=0.0, nave=1, verbose="error")
        if surface and "eeg" in kinds:
            for recorded in (baseline, evoked):
                recorded.set_eeg_reference(projection=True, verbose="error")
        covariance = mne.compute_covariance(
            baseline, method="ledoit_wolf", rank="info", scalings=scalings, verbose="error"
        )
        loose = {"fixed": 0.0, "loose": LOOSE, "free": 1.0}[case["orientation"]]
        fixed = loose == 0 or (loose < 1 and not surface)
        forward = read_forward(Path(case["forward"]), fixed, surface)
        if not surface:
            forward = mne.Forward(forward | {"sol": forward["sol"] | {"data": forward["sol"]["data"] / units[:, None]}})
        return cls(evoked, forward, covariance, loose, case["sources"], case["seed"])


@cache
def read_forward(path: Path, fixed: bool, surface: bool) -> mne.Forward:
    """MNE's forward of a forward file; normals, where it lacks them, all point up."""
    with h5py.File(path) as file:
        gain, positions = file["gain"][:].astype(float), file["sources/position"][:]
        names, kinds = list(file["sensors/name"].asstr()[:]), list(file["sensors/kind"].asstr()[:])
        given = int(file["gain"].attrs["orientations"])
        normals = file["sources/normal"][:] if given == 3 else np.tile([0.0, 0.0, 1.0], (len(positions), 1))
    if fixed and given == 3:
        gain = np.einsum("njo,jo->nj", gain.reshape(len(gain), -1, 3), normals)
    info = mne.create_info(names, 1.0, kinds, verbose="error")
    count, head = len(positions), FIFF.FIFFV_COORD_HEAD
    space = dict(
        coord_frame=head, np=count, ntri=0, rr=positions, nn=normals, tris=np.zeros((0, 3), int), nuse=count,
        inuse=np.ones(count, int), vertno=np.arange(count), nuse_tri=0, use_tris=np.zeros((0, 3), int), nearest=None,
        nearest_dist=None, pinfo=None, patch_inds=None, dist=None, dist_limit=None, subject_his_id="simulated",
    )  # fmt: skip
    if surface:
        space |= dict(type="surf", id=FIFF.FIFFV_MNE_SURF_LEFT_HEMI)
    else:
        neighbours = cKDTree(positions).query(positions, NEIGHBOURS + 1)[1][:, 1:]
        space |= dict(type="discrete", id=FIFF.FIFFV_MNE_SURF_UNKNOWN, neighbor_vert=neighbours)
    solution = dict(data=gain, nrow=len(gain), ncol=gain.shape[1], row_names=names, col_names=[])
    orientation = FIFF.FIFFV_MNE_FIXED_ORI if fixed else FIFF.FIFFV_MNE_FREE_ORI
    return mne.Forward(
        info=info, sol=solution, sol_grad=None, source_ori=orientation, nsource=count, nchan=len(gain),
        coord_frame=head, source_nn=normals if fixed else np.tile(np.eye(3), (count, 1)), source_rr=positions,
        src=mne.SourceSpaces([space]), surf_ori=fixed, mri_head_t=mne.Transform("mri", "head"),
        _orig_sol=gain.copy(), _orig_source_ori=orientation,
    )  # fmt: skip


Found = tuple[np.ndarray, np.ndarray]
"""Positions (sources × 3, m) and largest amplitudes of sources found."""


def sparse(locate: Callable[[Inputs], list[mne.Dipole]]) -> Callable[[Inputs], Found]:
    """What a method of MNE-Python that returns dipoles found."""

    def found(inputs: Inputs) -> Found:
        dipoles = locate(inputs)
        peaks = np.array([np.abs(dipole.amplitude).max() for dipole in dipoles])
        return np.reshape([dipole.pos[0] for dipole in dipoles], (-1, 3)), peaks

    return found


def norm(alpha: float | str) -> Callable[[Inputs], Found]:
    """The mixed-norm estimate (Gramfort 2012, Strohmeier 2016), ten reweightings; alpha in percent of λ_max or
    'sure'."""
    return sparse(
        lambda inputs: mixed_norm(
            inputs.evoked, inputs.forward, inputs.covariance, alpha=alpha, loose=inputs.loose, depth=0.8,
            n_mxne_iter=10, random_state=0, return_as_dipoles=True, verbose="error",
        )
    )  # fmt: skip


def time_frequency(inputs: Inputs) -> list[mne.Dipole]:
    """The time-frequency mixed-norm estimate (Gramfort 2013, Strohmeier 2015) with the λ, ρ and frame of MNE's own
    example, ten reweightings."""
    return tf_mixed_norm(
        inputs.evoked, inputs.forward, inputs.covariance, alpha=40.0, l1_ratio=0.03, wsize=16, tstep=4,
        loose=inputs.loose, depth=0.8, n_tfmxne_iter=10, return_as_dipoles=True, verbose="error",
    )  # fmt: skip


def gamma(inputs: Inputs) -> list[mne.Dipole]:
    """Sparse Bayesian learning (Wipf and Nagarajan, 2009); alpha is the variance of whitened noise, so one."""
    return gamma_map(
        inputs.evoked, inputs.forward, inputs.covariance, alpha=1.0, loose=inputs.loose, depth=0.8,
        return_as_dipoles=True, verbose="error",
    )  # fmt: skip


def music(function: Callable[..., list[mne.Dipole]]) -> Callable[[Inputs], Found]:
    """A MUSIC of MNE-Python, told the true number of sources."""
    return sparse(
        lambda inputs: function(
            inputs.evoked, inputs.forward, inputs.covariance, n_dipoles=inputs.sources, verbose="error"
        )
    )


def peaks(positions: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Indices of sources of a dense estimate that are the largest within PEAK, the largest first."""
    order = np.argsort(amplitudes)[::-1]
    order = order[amplitudes[order] > FAINT * amplitudes[order[0]]]
    tree = cKDTree(positions)
    return np.array([k for k in order if amplitudes[k] >= amplitudes[tree.query_ball_point(positions[k], PEAK)].max()])


def inverse(solver: str) -> Callable[[Inputs], Found]:
    """A solver of invertmeeg: the sources that it chose by itself, where it did so, else the peaks of its estimate."""

    def found(inputs: Inputs) -> Found:
        from invert import Solver

        np.random.seed(inputs.seed)
        orientation = "pca" if inputs.loose == 1 else "auto"
        model = Solver(solver, orientation=orientation)
        model.make_inverse_operator(inputs.forward, inputs.evoked, alpha="auto", noise_cov=inputs.covariance)
        positions, data = inputs.forward["source_rr"], inputs.evoked.data
        amplitudes = np.abs(model.inverse_operators[0].apply(data)).max(axis=1)
        if hasattr(model, "candidates"):
            chosen = np.unique([source for _, source in model.candidates])
        else:
            chosen = peaks(positions, amplitudes)
        return positions[chosen], amplitudes[chosen]

    return found


METHODS: dict[str, tuple[bool, Callable[[Inputs], Found]]] = {
    "mixed-norm": (True, norm(50.0)),
    "mixed-norm-sure": (True, norm("sure")),
    "tf-mixed-norm": (True, sparse(time_frequency)),
    "gamma-map": (True, sparse(gamma)),
    "rap-music": (True, music(rap_music)),
    "trap-music": (True, music(trap_music)),
    "ssm": (False, inverse("SSM")),
    "altproj": (False, inverse("AltProj")),
    "flex-music": (False, inverse("FLEX-MUSIC")),
    "nl-champagne": (False, inverse("NLChampagne")),
}
"""What is measured, and whether it is MNE-Python's."""


class Late(Exception):
    """A call took longer than it may."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `Late` in what runs longer."""

    def stop(*_: object) -> None:
        raise Late

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def located(method: str, case: dict[str, object], limit: float) -> dict[str, object]:
    """Positions (mm) and largest amplitudes (nAm) of the sources found, and the seconds of the call alone,
    by the clock and busy.

    `stopped` where the call took longer than `limit`, `failure` where it raised an error.
    """
    surface, locate = METHODS[method]
    inputs = Inputs.read(case, surface)
    began, busy = time.perf_counter(), time.process_time()
    try:
        with at_most(limit):
            positions, amplitudes = locate(inputs)
    except Late:
        return {"stopped": True}
    except Exception as error:
        return {"failure": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return {
        "seconds": seconds,
        "busy": busy,
        "positions": (1e3 * positions).tolist(),
        "peaks": (1e9 * amplitudes).tolist(),
    }
