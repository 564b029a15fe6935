"""`foci.mne.localize`: equal to the command, true to MNE's objects."""

# ruff: noqa: E402 (what is not installed skips the file before it is used)
from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

mne = pytest.importorskip("mne")
h5py = pytest.importorskip("h5py")

from mne_objects import WINDOW, active, command, read, sample, sphere, written

import foci
import foci.mne

pytestmark = pytest.mark.filterwarnings("ignore::foci.FociWarning")


def same_as_command(
    found: foci.mne.Localization, paths: Any, folder: Path, *options: Any, tolerance: float = 1e-12
) -> None:
    """Expects what the command finds in these files, to a part of the largest.

    Rounding, in which two builds may differ, moves an iterative solution within its duality gap: what is of such
    solutions is equal to the gap alone.
    """
    output = folder / "result"
    command(
        *("localize", "--recording", paths[0], "--forward", paths[1], "--covariance", paths[2]),
        *("--output", output, "--force", "--quiet", *options),
    )
    with h5py.File(output / "estimate.h5") as file:
        sources = file["sources"]
        assert np.array_equal(found.sources["index"], sources["index"][()])
        assert np.array_equal(found.sources["vertex"], sources["vertex"][()])
        pairs = [
            (found.times, file["times"][()]),
            (found.positions, sources["position"][()]),
            (found.amplitudes, sources["amplitudes"][()]),
            (found.axes, sources["axes"][()]),
            (found.measured.data, file["sensors/measured"][()]),
            (found.explained.data, file["sensors/explained"][()]),
            *(
                (found.selection[own], file[f"selection/{theirs}"][()])
                for own, theirs in (("lambda", "lambda"), ("criterion", "criterion"), ("active", "active_count"))
            ),
        ]
        for own, theirs in pairs:
            own = own.reshape(theirs.shape)
            known = np.isfinite(theirs)
            assert np.array_equal(np.isfinite(own), known)
            assert np.max(np.abs(own - theirs)[known], initial=0) <= tolerance * np.max(
                np.abs(theirs)[known], initial=0
            )
    table = (output / "sources.tsv").read_text()
    if tolerance <= 1e-12:
        assert found.tsv("sources") == table
    header, *lines = [line.split("\t") for line in table.splitlines()]
    assert list(found.sources.dtype.names) == header
    for name, cells in zip(header, zip(*lines, strict=True), strict=False):
        own = found.sources[name]
        if own.dtype.kind == "U":
            assert own.tolist() == list(cells)
        elif own.dtype.kind == "f":
            rounded = np.array([np.nan if cell == "n/a" else float(cell) for cell in cells])
            # Six digits, positions to a micrometre.
            np.testing.assert_allclose(
                own, rounded, rtol=1e-5, atol=6e-4 if name in ("x_mm", "y_mm", "z_mm") else 1e-12
            )


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, []),
        (
            {"loose": 0, "sensors": "meg", "alpha": 30, "tol": 1e-10},
            "--orientation fixed --sensors meg --lambda 0.3 --gap 1e-10".split(),
        ),
        (
            {"loose": 1, "depth": None, "sensors": "eeg", "nave": 5.5, "alpha": "gcv", "search": "brent"},
            "--orientation free --depth 0 --sensors eeg --averages 5.5 --criterion gcv --search brent".split(),
        ),
        (
            {
                "rank": {"meg": 290, "eeg": 50},
                "stability": 3,
                "random_state": 4,
                "baseline": (None, 0),
                "gain_error": 0.1,
            },
            "--rank meg:290,eeg:50 --stability 3 --seed 4 --baseline -0.19979522 0 --gain-error 0.1".split(),
        ),
        (
            {"alpha": 40, "n_mxne_iter": 1, "debias": False, "tol": 1e-9, "penalty": "elastic-net", "ridge": 0.3},
            "--lambda 0.4 --reweight 0 --no-debias --gap 1e-9 --penalty elastic-net --ridge 0.3".split(),
        ),
        (
            # The command transforms the longer windows by FFTW.
            {"method": "tf", "windows": "20ms+60ms", "rho": 0.2, "alpha": 40, "weights": "shared", "tol": 1e-12},
            "--method tf --windows 20ms+60ms --rho 0.2 --lambda 0.4 --weights shared --gap 1e-12".split(),
        ),
    ],
)
def test_command_on_sample(shared: Path, tmp_path: Path, settings: Any, options: Any) -> None:
    data = shared / "data" / "sample-audvis"
    paths = data / "left-auditory-ave.fif", data / "sample-fwd.fif", data / "sample-cov.fif"
    found = foci.mne.localize(*sample(shared), tmin=WINDOW[0], tmax=WINDOW[1], **settings)
    assert len(found.sources) > 0
    tolerance = 1e-8 if "tol" in settings else 1e-12
    same_as_command(found, paths, tmp_path, "--window", *WINDOW, *options, tolerance=tolerance)


def test_time_frequency() -> None:
    evoked, forward, covariance = sphere("discrete")
    found = foci.mne.localize(evoked, forward, covariance, method="tf", weights="reweighted", windows="80ms,40ms+160ms")
    assert len(found.sources) > 0
    assert {f"{note}" for note in found.selection["notes"]} > {"ρ 0.30, windows 80 ms", "ρ 0.30, windows 40 + 160 ms"}
    energy = sum(np.sum(np.abs(window.coefficients) ** 2) for window in found.time_frequency)
    for window in found.time_frequency:
        shape = len(found.sources), found.amplitudes.shape[1], len(window.frequencies), len(window.times)
        assert window.coefficients.shape == shape
        assert window.frequencies[-1] == evoked.info["sfreq"] / 2
        # Sources come and go.
        assert np.mean(window.coefficients == 0) > 0.5
    # A tight frame: coefficients hold as much energy as what they make, or more where they are not the smallest.
    assert energy >= np.sum(found.amplitudes**2) * (1 - 1e-9)
    assert "<svg" in found.svg("spectrograms")
    assert found.summary["time_frequency"]["lengths"] in ([16], [8, 32])
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.time_frequency[0].coefficients, found.time_frequency[0].coefficients)


def test_command_on_averages_without_covariance(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "erp-core-p3"
    recording, model = folder / "sub-015_task-P3_ave.fif", folder / "template-fwd.fif"
    evoked = mne.read_evokeds(recording, condition=0, verbose="error")
    forward = mne.read_forward_solution(model, verbose="error")
    # From time 0 on is the default of both.
    found = foci.mne.localize(evoked, forward, tmax=0.4, alpha=50)
    output = tmp_path / "result"
    command(
        *("localize", "--recording", recording, "--forward", model, "--condition", 0, "--window", 0, 0.4),
        *("--lambda", 0.5, "--output", output, "--quiet"),
    )
    with h5py.File(output / "estimate.h5") as file:
        theirs = file["sources/amplitudes"][()]
        assert np.array_equal(found.sources["index"], file["sources/index"][()])
        assert np.max(np.abs(found.amplitudes - theirs)) <= 1e-12 * np.max(np.abs(theirs))


@pytest.mark.parametrize("kind", ["volume", "discrete", "mixed"])
def test_command_and_estimates_of_other_spaces(tmp_path: Path, kind: str) -> None:
    paths = written(tmp_path, *sphere(kind))
    evoked, forward, covariance = read(paths)
    found = foci.mne.localize(evoked, forward, covariance, alpha="sure")
    same_as_command(found, paths, tmp_path)
    # Both dipoles are found where they are, or beside.
    truth = forward["source_rr"][list(active(forward))]
    distance = np.linalg.norm(truth[:, None] - found.positions, axis=2)
    assert np.all(distance.min(axis=1) < 0.02)
    estimates(found, forward, tmp_path)


def test_estimates_of_a_surface(shared: Path, tmp_path: Path) -> None:
    evoked, forward, covariance = sample(shared)
    for loose in (0, 0.2):
        found = foci.mne.localize(evoked, forward, covariance, loose=loose, tmin=0.05, tmax=0.15)
        estimates(found, forward, tmp_path)


def estimates(found: foci.mne.Localization, forward: Any, folder: Path) -> None:
    """Expects MNE's objects to hold what the result does, also after they were written and read."""
    vertices = np.concatenate([space["vertno"] for space in forward["src"]])
    spaces = np.repeat(np.arange(len(forward["src"])), [space["nuse"] for space in forward["src"]])
    index = found.sources["index"]
    surface = forward["src"].kind == "surface"
    for name, estimate, data in (("x", found.stc, found.magnitudes), ("v", found.vector_stc, found.moments)):
        listed = [(space, int(vertex)) for space, part in enumerate(estimate.vertices) for vertex in part]
        assert listed == sorted(listed)
        row = {key: k for k, key in enumerate(listed)}
        assert len(row) == len(index)
        for k, source in enumerate(index):
            np.testing.assert_array_equal(estimate.data[row[int(spaces[source]), int(vertices[source])]], data[k])
        np.testing.assert_allclose(estimate.times, found.times, atol=1e-9)
        path = folder / f"{name}-stc.h5"
        estimate.save(path, ftype="h5", overwrite=True, verbose="error")
        read_back = mne.read_source_estimate(path)
        assert type(read_back) is type(estimate)
        np.testing.assert_array_equal(read_back.data, estimate.data)
        assert all(np.array_equal(a, b) for a, b in zip(read_back.vertices, estimate.vertices, strict=True))
    if surface:
        found.stc.save(folder / "pair", overwrite=True, verbose="error")
        np.testing.assert_allclose(mne.read_source_estimate(folder / "pair").data, found.stc.data, rtol=1e-6)
    dipoles = found.dipoles
    for dipole, position, moment in zip(dipoles, found.positions, found.moments, strict=True):
        np.testing.assert_allclose(dipole.pos, np.tile(position, (len(found.times), 1)))
        np.testing.assert_allclose(dipole.amplitude * dipole.ori.T, moment, atol=1e-20)
    # Residual and explained are the data, and explained is the projected field of the moments.
    np.testing.assert_allclose(found.residual.data + found.explained.data, found.measured.data, atol=1e-20)
    names = found.measured.ch_names
    rows = [forward["sol"]["row_names"].index(name) for name in names]
    gain = forward["sol"]["data"][rows].astype(float).reshape(len(rows), -1, 3)[:, index]
    on_grid = np.allclose(found.positions, forward["source_rr"][index], atol=1e-9)
    if on_grid and not np.any(found.sources["extent_mm"] > 0):
        field = np.einsum("csx,sxt->ct", gain, found.moments)
        projector, *_ = mne.proj.make_projector(found.measured.info["projs"], names, include_active=True)
        difference = np.max(np.abs(projector @ field - found.explained.data))
        assert difference <= 1e-6 * np.max(np.abs(found.explained.data))


def test_explained_field_of_points(shared: Path, tmp_path: Path) -> None:
    evoked, forward, covariance = sample(shared)
    found = foci.mne.localize(evoked, forward, covariance, alpha=40, tmin=0.05, tmax=0.15)
    assert np.all(np.isnan(found.sources["extent_mm"])) and found.refinement is None
    estimates(found, forward, tmp_path)


def test_converted_forwards_are_the_same_and_untouched(shared: Path) -> None:
    evoked, forward, covariance = sample(shared)
    settings = {"tmin": 0.05, "tmax": 0.15, "alpha": 40}
    expected = foci.mne.localize(evoked, forward, covariance, **settings)
    surface = mne.convert_forward_solution(forward, surf_ori=True, verbose="error")
    fixed = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True, verbose="error")
    before = surface["sol"]["data"].copy(), surface["source_nn"].copy(), evoked.data.copy(), covariance["data"].copy()
    found = foci.mne.localize(evoked, surface, covariance, **settings)
    after = surface["sol"]["data"], surface["source_nn"], evoked.data, covariance["data"]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(found.amplitudes, expected.amplitudes)
    # Fixed where the caller made it so, loose where it is asked for.
    assert foci.mne.localize(evoked, fixed, covariance, **settings).settings["orientation"] == "fixed"
    loose = foci.mne.localize(evoked, fixed, covariance, loose=0.2, **settings)
    assert np.array_equal(loose.amplitudes, expected.amplitudes)


@pytest.mark.parametrize("order", ["C", "F"])
def test_gain_of_doubles_in_any_order(shared: Path, order: str) -> None:
    evoked, forward, covariance = sample(shared)
    settings = {"tmin": 0.05, "tmax": 0.15, "alpha": 40}
    expected = foci.mne.localize(evoked, forward, covariance, **settings)
    forward["sol"]["data"] = np.array(forward["sol"]["data"], float, order=order)  # type: ignore[call-overload]
    assert np.array_equal(foci.mne.localize(evoked, forward, covariance, **settings).amplitudes, expected.amplitudes)


def test_bad_channels_count_wherever_they_are_marked(shared: Path) -> None:
    evoked, forward, covariance = sample(shared)
    evoked.info["bads"], covariance["bads"] = ["MEG 0113"], ["EEG 010"]
    forward["info"]["bads"] = ["MEG 2443"]
    found = foci.mne.localize(evoked, forward, covariance, alpha=60, tmin=0.05, tmax=0.15)
    left = set(evoked.ch_names) - set(found.measured.ch_names)
    assert left == {"MEG 0113", "EEG 010", "MEG 2443"}


def test_projectors_that_are_not_applied_are(shared: Path) -> None:
    evoked, forward, covariance = sphere("discrete")
    info = mne.create_info(evoked.ch_names, evoked.info["sfreq"], "eeg")
    raw = mne.EvokedArray(evoked.data + 3e-6, info, tmin=evoked.times[0], nave=4, verbose="error")
    raw.set_montage(evoked.get_montage(), verbose="error")
    raw.set_eeg_reference(projection=True, verbose="error")
    assert not raw.info["projs"][0]["active"]
    # The offset is subtracted before it would be projected out: not here.
    applied, waiting = (foci.mne.localize(inst, forward, covariance, alpha=40, baseline=None) for inst in (evoked, raw))
    np.testing.assert_allclose(waiting.amplitudes, applied.amplitudes, rtol=1e-6, atol=1e-15)
    assert waiting.residual.info["projs"][0]["active"]
    np.testing.assert_allclose(waiting.measured.data.mean(axis=0), 0, atol=1e-18)


def test_noise_is_divided_by_averages() -> None:
    evoked, forward, covariance = sphere("discrete")
    one = covariance.copy()
    one["data"] = covariance["data"] / 4
    by_number = foci.mne.localize(evoked, forward, covariance, nave=4)
    by_hand = foci.mne.localize(evoked, forward, one, nave=1)
    unknown = evoked.copy()
    unknown.nave = 4
    assert by_number.summary["averages"] == 4
    np.testing.assert_allclose(by_number.amplitudes, by_hand.amplitudes, rtol=1e-6)
    np.testing.assert_allclose(foci.mne.localize(unknown, forward, covariance).amplitudes, by_number.amplitudes)


def epochs(count: int = 8) -> tuple[Any, Any, Any]:
    evoked, forward, covariance = sphere("discrete")
    generator = np.random.default_rng(2)
    noise = 8e-7 * generator.standard_normal((count, *evoked.data.shape))
    events = np.column_stack([np.arange(count) * 1000, np.zeros(count, int), np.ones(count, int)])
    data = evoked.data + noise
    made = mne.EpochsArray(
        data, mne.create_info(evoked.ch_names, 200.0, "eeg"), events, evoked.times[0], {"dipoles": 1}, verbose="error"
    )
    made.set_montage(evoked.get_montage(), verbose="error")
    made.set_eeg_reference(projection=True, verbose="error")
    return made, forward, covariance


def test_epochs(tmp_path: Path) -> None:
    paths = written(tmp_path, *epochs())
    given, forward, covariance = read(paths)
    found = foci.mne.localize(given, forward, covariance, alpha="kfold-epochs", stability=3, stability_by="epochs")
    assert found.summary["averages"] == 8
    assert found.condition == "dipoles"
    assert found.stability is not None and found.stability["by"] == "epochs"
    assert "found_fraction" in found.sources.dtype.names
    same_as_command(
        *(found, paths, tmp_path, "--criterion", "kfold-epochs", "--stability", 3, "--stability-by", "epochs"),
        tolerance=1e-6,
    )


def test_list_is_each_for_itself(shared: Path) -> None:
    evoked, forward, covariance = sample(shared)
    other = evoked.copy()
    other.data = evoked.data[:, ::-1].copy()
    other.nave, other.comment = 7, "backwards"
    settings = {"tmin": 0.05, "tmax": 0.15, "alpha": 40}
    found = foci.mne.localize([evoked, other], forward, covariance, **settings)
    assert [result.condition for result in found] == ["Left Auditory", "backwards"]
    for result, inst in zip(found, (evoked, other), strict=True):
        alone = foci.mne.localize(inst, forward, covariance, **settings)
        assert np.array_equal(result.amplitudes, alone.amplitudes)


def test_window_by_default_begins_at_zero() -> None:
    evoked, forward, covariance = sphere("discrete")
    whole, up_to, since = (
        foci.mne.localize(evoked, forward, covariance, alpha=50, **window)
        for window in ({}, {"tmax": 0.1}, {"tmin": -0.1})
    )
    np.testing.assert_allclose(whole.times[[0, -1]], [0, evoked.times[-1]], atol=1e-9)
    np.testing.assert_allclose(up_to.times[[0, -1]], [0, 0.1], atol=1e-9)
    np.testing.assert_allclose(since.times[[0, -1]], [-0.1, evoked.times[-1]], atol=1e-9)


def test_nothing_found() -> None:
    evoked, forward, covariance = sphere("mixed")
    found = foci.mne.localize(evoked, forward, covariance, alpha=100)
    assert len(found.sources) == 0 and found.dipoles == []
    assert found.stc.data.shape == (0, len(found.times)) and found.vector_stc.data.shape[0] == 0
    assert "no source" in repr(found)
    np.testing.assert_array_equal(found.residual.data, found.measured.data)


def test_warnings_are_python_warnings_of_the_caller() -> None:
    evoked, forward, _ = sphere("discrete")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = foci.mne.localize(evoked, forward)
    told = [warning for warning in caught if issubclass(warning.category, foci.FociWarning)]
    assert [str(warning.message) for warning in told] == found.warnings and found.warnings
    assert all(warning.filename == __file__ for warning in told)


def test_pickle_holds_everything() -> None:
    evoked, forward, covariance = sphere("discrete")
    found = foci.mne.localize(evoked, forward, covariance)
    copy = pickle.loads(pickle.dumps(found))
    assert repr(copy) == repr(found)
    assert np.array_equal(copy.stc.data, found.stc.data)
    assert copy.svg("sources") == found.svg("sources") and copy.tsv("regions") == found.tsv("regions")
    assert copy.summary == found.summary


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"alpha": 0}, "alpha: found 0"),
        ({"alpha": "best"}, "alpha"),
        ({"loose": 2}, "loose: found 2"),
        ({"loose": {"surface": 0.2}}, "loose: found values for surface"),
        ({"loose": {"discrete": 0.2}}, "discrete sources"),
        ({"loose": 0}, "loose"),
        ({"depth": "deep"}, "depth"),
        ({"depth": 3}, "depth"),
        ({"rank": 0.5}, "rank"),
        ({"noise_source": "epochs"}, "noise_source: epochs, but the recording holds one average"),
        ({"noise_source": "silence"}, "noise_source"),
        ({"sensors": "meg"}, "sensors"),
        ({"tmin": 0.2, "tmax": 0.1}, "tmin and tmax"),
        ({"tmin": 5}, "tmin and tmax"),
        ({"tmin": np.nan}, "tmin and tmax"),
        ({"baseline": (0,)}, "baseline"),
        ({"n_mxne_iter": 0}, "n_mxne_iter"),
        ({"stability_by": "epochs", "stability": 3}, "stability_by"),
        ({"gain_error": 2}, "gain_error"),
        ({"weights": "heavy"}, "weights"),
        ({"threads": 0}, "threads"),
        ({"nave": -1}, "nave"),
    ],
)
def test_bad_settings(settings: Any, text: str) -> None:
    with pytest.raises(foci.InvalidInput, match=text):
        foci.mne.localize(*sphere("discrete"), **settings)


def test_bad_objects() -> None:
    evoked, forward, covariance = sphere("discrete")
    with pytest.raises(foci.InvalidInput, match="evoked: found ndarray"):
        foci.mne.localize(evoked.data, forward, covariance)  # type: ignore[call-overload]
    with pytest.raises(foci.InvalidInput, match="forward: found dict"):
        foci.mne.localize(evoked, {}, covariance)
    with pytest.raises(foci.InvalidInput, match="noise_cov: found ndarray"):
        foci.mne.localize(evoked, forward, covariance["data"])
    renamed = evoked.copy().rename_channels({name: f"x{name}" for name in evoked.ch_names})
    with pytest.raises(foci.InvalidInput, match="none of which the recording has"):
        foci.mne.localize(renamed, forward, covariance)
    spoilt = evoked.copy()
    spoilt.data[3, -4] = np.nan
    with pytest.raises(foci.InvalidInput, match="nan|NaN"):
        foci.mne.localize(spoilt, forward, covariance)


def test_names_that_are_alike() -> None:
    evoked, forward, covariance = sphere("discrete")
    expected = foci.mne.localize(evoked, forward, covariance, alpha=50)
    renamed = evoked.copy().rename_channels({name: f"EEG {name.upper()}-Ref" for name in evoked.ch_names})
    found = foci.mne.localize(renamed, forward, covariance, alpha=50, match_names="loose")
    np.testing.assert_allclose(found.amplitudes, expected.amplitudes, rtol=1e-9)
