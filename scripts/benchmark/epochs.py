"""The section that asks what the noise of a recording of epochs is best taken from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from accuracy import Method, Study, drawn, judged, located
from cells import Cell, Setting
from data import Data
from outcomes import Summary
from programs import Programs, say
from results import Results

CASES = 40
"""Of a number of epochs."""
CELLS = tuple(Cell(f"{count} epochs", Setting(baseline=100, epochs=count), counts=(1, 2, 3)) for count in (10, 30, 100))
"""Lifelike, 0 dB, the baseline of 0.2 s that epochs are cut with."""
NOISES: dict[str, tuple[str, ...]] = {
    "baseline": ("--noise", "baseline"), "epochs": ("--noise", "epochs"), "auto": ("--noise", "auto"), "true": (),
    "concomitant": ("--noise", "baseline", "--method", "concomitant"),
}  # fmt: skip
"""What the noise is taken from; the true covariance is given."""
CHOICES: dict[str, tuple[str, ...]] = {
    "shared": ("--weights", "shared", "--criterion", "noise-quantile"),
    "reweighted": ("--weights", "reweighted"),
    "refined": (),
}
"""How sources are chosen; those of the study's methods, or all."""


def epochs(study: Study) -> Callable[[Programs, Data, Results], None]:
    """The section: recordings of epochs whose sources are known, and what is found by which noise."""

    def section(programs: Programs, data: Data, results: Results) -> None:
        cases = drawn(programs, data, list(CELLS), replace(study, cases=study.cases or CASES))
        for noise, taken in NOISES.items():
            for choice, options in CHOICES.items():
                if study.methods and choice not in study.methods:
                    continue
                method = Method(f"{noise}, {choice}", (*taken, *options))
                say(f"epochs: {method.name}")

                def given(case: dict) -> Method:
                    true = ("--covariance", case["covariance"]) if noise == "true" else ()
                    return replace(method, options=(*method.options, *true))

                with ThreadPoolExecutor(programs.threads) as pool:
                    found = list(pool.map(lambda case: located(programs, given(case), case), cases))
                outcomes = judged(programs, method, cases, found)
                results.outcomes += outcomes
                for cell in CELLS:
                    part = [outcome for outcome in outcomes if outcome.cell == cell.row(0)]
                    remarks = [outcome.remark for outcome in part if outcome.remark]
                    if remarks:
                        say(f"  {cell.name}: {len(remarks)} without an answer; the first: {remarks[0]}")
                    if summary := Summary.of(part):
                        say(f"  {cell.name}: {summary.cost.shown(1)} mm, F1 {summary.f1.shown(2)},"
                            f" {summary.excess.shown(1, '+')} sources, {summary.median_seconds:.2f} s")  # fmt: skip

    return section
