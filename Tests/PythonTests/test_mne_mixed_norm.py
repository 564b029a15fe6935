"""`foci.mne.mixed_norm` and `localize` against MNE's solver, from objects to amplitudes."""

# ruff: noqa: E402 (what is not installed skips the file before it is used)
from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import lsq_linear

mne = pytest.importorskip("mne")

from mne.inverse_sparse import mixed_norm
from mne_objects import sample, sphere

import foci
import foci.mne

pytestmark = [
    pytest.mark.filterwarnings("ignore::foci.FociWarning"),
    pytest.mark.filterwarnings("ignore:.*Did NOT converge.*"),
]

_TOLERANCE = 1e-4
_SETTINGS = [
    (loose, sensors, depth) for loose in (0, 0.2, 1) for sensors in ("meg", "eeg", "all") for depth in (None, 0.8)
]


def picked(folder: Path, sensors: str, first: float = 0.08, last: float = 0.12) -> tuple[Any, Any, Any]:
    evoked, forward, covariance = sample(folder)
    evoked = evoked.crop(first, last)
    if sensors != "all":
        evoked = evoked.pick(sensors)
    return evoked, forward, covariance


def moments(estimate: Any) -> dict[tuple[int, int], Any]:
    keys = [(space, int(vertex)) for space, part in enumerate(estimate.vertices) for vertex in part]
    return dict(zip(keys, estimate.data, strict=True))


def expect_same(own: Any, theirs: Any, tolerance: float = _TOLERANCE) -> None:
    assert type(own) is type(theirs)
    assert all(np.array_equal(a, b) for a, b in zip(own.vertices, theirs.vertices, strict=True))
    np.testing.assert_allclose(own.times, theirs.times, atol=1e-12)
    assert own.subject == theirs.subject
    assert np.max(np.abs(own.data - theirs.data)) <= tolerance * np.max(np.abs(theirs.data))


@pytest.mark.parametrize(("loose", "sensors", "depth"), _SETTINGS)
def test_as_mne(shared: Path, loose: float, sensors: str, depth: float | None) -> None:
    evoked, forward, covariance = picked(shared, sensors)
    settings: dict[str, Any] = {"alpha": 60, "loose": loose, "depth": depth, "debias": False}
    if loose > 0:
        settings["pick_ori"] = "vector"
    theirs, left = mixed_norm(
        evoked, forward, covariance, tol=1e-10, maxit=20000, return_residual=True, verbose="error", **settings
    )
    assert len(theirs.data) >= 1
    own, own_left = foci.mne.mixed_norm(evoked, forward, covariance, return_residual=True, verbose="error", **settings)
    expect_same(own, theirs)
    assert own_left.ch_names == left.ch_names
    assert np.max(np.abs(own_left.data - left.data)) <= _TOLERANCE * np.max(np.abs(left.data))

    # The library's own preparation: with fixed orientation it weights depth by all three columns of a source.
    if loose == 0 and depth is not None:
        return
    found = foci.mne.localize(
        evoked,
        forward,
        covariance,
        alpha=60,
        loose=loose,
        depth=depth,
        weights="shared",
        debias=False,
        nave=1,
        baseline=None,
        tol=1e-10,
        tmin=evoked.times[0],
    )
    expect_same(found.stc if loose == 0 else found.vector_stc, theirs)


def test_debiased_to_the_minimum(shared: Path) -> None:
    """Factors of at least 1 that leave the least: by bounded least squares of the fields of each source."""
    evoked, forward, covariance = picked(shared, "all")
    settings = {"alpha": 50, "loose": 0.2, "verbose": "error"}
    shrunken = mixed_norm(
        evoked, forward, covariance, debias=False, tol=1e-10, maxit=20000, pick_ori="vector", **settings
    )
    own = foci.mne.mixed_norm(evoked, forward, covariance, pick_ori="vector", **settings)
    found = moments(shrunken)
    assert moments(own).keys() == found.keys() and len(found) >= 3

    # Whitened fields of the shrunken moments.
    names = evoked.ch_names
    whitener, _ = mne.cov.compute_whitener(covariance, evoked.info, names, pca=True, verbose="error")
    rows = [forward["sol"]["row_names"].index(name) for name in names]
    gain = whitener @ forward["sol"]["data"][rows]
    ends = np.cumsum([0, *(len(space["vertno"]) for space in forward["src"])])
    fields = []
    for (space, vertex), moment in found.items():
        source = ends[space] + int(np.searchsorted(forward["src"][space]["vertno"], vertex))
        fields.append((gain[:, 3 * source : 3 * source + 3] @ moment).ravel())
    fit = lsq_linear(np.array(fields).T, (whitener @ evoked.data).ravel(), bounds=(1, np.inf), tol=1e-14)
    expected = shrunken.data * fit.x[:, None, None]
    assert np.max(np.abs(own.data - expected)) <= _TOLERANCE * np.max(np.abs(expected))


def test_debiased_as_mne_where_mne_converges() -> None:
    evoked, forward, covariance = sphere("discrete")
    settings = {"alpha": 30, "loose": 1, "verbose": "error"}
    theirs = mixed_norm(evoked, forward, covariance, tol=1e-10, maxit=20000, **settings)
    # MNE's descent ends at changes of 1e-6 of a factor, of which there are many before the minimum.
    expect_same(foci.mne.mixed_norm(evoked, forward, covariance, **settings), theirs, tolerance=1e-3)


@pytest.mark.parametrize("loose", [0, 0.2])
def test_reweighted_as_mne(shared: Path, loose: float) -> None:
    evoked, forward, covariance = picked(shared, "all")
    settings = {"alpha": 50, "loose": loose, "n_mxne_iter": 4, "debias": False, "tol": 1e-10, "verbose": "error"}
    theirs = mixed_norm(evoked, forward, covariance, maxit=20000, **settings)
    expect_same(foci.mne.mixed_norm(evoked, forward, covariance, **settings), theirs)


def seeds() -> list[dict[str, Any]]:
    known = inspect.signature(mixed_norm).parameters
    return [{"random_state": 3}, *([{"rng": 3}] if "rng" in known else [])]


@pytest.mark.parametrize("seed", seeds())
@pytest.mark.parametrize("kind", ["volume", "discrete", "mixed"])
def test_sure_of_the_same_direction_is_mnes_choice(kind: str, seed: dict[str, Any]) -> None:
    evoked, forward, covariance = sphere(kind)
    evoked.crop(0.1, 0.14)
    settings: dict[str, Any] = {"alpha": "sure", "loose": 1, "depth": 0.8, "debias": False, **seed}
    theirs = mixed_norm(evoked, forward, covariance, tol=1e-9, maxit=20000, verbose="error", **settings)
    expect_same(foci.mne.mixed_norm(evoked, forward, covariance, verbose="error", **settings), theirs)


@pytest.mark.parametrize("loose", [0, 1])
def test_dipoles_and_lists(shared: Path, loose: float) -> None:
    evoked, forward, covariance = picked(shared, "meg")
    parts = [evoked.copy().crop(0.08, 0.099), evoked.copy().crop(0.1, 0.12)]
    settings = {"alpha": 60, "loose": loose, "debias": False, "return_as_dipoles": True, "verbose": "error"}
    theirs = mixed_norm(parts, forward, covariance, tol=1e-10, maxit=20000, **settings)
    own = foci.mne.mixed_norm(parts, forward, covariance, **settings)
    assert len(own) == len(theirs) == 2
    for some, others in zip(own, theirs, strict=True):
        assert len(some) == len(others) >= 1
        for dipole, other in zip(some, others, strict=True):
            np.testing.assert_array_equal(dipole.pos, other.pos)
            largest = np.max(np.abs(other.amplitude))
            np.testing.assert_allclose(dipole.amplitude, other.amplitude, atol=_TOLERANCE * largest)
            strong = np.abs(other.amplitude) > 0.1 * largest
            np.testing.assert_allclose(dipole.ori[strong], other.ori[strong], atol=1e-2)
            np.testing.assert_allclose(dipole.gof, other.gof, atol=1e-2)


def test_weights_and_fewer_components(shared: Path) -> None:
    evoked, forward, covariance = picked(shared, "meg")
    weights = np.random.default_rng(0).uniform(0.1, 1, forward["nsource"])
    settings = {
        **{"alpha": 60, "loose": 0.2, "debias": False, "weights": weights, "weights_min": 0.3, "time_pca": 3},
        **{"depth": {"exp": 0.5, "limit": 10.0, "limit_depth_chs": True}, "rank": "info", "verbose": "error"},
    }
    theirs = mixed_norm(evoked, forward, covariance, tol=1e-10, maxit=20000, **settings)
    expect_same(foci.mne.mixed_norm(evoked, forward, covariance, **settings), theirs)


def test_signature_is_mnes() -> None:
    """Every argument of MNE's, by name, and by place as far as MNE's versions agree."""
    own, theirs = (list(inspect.signature(function).parameters) for function in (foci.mne.mixed_norm, mixed_norm))
    assert set(theirs) <= set(own)
    common = theirs.index("sure_alpha_grid") + 1
    assert own[:common] == theirs[:common]
    defaults = inspect.signature(mixed_norm).parameters
    for name, parameter in inspect.signature(foci.mne.mixed_norm).parameters.items():
        if name in defaults:
            assert parameter.default == defaults[name].default


@pytest.mark.parametrize(
    "settings",
    [{"alpha": 100}, {"alpha": "best"}, {"n_mxne_iter": 0}, {"pick_ori": "normal"}, {"loose": 2}, {"dgap_freq": 0}],
)
def test_refuses_what_mne_refuses(settings: dict[str, Any]) -> None:
    for function in (mixed_norm, foci.mne.mixed_norm):
        with pytest.raises(ValueError):
            function(*sphere("discrete"), verbose="error", **settings)


def test_no_source_warns_as_mne() -> None:
    evoked, forward, covariance = sphere("discrete")
    with pytest.warns(RuntimeWarning, match="No active dipoles found"):
        found = foci.mne.mixed_norm(evoked, forward, covariance, alpha=99.99999999, loose=1, verbose="error")
    assert len(found.data) == 0
