"""`foci.mne.dynamics`: who drives whom among sources, equal to the command."""

# ruff: noqa: E402 (what is not installed skips the file before it is used)
from __future__ import annotations

import json
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

mne = pytest.importorskip("mne")

from mne_objects import active, program, read, sphere, written

import foci
import foci.mne

pytestmark = pytest.mark.filterwarnings("ignore::foci.FociWarning")


def epochs_of(evoked: Any, forward: Any) -> Any:
    """Epochs of the two dipoles of a sphere, of which the first drives the second."""
    generator = np.random.default_rng(2)
    first, second = active(forward)
    gain = forward["sol"]["data"]
    state, courses = np.zeros((24, 2)), []
    for _ in range(150):
        state = 0.6 * state + generator.standard_normal((24, 2)) + np.outer(state[:, 0], [0, 0.6])
        courses.append(6e-8 * state)
    courses = np.stack(courses[30:], axis=2)
    fields = gain[:, [3 * first, 3 * second + 1]]
    data = fields @ courses + 8e-7 * generator.standard_normal((24, len(fields), 120))
    epochs = mne.EpochsArray(data, evoked.info, tmin=evoked.times[0], baseline=None, verbose="error")
    epochs.apply_proj(verbose="error")
    return epochs


def drives(result: foci.dynamics.DynamicsResult, localization: Any, forward: Any) -> tuple[bool, bool]:
    """Whether what was found nearest to the first dipole drives that nearest to the second, and the other way."""
    truth = forward["source_rr"][list(active(forward))]
    distance = np.linalg.norm(truth[:, None] - localization.positions, axis=2)
    a, b = (result.names.index(f"source {k + 1}") for k in np.argmin(distance, axis=1))
    return bool(result.selected[b, a]), bool(result.selected[a, b])


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> tuple[Path, tuple[Path, Path, Path], Path]:
    """A folder, the recording of two dipoles, and their epochs, as MNE writes them."""
    folder = tmp_path_factory.mktemp("dynamics")
    evoked, forward, covariance = sphere("discrete")
    paths = written(folder, evoked, forward, covariance)
    epochs_of(evoked, forward).save(folder / "y-epo.fif", verbose="error")
    return folder, paths, folder / "y-epo.fif"


def test_first_drives_second_as_the_command_says(files: Any) -> None:
    folder, paths, path = files
    evoked, forward, covariance = read(paths)
    epochs = mne.read_epochs(path, verbose="error")
    found = foci.mne.localize(evoked, forward, covariance)
    assert len(found.sources) > 1
    result = foci.mne.dynamics(found, epochs, forward, covariance)
    assert drives(result, found, forward) == (True, False)
    assert result.report["epochs"] == 24
    assert result.report["samples"] == 24 * 120
    assert "from above" in result.figure("connections")

    inputs = ["--forward", paths[1], "--covariance", paths[2], "--quiet"]
    for arguments in (
        ["localize", "--recording", paths[0], *inputs, "--output", folder / "result"],
        ["dynamics", folder / "result", "--recording", path, *inputs, "--json", "--output", folder / "drives"],
    ):
        done = subprocess.run([program(), *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    assert {**result.report, "seconds": 0, "connections": 0, "forecast": 0} == {
        **expected,
        "seconds": 0,
        "connections": 0,
        "forecast": 0,
    }
    # Rounding, in which two builds may differ, is all that may differ.
    for ours, theirs in zip(result.report["connections"], expected["connections"], strict=True):
        assert (ours["from"], ours["to"], ours["selected"]) == (theirs["from"], theirs["to"], theirs["selected"])
        np.testing.assert_allclose(ours["influence"], theirs["influence"], rtol=1e-6, atol=1e-9)
    result.save(folder / "ours")
    ours, theirs = ({path.name for path in (folder / name).iterdir()} for name in ("ours", "drives"))
    assert ours == theirs
    assert "two dipoles" in (folder / "ours" / "dynamics.html").read_text()


def test_window_and_options(files: Any) -> None:
    _, paths, path = files
    evoked, forward, covariance = read(paths)
    epochs = mne.read_epochs(path, verbose="error")
    found = foci.mne.localize(evoked, forward, covariance)
    result = foci.mne.dynamics(
        found, epochs, forward, covariance, tmin=-0.1, tmax=0.195, model="plain", order=2, random_state=3, resamples=4
    )
    assert result.report["samples"] == 24 * 60
    assert (result.order, result.report["seed"], result.report["resamples"]) == (2, 3, 4)
    # Without an end all that follows; without a covariance noise is what was before time 0, and epochs begin there.
    for options, noise, samples in (({"tmax": 0}, covariance, 61), ({}, None, 60), ({"tmax": 0.1}, None, 21)):
        result = foci.mne.dynamics(found, epochs, forward, noise, resamples=0, held_out=0, **options)
        assert result.report["samples"] == 24 * samples


def test_refusals(files: Any) -> None:
    _, paths, path = files
    evoked, forward, covariance = read(paths)
    epochs = mne.read_epochs(path, verbose="error")
    found = foci.mne.localize(evoked, forward, covariance)
    # All sources follow one event in an average.
    with pytest.raises(foci.InvalidInput, match="recording: one average of many trials.*force"):
        foci.mne.dynamics(found, evoked, forward, covariance)
    forced = foci.mne.dynamics(found, evoked, forward, covariance, force=True, resamples=0)
    assert forced.report["epochs"] == 1
    moved = forward.copy()
    for space in moved["src"]:
        space["rr"] = space["rr"] + 0.001
    for arguments, options, part in [
        ((None, epochs, forward, covariance), {}, "localization: found NoneType"),
        ((pickle.loads(pickle.dumps(found)), epochs, forward, covariance), {}, "localization: found one .*pickled"),
        ((found, epochs.get_data(), forward, covariance), {}, "epochs: found ndarray"),
        ((found, epochs, None, covariance), {}, "forward: found NoneType"),
        ((found, epochs, moved, covariance), {}, "forward: no candidate where source 1"),
        ((found, epochs, forward, evoked), {}, "noise_cov: found Evoked"),
        ((found, epochs, forward, covariance), {"tmin": 0.2, "tmax": 0.1}, "tmin and tmax"),
        ((found, epochs, forward, covariance), {"colour": "red"}, "'colour': no option of dynamics"),
        ((found, epochs, forward, covariance), {"held_out": 2}, "held-out: 2"),
    ]:
        with pytest.raises(foci.InvalidInput, match=part) as raised:
            foci.mne.dynamics(*arguments, **options)
        assert "\n" not in str(raised.value)
    nothing = foci.mne.localize(evoked, forward, covariance, alpha=100)
    with pytest.raises(foci.InvalidInput, match="estimate: no source"):
        foci.mne.dynamics(nothing, epochs, forward, covariance)
