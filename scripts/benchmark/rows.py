"""The lines of the tables: programs at work, points of curves, targets; shown to a person and written as TSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from programs import Broken


@dataclass
class Row:
    """A program at work; what is None does not apply or was not reached."""

    problem: str
    size: str
    lambda_ratio: str
    program: str
    setting: str = ""
    seconds: float | None = None
    wall_seconds: float | None = None
    gap: float | None = None
    above_best_bound: float | None = None
    nonzero: int | None = None
    times_foci: float | None = None
    passes: float | None = None
    looks: int | None = None
    peak_mb: float | None = None
    gain_mb: float | None = None
    load: float | None = None
    """Programs that wanted a core in the minute before the row was done, those of the row included."""
    remark: str = ""
    objective: float | None = field(default=None, metadata={"hidden": True})
    dual: float | None = field(default=None, metadata={"hidden": True})
    limit: float | None = field(default=None, metadata={"hidden": True})


@dataclass
class Point:
    """A point of a curve: seconds and the relative gap reached at one setting."""

    problem: str
    size: str
    lambda_ratio: str
    program: str
    setting: str
    seconds: float
    gap: float


@dataclass
class Target:
    """What should be reached, and what was."""

    work: str
    measured: float
    bound: float
    at_least: bool = True
    unit: str = "×"
    met: bool = field(init=False)

    def __post_init__(self) -> None:
        self.met = self.measured >= self.bound if self.at_least else self.measured <= self.bound


TITLES = {"lambda_ratio": "λ/λ_max", "wall_seconds": "wall", "above_best_bound": "above bound", "times_foci": "× foci",
          "peak_mb": "peak MB", "gain_mb": "gain MB"}  # fmt: skip
"""Titles of columns, where they are not the name."""


def bounded(group: list[Row]) -> None:
    """Ratios to foci (the first row), and each objective's distance from the best lower bound proved by others.

    The bounds come from residuals in numpy, so they check foci's own certificate: an objective below such a bound, or
    above another's by more than the certificate allows, cannot be true. Raises `Broken` then.
    """
    first = group[0]
    for row in group[1:]:
        if first.seconds and row.program != first.program:
            row.times_foci = (row.seconds or row.limit or 0) / first.seconds or None
    proven = [row for row in group if row.dual is not None and row.objective is not None and row.gap]
    if not proven:
        return
    widest = max(proven, key=lambda row: row.gap)
    scale = (widest.objective - widest.dual) / widest.gap
    bound = max(row.dual for row in proven)
    best = min(row.objective for row in proven)
    rounding = 1e-10 * abs(best)
    for row in group:
        if row.objective is None:
            continue
        row.above_best_bound = max(0.0, (row.objective - bound) / scale)
        wrong = row.objective < bound - rounding or row.objective > best + (row.gap or 0) * scale + rounding
        if row.program.startswith("foci") and wrong:
            raise Broken(
                f"foci solve: {row.problem}, λ/λ_max {row.lambda_ratio}: objective {row.objective!r} contradicts "
                f"its gap {row.gap:.1e} and the bounds {bound!r} to {best!r} of others"
            )


def shown(name: str, value: object, row: Row) -> str:
    """A cell as a person reads it."""
    if name == "seconds" and value is None and row.limit is not None:
        return f"> {row.limit:.0f}"
    if name == "times_foci" and value is not None:
        return ("> " if row.limit is not None else "") + f"{value:.1f}"
    if value is None:
        return ""
    if name in ("gap", "above_best_bound"):
        return f"{value:.1e}"
    if name in ("seconds", "wall_seconds"):
        return f"{value:.3f}"
    if name == "load":
        return f"{value:.1f}"
    if name == "passes":
        return f"{value:.2f}"
    if name in ("peak_mb", "gain_mb"):
        return f"{value:.0f}"
    return str(value)


def print_aligned(titles: Sequence[str], cells: Sequence[Sequence[str]], left: set[int]) -> None:
    """Print a table; columns in `left` are aligned left, the others right."""
    widths = [max(len(line[k]) for line in (titles, *cells)) for k in range(len(titles))]
    for line in (titles, *cells):
        pairs = enumerate(zip(line, widths))
        parts = [cell.ljust(width) if k in left else cell.rjust(width) for k, (cell, width) in pairs]
        print("  ".join(parts).rstrip())


def print_rows(rows: list[Row]) -> None:
    """Print the rows; a column that is empty throughout is left out."""
    names = [f.name for f in fields(Row) if "hidden" not in f.metadata]
    columns = {name: [shown(name, getattr(row, name), row) for row in rows] for name in names}
    names = [name for name in names if any(columns[name])]
    text = {k for k, name in enumerate(names) if name in ("problem", "size", "program", "setting", "remark")}
    print_aligned([TITLES.get(name, name) for name in names], list(zip(*(columns[name] for name in names))), text)


def print_targets(targets: list[Target]) -> None:
    """Print what should be reached and what was."""
    cells = [
        (
            target.work,
            f"{target.measured:.2f} {target.unit}",
            f"{'at least' if target.at_least else 'at most'} {target.bound:g} {target.unit}",
            "met" if target.met else "MISSED",
        )
        for target in targets
    ]
    print_aligned(("target", "measured", "wanted", ""), cells, {0, 2, 3})


def write(kind: type, items: list[Any], path: Path) -> None:
    """Write rows, points or targets as TSV, numbers in full."""
    names = [f.name for f in fields(kind) if "hidden" not in f.metadata]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(names)
        for item in items:
            values = [getattr(item, name) for name in names]
            if getattr(item, "limit", None) is not None:
                values[names.index("seconds")] = f">{item.limit:g}"
                values[names.index("times_foci")] = f">{item.times_foci:.6g}"
            writer.writerow("" if value is None else value for value in values)
