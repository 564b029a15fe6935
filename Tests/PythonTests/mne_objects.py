"""Recordings, forwards and covariances of MNE for tests: real ones, and small ones over a sphere."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest

#: Where to look at the sample: around the response.
WINDOW = (0.05, 0.15)


def program() -> str:
    """The command, which the environment variable FOCI_COMMAND names, else that of the checkout."""
    own = Path(__file__).resolve().parents[2] / ".build" / "release" / "foci"
    found = os.environ.get("FOCI_COMMAND") or (str(own) if own.exists() else shutil.which("foci"))
    if found is None:
        pytest.skip("no program foci: build it, or name it with FOCI_COMMAND")
    return found


def command(*arguments: Any) -> None:
    """Runs the command; AssertionError with what it says where it fails."""
    done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@functools.cache
def _sample(folder: Path) -> tuple[Any, Any, Any]:
    data = folder / "data" / "sample-audvis"
    return (
        mne.read_evokeds(data / "left-auditory-ave.fif", condition=0, verbose="error"),
        mne.read_forward_solution(data / "sample-fwd.fif", verbose="error"),
        mne.read_cov(data / "sample-cov.fif", verbose="error"),
    )


def sample(folder: Path) -> tuple[mne.Evoked, mne.Forward, mne.Covariance]:
    """The sample recording, its forward and its covariance; copies."""
    return tuple(part.copy() for part in _sample(folder))  # type: ignore[return-value]


def _sphere(kind: str) -> tuple[Any, Any, Any]:
    """Electrodes on a sphere with sources of a kind, two of which are active; the noise is white, and known."""
    montage = mne.channels.make_standard_montage("biosemi64")
    names = montage.ch_names
    info = mne.create_info(names, 200.0, "eeg")
    info.set_montage(montage, verbose="error")
    model = mne.make_sphere_model("auto", "auto", info, verbose="error")
    centre = model["r0"]
    generator = np.random.default_rng(1)
    directions = generator.standard_normal((70, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    discrete = mne.setup_volume_source_space(
        pos={"rr": centre + 0.06 * directions, "nn": directions}, sphere_units="m", verbose="error"
    )
    volume = mne.setup_volume_source_space(
        pos=22.0, sphere=(*(1000 * centre), 65.0), sphere_units="mm", verbose="error"
    )
    src = {"volume": volume, "discrete": discrete, "mixed": discrete + volume}[kind]
    forward = mne.make_forward_solution(info, None, src, model, meg=False, verbose="error")
    gain = forward["sol"]["data"]
    times = np.arange(-60, 60) / 200
    # One after the other, in part at once.
    waves = [6e-8 * np.exp(-(((times - peak) / 0.03) ** 2)) for peak in (0.1, 0.16)]
    first, second = active(forward)
    field = np.outer(gain[:, 3 * first], waves[0]) + np.outer(gain[:, 3 * second + 1], waves[1])
    noise = 4e-7 * generator.standard_normal(field.shape)
    evoked = mne.EvokedArray(field + noise, info, tmin=times[0], comment="two dipoles", nave=4, verbose="error")
    evoked.set_eeg_reference(projection=True, verbose="error")
    evoked.apply_proj(verbose="error")
    covariance = mne.Covariance(
        (2 * 4e-7) ** 2 * np.eye(len(names)), names, [], list(evoked.info["projs"]), nfree=5000, verbose="error"
    )
    return evoked, forward, covariance


def active(forward: Any) -> tuple[int, int]:
    """The sources of the dipoles in a sphere: high up on the right and on the left."""
    places = forward["source_rr"]
    return int(np.argmax(places @ [0.6, 0, 0.8])), int(np.argmax(places @ [-0.6, 0.3, 0.74]))


def sphere(kind: str) -> tuple[mne.Evoked, mne.Forward, mne.Covariance]:
    """A recording of two dipoles in a sphere, made anew: MNE's copies share names of projectors."""
    return _sphere(kind)


def written(folder: Path, evoked: Any, forward: Any, covariance: Any) -> tuple[Path, Path, Path]:
    """FIF files of the three, and their paths."""
    paths = folder / "x-ave.fif", folder / "x-fwd.fif", folder / "x-cov.fif"
    if isinstance(evoked, mne.Evoked):
        mne.write_evokeds(paths[0], evoked, overwrite=True, verbose="error")
    else:
        paths = folder / "x-epo.fif", *paths[1:]
        evoked.save(paths[0], overwrite=True, verbose="error")
    mne.write_forward_solution(paths[1], forward, overwrite=True, verbose="error")
    mne.write_cov(paths[2], covariance, overwrite=True, verbose="error")
    return paths


def read(paths: tuple[Path, Path, Path]) -> tuple[Any, Any, Any]:
    """What MNE reads of such files."""
    evoked = (
        mne.read_epochs(paths[0], verbose="error")
        if paths[0].name.endswith("-epo.fif")
        else mne.read_evokeds(paths[0], condition=0, verbose="error")
    )
    return evoked, mne.read_forward_solution(paths[1], verbose="error"), mne.read_cov(paths[2], verbose="error")
