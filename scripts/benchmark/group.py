"""The section of groups: subjects that share places, each localized alone and all together."""

from __future__ import annotations

import csv
import os
import resource
import statistics
import subprocess
import tempfile
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
CELLS = ((0.005, -5, 0.94), (0.005, -10, 0.82), (0.010, -5, 0.84))
"""How far sources lie from the group's places at most, m; signal-to-noise ratio, dB; F1 that all together should reach."""
WAYS = ("alone, reweighted", "alone, refined", "together, reweighted", "together, refined")
"""What is compared."""
SLOWER = 1.5
"""Longest that all together may take, times as long as each alone."""


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


def localized(programs: Programs, data: Path, weights: str) -> dict[str, tuple[float, dict[str, list[list[float]]]]]:
    """Seconds and positions by subject, each alone and all together; one thread."""
    output = data.parent / weights
    alone = timed(programs, "batch", data, output, "participant", "--layout", "{subject}/{kind}.h5", "--nprocs", "1",
                  "--omp-nthreads", "1", "--weights", weights)  # fmt: skip
    together = timed(programs, "group", output, "--analysis", "joint", "--threads", "1", "--permutations", "0")
    found = {}
    for way, seconds, pattern in (("alone", alone, "sub-*/meg/*_mxne"), ("together", together, "group/joint/*_mxne")):
        folders = sorted(output.glob(pattern))
        if len(folders) != SUBJECTS:
            raise Broken(f"group: {len(folders)} results {way}, expected {SUBJECTS}")
        found[f"{way}, {weights}"] = seconds, {
            folder.name.split("_")[0].removeprefix("sub-"): positions(folder) for folder in folders
        }
    return found


def cell(programs: Programs, leads: list[Path], spread: float, snr: float, folder: Path) -> dict[str, Found]:
    """All groups of a cell."""
    ways = {way: Found() for way in WAYS}
    for number in range(FULL_RUNS if programs.full else RUNS):
        data = folder / f"{1000 * spread:g}-{-snr:g}-{number}" / "data"
        job = programs.run_job(
            "group", "--output", data, "--leads", *leads, "--subjects", str(SUBJECTS), "--spread", f"{spread:g}",
            f"--snr={snr:g}", "--seed", str(FIRST_SEED + number),
        )  # fmt: skip
        if job.failure or len(job.answers) != SUBJECTS:
            raise Broken(f"group: {job.failure or 'a group that was not made'}")
        given: list[dict[str, Any]] = []
        for weights in ("reweighted", "refined"):
            for way, (seconds, found) in localized(programs, data, weights).items():
                ways[way].seconds.append(seconds)
                for answer in job.answers:
                    given.append({"way": way, "truth": answer["truth"], "found": found[answer["subject"]]})
        for answer in programs.run_job("score_groups", given=given).answers:
            way = ways[answer["way"]]
            way.errors.append(answer["error"])
            way.f1.append(answer["f1"])
            way.counts.append(answer["count"])
    return ways


def group(programs: Programs, data: Data, results: Results) -> None:
    """Eight subjects of two anatomies that share three places."""
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        for spread, snr, wanted in CELLS:
            name = f"group, {1000 * spread:g} mm, {snr} dB"
            say(name)
            ways = cell(programs, data.leads(), spread, snr, Path(folder))
            for way, found in ways.items():
                f1 = statistics.mean(found.f1)
                spent = statistics.stdev(found.f1) / len(found.f1) ** 0.5
                results.rows.append(
                    Row(name, f"{SUBJECTS} subjects", "auto", "foci batch" if "alone" in way else "foci group", way,
                        seconds=statistics.median(found.seconds), load=os.getloadavg()[0],
                        remark=f"{statistics.mean(found.errors):.1f} mm, F1 {f1:.2f} ± {spent:.2f},"
                        f" {statistics.mean(found.counts):.1f} sources")
                )  # fmt: skip
            together, alone = ways["together, refined"], ways["alone, refined"]
            results.at_least(f"{name}: F1 together", statistics.mean(together.f1), wanted, "")
            ratio = statistics.median(b / a for a, b in zip(alone.seconds, together.seconds))
            if snr == -5:
                results.at_most(f"{name}: busy seconds together against alone", ratio, SLOWER)
