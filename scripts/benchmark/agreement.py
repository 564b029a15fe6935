"""How well halves of a recording agree: a line a source, and their rates as a table. Standard library only.

Two halves do not lie in each other's regions as often as the truth does, since each errs by itself. Where both err by
independent normal numbers of variance σ² a coordinate, x₁ − x₂ has variance 2σ². Where the region of x is |y − x|² ≤
qσ², q the 95 % quantile of χ² of d degrees of freedom, P(|x₁ − x₂|² ≤ qσ²) = P(χ²_d ≤ q/2): 83 % along a line, on a
surface 1 − exp(−5.99/4) = 78 %, in space 73 %. Errors that both halves share (of the gain, of the shape of sources,
of the grid), regions that reckon with them, and the cells of a grid, which a region holds whole, make it more;
regions that are too small make it less.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from outcomes import Mean, Outcome
from rows import print_aligned

DRAWS = 1000
"""Samples of cases, drawn with replacement, that standard errors come from."""
SURFACE = 78
"""How often a half lies in the other's region of 95 %, percent, on a surface."""

Item = TypeVar("Item")


@dataclass
class Counterpart:
    """A source of one half, and what the other half says of it."""

    cell: str
    lead: int
    sources: int
    snr_db: int
    seed: int
    half: str
    """In which it is found."""
    distance_mm: float | None
    """To the nearest source of the other; None where that has none."""
    counterpart: bool
    """Whether that is within 20 mm."""
    inside: bool | None
    """Whether it lies in the region of its counterpart; None without one."""
    wholly: bool | None
    """Whether both grid sources do that it lies midway between."""


def expected(held: float) -> float:
    """How often a half lies in the other's region, percent, on a surface, where regions hold the truth in `held`
    percent: 1 − exp(−r²/4σ²) with exp(−r²/2σ²) = 1 − held."""
    return 100 * (1 - math.sqrt(max(0.0, 1 - held / 100)))


def over_cases(items: Iterable[Item], case: Callable[[Item], object], value: Callable[[list[Item]], float]) -> Mean:
    """The value of the items, and its standard error by a bootstrap over cases: what is found in one is not
    independent. NaN where there are none."""
    parts: dict[object, list[Item]] = {}
    for item in items:
        parts.setdefault(case(item), []).append(item)
    groups = list(parts.values())
    if not groups:
        return Mean(math.nan, math.nan)
    generator = random.Random(0)
    samples = (generator.choices(groups, k=len(groups)) for _ in range(DRAWS))
    values = [value(list(chain(*sample))) for sample in samples] if len(groups) > 1 else []
    return Mean(value(list(chain(*groups))), statistics.stdev(values) if values else math.nan)


def case_of(item: Counterpart | Outcome) -> tuple[object, ...]:
    """What tells cases of a cell apart."""
    return item.lead, item.sources, item.seed


@dataclass(frozen=True)
class Agreement:
    """Rates of a cell in percent, distances in mm, over the sources of both halves."""

    cell: str
    cases: int
    """In which a half finds a source."""
    found: int
    """Sources of both halves."""
    counterparts: Mean
    """Share of sources with a counterpart."""
    distance: Mean
    """Median distance to it."""
    inside: Mean
    """Share of those that lie in the region of their counterpart."""
    wholly: Mean
    """Share of those that lie wholly in it."""
    held: Mean
    """Share of regions that hold the true source."""

    @classmethod
    def of(cls, cell: str, sources: Sequence[Counterpart], outcomes: Iterable[Outcome]) -> Agreement:
        """Of the sources of a cell and the outcomes of both halves."""
        near = [source for source in sources if source.counterpart]
        judged = [source for source in near if source.inside is not None]
        regions = [outcome for outcome in outcomes if outcome.regions]
        return cls(
            cell, len(set(map(case_of, sources))), len(sources),
            over_cases(sources, case_of, lambda part: 100 * statistics.fmean(one.counterpart for one in part)),
            over_cases(near, case_of, lambda part: statistics.median(one.distance_mm for one in part)),
            over_cases(judged, case_of, lambda part: 100 * statistics.fmean(one.inside for one in part)),
            over_cases(judged, case_of, lambda part: 100 * statistics.fmean(one.wholly for one in part)),
            over_cases(
                regions, case_of, lambda part: 100 * sum(o.covered for o in part) / sum(o.regions for o in part)
            ),
        )  # fmt: skip

    def texts(self) -> list[str]:
        """As a person reads it, in the order of TITLES."""
        return [
            self.cell, str(self.cases), str(self.found), self.counterparts.shown(0), self.distance.shown(1),
            self.inside.shown(1), self.wholly.shown(1), str(SURFACE), f"{expected(self.held.value):.0f}",
            self.held.shown(1),
        ]  # fmt: skip


TITLES = ("cell", "cases", "sources", "with counterpart %", "mm", "in its region %", "wholly %", "expected",
          "at the rate held", "true ones held %")  # fmt: skip
"""Titles of the table."""


def agreements(sources: Iterable[Counterpart], outcomes: Sequence[Outcome]) -> list[Agreement]:
    """A line a cell, as they come first; outcomes of other sections do not count."""
    cells: dict[str, list[Counterpart]] = {}
    for source in sources:
        cells.setdefault(source.cell, []).append(source)
    return [
        Agreement.of(cell, part, [outcome for outcome in outcomes if outcome.cell == cell])
        for cell, part in cells.items()
    ]


def print_agreements(sources: Iterable[Counterpart], outcomes: Sequence[Outcome]) -> None:
    """Print the table."""
    print_aligned(TITLES, [line.texts() for line in agreements(sources, outcomes)], {0})


NOTES = f"""\
Halves: every other epoch, localized apart, each with the noise of its own; their signal-to-noise ratio is 3 dB below
that of the cell. Standard errors by a bootstrap over cases. with counterpart: sources of either half whose nearest of
the other is within 20 mm; mm: the median distance of those. in its region: of those, the ones that lie in the
counterpart's region of 95 %: the grid source nearest to them is one of its, or one of the two that they lie midway
between; wholly: both are. expected: how often they should, on a surface, if both halves err by independent normal
numbers alone and regions hold the truth in 95 %: {SURFACE} % (83 along a line, 73 in space), for x₁ − x₂ has twice
the variance of x₁; at the rate held: the same, if they hold it as often as here. true ones held: covered of the table
above, both halves together."""
"""How the table is to be read."""
