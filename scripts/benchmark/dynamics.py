"""The section of dynamics: who drives whom in simulated networks, beside statsmodels' VAR and MNE-Connectivity."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from data import Data
from programs import Broken, Programs, say
from results import Results
from rows import Row

NETWORKS = {"oscillators": "noise-driven oscillators", "jansen-rit": "Jansen–Rit columns"}
SAMPLES = (250, 1000, 5000)
"""At 250 Hz."""
DECIBEL = 20
CASES, FULL_CASES = 10, 50
MODELS = ("plain", "library")
PEERS = {"statsmodels": ("statsmodels", "influence"), "mne_connectivity": ("gc", "gc_tr")}
"""Methods of dynamics_peer.py, by what they need."""
WANTED = {"oscillators": 0.95, "jansen-rit": 0.75}
"""F1 of the plain model with the most samples."""
LONGEST = 0.1
"""Seconds of a plain fit of 5 variables with the most samples."""
NOISES = (0.005, 0.02, 0.05)
"""Standard deviations on a path of amplitude 1: the linear model's study."""
LINEAR_NOISE, LARGEST_ERROR, LARGEST_MSE = 0.02, 0.02, 1e-3
"""What medians should stay below at one of them: a coefficient's largest error, the forecast's mean square error."""
LIMIT = 900.0


def told(command: list[str], environment: dict[str, str]) -> list[dict[str, Any]]:
    """The lines of JSON that a program says. Raises `Broken` when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LIMIT)
    except subprocess.TimeoutExpired as late:
        raise Broken(f"dynamics: no answer in {LIMIT:.0f} s") from late
    if done.returncode != 0:
        raise Broken(f"dynamics: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def dynamics(programs: Programs, data: Data, results: Results) -> None:
    """Both kinds of network, with few and many samples; paths of a linear system."""
    binary = programs.foci.with_name("DynamicsStudies")
    if not binary.exists():
        raise Broken(f"dynamics: no program '{binary}'; swift build -c release --product DynamicsStudies")
    cases = FULL_CASES if programs.full else CASES
    for network in NETWORKS:
        for samples in SAMPLES:
            drawn = [network, str(samples), str(DECIBEL), str(cases)]
            say(f"dynamics: {NETWORKS[network]}, {samples} samples")
            own = told([str(binary), "networks", *drawn, *MODELS], programs.environment(1))
            for answer in own:
                results.rows.append(row(network, samples, "foci", answer["model"], answer))
            if samples == max(SAMPLES):
                plain = own[0]
                name = f"who drives whom, {NETWORKS[network]}"
                results.at_least(f"{name}: F1", plain["f1"], WANTED[network], "")
                results.at_most(f"{name}: seconds of a fit", plain["seconds"], LONGEST, " s")
            if samples == min(SAMPLES):
                results.at_most(
                    f"who drives whom, {NETWORKS[network]}, {samples} samples: of {cases} those that foci claims to know",
                    own[0]["claimed"], 0, "",
                )  # fmt: skip
            else:
                beside(programs, data, results, binary, drawn, own[0]["seconds"])
    paths(programs, binary, cases, results)


def paths(programs: Programs, binary: Path, cases: int, results: Results) -> None:
    """A linear system of second order from half of one path, and its forecast of the other half."""
    for noise in NOISES:
        say(f"dynamics: linear system, noise {noise:g}")
        answer = told([str(binary), "linear", str(noise), str(cases)], programs.environment(1))[0]
        remark = (
            f"coefficients to {answer['error']:.4f} (worst {answer['worst_error']:.4f}), forecast {answer['mse']:.1e}"
            f" (worst {answer['worst_mse']:.1e}), {answer['exact']} of {cases} exact, {answer['lost']} lost,"
            f" {answer['excess']} in excess"
        )
        name = f"linear system of second order, noise {noise:g}"
        results.rows.append(Row(name, "3 × 101", "", "foci", "linear", answer["seconds"], remark=remark,
                                load=os.getloadavg()[0]))  # fmt: skip
        if noise == LINEAR_NOISE:
            results.at_most(f"{name}: largest error of a coefficient", answer["error"], LARGEST_ERROR, "")
            results.at_most(f"{name}: mean square error of the forecast", answer["mse"], LARGEST_MSE, "")


def beside(
    programs: Programs, data: Data, results: Results, binary: Path, drawn: list[str], seconds: float
) -> None:
    """The peers on the same trajectories."""
    script = str(Path(__file__).with_name("dynamics_peer.py"))
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        told([str(binary), "write", folder, *drawn], programs.environment(1))
        for peer, methods in PEERS.items():
            for method in methods if peer in programs.peers else ():
                say(f"dynamics: {method}")
                command = [str(programs.python), script, method, folder, drawn[3]]
                answer = told(command, programs.environment(1))[0]
                other = row(drawn[0], int(drawn[1]), peer, method, answer)
                other.times_foci = answer["seconds"] / seconds
                results.rows.append(other)


def row(network: str, samples: int, program: str, setting: str, answer: dict[str, Any]) -> Row:
    """A line of the table."""
    remark = f"F1 {answer['f1']:.2f} ± {answer['error']:.2f}, {answer['false']:.1f} false of 14"
    if answer.get("claimed") == 0:
        remark = "cannot tell: no connection claimed"
    return Row(f"who drives whom, {NETWORKS[network]}", f"5 × {samples}", "", program, setting, answer["seconds"],
               remark=remark, load=os.getloadavg()[0])  # fmt: skip
