"""What `mne.inverse_sparse.mixed_norm` makes of files, for comparison."""

import mne
import numpy as np

mne.set_log_level("ERROR")


def solve(
    forward, recording, covariance, sensors="all", looseness=0.2, depth=0.8, ratio=0.4, rank=None, window=(0.05, 0.15)
):
    """λ_max (fixed orientation, without depth weights), rank and deviation of the whitened baseline; hemisphere, vertex
    and moment (x, y and z, or along the normal) at each time of every active source.

    MNE does not divide the covariance by the number of averages; here that is done.
    """
    forward = mne.read_forward_solution(forward)
    whole = mne.read_evokeds(recording, 0)
    noise = mne.read_cov(covariance)
    noise["data"] = noise["data"] / whole.nave
    if sensors == "meg":
        whole.pick("meg", exclude=())
    evoked = whole.copy().crop(*window)
    stc = mne.inverse_sparse.mixed_norm(
        evoked, forward, noise, alpha=100 * ratio, loose=looseness, depth=depth, maxit=100000, tol=1e-11, debias=False,
        n_mxne_iter=1, pick_ori="vector" if looseness else None, rank=rank)  # fmt: skip
    names = [n for n in evoked.ch_names if n in forward.ch_names and n not in evoked.info["bads"]]
    picked = whole.copy().pick(names)
    whitener, _, found = mne.cov.compute_whitener(noise, picked.info, pca=True, rank=rank, return_rank=True)
    white = whitener @ picked.data
    largest = None
    if not looseness:
        fixed = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)
        gain = whitener @ mne.pick_channels_forward(fixed, names, ordered=True)["sol"]["data"]
        inside = white[:, [whole.times.tolist().index(t) for t in evoked.times]]
        largest = np.linalg.norm(gain.T @ inside, axis=1).max()
    places = [(h, int(v)) for h, vertices in enumerate(stc.vertices) for v in vertices]
    return dict(
        largest=largest, rank=int(found), places=places, moments=[x.ravel().tolist() for x in stc.data],
        deviation=float(np.sqrt(np.mean(white[:, whole.times < -0.5 / whole.info["sfreq"]] ** 2))))  # fmt: skip
