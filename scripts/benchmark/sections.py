"""The sections of the benchmark: what is run, and what should come of it."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from accuracy import Study, accuracy
from batch import batch
from data import Data
from dynamics import dynamics
from effects import effects
from group import group
from epochs import epochs
from halves import halves
from inverse import concomitant, time_frequency
from mixed import mixed
from programs import Job, Programs, Run, say
from results import REACHED, Results
from rows import Point, Row, bounded
from transport import transport
from trials import Trial, fastest

GAP, TIGHT = 1e-6, 1e-10
"""Relative duality gaps asked of foci."""
TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, GAP, 1e-8, TIGHT, 1e-12)
"""Relative duality gaps of foci's curves."""
ENGINES = ("auto", "descent", "dual")
"""Engines of foci that are measured; the first is the one that its users get."""
WINDOW = ("0.05", "0.15")
"""Analysed times of the localization, s."""
RATIOS = (0.5, 0.2, 0.1, 0.05)
"""λ/λ_max."""
LIMIT, FULL_LIMIT = 60.0, 600.0
"""Longest that the settings of a peer may take on one problem, s."""
PATH_POINTS, PATH_RATIO = 30, 0.1
"""The path: values of λ, and the last as a fraction of λ_max."""
SLOW_PROCESS = 1.0
"""A process of foci that takes longer, in seconds, is repeated for the rows alone, not for the curves."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Task:
    """A problem at one λ."""

    name: str
    path: Path
    ratio: float
    peers: tuple[str, ...]
    curve: bool


def size_of(programs: Programs, problem: Path) -> str:
    """Rows × columns × samples."""
    shapes = programs.require_job("size", problem)["shapes"]
    return f"{shapes['gain'][0]} × {shapes['gain'][1]} × {shapes['data'][1]}"


def foci_runs(programs: Programs, task: Task) -> dict[tuple[str, float], list[Run]]:
    """Runs of foci by engine and gap, the settings in turn so that a disturbance meets them all."""
    rows = {("auto", GAP), ("auto", TIGHT), ("descent", GAP), ("dual", GAP)}
    settings = list(product(ENGINES, TOLERANCES)) if task.curve else sorted(rows)
    runs: dict[tuple[str, float], list[Run]] = {setting: [] for setting in settings}
    for repetition in range(programs.runs):
        for engine, gap in settings:
            done = runs[engine, gap]
            if repetition and done[0].wall > SLOW_PROCESS and (engine, gap) not in rows:
                continue
            done.append(
                programs.run_foci(
                    "solve", "--problem", task.path, "--lambda-ratio", f"{task.ratio:g}", "--gap", f"{gap:g}",
                    "--solver", engine,
                )
            )  # fmt: skip
    return runs


def seconds_of(runs: Iterable[Run]) -> float:
    """The median of the seconds that foci solved, without reading."""
    return statistics.median(run.answer["seconds"] for run in runs)


def foci_row(task: Task, size: str, engine: str, gap: float, runs: list[Run]) -> Row:
    """A row of foci."""
    answer = runs[0].answer
    row = Row(
        task.name, size, f"{task.ratio:g}", "foci" if engine == "auto" else f"foci, {engine}", f"gap {gap:.0e}",
        seconds=seconds_of(runs), gap=answer["relative_gap"], nonzero=answer["nonzero"],
        passes=answer["passes_over_gain"], looks=answer["full_passes"], objective=answer["objective"],
    )  # fmt: skip
    row.load = os.getloadavg()[0]
    if answer["relative_gap"] is None or answer["relative_gap"] > gap:
        row.remark = f"stopped ({answer['reason']})"
    return row


def trials_of(job: Job) -> list[Trial]:
    """The trials that a job told of; a later word about a setting counts."""
    return list({answer["setting"]: Trial(**answer) for answer in job.answers}.values())


def peer_row(programs: Programs, task: Task, size: str, peer: str, results: Results) -> Row:
    """A row of a peer, and its curve; what did not come within the limit becomes a remark."""
    say(f"{task.name}, λ/λ_max {task.ratio:g}: {peer}")
    row = Row(task.name, size, f"{task.ratio:g}", peer)
    limit = FULL_LIMIT if programs.full else LIMIT
    job = programs.run_job(
        "solve", "--peer", peer, "--problem", task.path, "--ratio", f"{task.ratio:g}", "--target", f"{REACHED:g}",
        "--runs", str(programs.runs), "--limit", f"{limit:g}", *(["--curve"] if task.curve else []), limit=2 * limit,
    )  # fmt: skip
    trials = trials_of(job)
    if trials:
        best = fastest(trials, REACHED)
        row.setting, row.seconds, row.nonzero = best.setting, best.median, best.nonzero
        row.gap, row.objective, row.dual = best.gap, best.objective, best.dual
        if best.gap > REACHED:
            row.remark = f"no setting tried reached {REACHED:.0e}"
    row.load = os.getloadavg()[0]
    if job.failure:
        row.remark = f"failed: {job.failure}"
    elif job.stopped:
        row.remark = "stopped at the limit"
        row.limit = None if trials else 2 * limit
    if task.curve:
        results.points += [
            Point(task.name, size, row.lambda_ratio, peer, trial.setting, trial.median, trial.gap) for trial in trials
        ]
    return row


def checked(programs: Programs, task: Task, size: str, support: list[int]) -> Row:
    """The optimum on foci's support, found and certified in numpy: a bound that foci has no part in."""
    answer = programs.require_job("check", "--problem", task.path, "--ratio", f"{task.ratio:g}", given=support)
    return Row(task.name, size, f"{task.ratio:g}", "numpy", "check", gap=max(answer["gap"], 1e-16),
               objective=answer["objective"], dual=answer["dual"])  # fmt: skip


def solve(programs: Programs, task: Task, results: Results) -> dict[str, Row]:
    """Measure foci and the peers on one problem at one λ; the rows by program."""
    size = size_of(programs, task.path)
    say(f"{task.name}, λ/λ_max {task.ratio:g}: foci")
    runs = foci_runs(programs, task)
    group = [foci_row(task, size, "auto", gap, runs["auto", gap]) for gap in (GAP, TIGHT)]
    group += [foci_row(task, size, engine, GAP, runs[engine, GAP]) for engine in ENGINES[1:]]
    if task.curve:
        results.points += [
            Point(task.name, size, f"{task.ratio:g}", foci_row(task, size, engine, gap, done).program, f"gap {gap:.0e}",
                  seconds_of(done), done[0].answer["relative_gap"])
            for (engine, gap), done in runs.items()
        ]  # fmt: skip
    group += [peer_row(programs, task, size, peer, results) for peer in task.peers if peer in programs.peers]
    say(f"{task.name}, λ/λ_max {task.ratio:g}: check in numpy")
    check = checked(programs, task, size, runs["auto", TIGHT][0].answer["support"])
    results.rows += group
    bounded([*group, check])
    work = f"{task.name} at {task.ratio:g}"
    results.at_most(f"{work}: gap 1e-10 against 1e-6", group[1].seconds / group[0].seconds, 2)
    return {row.program: row for row in reversed(group)}


def fixed(programs: Programs, data: Data, results: Results) -> None:
    """306 × 8196 × 85, one orientation, at four λ."""
    name, path = data.fixed()
    for ratio in RATIOS:
        peers = ("celer", "skglm", "mne") if programs.full or ratio == 0.5 else ("celer", "skglm")
        rows = solve(programs, Task(name, path, ratio, peers, curve=programs.full or ratio == 0.1), results)
        for peer in peers:
            if peer in rows:
                bound = (4 if ratio == 0.5 else 8) if peer == "celer" else 1
                results.against(f"{name} at {ratio:g}", rows[peer], bound)
        if ratio == 0.1:
            results.at_most(f"{name} at {ratio:g}: passes over the gain", rows["foci"].passes, 8, "passes")


def path(programs: Programs, data: Data, results: Results) -> None:
    """A path of 30 λ on 306 × 8196 × 85, every point certified."""
    name, problem = data.fixed()
    size, ratio = size_of(programs, problem), f"1…{PATH_RATIO:g}"
    name = f"{name}, path of {PATH_POINTS}"
    say(f"{name}: foci")
    runs = [
        programs.run_foci(
            "solve", "--problem", problem, "--lambda-ratio", f"{PATH_RATIO:g}", "--path", str(PATH_POINTS), "--gap",
            f"{GAP:g}",
        )
        for _ in range(programs.runs)
    ]  # fmt: skip
    answer = runs[0].answer
    group = [
        Row(
            name, size, ratio, "foci", f"gap {GAP:.0e}", seconds=seconds_of(runs),
            gap=max(point["relative_gap"] for point in answer["path"]), nonzero=answer["nonzero"],
            passes=sum(point["passes_over_gain"] for point in answer["path"]),
            looks=sum(point["full_passes"] for point in answer["path"]), remark="largest gap of the path",
        )
    ]  # fmt: skip
    limit = FULL_LIMIT if programs.full else 2 * LIMIT
    for peer in ("celer", "skglm"):
        if peer not in programs.peers:
            continue
        say(f"{name}: {peer}")
        job = programs.run_job(
            "path", "--peer", peer, "--problem", problem, "--ratio", f"{PATH_RATIO:g}", "--points", str(PATH_POINTS),
            limit=limit,
        )  # fmt: skip
        for done in job.answers:
            seconds, gaps = statistics.median(done["seconds"]), done["gaps"]
            remark = f"median gap {statistics.median(gaps):.0e}"
            group.append(Row(name, size, ratio, peer, done["setting"], seconds=seconds, gap=max(gaps),
                             nonzero=done["nonzero"], remark=remark))  # fmt: skip
        if job.failure or (job.stopped and not job.answers):
            group.append(Row(name, size, ratio, peer, remark=f"failed: {job.failure}" if job.failure else "stopped",
                             limit=limit if job.stopped else None))  # fmt: skip
    bounded(group)
    results.rows += group
    ways = [row for row in group if row.program == "celer" and row.seconds]
    results.against(name, min(ways, key=lambda row: row.seconds, default=None), 15)


def free(programs: Programs, data: Data, results: Results) -> None:
    """366 × 6102 × 85, three orientations, at two λ."""
    name, path = data.free()
    for ratio in (0.5, 0.2):
        rows = solve(programs, Task(name, path, ratio, ("mne",), curve=True), results)
        if "mne" in rows:
            bound = 50 if ratio == 0.2 else 1
            results.against(f"{name} at {ratio:g}", rows["mne"], bound)


def lasso(programs: Programs, data: Data, results: Results) -> None:
    """One sample of the gain, at four λ."""
    single(programs, *data.strongest(), RATIOS, results)


def gaussian(programs: Programs, data: Data, results: Results) -> None:
    """A Gaussian design, 5000 × 20000, at three λ."""
    single(programs, *data.gaussian(), (0.5, 0.1, 0.05), results)


def single(programs: Programs, name: str, path: Path, ratios: Iterable[float], results: Results) -> None:
    """A Lasso with one response: not slower than celer and skglm."""
    for ratio in ratios:
        task = Task(name, path, ratio, ("celer", "skglm", "sklearn"), curve=programs.full or ratio == 0.1)
        rows = solve(programs, task, results)
        for peer in ("celer", "skglm"):
            if peer in rows:
                results.against(f"{name} at {ratio:g}", rows[peer], 1)


def large(programs: Programs, data: Data, results: Results) -> None:
    """306 × 61452 × 85, three orientations: memory, threads, growth with the columns."""
    files = data.large()
    ratio = 0.2
    variants: list[tuple[str, str, int]] = [("double", "in double precision", programs.threads),
                                            ("single", "in single precision", programs.threads),
                                            ("tenth", "every tenth position", programs.threads)]  # fmt: skip
    if programs.threads > 1:
        variants.append(("double", "in double precision", 1))
    name = "simulated, large"
    say(f"{name}, λ/λ_max {ratio:g}: foci")
    command = ("solve", "--lambda-ratio", f"{ratio:g}", "--gap", f"{GAP:g}", "--problem")
    runs: dict[tuple[str, int], list[Run]] = {(which, threads): [] for which, _, threads in variants}
    for _, (which, _, threads) in product(range(programs.runs), variants):
        runs[which, threads].append(programs.run_foci(*command, files[which], threads=threads))
    group: dict[tuple[str, int], Row] = {}
    sizes = {which: size_of(programs, path) for which, path in files.items()}
    for which, remark, threads in variants:
        done = runs[which, threads]
        task = Task(name if which != "tenth" else f"{name}, a tenth", files[which], ratio, (), curve=False)
        row = foci_row(task, sizes[which], "auto", GAP, done)
        row.setting += f", {threads} thread{'s' if threads > 1 else ''}"
        row.wall_seconds = statistics.median(run.wall for run in done)
        row.peak_mb = statistics.median(run.peak for run in done) / MEGABYTE
        rows, columns, _ = map(int, sizes[which].split(" × "))
        row.gain_mb = rows * columns * (4 if which == "single" else 8) / MEGABYTE
        row.remark = row.remark or remark
        group[which, threads] = row
    task = Task(name, files["double"], ratio, (), curve=False)
    check = checked(programs, task, sizes["double"], runs["double", programs.threads][0].answer["support"])
    results.rows += group.values()
    bounded([row for (which, _), row in group.items() if which == "double"] + [check])
    both, tenth = group["double", programs.threads], group["tenth", programs.threads]
    for which in ("double", "single"):
        row = group[which, programs.threads]
        results.at_most(f"{name}, {which}: peak memory against the gain's", row.peak_mb / row.gain_mb, 1.3)
    results.at_most(f"{name}: seconds a column against a tenth of it", both.seconds / tenth.seconds / 10, 1)
    if programs.threads > 1:
        one = group["double", 1]
        results.at_least(f"{name}: one thread against {programs.threads}", one.seconds / both.seconds, 1.5)
        supports = [set(runs["double", threads][0].answer["support"]) for threads in (1, programs.threads)]
        results.at_most(f"{name}: sources that differ between them", len(supports[0] ^ supports[1]), 0, "sources")


def choice(programs: Programs, data: Data, results: Results) -> None:
    """What choosing λ costs beside one solve at it; SURE of one sample and of all, with one λ and one a source."""
    for lead, seed in product(data.leads(), (0, 1)):
        problem = data.known(lead, seed)
        name, size = f"{lead.name.split('.')[0]}, {seed}", size_of(programs, problem)
        say(f"{name}: choice of λ")
        choices, solves = [], []
        for _ in range(max(5, programs.runs)):
            chosen = programs.run_foci("select", "--problem", problem, "--search", "path").answer
            choices.append(sum(point["seconds"] for point in chosen["history"]))
            ratio = f"{chosen['lambda_ratio']:.6g}"
            command = ("solve", "--problem", problem, "--lambda-ratio", ratio, "--gap", f"{GAP:g}")
            solves.append(programs.run_foci(*command))
        cold, search = seconds_of(solves), statistics.median(choices)
        task = Task(name, problem, chosen["lambda_ratio"], (), curve=False)
        results.rows.append(foci_row(task, size, "auto", GAP, solves))
        results.rows.append(
            Row(name, size, f"{task.ratio:.3g}", "foci select", f"SURE, {chosen['evaluations']} values", search,
                nonzero=len(chosen["support"]), load=os.getloadavg()[0])
        )  # fmt: skip
        results.at_most(f"{name}: path, SURE and refinement against one solve", search / cold, 2)
    single, whole = data.strongest(), data.fixed()
    for (name, problem), criterion in product((single, whole), ("sure", "sure-mc")):
        for penalty, weights in (("l21", "shared"), ("l21", "learned")):
            say(f"{name}: {criterion}, {weights} weights")
            run = programs.run_foci(
                "select", "--problem", problem, "--criterion", criterion, "--penalty", penalty, "--weights", weights,
                "--sigma", f"{3**-0.5:.12g}",
            )  # fmt: skip
            results.rows.append(
                Row(name, size_of(programs, problem), "chosen", "foci select", f"{criterion}, {weights} λ",
                    run.answer["seconds"], run.wall, nonzero=len(run.answer["support"]), load=os.getloadavg()[0],
                    remark=f"SURE {run.answer['value']:.1f} in {run.answer['evaluations']} evaluations")
            )  # fmt: skip


def localization(programs: Programs, data: Data, results: Results) -> None:
    """An automatic localization, loose orientation, with peak memory."""
    files = data.recording()
    inputs = (files.forward, files.recording, files.covariance)
    facts = programs.require_job("size", *inputs)
    size = " × ".join(map(str, facts["shapes"]["gain"]))
    say(f"{files.name}, λ automatic: foci")
    runs: list[Run] = []
    for _ in range(programs.runs):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(
                programs.run_foci(
                    "localize", "--forward", files.forward, "--recording", files.recording, "--covariance",
                    files.covariance, "--output", Path(folder) / "result", "--window", *WINDOW, "--orientation",
                    "loose:0.2", "--weights", "reweighted",
                )
            )  # fmt: skip
    answer: dict[str, Any] = runs[0].answer
    group = [
        Row(
            files.name, size, "auto", "foci", "SURE, 5 reweightings",
            seconds=statistics.median(run.wall - run.answer["seconds"]["load"] for run in runs),
            wall_seconds=statistics.median(run.wall for run in runs), gap=answer.get("relative_gap"),
            nonzero=len(answer["sources"]), peak_mb=max(run.peak for run in runs) / MEGABYTE,
        )
    ]  # fmt: skip
    if programs.full and "mne" in programs.peers:
        row = Row(files.name, size, "auto", "mne", "alpha='sure'")
        if files.evoked_fif and files.covariance_fif and files.forward_fif:
            say(f"{files.name}, λ automatic: mne")
            job = programs.run_job(
                "localize", "--evoked", files.evoked_fif, "--covariance", files.covariance_fif, "--forward",
                files.forward_fif, "--window", *WINDOW, limit=2 * FULL_LIMIT,
            )  # fmt: skip
            for done in job.answers:
                row.seconds, row.nonzero = statistics.median(done["seconds"]), done["nonzero"]
            row.limit = 2 * FULL_LIMIT if job.stopped else None
            row.remark = f"failed: {job.failure}" if job.failure else "stopped" if job.stopped else ""
        else:
            row.remark = "needs FIF files, which simulated data lack"
        group.append(row)
    bounded(group)
    results.rows += group
    bound = 3 * facts["double_bytes"] / MEGABYTE + 100
    work = f"{files.name}: peak memory (3 × inputs in double precision + 100 MB)"
    results.at_most(work, group[0].peak_mb, bound, "MB")


SECTIONS = {
    section.__name__: section
    for section in (fixed, path, free, lasso, gaussian, large, choice, localization, batch, group, transport, dynamics, concomitant)
} | {"time-frequency": time_frequency, "statistics": effects, "accuracy": accuracy(Study()), "mixed": mixed(Study()),
     "epochs": epochs(Study()), "halves": halves(Study())}
"""Sections by name, in the order in which they run."""
