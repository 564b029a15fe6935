"""What the sections measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from agreement import Counterpart
from mixed_rows import Tables
from outcomes import Outcome
from rows import Point, Row, Target

REACHED = 1e-5
"""Relative duality gap that a setting of a peer should reach."""


@dataclass
class Results:
    """What was measured; what came before something broke stays."""

    rows: list[Row] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """How the outcomes came about."""
    counterparts: list[Counterpart] = field(default_factory=list)
    """Sources of halves of recordings."""
    mixed: Tables = field(default_factory=Tables)

    def at_least(self, work: str, measured: float | None, bound: float, unit: str = "×") -> None:
        """Note a target for a ratio that should be large; none where nothing was measured."""
        if measured is not None:
            self.targets.append(Target(work, measured, bound, unit=unit))

    def against(self, work: str, row: Row | None, bound: float) -> None:
        """Note a target for the time of a peer; one that stopped at a wider gap than asked is marked."""
        if row is not None:
            loose = row.gap is not None and row.gap > REACHED
            note = f" (its gap {row.gap:.0e})" if loose else ""
            self.at_least(f"{work}: {row.program} against foci{note}", row.times_foci, bound)

    def at_most(self, work: str, measured: float, bound: float, unit: str = "×") -> None:
        """Note a target for a number that should be small."""
        self.targets.append(Target(work, measured, bound, at_least=False, unit=unit))
