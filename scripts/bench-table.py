#!/usr/bin/env python3
"""Runs foci and its peers on the same problems, one process after another, and prints how they compare.

Called by scripts/bench, which builds foci, installs the peers and finds the data. Standard library only: peers
run in bench-peers.py, and this process stays small because the peak memory of a child counts from its parent's.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

GAP = 1e-6
"""Relative duality gap asked of foci."""
TARGET = 1e-5
"""Relative duality gap that a setting of a peer should reach."""
WINDOW = ("0.05", "0.15")
"""Analysed times of the localization, s."""
SOLVE_LIMIT = 300.0
"""Longest that a solve of a peer may take, s."""
LADDER = 3
"""How many times longer a peer may take that several settings are tried of."""
LOCALIZATION_LIMIT = 1200.0
"""Longest that a localization of a peer may take, s."""
MEGABYTE = 1e6
PARTS = ("fixed", "free", "localization")
"""Groups of rows."""


class Broken(Exception):
    """A program failed, or said something that cannot be true."""


@dataclass
class Row:
    """A line of the table; what is None does not apply or was not reached."""

    problem: str
    size: str
    lambda_ratio: str
    peer: str
    setting: str = ""
    seconds: float | None = None
    wall_seconds: float | None = None
    gap: float | None = None
    above_best_bound: float | None = None
    nonzero: int | None = None
    times_foci: float | None = None
    peak_mb: float | None = None
    bound_mb: float | None = None
    remark: str = ""
    objective: float | None = field(default=None, metadata={"hidden": True})
    dual: float | None = field(default=None, metadata={"hidden": True})
    limit: float | None = field(default=None, metadata={"hidden": True})


@dataclass(frozen=True)
class Bench:
    """What is measured, with what."""

    foci: Path
    python: Path
    peers: list[str]
    threads: int
    runs: int
    full: bool
    parts: list[str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every program: all may use as many threads."""
        names = ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
        return os.environ | {f"{name}_NUM_THREADS": str(self.threads) for name in names}

    def run_foci(self, *arguments: str | Path) -> tuple[dict[str, Any], float, float]:
        """Run foci with --json: what it printed, seconds of the process, its peak memory in bytes."""
        command = [str(self.foci), *map(str, arguments), "--json", "--quiet", "--threads", str(self.threads)]
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=errors, env=self.environment)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            for stream in (output, errors):
                stream.seek(0)
            if process.returncode != 0:
                raise Broken(f"foci {arguments[0]}: exit code {process.returncode}: {errors.read().strip()}")
            return json.load(output), seconds, usage.ru_maxrss * 1024.0

    def run_peer(self, *arguments: str | Path, limit: float) -> dict[str, Any]:
        """Run a job of bench-peers.py.

        Raises `subprocess.TimeoutExpired` after `limit` seconds, `Broken` when the job fails.
        """
        script = Path(__file__).with_name("bench-peers.py")
        done = subprocess.run(
            [str(self.python), str(script), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment, timeout=limit,
        )  # fmt: skip
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise Broken(lines[-1])
        return json.loads(done.stdout)


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def peer_row(bench: Bench, row: Row, *arguments: str | Path, limit: float) -> Row:
    """Fill a row with what a peer reaches within a limit of seconds; a failure becomes a remark."""
    say(f"{row.problem}, λ/λ_max {row.lambda_ratio}: {row.peer}")
    try:
        answer = bench.run_peer(*arguments, limit=limit)
    except subprocess.TimeoutExpired:
        row.limit = limit
        row.remark = "stopped there"
    except Broken as error:
        row.remark = f"failed: {error}"
    else:
        row.setting = answer["setting"]
        row.seconds = statistics.median(answer["seconds"])
        row.nonzero = answer["nonzero"]
        row.gap, row.objective, row.dual = answer.get("gap"), answer.get("objective"), answer.get("dual")
    return row


def solves(bench: Bench, name: str, problem: Path, ratio: float, peers: list[str]) -> list[Row]:
    """Rows of one problem at one λ: foci and the peers."""
    shapes = bench.run_peer("size", problem, limit=600)["shapes"]
    size = f"{shapes['gain'][0]} × {shapes['gain'][1]} × {shapes['data'][1]}"
    say(f"{name}, λ/λ_max {ratio:g}: foci")
    answers = [
        bench.run_foci("solve", "--problem", problem, "--lambda-ratio", f"{ratio:g}", "--gap", f"{GAP:g}")[0]
        for _ in range(bench.runs)
    ]
    answer = answers[0]
    if answer["relative_gap"] > GAP:
        raise Broken(f"foci solve: {name}, λ/λ_max {ratio:g}: relative gap {answer['relative_gap']:.1e} > {GAP:g}")
    rows = [
        Row(
            name, size, f"{ratio:g}", "foci", f"gap {GAP:.0e}",
            seconds=statistics.median(answer["seconds"] for answer in answers),
            gap=answer["relative_gap"], nonzero=answer["nonzero"], objective=answer["objective"],
        )
    ]  # fmt: skip
    for peer in peers:
        if peer in bench.peers:
            rows.append(
                peer_row(
                    bench, Row(name, size, f"{ratio:g}", peer), "solve", "--peer", peer, "--problem", problem,
                    "--ratio", f"{ratio:g}", "--target", f"{TARGET:g}", "--runs", str(bench.runs),
                    limit=SOLVE_LIMIT * (1 if peer == "mne" else LADDER),
                )
            )  # fmt: skip
    compare(rows)
    return rows


def compare(group: list[Row]) -> None:
    """Ratios to foci, and each objective's distance from the best lower bound that a peer proves.

    The lower bounds come from residuals of the peers in numpy, so they check foci's own certificate: an objective
    below such a bound, or above a peer's by more than the certificate allows, cannot be true.
    """
    foci = group[0]
    for row in group[1:]:
        if foci.seconds:
            row.times_foci = (row.seconds or row.limit or 0) / foci.seconds or None
    proven = [row for row in group if row.dual is not None and row.objective is not None and row.gap]
    if not proven or foci.objective is None or foci.gap is None:
        return
    first = proven[0]
    scale = (first.objective - first.dual) / first.gap
    bound = max(row.dual for row in proven)
    for row in group:
        if row.objective is not None:
            row.above_best_bound = max(0.0, (row.objective - bound) / scale)
    best = min(row.objective for row in proven)
    rounding = 1e-10 * abs(best)
    if foci.objective < bound - rounding or foci.objective > best + foci.gap * scale + rounding:
        raise Broken(
            f"foci solve: {foci.problem}, λ/λ_max {foci.lambda_ratio}: objective {foci.objective!r} contradicts "
            f"its gap {foci.gap:.1e} and the peers' bounds {bound!r} to {best!r}"
        )


@dataclass(frozen=True)
class Recording:
    """Files of the localization; the FIF files are None where there are none."""

    name: str
    forward: Path
    recording: Path
    covariance: Path
    evoked_fif: Path | None = None
    covariance_fif: Path | None = None
    forward_fif: Path | None = None


def localization(bench: Bench, files: Recording) -> list[Row]:
    """Rows of an automatic localization, loose orientation, with peak memory."""
    inputs = (files.forward, files.recording, files.covariance)
    facts = bench.run_peer("size", *inputs, limit=600)
    size = " × ".join(map(str, facts["shapes"]["gain"]))
    bound = 3 * facts["double_bytes"] / MEGABYTE + 100
    totals, walls, peaks = [], [], []
    answer: dict[str, Any] = {}
    say(f"{files.name}, λ automatic: foci")
    for _ in range(bench.runs):
        with tempfile.TemporaryDirectory() as folder:
            answer, wall, peak = bench.run_foci(
                "localize", "--forward", files.forward, "--recording", files.recording, "--covariance",
                files.covariance, "--output", Path(folder) / "result", "--window", *WINDOW, "--orientation",
                "loose:0.2",
            )  # fmt: skip
        totals.append(answer["seconds"]["total"])
        walls.append(wall)
        peaks.append(peak / MEGABYTE)
    rows = [
        Row(
            files.name, size, "auto", "foci", "SURE, 5 reweightings", seconds=statistics.median(totals),
            wall_seconds=statistics.median(walls), gap=answer.get("relative_gap"), nonzero=len(answer["sources"]),
            peak_mb=max(peaks), bound_mb=bound,
        )
    ]  # fmt: skip
    if bench.full and "mne" in bench.peers:
        row = Row(files.name, size, "auto", "mne", "alpha='sure'")
        if files.evoked_fif and files.covariance_fif and files.forward_fif:
            peer_row(
                bench, row, "localize", "--evoked", files.evoked_fif, "--covariance", files.covariance_fif,
                "--forward", files.forward_fif, "--window", *WINDOW, limit=LOCALIZATION_LIMIT,
            )  # fmt: skip
        else:
            row.remark = "needs FIF files, which simulated data lack"
        rows.append(row)
    compare(rows)
    return rows


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
    if name in ("peak_mb", "bound_mb"):
        return f"{value:.0f}"
    return str(value)


def print_table(rows: list[Row]) -> None:
    """Print the rows, aligned; a column that is empty throughout is left out."""
    titles = {"lambda_ratio": "λ/λ_max", "seconds": "seconds", "wall_seconds": "wall", "gap": "gap",
              "above_best_bound": "above bound", "times_foci": "× foci", "peak_mb": "peak MB",
              "bound_mb": "limit MB"}  # fmt: skip
    names = [f.name for f in fields(Row) if "hidden" not in f.metadata]
    cells = {name: [shown(name, getattr(row, name), row) for row in rows] for name in names}
    columns = [(titles.get(name, name), column) for name, column in cells.items() if any(column)]
    text = {"problem", "size", "peer", "setting", "remark"}
    widths = [max(map(len, [title, *column])) for title, column in columns]
    for line in range(-1, len(rows)):
        parts = []
        for (title, column), width in zip(columns, widths):
            cell = title if line < 0 else column[line]
            parts.append(cell.ljust(width) if title in text else cell.rjust(width))
        print("  ".join(parts).rstrip())


def write_table(rows: list[Row], path: Path) -> None:
    """Write the rows as TSV, numbers in full."""
    names = [f.name for f in fields(Row) if "hidden" not in f.metadata]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            values = [getattr(row, name) for name in names]
            if row.limit is not None:
                values[names.index("seconds")] = f">{row.limit:g}"
                values[names.index("times_foci")] = f">{row.times_foci:.6g}"
            writer.writerow("" if value is None else value for value in values)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--foci", type=Path, required=True, help="the program")
    result.add_argument("--python", type=Path, required=True, help="a Python that has the peers")
    result.add_argument("--peers", nargs="*", default=[], choices=("celer", "skglm", "mne"), help="what it has")
    result.add_argument("--shared", type=Path, help="folder with real data; simulated data without it")
    result.add_argument("--output", type=Path, required=True, help="folder for bench.tsv")
    result.add_argument("--threads", type=int, required=True)
    result.add_argument("--runs", type=int, default=3)
    result.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which rows")
    result.add_argument("--full", action="store_true", help="add the slow rows")
    return result


def simulated(bench: Bench, folder: Path) -> tuple[Path, Path, Recording]:
    """Two problems and a recording as large as the real ones; 840 Hz make 85 samples in the window."""
    say("making simulated data")
    sizes = {"meg": ("--candidates", "8196", "--electrodes", "0"), "all": ("--candidates", "2034")}
    for name, arguments in sizes.items():
        command = [str(bench.foci), "simulate", "--output", str(folder / name), "--sampling-frequency", "840",
                   "--seed", "1", "--quiet", *arguments]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(f"foci simulate: {done.stderr.strip()}")
    problems = []
    for name, orientations in (("meg", 1), ("all", 3)):
        problems.append(folder / f"{name}.problem.h5")
        bench.run_peer(
            "prepare", "--simulated", folder / name, "--orientations", str(orientations), "--output", problems[-1],
            limit=600,
        )  # fmt: skip
    whole = folder / "all"
    files = Recording("simulated", whole / "forward.h5", whole / "recording.h5", whole / "covariance.h5")
    return problems[0], problems[1], files


def real(shared: Path) -> tuple[Path, Path, Recording]:
    """The problems and the recording of the shared folder."""
    sample = shared / "data" / "sample-audvis"
    files = Recording(
        "sample-audvis", sample / "sample.forward.h5", sample / "left-auditory.recording.h5",
        sample / "sample.covariance.h5", sample / "left-auditory-ave.fif", sample / "sample-cov.fif",
        sample / "sample-fwd.fif",
    )  # fmt: skip
    return shared / "reference" / "meg-fixed.problem.h5", shared / "reference" / "sample-free.problem.h5", files


def measure(bench: Bench, shared: Path | None, scratch: Path, rows: list[Row]) -> None:
    """Append all rows; those that were measured before something broke stay."""
    fixed, free, files = real(shared) if shared else simulated(bench, scratch)
    names = ("meg-fixed", "sample-free") if shared else ("simulated, fixed", "simulated, free")
    fast, everyone = ["celer", "skglm"], ["celer", "skglm", "mne"]
    ratios = {ratio: everyone if bench.full or ratio == 0.5 else fast for ratio in (0.5, 0.2, 0.1, 0.05)}
    if "fixed" in bench.parts:
        for ratio, peers in ratios.items():
            rows += solves(bench, names[0], fixed, ratio, peers)
    if "free" in bench.parts:
        for ratio in (0.5, 0.2) if bench.full else (0.5,):
            rows += solves(bench, names[1], free, ratio, ["mne"])
    if "localization" in bench.parts:
        rows += localization(bench, files)


def main() -> int:
    """Measure, print, write; 1 when something broke."""
    arguments = parser().parse_args()
    bench = Bench(
        arguments.foci, arguments.python, arguments.peers, arguments.threads, arguments.runs, arguments.full,
        arguments.parts,
    )  # fmt: skip
    rows: list[Row] = []
    failure: str | None = None
    with tempfile.TemporaryDirectory() as scratch:
        try:
            measure(bench, arguments.shared, Path(scratch), rows)
        except Broken as error:
            failure = str(error)
    if rows:
        print_table(rows)
        print(
            f"\nThreads {bench.threads}, medians of {bench.runs} (one run where a solve takes over 20 s); reading is"
            " left out, but for localization by foci.\n"
            "gap: (P − D)/(½‖Y‖²); for peers D is that of the scaled residual, for foci it is its own certificate.\n"
            "above bound: (P − best D of any peer)/(½‖Y‖²), the same for all.\n"
            f"Peers: the fastest setting that reaches a gap of {TARGET:.0e}, else the fastest within twice the"
            " smallest gap."
        )
        for row in rows:
            if row.peak_mb is not None and row.bound_mb is not None:
                kept = "kept" if row.peak_mb <= row.bound_mb else "NOT kept"
                print(
                    f"Peak memory of foci localize: {row.peak_mb:.0f} MB; limit (3 × inputs in double precision"
                    f" + 100 MB): {row.bound_mb:.0f} MB, {kept}."
                )
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_table(rows, arguments.output / "bench.tsv")
        print(f"Table: {arguments.output / 'bench.tsv'}")
    if failure:
        say(failure)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
