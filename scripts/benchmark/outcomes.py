"""What methods made of recordings whose sources are known: a line a case, and their means as tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rows import print_aligned


@dataclass
class Outcome:
    """A method on a case; scores are None where it gave no answer, or do not apply."""

    cell: str
    method: str
    lead: int
    sources: int
    snr_db: int
    seed: int
    found: int | None = None
    cost_mm: float | None = None
    """Mean distance of true sources to their partners, 100 mm where there is none."""
    error_mm: float | None = None
    """Mean distance of the pairs that sources found and true ones form; None where nothing was found."""
    f1: float | None = None
    """At 10 mm."""
    excess: int | None = None
    """Sources found less true ones."""
    regions: int | None = None
    """True sources whose nearest source found, within 20 mm, has a region."""
    covered: int | None = None
    """Those among them that lie in the region."""
    region_size: float | None = None
    """Mean number of grid sources in those regions."""
    seconds: float | None = None
    """The whole process of foci, the call alone of peers."""
    busy_seconds: float | None = None
    """Seconds that the same kept its threads busy, all together: what is left of time when others run too."""
    load: float | None = None
    """Programs that wanted a core in the minute before, those of the case included."""
    remark: str = ""


@dataclass(frozen=True)
class Mean:
    """A mean and its standard error; NaN where there is none."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Mean:
        """The mean of the values that there are."""
        known = [value for value in values if value is not None]
        if not known:
            return cls(math.nan, math.nan)
        spread = statistics.stdev(known) / math.sqrt(len(known)) if len(known) > 1 else math.nan
        return cls(statistics.fmean(known), spread)

    @classmethod
    def share(cls, hits: int, trials: int) -> Mean:
        """A share in percent, and its binomial standard error."""
        if not trials:
            return cls(math.nan, math.nan)
        share = hits / trials
        return cls(100 * share, 100 * math.sqrt(share * (1 - share) / trials))

    def shown(self, places: int, sign: str = "") -> str:
        """As a person reads it."""
        if math.isnan(self.value):
            return ""
        error = "" if math.isnan(self.error) else f" ± {self.error:.{places}f}"
        return f"{self.value:{sign}.{places}f}{error}"


@dataclass(frozen=True)
class Summary:
    """Means over cases, those without an answer left out."""

    cases: int
    answered: int
    cost: Mean
    error: Mean
    f1: Mean
    excess: Mean
    close: Mean
    """Share of cases with a number of sources right up to one, percent."""
    shown: Mean
    """Share of cases in which any source is shown, percent."""
    covered: Mean
    """Share of regions that hold the true source, percent."""
    region_size: Mean
    median_seconds: float
    longest: float
    median_busy: float

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Summary | None:
        """The summary of outcomes; None where there is no answer among them."""
        everything = list(outcomes)
        answered = [outcome for outcome in everything if outcome.excess is not None]
        if not answered:
            return None
        seconds = [outcome.seconds for outcome in answered]
        return cls(
            len(everything), len(answered), Mean.of(outcome.cost_mm for outcome in answered),
            Mean.of(outcome.error_mm for outcome in answered), Mean.of(outcome.f1 for outcome in answered),
            Mean.of(outcome.excess for outcome in answered),
            Mean.share(sum(abs(outcome.excess) <= 1 for outcome in answered), len(answered)),
            Mean.share(sum(outcome.found > 0 for outcome in answered), len(answered)),
            Mean.share(sum(o.covered for o in answered), sum(o.regions for o in answered)),
            Mean.of(outcome.region_size for outcome in answered), statistics.median(seconds), max(seconds),
            statistics.median(outcome.busy_seconds for outcome in answered),
        )  # fmt: skip

    def texts(self) -> list[str]:
        """As a person reads it, in the order of TITLES."""
        return [
            f"{self.answered}/{self.cases}", self.cost.shown(1), self.error.shown(1), self.f1.shown(2),
            self.excess.shown(1, "+"), self.close.shown(0), self.covered.shown(0), self.region_size.shown(0),
            f"{self.median_seconds:.2f}", f"{self.longest:.1f}", f"{self.median_busy:.2f}",
        ]  # fmt: skip


TITLES = ("cell", "method", "answers", "mm", "paired mm", "F1", "excess", "±1 %", "covered %", "region", "median s",
          "longest s", "busy s")  # fmt: skip
"""Titles of the table with all measures."""


def grouped(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Summary | None]]:
    """Summaries by cell and method, both as they come first."""
    parts: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        parts.setdefault(outcome.cell, {}).setdefault(outcome.method, []).append(outcome)
    return {cell: {name: Summary.of(part) for name, part in methods.items()} for cell, methods in parts.items()}


def print_across(cells: dict[str, dict[str, Summary | None]], title: str, text: Callable[[Summary], str]) -> None:
    """Print cells as rows and methods as columns."""
    methods = list(dict.fromkeys(method for found in cells.values() for method in found))
    lines = [
        [cell, *(text(found[method]) if found.get(method) else "" for method in methods)]
        for cell, found in cells.items()
    ]
    print_aligned([title, *methods], lines, {0})
    print()


def print_outcomes(outcomes: list[Outcome]) -> None:
    """Print the tables: cells by methods, noise alone, and all measures."""
    active = grouped(outcome for outcome in outcomes if outcome.sources)
    silent = grouped(outcome for outcome in outcomes if not outcome.sources)
    if active:
        print_across(active, "cell: mm, F1", lambda found: f"{found.cost.shown(1)}, {found.f1.shown(2)}")
    if silent:
        title = "noise alone: % with a source"
        print_across(silent, title, lambda found: f"{found.shown.shown(0)} of {found.answered}")
    if active:
        lines = [
            [cell, method, *(summary.texts() if summary else ["0"] + [""] * (len(TITLES) - 3))]
            for cell, methods in active.items()
            for method, summary in methods.items()
        ]
        kept = [k for k in range(len(TITLES)) if any(line[k] for line in lines)]
        print_aligned([TITLES[k] for k in kept], [[line[k] for k in kept] for line in lines], {0, 1})


NOTES = """\
Means ± standard errors over cases. mm: over true sources, of the distance to the source found that is its partner, all
matched so that it is least; a true source without a partner counts 100, and none counts more. paired mm: of the pairs
alone, so many sources make it small. F1: 2 × pairs / (true + found), with the most pairs that can be matched within
10 mm. excess: found less true. ±1: cases with the number of sources right up to one. answers: within 300 s; the others
are left out. covered: of the true sources whose nearest source found, within 20 mm, has a region of 95 %, those whose
grid source is in it; region: grid sources in such a region. Cells are described in cells.py and simulation.py.
seconds: the whole process of foci, the call alone of peers (their covariance, Ledoit and Wolf's, is estimated before).
busy: seconds that the same kept its threads busy, all together, median; other programs do not lengthen it much.
Every process has one thread, as many at a time as there are threads. Slow peers see every seventh case, but for --full.
MNE-Python's rap-music and trap-music are told the true number of sources. ssm, altproj and flex-music of invertmeeg
choose it by themselves, with their default settings."""
"""How the tables are to be read; the bounds of methods and the seeds follow."""
