"""What methods made of recordings whose sources are known: a line a case, and their means as a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from rows import print_aligned


@dataclass
class Outcome:
    """A method on a case; scores are None where it gave no answer, the error also where it found no source."""

    set: str
    method: str
    lead: int
    sources: int
    snr_db: int
    seed: int
    found: int | None = None
    error_mm: float | None = None
    """Mean distance of the pairs that sources found and true ones form."""
    f1: float | None = None
    """At 10 mm."""
    excess: int | None = None
    """Sources found less true ones."""
    seconds: float | None = None
    """The whole process of foci, the call alone of MNE-Python."""
    busy_seconds: float | None = None
    """Seconds that the same kept its threads busy, all together: what is left of time when others run too."""
    load: float | None = None
    """Programs that wanted a core in the minute before, those of the case included."""
    remark: str = ""


@dataclass(frozen=True)
class Summary:
    """Means over cases, those without an answer left out."""

    cases: int
    answered: int
    error: float
    median_error: float
    f1: float
    excess: float
    close: float
    """Share of cases with a number of sources right up to one, percent."""
    median_seconds: float
    longest: float
    median_busy: float

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Summary | None:
        """The summary of outcomes; None where there is no answer among them."""
        everything = list(outcomes)
        answered = [outcome for outcome in everything if outcome.f1 is not None]
        if not answered:
            return None
        errors = [outcome.error_mm for outcome in answered if outcome.error_mm is not None] or [float("nan")]
        seconds = [outcome.seconds for outcome in answered]
        return cls(
            len(everything), len(answered), statistics.fmean(errors), statistics.median(errors),
            statistics.fmean(outcome.f1 for outcome in answered), statistics.fmean(o.excess for o in answered),
            100 * statistics.fmean(abs(outcome.excess) <= 1 for outcome in answered), statistics.median(seconds),
            max(seconds), statistics.median(outcome.busy_seconds for outcome in answered),
        )  # fmt: skip

    def cells(self) -> list[str]:
        """As a person reads it."""
        return [
            f"{self.answered}/{self.cases}", f"{self.error:.1f}", f"{self.median_error:.1f}", f"{self.f1:.2f}",
            f"{self.excess:+.1f}", f"{self.close:.0f} %", f"{self.median_seconds:.2f}", f"{self.longest:.1f}",
            f"{self.median_busy:.2f}",
        ]  # fmt: skip


TITLES = ("set", "method", "SNR", "answers", "mean mm", "median mm", "F1", "excess", "±1", "median s", "longest s",
          "busy s")  # fmt: skip
"""Titles of the table."""


def loud(outcome: Outcome) -> bool:
    """Whether the signal is as strong as the noise or stronger, which targets are set for."""
    return outcome.snr_db >= 0


def print_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Print a line for every set, method and range of noise."""
    lines = []
    for (kind, method), group in groupby(outcomes, key=lambda outcome: (outcome.set, outcome.method)):
        cases = list(group)
        for title, part in (("≥ 0 dB", filter(loud, cases)), ("−5 dB", (case for case in cases if not loud(case)))):
            part = list(part)
            if part:
                summary = Summary.of(part)
                lines.append([kind, method, title, *(summary.cells() if summary else [f"0/{len(part)}"] + [""] * 8)])
    print_aligned(TITLES, lines, {0, 1, 2})


NOTES = """\
mean, median mm: over cases, of the mean distance of pairs that the sources found and the true ones form, matched so
that it is least; however far, but a source that has no partner has no distance, so many sources make it small.
F1: 2 × pairs / (true + found), with the most pairs that can be matched within 10 mm. excess: found less true.
±1: share of cases with the number of sources right up to one. answers: within 300 s; the others are left out.
seconds: the whole process of foci, the call alone of MNE-Python (its covariance is estimated before).
busy: seconds that the same kept its threads busy, all together, median; other programs do not lengthen it much.
strong: sources whose largest amplitude is below 20 % of the largest of all are dropped before the scores.
Seeds 0 to 3; those that the methods' constants were tuned on are others."""
"""How the table is to be read."""
