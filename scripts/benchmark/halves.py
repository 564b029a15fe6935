"""The section that asks whether two halves of a recording say the same, to within the regions that each states.

How often they should is told in agreement.py: less than 95 %, for both err.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from accuracy import METHODS, Study, drawn, judged, located
from agreement import SURFACE, Counterpart, agreements
from cells import HALVES, Cell, Setting
from programs import Broken, Programs, say
from results import Results

if TYPE_CHECKING:
    from data import Data

CASES = 40
"""Of a cell at one signal-to-noise ratio."""
CELLS = (Cell("60 epochs halved", Setting(epochs=60), (5, 0), (1, 2, 3)),)
"""Lifelike; the ratio is that of the average of all epochs, 3 dB more than that of a half."""


def halves(study: Study) -> Callable[[Programs, Data, Results], None]:
    """The section: recordings of epochs whose sources are known, and what is found in either half of them."""

    def section(programs: Programs, data: Data, results: Results) -> None:
        cases = drawn(programs, data, list(CELLS), replace(study, cases=study.cases or CASES), "--halves")
        found, outcomes = [], []
        for k, half in enumerate(HALVES):
            method = replace(METHODS[0], name=f"{half} epochs")
            say(f"halves: {method.name}")
            parts = [case | {"recording": case["halves"][k]} for case in cases]
            with ThreadPoolExecutor(programs.threads) as pool:
                found.append(list(pool.map(lambda case: located(programs, METHODS[0], case), parts)))
            outcomes += judged(programs, method, cases, found[k])
        results.outcomes += outcomes
        with (data.folder / "halves.jsonl").open("w", encoding="utf-8") as file:
            for case, *answers in zip(cases, *found, strict=True):
                known = {"case": case["name"], "truth": case["truth"], "vertices": case["vertices"]}
                file.write(json.dumps(known | dict(zip(HALVES, answers, strict=True))) + "\n")
        if failed := [outcome.remark for outcome in outcomes if outcome.remark]:
            say(f"  {len(failed)} without an answer; the first: {failed[0]}")

        told = [(case, pair) for case, *pair in zip(cases, *found, strict=True)]
        both = [(case, pair) for case, pair in told if all("regions" in answer for answer in pair)]
        job = programs.run_job("agree", given=[{"forward": case["forward"], "halves": pair} for case, pair in both])
        if job.failure or len(job.answers) != len(both):
            raise Broken(f"agree: {job.failure or 'no answer'}")
        sources = [
            Counterpart(case["row"], case["lead"], case["sources"], case["snr"], case["seed"], HALVES[one["half"]],
                        one["distance"], one["counterpart"], one["inside"], one["wholly"])
            for (case, _), answer in zip(both, job.answers, strict=True)
            for one in answer["sources"]
        ]  # fmt: skip
        results.counterparts += sources
        for line in agreements(sources, outcomes):
            say(f"  {line.cell}: {line.inside.shown(1)} % in each other's regions, {line.distance.shown(1)} mm;"
                f" {line.held.shown(1)} % of regions hold the truth")  # fmt: skip
            results.at_least(f"{line.cell}: sources in the other half's region", line.inside.value, SURFACE, "%")
            results.at_least(f"{line.cell}: regions that hold the truth", line.held.value, 90, "%")
            results.at_most(f"{line.cell}: regions that hold the truth", line.held.value, 98, "%")

    return section
