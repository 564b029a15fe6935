"""The section that asks whether the answer is right: sources found in recordings whose sources are known."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outcomes import Outcome, Summary, loud
from programs import Broken, Late, Programs, say

if TYPE_CHECKING:
    from data import Data
    from results import Results

SEEDS, FULL_SEEDS = (0, 1), (0, 1, 2, 3)
"""Seeds of the cases. Never tune on them: seeds from 1000 on are for that."""
LIMIT = 300.0
"""Longest that a method may take on a case, s."""
BUDGET, FULL_BUDGET = 1800.0, 20_000.0
"""Longest that a method may take on a set, s; the cases left are then unanswered."""
STRIDE = 7
"""A slow method sees every so-manieth case; no divisor of the numbers of sources, ratios and lead fields, so that all
of them come up."""
STRONG = 0.2
"""Fraction of the largest amplitude below which the sources of methods that shrink but do not select are dropped."""

Case = dict[str, Any]
"""A line of the job that simulates: files, truth in mm, and what it was drawn by."""


@dataclass(frozen=True)
class Method:
    """A way to localize."""

    name: str
    options: tuple[str, ...] = ()
    """Of `foci localize`; without any, it is what users get."""
    peer: str = ""
    """MNE-Python's method, instead of foci."""
    strong: bool = False
    """Whether only sources above STRONG count."""
    slow: bool = False
    """Whether it sees a part of the cases, but for --full."""


METHODS = (
    Method("foci"),
    Method("foci, reweighted", ("--weights", "reweighted")),
    Method("foci, shared λ, SURE", ("--weights", "shared")),
    Method("foci, learned, SURE", ("--weights", "learned")),
    Method("foci, learned, held out", ("--weights", "learned", "--criterion", "held-out")),
    Method("foci, learned, 5-fold", ("--weights", "learned", "--criterion", "kfold"), slow=True),
    Method("foci, evidence, strong", ("--weights", "evidence"), strong=True),
    Method("mne, mixed norm, 50 %", peer="mixed-norm"),
    Method("mne, mixed norm, SURE", peer="mixed-norm-sure", slow=True),
    Method("mne, gamma map, strong", peer="gamma-map", strong=True, slow=True),
)
"""What is compared; the first has targets."""


def located(programs: Programs, method: Method, case: Case) -> dict[str, Any]:
    """What foci finds in a case, as the job `locate` says it of MNE-Python."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = programs.run_foci(
                "localize", "--forward", case["forward"], "--recording", case["recording"], "--output",
                Path(folder) / "result", *method.options, limit=LIMIT,
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
    }


def answers(programs: Programs, method: Method, cases: list[Case]) -> list[dict[str, Any]]:
    """What a method finds in the cases, until its time is up; the list is then shorter."""
    budget = FULL_BUDGET if programs.full else BUDGET
    if method.peer:
        job = programs.run_job("locate", "--method", method.peer, "--limit", f"{LIMIT:g}", limit=budget, given=cases)
        if job.failure:
            return [*job.answers, {"failure": f"{method.name}: {job.failure}"}]
        return job.answers
    began = time.perf_counter()
    result = []
    for case in cases:
        if time.perf_counter() - began > budget:
            break
        result.append(located(programs, method, case))
    return result


def strongest(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without weak sources."""
    bound = STRONG * max(answer["peaks"], default=0)
    kept = [position for position, peak in zip(answer["positions"], answer["peaks"]) if peak >= bound]
    return answer | {"positions": kept}


def judged(programs: Programs, method: Method, cases: list[Case]) -> list[Outcome]:
    """Run a method on the cases and score what it says."""
    found = answers(programs, method, cases)
    load = os.getloadavg()[0]
    outcomes, scored, pairs = [], [], []
    for k, case in enumerate(cases):
        outcome = Outcome(case["kind"], method.name, case["lead"], case["sources"], case["snr"], case["seed"])
        outcomes.append(outcome)
        answer = found[k] if k < len(found) else {"stopped": True}
        if "positions" in answer:
            if method.strong:
                answer = strongest(answer)
            outcome.seconds, outcome.busy_seconds, outcome.load = answer["seconds"], answer["busy"], load
            outcome.found = len(answer["positions"])
            scored.append(outcome)
            pairs.append({"truth": case["truth"], "found": answer["positions"]})
        else:
            outcome.remark = answer.get("failure", "stopped at the limit")
    job = programs.run_job("score", given=pairs)
    if job.failure or len(job.answers) != len(pairs):
        raise Broken(f"score: {job.failure or 'no answer'}")
    for outcome, scores in zip(scored, job.answers):
        outcome.error_mm, outcome.f1, outcome.excess = scores["error"], scores["f1"], scores["excess"]
    return outcomes


def targets(kind: str, outcomes: list[Outcome], results: Results) -> None:
    """Note the targets of what users get."""
    summary = Summary.of(filter(loud, outcomes))
    if summary is None:
        return
    clean = kind == "clean"
    work = f"{kind}, ≥ 0 dB"
    results.at_most(f"{work}: matched error, mean", summary.error, 1 if clean else 9, "mm")
    results.at_least(f"{work}: F1 at 10 mm", summary.f1, 0.95 if clean else 0.7, "")
    if not clean:
        results.at_least(f"{work}: number of sources right up to one", summary.close, 60, "%")
    results.at_most(f"{work}: seconds a case, median", summary.median_seconds, 2, "s")


def accuracy(programs: Programs, data: Data, results: Results) -> None:
    """Two sets of recordings whose sources are known: how near, how many, how fast."""
    seeds = FULL_SEEDS if programs.full else SEEDS
    failures: list[str] = []
    for kind in ("clean", "lifelike"):
        say(f"accuracy, {kind}: simulating")
        folder = data.folder / "cases"
        folder.mkdir(exist_ok=True)
        job = programs.run_job("simulate", "--set", kind, "--leads", *data.leads(), "--seeds", *map(str, seeds),
                               "--output", folder)  # fmt: skip
        if job.failure or not job.answers:
            raise Broken(f"simulate: {job.failure or 'no answer'}")
        for method in METHODS:
            if method.peer and "mne" not in programs.peers:
                continue
            cases = job.answers[::STRIDE] if method.slow and not programs.full else job.answers
            say(f"accuracy, {kind}: {method.name}, {len(cases)} cases")
            outcomes = judged(programs, method, cases)
            results.outcomes += outcomes
            for title, part in (("≥ 0 dB", filter(loud, outcomes)), ("all", outcomes)):
                if summary := Summary.of(part):
                    say(f"  {title}: {summary.error:.1f} mm, F1 {summary.f1:.2f}, {summary.excess:+.1f} sources, "
                        f"{summary.median_seconds:.2f} s")  # fmt: skip
            failures += [o.remark for o in outcomes if o.remark.startswith("foci")]
            if method is METHODS[0]:
                targets(kind, outcomes, results)
    if failures:
        raise Broken(f"{len(failures)} cases failed; the first: {failures[0]}")
