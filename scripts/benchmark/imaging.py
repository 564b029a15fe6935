"""MNE-Python's sparse localizations as its users call them, from recording and forward files.

Its own objects are made of the arrays, so that whitening, depth weighting and the choice of λ are those of its public
functions: depth 0.8, fixed orientation, the covariance by Ledoit and Wolf's shrinkage of the baseline. Sparse methods
ask for no more than positions of sources: a surface without triangles carries them, and sensors have no places.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import mne
import numpy as np
from mne.inverse_sparse import gamma_map, mixed_norm
from mne.io.constants import FIFF


@dataclass(frozen=True)
class Inputs:
    """What a localization takes."""

    evoked: mne.Evoked
    """The window, times from 0 on."""
    forward: mne.Forward
    covariance: mne.Covariance

    @classmethod
    def read(cls, recording: Path, forward: Path) -> Inputs:
        """Read a recording of one kind of sensor and a forward of one orientation; estimate the covariance."""
        with h5py.File(recording) as file:
            data, first = file["data"][:], float(file.attrs["first_time"])
            frequency = float(file.attrs["sampling_frequency"])
            names, kinds = file["sensors/name"].asstr()[:], file["sensors/kind"].asstr()[:]
        info = mne.create_info(list(names), frequency, list(kinds), verbose="error")
        start = round(-first * frequency)
        baseline = mne.EpochsArray(data[None, :, :start], info, verbose="error")
        covariance = mne.compute_covariance(baseline, method="ledoit_wolf", verbose="error")
        evoked = mne.EvokedArray(data[:, start:], info, tmin=0.0, nave=1, verbose="error")
        return cls(evoked, read_forward(forward, info), covariance)


def read_forward(path: Path, info: mne.Info) -> mne.Forward:
    """MNE's forward of a forward file of fixed orientation; normals, which it lacks, all point up."""
    with h5py.File(path) as file:
        gain, positions = file["gain"][:].astype(float), file["sources/position"][:]
    count, fixed, head = gain.shape[1], FIFF.FIFFV_MNE_FIXED_ORI, FIFF.FIFFV_COORD_HEAD
    normals = np.tile([0.0, 0.0, 1.0], (count, 1))
    surface = dict(
        type="surf", id=FIFF.FIFFV_MNE_SURF_LEFT_HEMI, coord_frame=head, np=count, ntri=0, rr=positions, nn=normals,
        tris=np.zeros((0, 3), int), nuse=count, inuse=np.ones(count, int), vertno=np.arange(count), nuse_tri=0,
        use_tris=np.zeros((0, 3), int), nearest=None, nearest_dist=None, pinfo=None, patch_inds=None, dist=None,
        dist_limit=None, subject_his_id="simulated",
    )  # fmt: skip
    solution = dict(data=gain, nrow=len(gain), ncol=count, row_names=info["ch_names"], col_names=[])
    return mne.Forward(
        info=info, sol=solution, sol_grad=None, source_ori=fixed, nsource=count, nchan=len(gain), coord_frame=head,
        source_nn=normals, source_rr=positions, src=mne.SourceSpaces([surface]), surf_ori=True,
        mri_head_t=mne.Transform("mri", "head"), _orig_sol=gain, _orig_source_ori=fixed,
    )  # fmt: skip


def norm(alpha: float | str) -> Callable[[Inputs], list[mne.Dipole]]:
    """The mixed-norm estimate (Gramfort 2012, Strohmeier 2016), ten reweightings; alpha in percent of λ_max or
    'sure'."""

    def locate(inputs: Inputs) -> list[mne.Dipole]:
        return mixed_norm(
            inputs.evoked, inputs.forward, inputs.covariance, alpha=alpha, loose=0.0, depth=0.8, n_mxne_iter=10,
            random_state=0, return_as_dipoles=True, verbose="error",
        )  # fmt: skip

    return locate


def gamma(inputs: Inputs) -> list[mne.Dipole]:
    """Sparse Bayesian learning (Wipf and Nagarajan, 2009); alpha is the variance of whitened noise, so one."""
    return gamma_map(
        inputs.evoked, inputs.forward, inputs.covariance, alpha=1.0, loose=0.0, depth=0.8, return_as_dipoles=True,
        verbose="error",
    )  # fmt: skip


METHODS: dict[str, Callable[[Inputs], list[mne.Dipole]]] = {
    "mixed-norm": norm(50.0),
    "mixed-norm-sure": norm("sure"),
    "gamma-map": gamma,
}
"""What is measured."""


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


def located(method: str, recording: Path, forward: Path, limit: float) -> dict[str, object]:
    """Positions (mm) and largest amplitudes (nAm) of the sources found, and the seconds of the call alone,
    by the clock and busy.

    `stopped` where the call took longer than `limit`, `failure` where MNE raised an error.
    """
    inputs = Inputs.read(recording, forward)
    began, busy = time.perf_counter(), time.process_time()
    try:
        with at_most(limit):
            dipoles = METHODS[method](inputs)
    except Late:
        return {"stopped": True}
    except Exception as error:
        return {"failure": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return {
        "seconds": seconds,
        "busy": busy,
        "positions": [(1e3 * dipole.pos[0]).tolist() for dipole in dipoles],
        "peaks": [1e9 * float(np.abs(dipole.amplitude).max()) for dipole in dipoles],
    }
