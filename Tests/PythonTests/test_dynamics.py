"""Who drives whom: arrays, tables and MNE's objects, what the command finds, and what is refused."""

from __future__ import annotations

import builtins
import json
import os
import subprocess

import numpy as np
import pytest

import foci
from foci import _library, dynamics

pytestmark = pytest.mark.filterwarnings("ignore::foci.FociWarning")
NAMES = ["d", "c", "b", "a"]
needs_command = pytest.mark.skipif(not os.environ.get("FOCI_COMMAND"), reason="FOCI_COMMAND names no program")


def simulated(count=10, samples=200, seed=1):
    """Epochs of four variables: noise remembered for some samples, a → b and b → c, d alone; the last first."""
    generator = np.random.default_rng(seed)
    state = np.zeros((count, 4))
    epochs = []
    for _ in range(samples + 50):
        old = state
        state = 0.7 * old + generator.standard_normal((count, 4))
        state[:, 1] += 0.5 * old[:, 0]
        state[:, 2] -= 0.5 * old[:, 1]
        epochs.append(state[:, ::-1])
    return np.stack(epochs[50:], axis=2)


def frame_of(epochs):
    """A table of epochs, as a mapping; times are whole parts of a power of two."""
    times = np.concatenate([np.arange(epoch.shape[1]) / 256 for epoch in epochs])
    labels = np.repeat(np.arange(len(epochs)), [epoch.shape[1] for epoch in epochs])
    rows = dict(zip(NAMES, np.concatenate(list(epochs), axis=1), strict=True))
    return {"time": times, "epoch": labels, **rows}


def claimed(result):
    return sorted((result.names[j], result.names[i]) for i, j in zip(*np.nonzero(result.selected), strict=True))


def without_seconds(report):
    return {name: value for name, value in report.items() if name != "seconds"}


def same(first, second):
    return without_seconds(first.report) == without_seconds(second.report)


def test_what_drives_what_is_found():
    epochs = simulated()
    result = dynamics.fit(epochs, sfreq=256, names=NAMES)
    assert claimed(result) == [("a", "b"), ("b", "c")]
    assert result.names == NAMES
    assert result.order == 1
    away = ~np.eye(4, dtype=bool)
    for matrix in (result.influence, result.pvalues, result.fdr, result.frequency):
        assert matrix.shape == (4, 4)
        assert np.array_equal(np.isfinite(matrix), away)
    # a → b: what the past of a explains of b beyond its own. It is the stronger, the longer a remembers.
    assert result.influence[2, 3] > 0.2 > 0.05 > result.influence[3, 2]
    assert np.all(result.fdr[away] >= result.pvalues[away])
    assert np.all(result.confirmed[result.selected] == 1)
    assert np.all(result.frequency[result.selected] == 1)
    # Of each source all targets together 1, squared (partial directed coherence).
    assert result.spectrum.shape == (4, 4, len(result.frequencies))
    np.testing.assert_allclose(np.sum(result.spectrum**2, axis=0), 1)
    assert result.frequencies[0] == 0
    assert result.frequencies[-1] < 128
    # One step ahead the noise remains, 4 of 19.3.
    assert result.forecast["samples"][0] == 1
    assert abs(result.forecast["explained"][0] - 0.79) < 0.1
    assert "2 of 12 possible connections" in str(result)
    assert "a → b" in result._repr_html_()
    assert f"{len(result.warnings)} warnings" in result._repr_html_()


def test_arrays_lists_and_tables_are_one():
    epochs = simulated()
    table = frame_of(epochs)
    result = dynamics.fit(epochs, interval=1 / 256, names=NAMES)
    assert same(result, dynamics.fit(list(epochs), sfreq=256, names=NAMES))
    assert same(result, dynamics.fit(table))
    assert same(result, dynamics.fit(epochs, sfreq=256, names=NAMES, threads=1))
    assert not same(result, dynamics.fit(epochs, sfreq=256, names=NAMES, random_state=1, resamples=30))
    single = dynamics.fit(epochs[0], sfreq=256)
    assert single.names == [f"variable {k}" for k in range(1, 5)]
    assert single.report["epochs"] == 1
    # Epochs of texts, of unequal lengths.
    uneven = [epoch[:, : 90 + 10 * k] for k, epoch in enumerate(epochs)]
    table = frame_of(uneven)
    table["epoch"] = [f"e{label}" for label in table["epoch"]]
    result = dynamics.fit(uneven, sfreq=256, names=NAMES)
    assert result.report["samples"] == sum(epoch.shape[1] for epoch in uneven)
    assert same(result, dynamics.fit(table))


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    epochs = simulated()
    frame = pandas.DataFrame(frame_of(epochs))
    result = dynamics.fit(frame)
    assert same(result, dynamics.fit(epochs, sfreq=256, names=NAMES))
    rows = result.connections()
    assert list(rows.columns[:4]) == ["from", "to", "influence", "p"]
    assert len(rows) == 12
    for row in rows.itertuples(index=False):
        source, target = NAMES.index(row[0]), NAMES.index(row[1])
        assert row.influence == result.influence[target, source]
        assert row.selected == result.selected[target, source]
    assert result.tables()["connections"].equals(rows)


@pytest.mark.parametrize("model", ["linear", "library", "network"])
def test_other_models(model):
    # Two springs, x pulls y: x'' = −2x, y'' = x − y, without noise.
    times = np.arange(300) * 0.05
    x = np.cos(np.sqrt(2) * times)
    result = dynamics.fit([np.array([x, np.cos(times) - x])], interval=0.05, model=model, resamples=0)
    assert np.all(np.isnan(result.pvalues))
    assert np.all(np.isnan(result.frequency))
    assert result.report["model"] == model
    assert (result.spectrum is None) == (model != "linear")
    assert ("spectrum" in result.figures()) == (model == "linear")
    if model == "linear":
        assert result.selected.tolist() == [[False, False], [True, False]]


@needs_command
@pytest.mark.parametrize("options", [{}, {"order": 3, "resamples": 5, "random_state": 7, "held_out": 0.3}])
def test_command_finds_the_same(tmp_path, options):
    table = frame_of(simulated(6, 120, seed=2))
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    lines = ["\t".join(table), *("\t".join(map(repr, row)) for row in rows)]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    named = {"random_state": "seed"}
    given = [part for k, v in options.items() for part in (f"--{named.get(k, k).replace('_', '-')}", str(v))]
    command = [os.environ["FOCI_COMMAND"], "dynamics", "--table", "t.tsv", "--json", "--quiet", "--output", "theirs"]
    done = subprocess.run([*command, *given], cwd=tmp_path, capture_output=True, text=True, check=True)
    result = dynamics.fit(table, **options)
    assert without_seconds(result.report) == without_seconds(json.loads(done.stdout))
    result.save(tmp_path / "ours", heading="t.tsv")
    names = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == names
    for name in names:
        ours, theirs = ((tmp_path / folder / name).read_text() for folder in ("ours", "theirs"))
        if name == "dynamics.json":
            ours, theirs = (without_seconds(json.loads(text)) for text in (ours, theirs))
        assert ours == theirs, name


def test_warnings_are_python_s():
    with pytest.warns(foci.FociWarning, match="predictive influence") as caught:
        result = dynamics.fit(simulated(), sfreq=256)
    assert [str(warning.message) for warning in caught] == result.warnings
    assert all(warning.filename == __file__ for warning in caught)


def test_mne_connectivity():
    pytest.importorskip("mne_connectivity")
    result = dynamics.fit(simulated(), sfreq=256, names=NAMES)
    dense = result.to_connectivity().get_data("dense")
    away = ~np.eye(4, dtype=bool)  # the diagonal is 0 or NaN, as the version of MNE-Connectivity has it
    np.testing.assert_array_equal(dense[away], result.influence.T[away])
    assert list(result.to_connectivity().names) == NAMES


def test_mne_connectivity_that_is_not_there_is_said(monkeypatch):
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name == "mne_connectivity":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    result = dynamics.fit(simulated(), sfreq=256, resamples=0)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="mne-connectivity, which is not installed: pip install"):
        result.to_connectivity()


E = simulated(3, 60)
TABLE = frame_of(E)
WRONG = {
    "no interval": (lambda: dynamics.fit(E), "interval and sfreq: found neither"),
    "two intervals": (lambda: dynamics.fit(E, interval=1, sfreq=1), "interval and sfreq: found both"),
    "interval of zero": (lambda: dynamics.fit(E, interval=0), "interval: found 0"),
    "sfreq a text": (lambda: dynamics.fit(E, sfreq="fast"), "sfreq: found 'fast'"),
    "one dimension": (lambda: dynamics.fit(E[0, 0], sfreq=1), "data: found 1 dimensions"),
    "four dimensions": (lambda: dynamics.fit(E[None], sfreq=1), "data: found 4 dimensions"),
    "nothing": (lambda: dynamics.fit(None, sfreq=1), "data: found NoneType"),
    "no epoch": (lambda: dynamics.fit(E[:0], sfreq=1), "epochs: 4 × 60 × 0"),
    "one variable": (lambda: dynamics.fit(E[:, :1], sfreq=1), "epochs: one variable"),
    "other variables": (lambda: dynamics.fit([E[0], E[1, :3]], sfreq=1), r"data\[1\]: found 3 variables"),
    "an epoch without samples": (lambda: dynamics.fit([E[0], E[1, :, :0]], sfreq=1), "lengths: 60, 0"),
    "NaN": (lambda: dynamics.fit(np.where(E == E[1, 2, 5], np.nan, E), sfreq=1), "epoch 2 .*variable 3, sample 6"),
    "a constant": (lambda: dynamics.fit(E * [[1], [1], [0], [1]], sfreq=1), "variable 3 never changes"),
    "too few samples": (lambda: dynamics.fit(E[:, :, :6], sfreq=1, order=4), "samples"),
    "too few names": (lambda: dynamics.fit(E, sfreq=1, names=["a"]), "names: 1 different"),
    "names twice": (lambda: dynamics.fit(E, sfreq=1, names=list("abca")), "names: 3 different"),
    "too few positions": (lambda: dynamics.fit(E, sfreq=1, positions=np.zeros((3, 3))), "positions: 3"),
    "flat positions": (lambda: dynamics.fit(E, sfreq=1, positions=np.zeros((4, 2))), "positions: 4 × 2"),
    "NaN positions": (lambda: dynamics.fit(E, sfreq=1, positions=np.full((4, 3), np.nan)), "positions: NaN"),
    "model unknown": (lambda: dynamics.fit(E, sfreq=1, model="best"), "model: 'best'"),
    "order of zero": (lambda: dynamics.fit(E, sfreq=1, order=0), "the order is 0"),
    "λ of no network": (lambda: dynamics.fit(E, sfreq=1, lam=1.0), "lambda: it with model plain"),
    "held out too much": (lambda: dynamics.fit(E, sfreq=1, held_out=0.9), "held-out: 0.9"),
    "threads of zero": (lambda: dynamics.fit(E, sfreq=1, threads=0), "threads: 0"),
    "a table and sfreq": (lambda: dynamics.fit(TABLE, sfreq=1), "sfreq: found it beside a table"),
    "a table without time": (lambda: dynamics.fit({"tim": [0, 1], "a": [1, 2]}), "no column 'time'.*'tim'"),
    "a table of one": (lambda: dynamics.fit({"time": [0, 1], "a": [1, 2]}), "1 variables"),
    "unequal times": (lambda: dynamics.fit({**TABLE, "time": TABLE["time"] ** 2}), "times of epoch 1 are unequal"),
    "words": (lambda: dynamics.fit({**TABLE, "a": ["x"] * 180}), "'x' in column 'a', row 0"),
    "a column of two": (lambda: dynamics.fit({**TABLE, "a": np.zeros((180, 2))}), "a: found 2 dimensions"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case):
    call, text = WRONG[case]
    with pytest.raises(foci.InvalidInput, match=text) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_header_names():
    assert {"model", "order", "held-out"} <= {option["name"] for option in _library.names("dynamics")}
    assert {"model", "window"} <= {option["name"] for option in _library.names("dynamics_sources")}
