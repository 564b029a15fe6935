"""The section that asks whether the answer is right: sources found in recordings whose sources are known."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cells import CASES, CELLS, FULL_CASES, Cell
from outcomes import Outcome, Summary
from programs import Broken, Late, Programs, say

if TYPE_CHECKING:
    from data import Data
    from results import Results

LIMIT = 300.0
"""Longest that a method may take on a case, s."""
BUDGET, FULL_BUDGET = 3600.0, 40_000.0
"""Longest that a method may take on all cases, s; the cases left are then unanswered."""
STRIDE = 7
"""A slow method sees every so-manieth case; no divisor of the numbers of cases, so that all sorts come up."""

Case = dict[str, Any]
"""What the job that simulates says: files, truth in mm, and what it was drawn by."""
Answer = dict[str, Any]
"""What a method says of a case: seconds, positions in mm, peaks in nAm; or `stopped`, or `failure`."""


@dataclass(frozen=True)
class Method:
    """A way to localize."""

    name: str
    options: tuple[str, ...] = ()
    """Of `foci localize`; without any, it is what users get."""
    package: str = "foci"
    """Whose it is; peers' are the methods of that name of imaging.py."""
    strong: float = 0.0
    """Fraction of the largest amplitude below which sources are dropped: by habit, but for nl-champagne, whose was
    chosen by the job `fractions` on 32 tuning cases of one and two sources. F1 rose there up to 0.7, .25 at 0.5 and .32
    at 0.7; more would drop true sources where there are five, so a choice on cases of all numbers is still to be made.
    """
    slow: bool = False
    """Whether it sees a part of the cases, but for --full."""
    main: bool = False
    """Whether it sees the cells *clean* and *lifelike* alone."""

    def sees(self, cell: Cell) -> bool:
        """Whether the cell is one of its; peers, some of which find one source at least, do not see noise alone."""
        if self.main:
            return cell.name in ("clean", "lifelike", "evoked")
        return self.package == "foci" or any(cell.counts)


METHODS = (
    Method("foci"),
    Method("reweighted", ("--weights", "reweighted"), main=True, slow=True),
    Method("shared-sure", ("--weights", "shared"), main=True, slow=True),
    Method("learned-sure", ("--weights", "learned"), main=True, slow=True),
    Method("learned-held-out", ("--weights", "learned", "--criterion", "held-out"), main=True, slow=True),
    Method("learned-kfold", ("--weights", "learned", "--criterion", "kfold"), main=True, slow=True),
    Method("quantile", ("--criterion", "noise-quantile"), main=True, slow=True),
    Method("quantile-reweighted", ("--criterion", "noise-quantile", "--weights", "reweighted"), main=True, slow=True),
    Method("tf", ("--method", "tf"), main=True, slow=True),
    Method("tf-reweighted", ("--method", "tf", "--weights", "reweighted"), main=True, slow=True),
    Method("evidence", ("--weights", "evidence"), strong=0.2, main=True, slow=True),
    Method("ssm", package="invert"),
    Method("altproj", package="invert"),
    Method("flex-music", package="invert"),
    Method("nl-champagne", package="invert", strong=0.5, slow=True),
    Method("mixed-norm", package="mne"),
    Method("mixed-norm-sure", package="mne", main=True, slow=True),
    Method("tf-mixed-norm", package="mne", main=True, slow=True),
    Method("gamma-map", package="mne", strong=0.2, main=True, slow=True),
    Method("rap-music", package="mne", slow=True),
    Method("trap-music", package="mne", slow=True),
)
"""What is compared; the first has targets."""


@dataclass(frozen=True)
class Study:
    """Which part of the section is run."""

    cells: tuple[str, ...] = ()
    """Names of cells; all without any."""
    methods: tuple[str, ...] = ()
    """Names of methods; all without any."""
    first: int = 0
    """The first seed."""
    cases: int | None = None
    """Cases of a cell at one signal-to-noise ratio; what is usual without it."""

    def chosen(self, programs: Programs) -> tuple[list[Cell], list[Method]]:
        """The cells and the methods that there are."""
        cells = [cell for cell in CELLS if not self.cells or cell.name in self.cells]
        methods = [method for method in METHODS if not self.methods or method.name in self.methods]
        return cells, [method for method in methods if method.package in ("foci", *programs.peers)]


def drawn(programs: Programs, data: Data, cells: list[Cell], study: Study, *options: str) -> list[Case]:
    """The cases of the cells, each with its row and cell, simulated; options are those of the job."""
    folder = data.folder / "cases"
    folder.mkdir(exist_ok=True)
    count = study.cases or (FULL_CASES if programs.full else CASES)
    wanted = []
    for cell in cells:
        heads = data.heads(cell.setting.head, cell.setting.sensors)
        for row, setting in cell.cases(len(heads), count, study.first):
            name = f"{cell.name}-{setting.snr}dB-{setting.seed}"
            wanted.append(
                {"name": name, "cell": cell.name, "row": row, "forward": str(heads[setting.lead])} | asdict(setting)
            )
    say(f"accuracy: simulating {len(wanted)} cases")
    found: dict[str, Case] = {}
    for job in programs.run_split("simulate", "--output", folder, *options, limit=BUDGET, given=wanted):
        if job.failure or job.stopped:
            raise Broken(f"simulate: {job.failure or 'it took too long'}")
        found |= {case["name"]: case for case in job.answers}
    return [found[case["name"]] for case in wanted]


def located(programs: Programs, method: Method, case: Case) -> Answer:
    """What foci finds in a case, as the job `locate` says it of peers, and its regions where it tells them."""
    orientation = {"loose": "loose:0.2"}.get(case["orientation"], case["orientation"])
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = programs.run_foci(
                "localize", "--forward", case["forward"], "--recording", case["recording"], "--output",
                Path(folder) / "result", "--orientation", orientation, *method.options, threads=1, limit=LIMIT,
            )  # fmt: skip
        except Late:
            return {"stopped": True}
        except Broken as error:
            return {"failure": str(error)}
    sources = run.answer["sources"]
    return {
        "seconds": run.wall,
        "busy": run.busy,
        "positions": [source["position_mm"] for source in sources],
        "peaks": [abs(source["peak_nAm"]) for source in sources],
        "regions": [source.get("region_vertices") for source in sources],
    }


def answers(programs: Programs, method: Method, cases: list[Case]) -> list[Answer]:
    """What a method finds in the cases, until its time is up; the others are stopped."""
    budget = FULL_BUDGET if programs.full else BUDGET
    if method.package == "foci":
        began = time.perf_counter()

        def one(case: Case) -> Answer:
            if time.perf_counter() - began > budget:
                return {"stopped": True}
            return located(programs, method, case)

        result = []
        with ThreadPoolExecutor(programs.threads) as pool:
            for answer in pool.map(one, cases):
                result.append(answer)
                if len(result) % 100 == 0:
                    say(f"  {len(result)} cases, {time.perf_counter() - began:.0f} s")
        return result

    result: list[Answer] = [{"stopped": True} for _ in cases]
    jobs = programs.run_split("locate", "--method", method.name, "--limit", f"{LIMIT:g}", limit=budget, given=cases)
    for k, job in enumerate(jobs):
        found = [*job.answers, {"failure": job.failure}] if job.failure else job.answers
        for place, answer in zip(range(k, len(cases), len(jobs)), found):
            result[place] = answer
    return result


def strongest(answer: Answer, fraction: float) -> Answer:
    """The answer without weak sources."""
    bound = fraction * max(answer["peaks"], default=0)
    kept = [k for k, peak in enumerate(answer["peaks"]) if peak >= bound]
    lists = [name for name in ("positions", "peaks", "regions") if name in answer]
    return answer | {name: [answer[name][k] for k in kept] for name in lists}


def judged(programs: Programs, method: Method, cases: list[Case], found: list[Answer]) -> list[Outcome]:
    """The scores of what a method found in the cases."""
    load = os.getloadavg()[0]
    outcomes, scored, given = [], [], []
    for case, answer in zip(cases, found, strict=True):
        outcome = Outcome(case["row"], method.name, case["lead"], case["sources"], case["snr"], case["seed"])
        outcomes.append(outcome)
        if "positions" not in answer:
            outcome.remark = answer.get("failure", "stopped at the limit")
            continue
        answer = strongest(answer, method.strong)
        outcome.seconds, outcome.busy_seconds, outcome.load = answer["seconds"], answer["busy"], load
        outcome.found = len(answer["positions"])
        scored.append(outcome)
        given.append(
            {"truth": case["truth"], "found": answer["positions"], "vertices": case["vertices"],
             "regions": answer.get("regions", [None] * outcome.found)}
        )  # fmt: skip
    job = programs.run_job("score", given=given)
    if job.failure or len(job.answers) != len(given):
        raise Broken(f"score: {job.failure or 'no answer'}")
    for outcome, scores in zip(scored, job.answers):
        outcome.excess, outcome.error_mm, outcome.cost_mm = scores["excess"], scores["error"], scores["cost"]
        outcome.f1 = scores["f1"] if outcome.sources else None
        outcome.regions, outcome.covered = scores["regions"], scores["covered"]
        outcome.region_size = scores["region_size"]
    return outcomes


@dataclass(frozen=True)
class Goal:
    """What users should get: means over the recordings of a cell at some signal-to-noise ratios."""

    cell: str
    ratios: tuple[int, ...]
    """dB."""
    f1: float
    """At least."""
    cost: float | None = None
    """At most, mm."""
    error: float | None = None
    """Of the pairs alone, at most, mm."""
    close: float | None = None
    """Cases with the number of sources right up to one, at least, percent."""


LOUD = (0, 5)
GOALS = (
    Goal("clean", LOUD, 0.95, error=1),
    Goal("lifelike", LOUD, 0.7, error=9, close=60),
    Goal("near", LOUD, 0.8),
    Goal("even", LOUD, 0.85, cost=7, close=90),
    Goal("even", (-5,), 0.76, cost=16),
    Goal("even-clean", LOUD, 0.98),
    Goal("even-clean", (-5,), 0.95),
)
LOST, WRONG = 0.02, "even-field10"
"""How much F1 fields wrong by 10 % may cost, and their cell, which is *even* otherwise."""


def targets(outcomes: list[Outcome], results: Results) -> None:
    """Note the targets of what users get."""

    def summary(cell: str, ratios: tuple[int, ...]) -> Summary | None:
        return Summary.of(o for o in outcomes if o.cell.split(",")[0] == cell and o.snr_db in ratios)

    for goal in GOALS:
        found = summary(goal.cell, goal.ratios)
        if found is None:
            continue
        work = f"{goal.cell}, {' and '.join(f'{ratio}' for ratio in goal.ratios)} dB"
        results.at_least(f"{work}: F1 at 10 mm", found.f1.value, goal.f1, "")
        if goal.cost:
            results.at_most(f"{work}: error, mean", found.cost.value, goal.cost, "mm")
        if goal.error:
            results.at_most(f"{work}: error of pairs, mean", found.error.value, goal.error, "mm")
        if goal.close:
            results.at_least(f"{work}: number of sources right up to one", found.close.value, goal.close, "%")
    right, wrong = summary("even", (5,)), summary(WRONG, (5,))
    if right and wrong:
        results.at_most(f"{WRONG}, 5 dB: F1 lost", right.f1.value - wrong.f1.value, LOST, "")
    everything = Summary.of(outcomes)
    if everything is not None:
        results.at_most("seconds a case, median", everything.median_seconds, 2, "s")


def compare(outcomes: list[Outcome], results: Results) -> None:
    """Note how far foci is ahead of the best rival in each row of the table, on the cases that the rival saw."""
    rivals = {method.name for method in METHODS if method.package != "foci"}
    scores: dict[str, dict[str, dict[tuple[int, int, int], float]]] = {}
    for o in outcomes:
        if o.f1 is not None:
            scores.setdefault(o.cell, {}).setdefault(o.method, {})[o.lead, o.sources, o.seed] = o.f1
    for row, methods in scores.items():
        own = methods.get(METHODS[0].name, {})
        ahead = {
            name: statistics.fmean(own[case] - value for case, value in other.items() if case in own)
            for name, other in methods.items() if name in rivals and own.keys() & other.keys()
        }  # fmt: skip
        if ahead:
            best = min(ahead, key=ahead.__getitem__)
            results.at_least(f"{row}: F1 above that of the best rival, {best}", ahead[best], 0, "")


def bounds(methods: list[Method]) -> str:
    """Which sources of which methods are dropped before the scores."""
    parts = [f"{method.name} {100 * method.strong:.0f} %" for method in methods if method.strong]
    return (
        f"Sources below a fraction of the largest amplitude are dropped of: {', '.join(parts)}. nl-champagne's are"
        " the largest within 10 mm."
        if parts
        else ""
    )


def accuracy(study: Study) -> Callable[[Programs, Data, Results], None]:
    """The section: cells of recordings whose sources are known, and what methods find in them."""

    def section(programs: Programs, data: Data, results: Results) -> None:
        cells, methods = study.chosen(programs)
        cases = drawn(programs, data, cells, study)
        results.remarks += [
            bounds(methods),
            f"Seeds from {study.first} on; those from 1000 on are for choosing constants, never for judging.",
        ]
        failures: list[str] = []
        with (data.folder / "answers.jsonl").open("w", encoding="utf-8") as file:
            for method in methods:
                seen = [cell.name for cell in cells if method.sees(cell)]
                part = [case for case in cases if case["cell"] in seen]
                part = part[::STRIDE] if method.slow and not programs.full else part
                if not part:
                    continue
                say(f"accuracy: {method.name}, {len(part)} cases")
                found = answers(programs, method, part)
                for case, answer in zip(part, found):
                    told = {"case": case["name"], "method": method.name, "truth": case["truth"]}
                    file.write(json.dumps(told | answer) + "\n")
                file.flush()
                outcomes = judged(programs, method, part, found)
                results.outcomes += outcomes
                if summary := Summary.of(outcome for outcome in outcomes if outcome.sources):
                    say(f"  {summary.cost.shown(1)} mm, F1 {summary.f1.shown(2)}, {summary.excess.shown(1, '+')}"
                        f" sources, {summary.median_seconds:.2f} s")  # fmt: skip
                broken = [o for o in outcomes if o.remark and o.remark != "stopped at the limit"]
                if broken:
                    say(f"  {len(broken)} failed; the first, {broken[0].cell}: {broken[0].remark}")
                if method is METHODS[0]:
                    failures += [outcome.remark for outcome in broken]
                    targets(outcomes, results)
        compare(results.outcomes, results)
        if failures:
            raise Broken(f"{len(failures)} cases failed; the first: {failures[0]}")

    return section
