#!/usr/bin/env python3
"""Trajectories as sources show them that were found some millimetres beside their places, for the section `dynamics`.

    dynamics_leak.py FOLDER CASES LEAD...

FOLDER holds tables that DynamicsStudies wrote, N.tsv (epoch, time, a column a variable). Each variable becomes a source of
a lead field, at least 20 mm from the others, whose field has norm one; white noise of the sensors is 20 dB below their
fields together. All are fitted by least squares with the columns of places 4 to 10 mm beside, whose fields are such as a
localization takes for theirs, and written to N-leaked.tsv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from simulation import LeadField

APART = 0.02
"""Smallest distance of two sources, m."""
BESIDE = (0.004, 0.010)
"""How far a place is wrong, m."""
DECIBEL = 20


ALIKE = 0.8
"""Least correlation of the fields of a place and the wrong one: others are not taken for it by any localization."""


def places(
    lead: LeadField, gain: np.ndarray, count: int, generator: np.random.Generator
) -> tuple[list[int], list[int]]:
    """So many grid places apart from each other, and for each a wrong one; `gain` has columns of norm one."""
    while True:
        true = generator.choice(len(lead.positions), count, replace=False)
        between = np.linalg.norm(lead.positions[true][:, None] - lead.positions[true], axis=2)
        if between[np.triu_indices(count, 1)].min() < APART:
            continue
        wrong = []
        for place in true:
            distances = np.linalg.norm(lead.positions - lead.positions[place], axis=1)
            near = np.flatnonzero((distances >= BESIDE[0]) & (distances <= BESIDE[1]) & (gain.T @ gain[:, place] >= ALIKE))
            if len(near) == 0:
                break
            wrong.append(generator.choice(near))
        if len(wrong) == count:
            return list(true), wrong


def main() -> None:
    """Write the tables."""
    folder, cases, leads = Path(sys.argv[1]), int(sys.argv[2]), [LeadField.read(Path(path)) for path in sys.argv[3:]]
    for case in range(cases):
        lead, generator = leads[case % len(leads)], np.random.default_rng([case, 2])
        table = np.loadtxt(folder / f"{case}.tsv", delimiter="\t", skiprows=1)
        gain = lead.gain[:, :, 0] / np.linalg.norm(lead.gain[:, :, 0], axis=0)
        true, wrong = places(lead, gain, table.shape[1] - 2, generator)
        fields = gain[:, true] @ table[:, 2:].T
        noise = generator.standard_normal(fields.shape)
        noise *= np.linalg.norm(fields) / np.linalg.norm(noise) / 10 ** (DECIBEL / 20)
        table[:, 2:] = np.linalg.lstsq(gain[:, wrong], fields + noise, rcond=None)[0].T
        names = "\t".join(["epoch", "time", *(f"x{number}" for number in range(1, table.shape[1] - 1))])
        np.savetxt(folder / f"{case}-leaked.tsv", table, delimiter="\t", header=names, comments="", fmt="%.10g")


main()
