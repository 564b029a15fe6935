"""Entropic optimal transport against POT: seconds until both marginals are right to 1e-9."""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from data import Data
from programs import Broken, Late, Programs, say, told
from results import Results
from rows import Row

PLACES = 5000
ERROR = 1e-9
"""Σ |error of marginals| over the mass, asked of all."""
EPSILONS = (0.05, 0.02, 0.005)
"""ε over the largest cost."""
PENALTIES = (float("inf"), 2000.0)
"""ρ in mm²: all mass is moved; none over much more than 60 mm."""
METHODS = {float("inf"): ("sinkhorn",), PENALTIES[1]: ("sinkhorn", "sinkhorn_translation_invariant")}
"""Of POT, by ρ; with --full also those that are slower where `sinkhorn` does not overflow."""
SLOW = {float("inf"): ("sinkhorn_stabilized", "sinkhorn_log"), PENALTIES[1]: ("sinkhorn_stabilized",)}
TOLERANCES = (1e-9, 1e-10, 1e-11, 1e-12)
"""POT stops by numbers of its own: the first that reaches the error counts."""
LIMIT = 900.0
"""Longest run, s."""
WANTED = 5


def transport(programs: Programs, data: Data, results: Results) -> None:
    """Two measures of 5000 places each, at several ε, balanced and not."""
    binary = programs.foci.with_name("TransportBenchmark")
    if not binary.exists():
        raise Broken(f"transport: no program '{binary}'; swift build -c release --product TransportBenchmark")
    script = str(Path(__file__).with_name("transport_peer.py"))
    environment = programs.environment()
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        made = told([str(programs.python), script, "make", folder, str(PLACES)], environment)[0]
        for penalty in PENALTIES:
            for ratio in EPSILONS:
                epsilon = ratio * made["largest"]
                solved(programs, results, binary, [str(programs.python), script, "solve", folder], epsilon, ratio, penalty)


def solved(
    programs: Programs, results: Results, binary: Path, peer: list[str], epsilon: float, ratio: float, penalty: float
) -> None:
    """One problem at one ε."""
    name = f"transport, ε {ratio:g} of the largest cost, {'balanced' if penalty == float('inf') else f'ρ {penalty:g}'}"
    say(f"{name}: foci")
    size = f"{PLACES} × {PLACES}"
    numbers = [f"{epsilon:.17g}", f"{penalty:g}"]
    counts = [str(PLACES), str(PLACES)]
    command = [str(binary), peer[-1], *counts, *numbers, str(programs.threads), str(programs.runs)]
    own = told(command, programs.environment())[0]
    if own["error"] > ERROR:
        raise Broken(f"{name}: foci did not reach {ERROR:g}")
    work = f"error {own['error']:.0e}, {own['sweeps']} sweeps, {own['newton_steps']} Newton steps"
    seconds, busy = statistics.median(own["seconds"]), statistics.median(own["busy"])
    row = Row(name, size, "", "foci", "", seconds, remark=f"{work}, {busy:.2f} s of processor", load=os.getloadavg()[0])
    results.rows.append(row)
    if "ot" not in programs.peers:
        return
    best: float | None = None
    for method in METHODS[penalty] + (SLOW[penalty] if programs.full else ()):
        say(f"{name}: POT, {method}")
        done = None
        for tolerance in TOLERANCES:
            try:
                done = told([*peer, *numbers, method, f"{tolerance:g}"], programs.environment(), LIMIT)[0]
            except Late:
                done = None
                break
            if done["error"] <= ERROR:
                break
        other = Row(name, size, "", "POT", method, load=os.getloadavg()[0])
        if done is None:
            other.remark, other.limit = "stopped at the limit", LIMIT
        else:
            other.seconds, other.times_foci = done["seconds"], done["seconds"] / seconds
            other.remark = f"error {done['error']:.0e}, {done['busy']:.2f} s of processor"
            if done["error"] <= ERROR:
                best = min(best or other.seconds, other.seconds)
        results.rows.append(other)
    if best is not None:
        results.at_least(f"{name}: POT against foci", best / seconds, WANTED)
