"""What a localization found."""

from __future__ import annotations

import json
import os
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._errors import InvalidInput
from ._library import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEMISPHERES = {0: "left", 1: "right", -1: "volume", -2: "n/a"}
_FIGURES = ("sources.svg", "timecourses.svg", "spectrograms.svg", "sensors.svg", "selection.svg", "stability.svg")
_TABLES = ("sources.tsv", "selection.tsv", "regions.tsv", "stability.tsv")


class TimeFrequency(NamedTuple):
    """Sources in the windows of one length.

    Attributes
    ----------
    frequencies : ndarray, shape (n_frequencies,)
        Hz.
    times : ndarray, shape (n_windows,)
        Middle of each window, s.
    coefficients : ndarray of complex, shape (n_sources, n_axes, n_frequencies, n_windows)
        A·m; one-sided, orthonormal: √2 times those of MNE-Python's ``stft`` but at the lowest and the highest
        frequency.
    """

    frequencies: NDArray[np.float64]
    times: NDArray[np.float64]
    coefficients: NDArray[np.complex128]


def _windows(result: Result, n_axes: int) -> list[TimeFrequency]:
    """The sources in all windows that they have."""
    found: list[TimeFrequency] = []
    while True:
        name = f"window-{len(found) + 1}"
        try:
            parts = [result.array(f"{name}/{part}") for part in ("frequencies", "times", "real", "imaginary")]
        except KeyError:
            return found
        both = parts[2] + 1j * parts[3]
        whole = both.reshape(*both.shape[:2], n_axes, both.shape[2] // n_axes, order="F")
        found.append(TimeFrequency(parts[0], parts[1], np.ascontiguousarray(whole.transpose(3, 2, 0, 1))))


class Localization:
    """Sources that :func:`foci.localize` or :func:`foci.mne.localize` found, how they were chosen, how sure they are.

    It can be pickled, and is then as complete as before.

    Attributes
    ----------
    sources : ndarray, structured, shape (n_sources,)
        A row a source, the one that explains most field first, with the columns of ``sources.tsv`` in full precision:
        rank, index in the forward, position (mm), frame, hemisphere, vertex (-1 where there is none), largest amplitude
        (nAm) and its time, direction, share of the data's power, and, where sources were refined or the choice was
        repeated, extent, region, probability and intervals. NaN is what is not known. `columns` tells what each means.
    columns : dict of str
        What the numbers in `sources` mean.
    times : ndarray, shape (n_times,)
        Analysed times, s.
    positions : ndarray, shape (n_sources, 3)
        m, in `frame`.
    amplitudes : ndarray, shape (n_sources, n_axes, n_times)
        Dipole amplitude along each axis, A·m.
    axes : ndarray, shape (n_sources, n_axes, 3)
        Unit vectors of the axes, in `frame`; NaN where a fixed forward does not tell the direction.
    regions : list of ndarray of int
        Candidates (indices in the forward) that hold each source with 95 %; empty where sources were not refined.
    selection : ndarray, structured
        Every λ that was tried: ``lambda``, ``lambda_ratio`` (of the smallest λ at which nothing is active),
        ``criterion``, ``degrees_of_freedom``, ``squared_residual``, ``active``, ``relative_gap``, ``seconds``,
        ``chosen``; and with ``method="tf"`` ``notes``, what else was set.
    summary : dict
        All of it as ``foci localize --json`` prints it.
    settings : dict of str
        Settings as the command's options.
    checks : list of dict
        What was looked at before anything was computed: ``"name"``, ``"mark"`` ("ok", "look" or "wrong"), ``"finding"``
        and ``"advice"``.
    warnings : list of str
        What should be known before the result is trusted.
    refinement : dict or None
        How sources were refined.
    stability : dict or None
        What repeats of the choice found.
    goodness_of_fit : float
        Part of the whitened data's power that all sources explain together.
    time_frequency : list of TimeFrequency
        With ``method="tf"`` the sources in time and frequency, one for each window; else empty.
    subject, condition, frame : str
    """

    def __init__(self, result: Result) -> None:
        self._result: Result | None = result
        self._texts: dict[str, str | None] = {}
        self._candidates = result.array("candidates")
        self._data = result.array("measured"), result.array("explained")

        self.summary: dict[str, Any] = result.json
        self.settings: dict[str, str] = json.loads(result.text("settings"))
        self.checks: list[dict[str, str]] = self.summary["checks"]
        self.warnings: list[str] = self.summary["warnings"]
        self.refinement: dict[str, Any] | None = self.summary["refinement"]
        self.stability: dict[str, Any] | None = self.summary["stability"]
        self.goodness_of_fit = result.number("goodness_of_fit")
        self.subject, self.condition, self.frame = (result.text(name) for name in ("subject", "condition", "frame"))
        self.channel_names: list[str] = json.loads(result.text("channel-names"))
        self.times = result.array("times")
        self.positions = result.array("positions")
        self.amplitudes = np.ascontiguousarray(result.array("amplitudes").transpose(2, 0, 1))
        self.axes = np.ascontiguousarray(result.array("axes").transpose(2, 1, 0))
        columns = json.loads(result.text("columns"))
        self.columns: dict[str, str] = {column["name"]: column["meaning"] for column in columns}
        self.sources = self._sources(result)
        ends, members = result.array("region-offsets"), result.array("region")
        self.regions = [members[start:end] for start, end in zip(ends[:-1], ends[1:], strict=True)]
        self.time_frequency = _windows(result, max(1, self.amplitudes.shape[1]))
        self.selection = _selection(result.text("selection.tsv"))

    def _sources(self, result: Result) -> NDArray[Any]:
        place = [("rank", "i8"), ("index", "i8"), ("x_mm", "f8"), ("y_mm", "f8"), ("z_mm", "f8"), ("frame", "U4")]
        place += [("hemisphere", "U6"), ("vertex", "i8")]
        table = np.zeros(len(self.positions), [*place, *((name, "f8") for name in self.columns)])
        table["rank"] = np.arange(1, len(table) + 1)
        table["index"], table["vertex"] = result.array("index"), result.array("vertex")
        for k, name in enumerate(("x_mm", "y_mm", "z_mm")):
            table[name] = self.positions[:, k] * 1000
        table["frame"] = self.frame
        table["hemisphere"] = [_HEMISPHERES[side] for side in result.array("hemisphere").tolist()]
        for name in self.columns:
            table[name] = result.array(f"column/{name}")
        return table

    @property
    def moments(self) -> NDArray[np.float64]:
        """Dipole moments over time.

        Returns
        -------
        moments : ndarray, shape (n_sources, 3, n_times)
            A·m, in `frame`; NaN where a fixed forward does not tell the direction.
        """
        moments: NDArray[np.float64] = np.einsum("sat,sax->sxt", self.amplitudes, self.axes)
        return moments

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """Amplitudes over time: along the axis where there is one, else the length of the moment.

        Returns
        -------
        magnitudes : ndarray, shape (n_sources, n_times)
            A·m; signed where there is one axis.
        """
        if self.amplitudes.shape[1] == 1:
            return self.amplitudes[:, 0]
        magnitudes: NDArray[np.float64] = np.sqrt(np.sum(self.amplitudes**2, axis=1))
        return magnitudes

    # ---- Texts, figures, pages ---------------------------------------------------------------------------------------

    def _text(self, name: str) -> str | None:
        if name not in self._texts:
            try:
                self._texts[name] = self._result.text(name) if self._result is not None else None
            except KeyError:
                self._texts[name] = None
        return self._texts[name]

    def svg(self, name: str) -> str:
        """A figure as the command draws it.

        Parameters
        ----------
        name : str
            "sources" (where they are), "timecourses", "sensors", "selection", or "stability".

        Returns
        -------
        svg : str
        """
        return self._named(f"{name}.svg", _FIGURES)

    def tsv(self, name: str) -> str:
        """A table as the command writes it.

        Parameters
        ----------
        name : str
            "sources", "selection", "regions" or "stability".

        Returns
        -------
        tsv : str
        """
        return self._named(f"{name}.tsv", _TABLES)

    def _named(self, name: str, known: tuple[str, ...]) -> str:
        text = self._text(name) if name in known else None
        if text is None:
            there = [other.split(".")[0] for other in known if self._text(other) is not None]
            raise InvalidInput(f"name: found '{name.split('.')[0]}', expected one of {', '.join(there)}")
        return text

    def plot(self, *, sources: int = 8, show: bool = True) -> Figure:
        """Plot where the sources are and what they do over time.

        Parameters
        ----------
        sources : int
            At most so many are coloured and numbered, the strongest.
        show : bool
            Whether to show the figure.

        Returns
        -------
        figure : matplotlib.figure.Figure
        """
        from ._plots import plot

        return plot(self, self._candidates, sources, show)

    def plot_selection(self, *, show: bool = True) -> Figure:
        """Plot the criterion and the number of active sources over λ.

        Parameters
        ----------
        show : bool
            Whether to show the figure.

        Returns
        -------
        figure : matplotlib.figure.Figure
        """
        from ._plots import plot_selection

        return plot_selection(self, show)

    def report(self, path: str | os.PathLike[str] | None = None, *, heading: str | None = None) -> str:
        """A page in HTML with all of the result, as ``foci report`` writes it.

        It needs nothing beside itself: figures, and the brain to turn, are in it.

        Parameters
        ----------
        path : path-like or None
            Where to write it; the page is returned in any case.
        heading : str or None
            By default the subject and the condition.

        Returns
        -------
        html : str
        """
        from ._page import content, rendered

        page = rendered(*content(self), heading)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def __getstate__(self) -> dict[str, Any]:
        for name in (*_FIGURES, *_TABLES):
            self._text(name)
        from ._page import content

        content(self)
        return {**self.__dict__, "_result": None}

    # ---- At a glance -------------------------------------------------------------------------------------------------

    @cached_property
    def _title(self) -> str:
        return " · ".join(part for part in (self.subject, self.condition) if part) or "recording"

    @property
    def _fit(self) -> str:
        count = len(self.sources)
        named = "no source" if count == 0 else "1 source" if count == 1 else f"{count} sources"
        first, last = 1000 * self.times[[0, -1]]
        return f"{named}, {100 * self.goodness_of_fit:.0f} % of the power explained, {first:.0f} to {last:.0f} ms"

    def _rows(self, most: int) -> list[tuple[str, str, str, str, str]]:
        rows = []
        for source in self.sources[:most]:
            place = f"({source['x_mm']:.0f}, {source['y_mm']:.0f}, {source['z_mm']:.0f})"
            if "half_axis_1_mm" in self.columns and np.isfinite(source["half_axis_1_mm"]):
                place += f" ± {source['half_axis_1_mm']:.0f}"
            rows.append(
                (
                    str(source["rank"]),
                    source["hemisphere"],
                    f"{place} mm",
                    f"{source['peak_nAm']:.3g} nAm at {1000 * source['peak_time_s']:.0f} ms",
                    f"{source['share_percent']:.1f} %",
                )
            )
        return rows

    def __repr__(self) -> str:
        rows = self._rows(10)
        widths = [max(len(row[k]) for row in rows) for k in range(5)] if rows else []
        lines = ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        if len(self.sources) > len(rows):
            lines.append(f"  and {len(self.sources) - len(rows)} weaker")
        if self.warnings:
            lines.append(
                f"  {len(self.warnings)} warnings: see .warnings"
                if len(self.warnings) > 1
                else "  1 warning: see .warnings"
            )
        return "\n".join([f"<Localization | {self._title}: {self._fit}", *lines]) + ">"

    def _repr_html_(self) -> str:
        from ._page import warned

        head = ("", "hemisphere", f"position ({self.frame})", "peak", "power")
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows(20))
        table = (
            "<table><thead><tr>"
            + "".join(f"<th>{name}</th>" for name in head)
            + f"</tr></thead><tbody>{rows}</tbody></table>"
        )
        return (
            f"<div><strong>{escape(self._title)}</strong>: {escape(self._fit)}"
            + (table if rows else "")
            + warned(self.warnings)
            + "</div>"
        )


def _selection(tsv: str) -> NDArray[Any]:
    """The table of what was tried; its numbers read back exactly."""
    header, *lines = [line.split("\t") for line in tsv.splitlines()]
    kinds = {"active": "i8", "chosen": "?", "notes": "U80"}
    table = np.zeros(len(lines), [(name, kinds.get(name, "f8")) for name in header])
    for name, cells in zip(header, zip(*lines, strict=True), strict=False):
        if name == "chosen":
            table[name] = [cell == "1" for cell in cells]
        elif name == "notes":
            table[name] = cells
        else:
            table[name] = [np.nan if cell == "n/a" else float(cell) for cell in cells]
    return table
