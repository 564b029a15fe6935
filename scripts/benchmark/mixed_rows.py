"""What the section of mixed-effects models measured: lines of its tables. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from rows import print_aligned


@dataclass
class Selected:
    """What a program selected on some problems; percent of decisions that are right, over problems."""

    problems: str
    program: str
    setting: str
    count: int
    right: float = math.nan
    right_error: float = math.nan
    fixed: float = math.nan
    random: float = math.nan
    fit_seconds: float | None = None
    fit_busy: float | None = None
    """Seconds of its thread's work."""
    selection_seconds: float | None = None
    selection_busy: float | None = None
    load: float | None = None
    remark: str = ""


@dataclass
class Optimized:
    """Where a solver ended, and how soon; means over problems."""

    problems: str
    program: str
    setting: str
    count: int
    objective: float | None = None
    above_best: float | None = None
    """The objective beside the lowest of all programs."""
    seconds: float | None = None
    busy: float | None = None
    iterations: float | None = None
    load: float | None = None


@dataclass
class Fitted:
    """The criterion (−2 log-likelihood, restricted or not) that a program ended at."""

    data: str
    covariance: str
    method: str
    program: str
    criterion: float
    above_best: float = 0.0
    """Beside the lowest of all programs."""
    seconds: float | None = None
    """The whole call."""
    busy: float | None = None
    fit_seconds: float | None = None
    """Without formula and design."""
    fit_busy: float | None = None
    load: float | None = None


@dataclass
class Found:
    """How often effects are found, percent of studies with standard errors."""

    method: str
    studies: int
    false_studies: float
    """Of studies without effects, those with one."""
    false_error: float
    false_effects: float
    """Effects found in such a study, mean."""
    power: float
    """Of true effects, those found."""
    power_error: float
    false_beside: float
    """Effects found that are not there, in a study with others, mean."""


@dataclass
class Tables:
    """All tables."""

    selected: list[Selected] = field(default_factory=list)
    optimized: list[Optimized] = field(default_factory=list)
    fitted: list[Fitted] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether there is a line."""
        return any(vars(self).values())


def holm(values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which hypotheses Holm's method rejects, by their p values."""
    rejected = [False] * len(values)
    for step, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[place] > level / (len(values) - step):
            break
        rejected[place] = True
    return rejected


def shown(name: str, value: object) -> str:
    """A cell as a person reads it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, float):
        return str(value)
    if name.startswith("above"):
        return f"{value:.1e}"
    if name in ("criterion", "objective"):
        return f"{value:.9f}"
    if "seconds" in name or "busy" in name:
        return f"{value:.3g}"
    return f"{value:.2f}" if name.startswith("false_") else f"{value:.1f}"


def print_table(items: Sequence[object]) -> None:
    """Print lines of one kind; a column that is empty throughout is left out."""
    names = [one.name for one in fields(items[0])]
    cells = {name: [shown(name, getattr(item, name)) for item in items] for name in names}
    names = [name for name in names if any(cells[name])]
    left = {k for k, name in enumerate(names) if isinstance(getattr(items[0], name), str)}
    print_aligned([name.replace("_", " ") for name in names], list(zip(*(cells[name] for name in names))), left)


NOTES = """\
right: percent of the 40 decisions (20 fixed, 20 random effects), mean over problems, standard error beside it. seconds
of foci: what it says of itself, without reading; busy: seconds of a thread's work, which other programs do not
lengthen much (of foci's selections, of the whole process). Medians over problems. pysr3: the paper's search, less than
0.01 counts as zero. objective: what foci says; of pysr3 computed in numpy from its effects. criterion: −2
log-likelihood, restricted with reml; lme4's fit seconds leave out the formula and the model's matrices. false studies:
of those without effects, those in which one is found, percent; power: of three true contrasts of twelve, percent.
Ratios take the work of peers and the seconds of foci."""
"""How the tables are to be read."""
