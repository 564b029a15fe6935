"""What the library is given of MNE's objects: what the command reads of the same objects in FIF files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

mne = pytest.importorskip("mne")
h5py = pytest.importorskip("h5py")

from foci import InvalidInput
from foci.mne import _convert
from mne_objects import command, read, sample, sphere, written


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handles are the values that they are made of."""
    for name in ("Forward", "Recording", "Covariance"):
        monkeypatch.setattr(_convert, name, lambda **values: values)


def texts(dataset: Any) -> list[str]:
    return [text.decode() for text in dataset[()]]


def same_channels(values: dict[str, Any], file: Any, located: bool = True) -> None:
    assert values["names"] == texts(file["sensors/name"])
    assert values["kinds"] == texts(file["sensors/kind"])
    assert values["bad"].tolist() == file["sensors/bad"][()].tolist()
    if located:
        assert np.array_equal(values["locations"], file["sensors/location"][()], equal_nan=True)
        assert values["compensations"] == texts(file["sensors/compensation"])


def compare(paths: tuple[Path, Path, Path], folder: Path, *options: Any) -> None:
    evoked, forward, covariance = read(paths)
    files = []
    for what, path in zip(("recording", "forward", "covariance"), paths, strict=True):
        output = folder / f"{what}.h5"
        more = ["--channels", paths[0]] if what == "covariance" else []
        command("convert", path, output, "--what", what, "--force", *more)
        files.append(h5py.File(output))
    with files[0] as recorded, files[1] as modelled, files[2] as noise:
        measured = _convert.measured(evoked)
        values: Any = measured.handle
        same_channels(values, recorded)
        data = recorded["data"][()]
        assert np.array_equal(np.moveaxis(values["data"], 2, 0) if values["data"].ndim == 3 else values["data"], data)
        assert values["sampling_frequency"] == recorded.attrs["sampling_frequency"]
        assert values["first_time"] == recorded.attrs["first_time"]
        if values["projectors"] is None:
            assert len(recorded["projectors"]) == 0
        else:
            assert np.array_equal(values["projectors"], recorded["projectors"][()])
        assert bool(values["is_projected"]) == bool(recorded.attrs["projected"])

        values = _convert.modelled(forward).handle
        same_channels(values, modelled)
        assert np.array_equal(values["gain"], modelled["gain"][()])
        assert np.array_equal(values["positions"], modelled["sources/position"][()])
        assert np.array_equal(values["hemispheres"], modelled["sources/hemisphere"][()])
        assert np.array_equal(values["vertices"], modelled["sources/vertex"][()])
        if values["normals"] is None:
            assert "normal" not in modelled["sources"]
        else:
            lengths = np.linalg.norm(values["normals"], axis=1, keepdims=True)
            own = values["normals"] / np.where(lengths > 0, lengths, 1)
            np.testing.assert_allclose(own, modelled["sources/normal"][()], atol=1e-14)
        if values["triangles"] is not None:
            assert np.array_equal(values["triangles"], modelled["sources/triangles"][()])

        values = _convert.noise(covariance, measured.channels, "exact")
        same_channels(values, noise, located=False)
        matrix = values["matrix"] if values["matrix"].ndim == 2 else np.diag(values["matrix"])
        assert np.array_equal(matrix, noise["covariance"][()])
        assert values["samples"] == noise.attrs["samples"]
        if values["projectors"] is not None:
            assert np.array_equal(values["projectors"], noise["projectors"][()])


@pytest.mark.usefixtures("given")
def test_sample(shared: Path, tmp_path: Path) -> None:
    data = shared / "data" / "sample-audvis"
    compare((data / "left-auditory-ave.fif", data / "sample-fwd.fif", data / "sample-cov.fif"), tmp_path)


@pytest.mark.usefixtures("given")
def test_bad_channels_and_a_diagonal(shared: Path, tmp_path: Path) -> None:
    evoked, forward, covariance = sample(shared)
    evoked.info["bads"] = ["MEG 0113", "EEG 010"]
    forward = mne.pick_channels_forward(forward, evoked.ch_names[5:], ordered=True)
    forward["info"]["bads"] = ["MEG 2443"]
    covariance = mne.pick_channels_cov(covariance, evoked.ch_names[:350], ordered=True)
    diagonal = covariance.as_diag()
    diagonal["bads"] = ["MEG 0121"]
    compare(written(tmp_path, evoked, forward, diagonal), tmp_path)


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("kind", ["volume", "discrete", "mixed"])
def test_other_source_spaces(tmp_path: Path, kind: str) -> None:
    compare(written(tmp_path, *sphere(kind)), tmp_path)


@pytest.mark.usefixtures("given")
def test_patches_and_triangles_of_a_template(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "erp-core-p3"
    forward = mne.read_forward_solution(folder / "template-fwd.fif", verbose="error")
    command("convert", folder / "template-fwd.fif", tmp_path / "forward.h5", "--what", "forward")
    values: Any = _convert.modelled(forward).handle
    with h5py.File(tmp_path / "forward.h5") as file:
        own = values["normals"] / np.linalg.norm(values["normals"], axis=1, keepdims=True)
        np.testing.assert_allclose(own, file["sources/normal"][()], atol=1e-14)
        assert np.array_equal(values["triangles"], file["sources/triangles"][()])


def expansion(**values: Any) -> Any:
    return {"max_info": {"sss_info": values}}


@pytest.mark.parametrize(
    ("history", "rank"),
    [
        ([], None),
        ([{}], None),
        ([expansion()], None),
        ([expansion(), expansion(in_order=8, components=np.r_[np.ones(60), np.zeros(35)])], 60),
        ([expansion(in_order=8, nfree=71)], 71),
        ([expansion(in_order=3)], 15),
    ],
)
def test_maxwell_rank(history: Any, rank: int | None) -> None:
    assert _convert._maxwell_rank({"proc_history": history}) == rank  # type: ignore[arg-type]


def test_maxwell_rank_that_makes_no_sense() -> None:
    with pytest.raises(InvalidInput, match="order 50"):
        _convert._maxwell_rank({"proc_history": [expansion(in_order=50)]})  # type: ignore[arg-type]


@pytest.mark.usefixtures("given")
def test_what_is_unknown() -> None:
    evoked, *_ = sphere("discrete")
    evoked.nave = 0
    values: Any = _convert.measured(evoked).handle
    assert values["averages"] is None
    evoked.nave = 2.5
    values = _convert.measured(evoked).handle
    assert values["averages"] == 2.5
