"""Localization from arrays, on the recording that comes with the project: the same as the command's."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import foci

h5py = pytest.importorskip("h5py")
DATA = Path(__file__).parents[2] / "data"
COMMAND = os.environ.get("FOCI_COMMAND") or str(Path(__file__).parents[2] / ".build" / "release" / "foci")


def _channels(file):
    sensors = file["sensors"]
    names, kinds = ([text.decode() for text in sensors[name][:]] for name in ("name", "kind"))
    bad, locations = np.asarray(sensors["bad"][:], np.int64), sensors["location"][:]
    return {"names": names, "kinds": kinds, "bad": bad, "locations": locations}


@pytest.fixture(scope="module")
def world():
    """Forward, recording and covariance of the embedded sample."""
    with h5py.File(DATA / "forward.h5") as file:
        sources = file["sources"]
        forward = {
            **_channels(file),
            "gain": file["gain"][:].astype(float),
            "orientations": int(file["gain"].attrs["orientations"]),
            "positions": sources["position"][:],
            "frame": sources.attrs["frame"],
        }
        for name, ours in (("normal", "normals"), ("hemisphere", "hemispheres"), ("vertex", "vertices")):
            if name in sources:
                forward[ours] = sources[name][:]
    with h5py.File(DATA / "recording.h5") as file:
        recording = {
            **_channels(file),
            "data": file["data"][:],
            "sampling_frequency": float(file.attrs["sampling_frequency"]),
            "first_time": float(file.attrs["first_time"]),
            "averages": float(file.attrs["averages"]),
            "is_projected": int(file.attrs["projected"]),
            "condition": file.attrs["condition"],
        }
        if len(file["projectors"]):
            recording["projectors"] = file["projectors"][:]
    with h5py.File(DATA / "covariance.h5") as file:
        covariance = {**_channels(file), "matrix": file["covariance"][:], "samples": int(file.attrs["samples"])}
        if len(file["projectors"]):
            covariance["projectors"] = file["projectors"][:]
    for given in (forward, recording):
        for name in ("frame", "condition"):
            if isinstance(given.get(name), bytes):
                given[name] = given[name].decode()
    return forward, recording, covariance


@pytest.mark.filterwarnings("ignore::foci.FociWarning")
@pytest.mark.parametrize(
    "options", [{}, {"lambda_": 0.3, "reweight": 0}, {"orientation": "free", "weights": "reweighted"}]
)
def test_the_command_finds_the_same(world, options, tmp_path):
    if not os.access(COMMAND, os.X_OK):
        pytest.skip("the command is not built (FOCI_COMMAND)")
    found = foci.localize(*world, window=(0.05, 0.15), **options)
    arguments = [
        COMMAND,
        "localize",
        "--json",
        "--quiet",
        "--output",
        str(tmp_path / "out"),
        "--window",
        "0.05",
        "0.15",
    ]
    for name in ("forward", "recording", "covariance"):
        arguments += [f"--{name}", str(DATA / f"{name}.h5")]
    for name, value in options.items():
        arguments += ["--" + name.strip("_"), str(value)]
    summary = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    assert len(found.sources) == len(summary["sources"]) > 0
    with h5py.File(tmp_path / "out" / "estimate.h5") as file:
        amplitudes = file["sources/amplitudes"][:]
    ours = found.amplitudes.reshape(amplitudes.shape)
    assert np.max(np.abs(ours - amplitudes)) <= 1e-12 * np.max(np.abs(amplitudes))
    for source, theirs in zip(found.sources, summary["sources"], strict=True):
        assert source["index"] == theirs["index"]
        assert source["share_percent"] == pytest.approx(100 * theirs["share"], rel=1e-12)
    assert found.warnings == summary["warnings"]
    assert [check["finding"] for check in found.checks] == [check["finding"] for check in summary["checks"]]


@pytest.mark.filterwarnings("ignore::foci.FociWarning")
def test_what_is_given_is_neither_changed_nor_copied(world):
    forward, recording, covariance = world
    before = forward["gain"].copy()
    forward = {**forward, "gain": np.asfortranarray(forward["gain"])}
    rows = foci.localize(*world, window=(0.05, 0.15), weights="shared")
    columns = foci.localize(forward, recording, covariance, window=(0.05, 0.15), weights="shared")
    assert np.array_equal(before, world[0]["gain"])
    assert np.array_equal(rows.sources["index"], columns.sources["index"])
    assert np.allclose(rows.amplitudes, columns.amplitudes, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"gain": np.ones((3, 3))}, "gain: 3 rows"),
        ({"kinds": ["meg"] * 60}, "mag, grad or eeg"),
        ({"orientations": 2}, "2 orientations"),
        ({"colour": "red"}, "colour"),
        ({"positions": None}, "positions: nothing"),
    ],
)
def test_bad_forwards_are_told(world, change, text):
    forward, recording, covariance = world
    if "kinds" in change:
        change = {"kinds": ["meg"] * len(forward["names"])}
    with pytest.raises(foci.InvalidInput, match=f"forward: .*{text}"):
        foci.localize({**forward, **change}, recording, covariance)


@pytest.mark.filterwarnings("ignore::foci.FociWarning")
def test_figures_page_and_table(world, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    pytest.importorskip("pystache")
    found = foci.localize(*world, window=(0.05, 0.15))
    assert found.tsv("sources").splitlines()[0].startswith("rank\tindex")
    page = found.report(tmp_path / "page.html")
    assert page.startswith("<!DOCTYPE html>") and "{{" not in page.split("<script")[0]
    found.plot(show=False).savefig(tmp_path / "sources.png")
    found.plot_selection(show=False).savefig(tmp_path / "selection.png")
    assert (tmp_path / "sources.png").stat().st_size > 10_000
    assert f"{len(found.sources)} source" in repr(found)
