"""Tables for linear mixed-effects models, made from seeds.

The problems of selection are those of the MSR3 paper and talk, number for number: numpy's legacy generator gives the
same stream in every version, and it is drawn from as the paper's generator does.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GROUPS = (10, 15, 4, 8, 3, 5, 18, 9, 6)
"""Rows of the groups of a problem of selection."""
EFFECTS = 20
"""Its columns, the first of them the intercept."""
TRUTH = {
    "paper": np.where(np.arange(EFFECTS) % 2 == 0, np.arange(EFFECTS) / 2, 0.0),
    "talk": np.where(np.arange(EFFECTS) < 10, (np.arange(EFFECTS) + 1) / 2, 0.0),
}
"""β, and γ as well."""
VARIANCE = {"paper": 0.3, "talk": 0.09}
"""Of the noise, known."""
SUBJECTS, PLACES, CONDITIONS = 16, 6, 3
"""Of a study."""
TRUE_CONTRASTS = ((0, 1), (2, 2), (4, 1))
"""Place and condition of the effects of a study that has any."""
CONTRAST, SPREAD, BASELINE, NOISE = 1.0, 0.3, 0.5, 0.7
"""A true effect; standard deviations over subjects of true effects and of baselines, and of the noise of a subject of
median noise."""


@dataclass(frozen=True)
class Table:
    """Rows of groups, those of a group together."""

    columns: dict[str, np.ndarray]
    response: np.ndarray
    offsets: np.ndarray
    variance: np.ndarray | None = None
    """Of the noise of each row; None where it is to be estimated."""

    @property
    def design(self) -> np.ndarray:
        """Rows × columns."""
        return np.column_stack(list(self.columns.values()))

    @property
    def groups(self) -> np.ndarray:
        """The number of each row's group."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @classmethod
    def read(cls, path: Path) -> Table:
        """What `write` wrote, of a table whose noise is to be estimated."""
        with path.open(newline="", encoding="utf-8") as file:
            (_, _, *names), *rows = csv.reader(file, delimiter="\t")
        numbers = np.array([row[1:] for row in rows], dtype=float)
        starts = [k for k, row in enumerate(rows) if k == 0 or row[0] != rows[k - 1][0]]
        columns = {name: numbers[:, k + 1] for k, name in enumerate(names)}
        return cls(columns, numbers[:, 0], np.array([*starts, len(rows)]))

    def write(self, path: Path) -> Path:
        """Write it as TSV, numbers in full: group, y, variance where it is known, the columns."""
        known = {} if self.variance is None else {"variance": self.variance}
        numbers = {"y": self.response, **known, **self.columns}
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(["group", *numbers])
            for row, group in enumerate(self.groups):
                writer.writerow([f"g{group:03}", *(repr(float(values[row])) for values in numbers.values())])
        return path


def selection(kind: str, seed: int) -> Table:
    """A problem of the paper (seeds 1 to 100 there) or of the talk."""
    truth, variance, rows = TRUTH[kind], VARIANCE[kind], sum(GROUPS)
    random = np.random.RandomState(seed)
    design = np.hstack([np.ones((rows, 1)), random.standard_normal((rows, EFFECTS - 1))])
    offsets = np.concatenate([[0], np.cumsum(GROUPS)])
    largest_first = np.argsort(-truth, kind="stable")
    response = design @ truth
    for first, last in zip(offsets, offsets[1:]):
        random.random_sample((last - first, EFFECTS - 1))  # a mask of outliers, of which there are none
        effects = np.zeros(EFFECTS)
        effects[largest_first] = np.sqrt(truth[largest_first]) * random.standard_normal(EFFECTS)
        noise = np.sqrt(variance) * random.standard_normal(last - first)
        response[first:last] += design[first:last] @ effects + noise
    columns = {f"x{k}": design[:, k] for k in range(EFFECTS)}
    return Table(columns, response, offsets, np.full(rows, variance))


def repeated(seed: int) -> Table:
    """24 groups of 3 to 10 rows, an intercept and two slopes that vary and are correlated, noise to be estimated."""
    random = np.random.default_rng(seed)
    sizes = random.integers(3, 11, 24)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    design = np.hstack([np.ones((offsets[-1], 1)), random.standard_normal((offsets[-1], 2))])
    factor = np.array([[1.0, 0, 0], [-0.2, 0.5, 0], [-0.1, -0.2, 0.4]])
    response = design @ [1.0, 0.3, -0.4] + 0.8 * random.standard_normal(len(design))
    for first, last in zip(offsets, offsets[1:]):
        response[first:last] += design[first:last] @ factor @ random.standard_normal(3)
    return Table({f"x{k}": design[:, k] for k in range(3)}, response, offsets)


def study(seed: int, *, effects: bool) -> Table:
    """Amplitudes of 16 subjects at 6 places in 3 conditions, the first of which is the baseline; 3 of 12 contrasts are
    not 0 and vary, or none. The noise of subjects differs, and is known."""
    random = np.random.default_rng([seed, int(effects)])
    places, conditions = (part.ravel() for part in np.mgrid[:PLACES, :CONDITIONS])
    one = {f"p{place}": (places == place).astype(float) for place in range(PLACES)}
    for place in range(PLACES):
        for condition in range(1, CONDITIONS):
            one[f"p{place}c{condition}"] = ((places == place) & (conditions == condition)).astype(float)
    response, variance = [], []
    for _ in range(SUBJECTS):
        amplitude = 1 + BASELINE * random.standard_normal(PLACES)[places]
        for place, condition in TRUE_CONTRASTS if effects else ():
            amplitude += one[f"p{place}c{condition}"] * (CONTRAST + SPREAD * random.standard_normal())
        deviation = NOISE * np.exp(0.5 * random.standard_normal())
        response.append(amplitude + deviation * random.standard_normal(len(places)))
        variance.append(np.full(len(places), deviation**2))
    columns = {name: np.tile(values, SUBJECTS) for name, values in one.items()}
    offsets = len(places) * np.arange(SUBJECTS + 1)
    return Table(columns, np.concatenate(response), offsets, np.concatenate(variance))


def contrasts() -> list[str]:
    """Names of the contrasts of a study."""
    return [f"p{place}c{condition}" for place in range(PLACES) for condition in range(1, CONDITIONS)]


def made(kind: str, seed: int) -> Table:
    """A table of a kind."""
    if kind in TRUTH:
        return selection(kind, seed)
    return repeated(seed) if kind == "repeated" else study(seed, effects=kind == "study")


def facts(kind: str) -> dict[str, object]:
    """What is known of the tables of a kind."""
    if kind in TRUTH:
        return {"truth": (TRUTH[kind] != 0).tolist(), "variance": VARIANCE[kind]}
    if kind == "repeated":
        return {}
    true = {f"p{place}c{condition}" for place, condition in TRUE_CONTRASTS}
    return {"contrasts": contrasts(), "truth": [name in true for name in contrasts()]}
