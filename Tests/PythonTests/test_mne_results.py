"""Figures, pages, reports, the gallery and the comparison."""

# ruff: noqa: E402 (what is not installed skips the file before it is used)
from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

mne = pytest.importorskip("mne")
matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

from mne_objects import sample, sphere

import foci
import foci.mne
from foci import compare

pytestmark = pytest.mark.filterwarnings("ignore::foci.FociWarning")
_GALLERY = Path(__file__).resolve().parents[2] / "Sources" / "Python" / "gallery"


@pytest.fixture(scope="module")
def found() -> foci.mne.Localization:
    return foci.mne.localize(*sphere("mixed"))


class _Words(HTMLParser):
    """The text of a page, and whether its elements close."""

    _VOID = {"meta", "link", "img", "br", "hr", "input", "col"}

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(html: str) -> str:
    page = _Words()
    page.feed(html)
    assert page.open == []
    return " ".join(page.words)


def test_repr_tells_sources_and_fit(found: foci.mne.Localization) -> None:
    for text in (repr(found), text_of(found._repr_html_())):
        assert "two dipoles" in text
        assert f"{len(found.sources)} source" in text
        assert f"{100 * found.goodness_of_fit:.0f} %" in text
        assert f"({found.sources['x_mm'][0]:.0f}, {found.sources['y_mm'][0]:.0f}" in text


def test_plot(found: foci.mne.Localization) -> None:
    figure = found.plot(show=False)
    *views, courses = figure.axes
    assert len(views) == 3
    lines = {tuple(np.round(line.get_ydata(), 9)) for line in courses.lines}
    assert {tuple(np.round(1e9 * row, 9)) for row in found.magnitudes} <= lines
    labels = [text.get_text() for text in courses.get_legend().get_texts()]
    assert [label.split()[0] for label in labels] == [str(rank) for rank in found.sources["rank"][:8]]
    figure.canvas.draw()
    matplotlib.pyplot.close(figure)


def test_plot_of_nothing() -> None:
    nothing = foci.mne.localize(*sphere("mixed"), alpha=100)
    figure = nothing.plot(show=False)
    figure.canvas.draw()
    assert nothing.plot_selection(show=False).axes


def test_plot_selection(found: foci.mne.Localization) -> None:
    figure = found.plot_selection(show=False)
    above, below = figure.axes
    np.testing.assert_array_equal(above.lines[0].get_ydata(), found.selection["criterion"])
    chosen = found.selection["lambda_ratio"][found.selection["chosen"]]
    assert above.lines[1].get_xdata()[0] == chosen[0] == found.summary["lambda_ratio"]
    np.testing.assert_array_equal(below.lines[0].get_ydata(), found.selection["active"])


def test_page(found: foci.mne.Localization, tmp_path: Path) -> None:
    pytest.importorskip("pystache")
    html = found.report(tmp_path / "page.html", heading="A <heading>")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html
    assert "A &lt;heading&gt;" in html and "{{" not in html
    text = text_of(html)
    for word in ("two dipoles", "Where", "When", *(check["finding"] for check in found.checks)):
        assert word in text
    for source in found.sources:
        assert f"{source['peak_nAm']:.3g}" in text


def test_report_of_mne(found: foci.mne.Localization, tmp_path: Path) -> None:
    report = mne.Report(title="Test", verbose="error")
    foci.mne.add_to_report(found, report, title="Dipoles <1>", tags=("a-tag",))
    count = len(report.html)
    foci.mne.add_to_report(found, report, title="Dipoles <1>", tags=("a-tag",), replace=True)
    assert len(report.html) == count
    path = tmp_path / "report.html"
    report.save(path, open_browser=False, verbose="error")
    html = path.read_text(encoding="utf-8")
    assert "a-tag" in html and "data:image/svg+xml;base64," in html
    for source in found.sources:
        assert f"<td>{source['peak_nAm']:.3g}</td>" in html
    for check in found.checks:
        assert check["name"] in html
    with pytest.raises(foci.InvalidInput, match="result: found list"):
        foci.mne.add_to_report([found], report)  # type: ignore[arg-type]


def run(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, _GALLERY / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "agg", "MNE_LOGGING_LEVEL": "ERROR"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gallery_arrays() -> None:
    assert "worth more than noise: sources [10, 200]" in run("arrays.py")


def test_gallery_sample(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("pystache")
    told = run("sample.py", shared / "data" / "sample-audvis", tmp_path)
    assert "Left Auditory" in told
    estimate = mne.read_source_estimate(tmp_path / "auditory")
    # Auditory cortex of both sides.
    assert [len(part) > 0 for part in estimate.vertices] == [True, True]
    for name in ("sources.png", "selection.png", "sources.html", "report.html", "residual-ave.fif"):
        assert (tmp_path / name).stat().st_size > 1000


def test_gallery_p3(shared: Path) -> None:
    told = run("p3.py", shared / "data" / "erp-core-p3")
    assert [f"sub-0{k}_task-P3_ave.fif" in told for k in (15, 16, 17)] == 3 * [True]
    assert told.count("<Localization") == 6


def test_compare(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shared / "data" / "sample-audvis"
    arguments = ["--evoked", data / "left-auditory-ave.fif", "--forward", data / "sample-fwd.fif"]
    arguments += ["--covariance", data / "sample-cov.fif", "--alpha", 70, "--tmin", 0.08, "--tmax", 0.1]
    assert compare.main([*map(str, arguments)]) == 0
    told = capsys.readouterr().out
    assert "the same active set" in told
    for word in ("seconds", "sources", "MNE mixed_norm", "foci localize", "λ"):
        assert word in told


def test_compare_of_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = str(tmp_path / "none-ave.fif")
    assert compare.main(["--evoked", missing, "--forward", missing, "--covariance", missing]) == 1
    assert "foci.compare: " in capsys.readouterr().err


def test_memory_of_the_gain(shared: Path) -> None:
    """The gain is lent: localizing needs its whitened copy, and no other of its size beside MNE's."""
    evoked, forward, covariance = sample(shared)
    before = forward["sol"]["data"]
    foci.mne.localize(evoked, forward, covariance, alpha=60, tmin=0.08, tmax=0.1)
    assert forward["sol"]["data"] is before
