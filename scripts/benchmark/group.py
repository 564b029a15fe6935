"""The section of groups: subjects that share places, each localized alone and all together."""

from __future__ import annotations

import csv
import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data import Data
from programs import Broken, Programs, say
from results import Results
from rows import Row

SUBJECTS = 8
"""Of two anatomies in turn."""
RUNS, FULL_RUNS = 6, 24
"""Groups of a cell."""
FIRST_SEED = 500
"""Seeds of the groups; others were for choosing constants."""
SLOWER = 1.5
"""Longest that all together may take, times as long as each alone."""
ODD_LOSS = 0.05
"""F1 that a subject of other places may lose when it is localized with the others."""


@dataclass(frozen=True)
class Cell:
    """Groups of one kind."""

    spread: float
    """How far sources lie from the group's places at most, m."""
    snr: float
    """dB."""
    wanted: float
    """F1 that all together should reach; of the others where one is odd."""
    odd: bool = False
    """Whether the last subject has places of its own."""

    @property
    def name(self) -> str:
        """For the table."""
        return f"group, {1000 * self.spread:g} mm, {self.snr} dB" + (", one odd" if self.odd else "")


CELLS = (Cell(0.005, -5, 0.94), Cell(0.005, -10, 0.82), Cell(0.010, -5, 0.84), Cell(0.010, -5, 0.84, odd=True))
REWEIGHTED = ("reweighted", "--weights", "reweighted", "--depth", "1")
"""Columns of one norm: the penalty is then as strong at any place."""
REFINED = ("refined",)
ODD = ", the odd one"
"""Ends the names of ways by which the odd subject is scored, by itself."""
WAYS: dict[str, tuple[str, ...]] = {
    "reweighted": (), "reweighted, start together": ("--start", "together"), "refined": (),
}  # fmt: skip
"""How `foci group` is run, by name; the first word is how `foci batch` was."""


@dataclass
class Found:
    """What one way found in all groups of a cell."""

    errors: list[float] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def positions(folder: Path) -> list[list[float]]:
    """Positions of a result, mm."""
    with (folder / "sources.tsv").open(newline="", encoding="utf-8") as file:
        return [[float(row[f"{axis}_mm"]) for axis in "xyz"] for row in csv.DictReader(file, delimiter="\t")]


def timed(programs: Programs, *arguments: str | Path) -> float:
    """Run foci on one thread; seconds that it and its workers were busy, which other programs do not lengthen much."""

    def busy() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began = busy()
    done = subprocess.run(
        [str(programs.foci), *map(str, arguments)], capture_output=True, text=True, env=programs.environment(1)
    )
    if done.returncode != 0:
        raise Broken(f"foci {arguments[0]}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return busy() - began


def found_in(folders: Iterable[Path]) -> dict[str, list[list[float]]]:
    """Positions by subject."""
    found = {folder.name.split("_")[0].removeprefix("sub-"): positions(folder) for folder in sorted(folders)}
    if len(found) != SUBJECTS:
        raise Broken(f"group: {len(found)} results, expected {SUBJECTS}")
    return found


def localized(programs: Programs, data: Path) -> Iterator[tuple[str, float, dict[str, list[list[float]]]]]:
    """Ways, seconds and positions by subject, each alone and all together; one thread."""
    for weights, *options in (REWEIGHTED, REFINED):
        output = data.parent / weights
        alone = timed(programs, "batch", data, output, "participant", "--layout", "{subject}/{kind}.h5", "--nprocs",
                      "1", "--omp-nthreads", "1", *options)  # fmt: skip
        yield f"alone, {weights}", alone, found_in(output.glob("sub-*/meg/*_mxne"))
        for way, more in WAYS.items():
            if way.split(",")[0] != weights:
                continue
            together = timed(programs, "group", output, "--analysis", "joint", "--threads", "1", "--permutations", "0",
                             *more)  # fmt: skip
            yield f"together, {way}", together, found_in((output / "group" / "joint").glob("*_mxne"))


def measured(programs: Programs, leads: list[Path], cell: Cell, folder: Path) -> dict[str, Found]:
    """All groups of a cell, by way."""
    ways: dict[str, Found] = {}
    for number in range(FULL_RUNS if programs.full else RUNS):
        data = folder / f"{cell.name}-{number}" / "data"
        job = programs.run_job(
            "group", "--output", data, "--leads", *leads, "--subjects", str(SUBJECTS), "--spread",
            f"{cell.spread:g}", f"--snr={cell.snr:g}", "--seed", str(FIRST_SEED + number),
            *(["--odd"] if cell.odd else []),
        )  # fmt: skip
        if job.failure or len(job.answers) != SUBJECTS:
            raise Broken(f"group: {job.failure or 'a group that was not made'}")
        given: list[dict[str, Any]] = []
        for way, seconds, found in localized(programs, data):
            ways.setdefault(way, Found()).seconds.append(seconds)
            for answer in job.answers:
                is_odd = cell.odd and answer is job.answers[-1]
                given.append({"way": way + ODD * is_odd, "truth": answer["truth"], "found": found[answer["subject"]]})
        for answer in programs.run_job("score_groups", given=given).answers:
            way = ways.setdefault(answer["way"], Found())
            way.errors.append(answer["error"])
            way.f1.append(answer["f1"])
            way.counts.append(answer["count"])
    return ways


def group(programs: Programs, data: Data, results: Results) -> None:
    """Eight subjects of two anatomies that share three places."""
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        for cell in CELLS:
            say(cell.name)
            ways = measured(programs, data.leads(), cell, Path(folder))
            for way, found in sorted(ways.items()):
                f1 = statistics.mean(found.f1)
                spent = statistics.stdev(found.f1) / len(found.f1) ** 0.5
                results.rows.append(
                    Row(cell.name, f"{SUBJECTS} subjects", "auto", "foci batch" if "alone" in way else "foci group",
                        way, seconds=statistics.median(found.seconds) if found.seconds else None,
                        load=os.getloadavg()[0],
                        remark=f"{statistics.mean(found.errors):.1f} mm, F1 {f1:.2f} ± {spent:.2f},"
                        f" {statistics.mean(found.counts):.1f} sources")
                )  # fmt: skip
            together, alone = ways["together, refined"], ways["alone, refined"]
            results.at_least(f"{cell.name}: F1 together", statistics.mean(together.f1), cell.wanted, "")
            if cell.odd:
                gain = statistics.mean(ways["together, refined" + ODD].f1) - statistics.mean(
                    ways["alone, refined" + ODD].f1
                )
                results.at_least(f"{cell.name}: F1 of the odd one, together less alone", gain, -ODD_LOSS, "")
            elif cell.snr == -5:
                ratio = statistics.median(b / a for a, b in zip(alone.seconds, together.seconds))
                results.at_most(f"{cell.name}: busy seconds together against alone", ratio, SLOWER)
