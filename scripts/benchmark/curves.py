#!/usr/bin/env python3
"""Draws relative gap against time, a figure a problem, a panel a λ: curves.py curves.tsv FOLDER."""

from __future__ import annotations

import csv
import re
import sys
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

STYLES = {
    "foci": ("#0072B2", "o", "-", "foci (automatic engine)"),
    "foci, descent": ("#56B4E9", "s", "--", "foci, block descent"),
    "foci, dual": ("#000000", "^", ":", "foci, dual Newton"),
    "celer": ("#D55E00", "D", "-", "celer"),
    "skglm": ("#009E73", "v", "-", "skglm"),
    "sklearn": ("#E69F00", "X", "-", "scikit-learn"),
    "mne": ("#CC79A7", "P", "-", "MNE-Python"),
}
"""Colour (Okabe and Ito's palette), marker, line and label of a program."""
FLOOR = 1e-13
"""Smaller gaps, which are rounding, are drawn here."""
DEFAULT = 1e-6
"""The gap that foci's users get without asking."""

Points = list[tuple[float, float]]
"""Seconds and relative gap."""


def frontier(points: Points) -> Points:
    """The points that no faster setting of the same program beats."""
    kept: Points = []
    for seconds, gap in sorted((seconds, max(gap, FLOOR)) for seconds, gap in points):
        if not kept or gap < kept[-1][1]:
            kept.append((seconds, gap))
    return kept


def plain(value: float, _: object = None) -> str:
    """Seconds as a person writes them."""
    return f"{value:g}"


def panel(axes: Axes, curves: dict[str, Points], title: str) -> None:
    """Draw the curves of one problem at one λ."""
    for program, (colour, marker, line, label) in STYLES.items():
        if program not in curves:
            continue
        seconds, gaps = zip(*frontier(curves[program]))
        axes.plot(seconds, gaps, color=colour, marker=marker, linestyle=line, label=label, markersize=5,
                  linewidth=2.2 if program == "foci" else 1.4, zorder=3 if program == "foci" else 2)  # fmt: skip
    axes.set(xscale="log", yscale="log", title=title)
    axes.set_ylim(FLOOR / 3, 1)
    axes.axhline(DEFAULT, color="#999999", linewidth=0.8, zorder=1)
    axes.annotate("default", (0.01, DEFAULT), xycoords=axes.get_yaxis_transform(), xytext=(0, 2),
                  textcoords="offset points", color="#666666", fontsize="small")  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(LogLocator(base=100, numticks=12))
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def figure(problem: str, rows: list[dict[str, str]], path: Path) -> None:
    """Draw all panels of one problem."""
    panels = {ratio: list(group) for ratio, group in groupby(rows, key=lambda row: row["lambda_ratio"])}
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    drawn, grid = pyplot.subplots(
        lines, columns, figsize=(4.4 * columns + 2.4, 3.6 * lines + 0.6), squeeze=False, sharey=True,
        layout="constrained",
    )  # fmt: skip
    handles: dict[str, object] = {}
    for axes, (ratio, members) in zip(grid.flat, panels.items()):
        curves: dict[str, Points] = {}
        for row in members:
            curves.setdefault(row["program"], []).append((float(row["seconds"]), float(row["gap"])))
        panel(axes, curves, f"λ = {ratio} $λ_{{\\mathrm{{max}}}}$")
        handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels())}
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    for axes in list(grid.flat)[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("time to solve (s; median, reading left out)")
    for axes in grid[:, 0]:
        axes.set_ylabel("relative duality gap reached")
    height, width, samples = rows[0]["size"].split(" × ")
    size = f"{height} rows, {width} columns, {samples} sample{'s' if samples != '1' else ''}"
    drawn.suptitle(f"{problem}: {size}", fontsize="large")
    order = [label for *_, label in STYLES.values() if label in handles]
    drawn.legend([handles[label] for label in order], order, loc="outside center right", frameon=False)
    drawn.savefig(path)
    pyplot.close(drawn)


def main() -> None:
    """Draw a figure for each problem of the table."""
    matplotlib.use("svg")
    matplotlib.rcParams.update({"font.size": 10, "axes.titlesize": "medium", "svg.hashsalt": "foci"})
    table, folder = map(Path, sys.argv[1:3])
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for problem, members in groupby(rows, key=lambda row: row["problem"]):
        path = folder / f"curves-{re.sub(r'[^a-z0-9]+', '-', problem.lower()).strip('-')}.svg"
        figure(problem, list(members), path)
        print(f"Curves: {path}")


if __name__ == "__main__":
    main()
