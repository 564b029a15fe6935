"""The section of batches: processes at once, cost beside bare localizations, memory, conditions that share a subject."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data import Data
from programs import Broken, Programs, say
from results import Results
from rows import Row

WINDOW = ("0.05", "0.15")
"""Analysed times, s."""
LAYOUT = "{subject}/{kind}.h5"
KINDS = ("forward", "recording", "covariance")
MIDDLE = ("--candidates", "4000")
"""Size of the subjects that are timed: 306 MEG and 60 EEG channels, seconds each."""
TINY = ("--candidates", "300", "--meg-sites", "20", "--electrodes", "16", "--sampling-frequency", "200")
"""Size of the subjects of which there are many."""
SUBJECTS, FULL_SUBJECTS, MANY = 8, 24, 200
"""How many are timed, and how many take memory."""
CONDITIONS = 4
"""Recordings of one subject."""
ALLOWED = 0.5
"""What many subjects may take, GB."""
PREPARING = re.compile(r"([\d.]+) s reading, ([\d.]+) s preparing")
"""What a log says of a recording."""
PAUSE = 0.02
"""Between two looks at memory, s."""
GIGABYTE, MEGABYTE = float(1 << 30), 1e6


@dataclass(frozen=True)
class Batch:
    """One run of `foci batch`."""

    seconds: float
    peak: float = 0
    """Largest memory of all its processes at one moment, what they share counted once, bytes."""
    preparation: float = 0
    """Mean time of reading and preparing a recording, by the logs, s."""


def simulate(programs: Programs, folder: Path, seed: int, size: tuple[str, ...]) -> Path:
    """A subject whose sources are of a seed; heads and sensors are alike."""
    command = [str(programs.foci), "simulate", "--quiet", "--output", str(folder), "--seed", str(seed), *size]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"foci simulate: {done.stderr.strip()}")
    return folder


def memory(session: int) -> float:
    """Memory of all processes of a session, bytes; processes that end meanwhile do not count."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) != session:
                continue
            lines = (process / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        except (OSError, IndexError):
            continue
    return float(total)


def run_batch(programs: Programs, data: Path, *options: str, watched: bool = False) -> Batch:
    """Run a batch of participants into a folder that is removed again.

    Raises `Broken` when it fails.
    """
    with tempfile.TemporaryDirectory(dir=data.parent) as folder, tempfile.TemporaryFile("w+") as errors:
        command = [str(programs.foci), "batch", str(data), f"{folder}/output", "participant", "--window", *WINDOW,
                   "--omp-nthreads", "1", *options]  # fmt: skip
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        ended = threading.Event()
        peaks = [0.0]

        def watch() -> None:
            while not ended.wait(PAUSE):
                peaks.append(memory(process.pid))

        watcher = threading.Thread(target=watch)
        if watched:
            watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - began
        ended.set()
        if watched:
            watcher.join()
        if code != 0:
            errors.seek(0)
            raise Broken(f"foci batch: exit code {code}: {errors.read().strip()[-300:]}")
        lines = [line for log in Path(folder).glob("output/logs/*.log") for line in log.read_text().splitlines()]
        parts = [PREPARING.search(line) for line in lines]
        spent = [float(part[1]) + float(part[2]) for part in parts if part]
        return Batch(seconds, max(peaks), statistics.mean(spent) if spent else 0)


def run_apart(programs: Programs, data: Path, tables: list[Path]) -> Batch:
    """A batch for each of some tables, one after another."""
    runs = [run_batch(programs, data, "--table", str(one), "--nprocs", "1") for one in tables]
    return Batch(sum(run.seconds for run in runs), 0, statistics.mean(run.preparation for run in runs))


def run_bare(programs: Programs, subjects: list[Path], output: Path) -> Batch:
    """`foci localize` for one subject after another."""
    began = time.perf_counter()
    for subject in subjects:
        files = [part for kind in KINDS for part in (f"--{kind}", subject / f"{kind}.h5")]
        programs.run_foci("localize", *files, "--window", *WINDOW, "--output", output, threads=1)
        shutil.rmtree(output)
    return Batch(time.perf_counter() - began)


def table(path: Path, subject: Path, recordings: list[Path]) -> Path:
    """A table of recordings of one subject, which share its forward and covariance."""
    rows = [("subject", *KINDS)] + [
        ("01", str(subject / "forward.h5"), str(recording), str(subject / "covariance.h5")) for recording in recordings
    ]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def row(name: str, size: str, program: str, setting: str, runs: list[Batch]) -> Row:
    """The median of runs."""
    return Row(name, size, "auto", program, setting, wall_seconds=statistics.median(run.seconds for run in runs),
               peak_mb=max(run.peak for run in runs) / MEGABYTE or None, load=os.getloadavg()[0])  # fmt: skip


def timed(programs: Programs, folder: Path, results: Results) -> None:
    """Processes at once, cost beside bare localizations, conditions of a subject; all in turn, so that a disturbance
    meets them all."""
    count = FULL_SUBJECTS if programs.full else SUBJECTS
    say(f"batch: simulating {count} subjects")
    study = folder / "study"
    subjects = [simulate(programs, study / f"sub-{seed:02}", seed, MIDDLE) for seed in range(1, count + 1)]
    recordings = [subject / "recording.h5" for subject in subjects[:CONDITIONS]]
    single_tables = [table(folder / f"{n}.tsv", subjects[0], [recording]) for n, recording in enumerate(recordings)]
    whole_table = table(folder / "all.tsv", subjects[0], recordings)
    alone = ("--nprocs", "1")
    ways: dict[str, Callable[[], Batch]] = {
        "bare": lambda: run_bare(programs, subjects, folder / "bare"),
        "1 process": lambda: run_batch(programs, study, "--layout", LAYOUT, *alone),
        "2 processes": lambda: run_batch(programs, study, "--layout", LAYOUT, "--nprocs", "2"),
        f"{CONDITIONS} conditions apart": lambda: run_apart(programs, study, single_tables),
        f"{CONDITIONS} conditions": lambda: run_batch(programs, study, "--table", str(whole_table), *alone),
    }
    runs: dict[str, list[Batch]] = {name: [] for name in ways}
    for number in range(programs.runs):
        say(f"batch: run {number + 1} of {programs.runs}")
        for name, way in ways.items():
            runs[name].append(way())
    whole, single = f"{count} subjects", "1 subject"
    rows = {
        "bare": row("batch", whole, "foci localize", "one after another", runs["bare"]),
        **{name: row("batch", whole, "foci batch", name, runs[name]) for name in ("1 process", "2 processes")},
        **{name: row("batch, conditions", single, "foci batch", name, runs[name]) for name in list(ways)[3:]},
    }
    results.rows += rows.values()
    seconds = {name: one.wall_seconds or 0 for name, one in rows.items()}
    if (os.cpu_count() or 1) > 1:
        results.at_least("batch: 2 processes against 1", seconds["1 process"] / seconds["2 processes"], 1.8)
    cost = 100 * (seconds["1 process"] / seconds["bare"] - 1)
    results.at_most("batch: its cost beside bare localizations", cost, 3, "%")
    # All solves, and half a preparation more than one.
    apart = runs[f"{CONDITIONS} conditions apart"]
    allowed = statistics.median(run.seconds - (CONDITIONS - 1.5) * run.preparation for run in apart)
    ratio = seconds[f"{CONDITIONS} conditions"] / allowed
    results.at_most(f"batch: {CONDITIONS} conditions, against 1.5 preparations and {CONDITIONS} solves", ratio, 1)


def crowded(programs: Programs, folder: Path, results: Results) -> None:
    """Memory of many small subjects."""
    say(f"batch: memory of {MANY} small subjects")
    crowd = folder / "crowd"
    for seed in range(1, MANY + 1):
        simulate(programs, crowd / f"sub-{seed:03}", seed, TINY)
    run = run_batch(programs, crowd, "--layout", LAYOUT, "--nprocs", "2", "--mem", f"{ALLOWED:g}", watched=True)
    results.rows.append(row("batch, memory", f"{MANY} small subjects", "foci batch", f"--mem {ALLOWED:g}", [run]))
    results.at_most("batch: peak memory against --mem", run.peak / (ALLOWED * GIGABYTE), 1)


def batch(programs: Programs, data: Data, results: Results) -> None:
    """Batches of simulated subjects, one thread a localization."""
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        timed(programs, Path(folder), results)
        crowded(programs, Path(folder), results)
