"""Inverse methods, timed in a program of their own: noise along with sources, and time-frequency norms."""

from __future__ import annotations

import itertools
import os
import statistics
from pathlib import Path
from typing import Any

from data import Data
from programs import Broken, Programs, say, told
from results import Results
from rows import Row

GAP = 1e-6
CONCOMITANT = {"generator": 20, "lead": 10}
"""Times as long that plain alternation should take."""
RATIOS = (0.5, 0.2)
"""λ over the largest."""
RHO, PARTS = 0.03, {1: (0.4,), 3: (0.4, 0.2)}
"""Of the time-frequency norm: MNE's usual ρ, and λ over the largest, by orientations."""
GAPS = {GAP: 50, 1e-4: 25}
"""Relative gaps, and times as long that MNE should take with one orientation."""
LOOSE = 20
"""The same with three."""


def commands(programs: Programs) -> tuple[str, list[str]]:
    """The program that times foci, and the one that does the others."""
    binary = programs.foci.with_name("InverseBenchmark")
    if not binary.exists():
        raise Broken(f"inverse: no program '{binary}'; swift build -c release --product InverseBenchmark")
    return str(binary), [str(programs.python), str(Path(__file__).with_name("inverse_peer.py"))]


def compared(
    results: Results, name: str, size: str, ratio: float, own: dict[str, Any], peer: str, other: dict[str, Any],
    wanted: float,
) -> None:  # fmt: skip
    """The rows of both, and the target."""
    seconds = statistics.median(own["seconds"])
    for program, took, answer in (("foci", seconds, own), (peer, other["seconds"], other)):
        results.rows.append(
            Row(name, size, f"{ratio:g}", program, "", took, gap=answer["gap"], nonzero=answer["active"],
                objective=answer["objective"], times_foci=took / seconds if program == peer else None,
                load=os.getloadavg()[0])
        )  # fmt: skip
    results.at_least(f"{name} at {ratio:g}: {peer} against foci", other["seconds"] / seconds, wanted)
    apart = abs(own["objective"] - other["objective"]) / abs(other["objective"])
    results.at_most(f"{name} at {ratio:g}: objectives apart", apart, 1e-3, "")


def concomitant(programs: Programs, data: Data, results: Results) -> None:
    """Noise of any covariance, estimated from epochs along with the sources, beside plain alternation."""
    binary, peer = commands(programs)
    environment = programs.environment(1)
    for kind, wanted in CONCOMITANT.items():
        path = data.folder / f"{kind}.epochs.h5"
        facts = told([*peer, "make", kind, str(path), str(data.leads()[0])], environment)[0]
        size = " × ".join(str(facts[part]) for part in ("rows", "columns", "samples", "epochs"))
        for ratio in RATIOS if programs.full or kind == "generator" else RATIOS[:1]:
            say(f"concomitant, {kind} at {ratio:g}")
            numbers = [str(path), f"{ratio:g}", f"{GAP:g}"]
            own = told([binary, "concomitant", *numbers, str(programs.runs)], environment)[0]
            other = told([*peer, "concomitant", *numbers], environment)[0]
            compared(results, f"concomitant, {kind}", size, ratio, own, "numpy", other, wanted)


def time_frequency(programs: Programs, data: Data, results: Results) -> None:
    """The time-frequency mixed norm beside MNE-Python's solver."""
    binary, peer = commands(programs)
    if "mne" not in programs.peers:
        raise Broken("time-frequency: MNE-Python is not there")
    environment = programs.environment(1)
    name, whole = data.fixed()
    part = data.folder / "quarter.problem.h5"
    programs.require_job("derive", "--problem", whole, "--output", part, "--step", "4", "--precision", "double")
    for kind, path, orientations in ((f"{name}, every fourth", part, 1), (*data.free(), 3)):
        shapes = programs.require_job("size", path)["shapes"]
        size = f"{shapes['gain'][0]} × {shapes['gain'][1]} × {shapes['data'][1]}"
        for ratio, (gap, wanted) in itertools.product(PARTS[orientations], GAPS.items()):
            say(f"time-frequency, {kind} at {ratio:g}, gap {gap:g}")
            numbers = [str(path), f"{ratio:g}", f"{RHO:g}", f"{gap:g}", str(programs.runs)]
            own = told([binary, "time-frequency", *numbers], environment)[0]
            lam = ratio * own["largest"]
            alphas = [f"{lam * (1 - RHO):.17g}", f"{lam * RHO:.17g}", f"{gap:g}"]
            other = told([*peer, "time-frequency", str(path), *alphas], environment)[0]
            compared(results, f"time-frequency, {kind}, gap {gap:g}", size, ratio, own, "mne", other,
                     wanted if orientations == 1 else LOOSE)  # fmt: skip
