"""The section of dynamics: who drives whom in simulated networks, beside statsmodels' VAR and MNE-Connectivity."""

from __future__ import annotations

import csv
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from data import Data
from programs import Broken, Programs, say, told
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
WANTED = {"oscillators": {"plain": 0.95}, "jansen-rit": {"plain": 0.75, "network": 0.78}}
"""F1 of models with the most samples."""
LEAKED = 0.70
"""F1 of the better model with the most samples, through a lead field."""
LONGEST = {"plain": 0.1, "network": 1.0}
"""Seconds of a fit of 5 variables with the most samples."""
LONGEST_GRADIENT = 1.0
"""Milliseconds of one gradient of a network."""
NOISES = (0.005, 0.02, 0.05)
"""Standard deviations on a path of amplitude 1: the linear model's study."""
PENALTIES = {"none": "0", "l0": "1e-5", "c-node": "0.01", "pathreg": "0.01"}
"""λ of networks' penalties on the same path, with --full."""
LINEAR_NOISE, LARGEST_ERROR, LARGEST_MSE = 0.02, 0.02, 1e-3
"""What medians should stay below at one of them: a coefficient's largest error, the forecast's mean square error."""


def dynamics(programs: Programs, data: Data, results: Results) -> None:
    """Both kinds of network, with few and many samples; paths of a linear system."""
    binary = programs.foci.with_name("DynamicsStudies")
    if not binary.exists():
        raise Broken(f"dynamics: no program '{binary}'; swift build -c release --product DynamicsStudies")
    cases = FULL_CASES if programs.full else CASES
    for network in NETWORKS:
        name = f"who drives whom, {NETWORKS[network]}"
        for samples in SAMPLES:
            drawn = [network, str(samples), str(DECIBEL), str(cases)]
            say(f"dynamics: {NETWORKS[network]}, {samples} samples")
            models = (*MODELS, "network") if samples == max(SAMPLES) else MODELS
            own = {
                answer["model"]: answer
                for answer in told([str(binary), "networks", *drawn, *models], programs.environment(1))
            }
            for model, answer in own.items():
                results.rows.append(row(network, samples, "foci", model, answer))
            if samples == max(SAMPLES):
                for model, wanted in WANTED[network].items():
                    results.at_least(f"{name}: F1, {model}", own[model]["f1"], wanted, "")
                for model, longest in LONGEST.items():
                    results.at_most(f"{name}: seconds of a fit, {model}", own[model]["seconds"], longest, " s")
            if samples == min(SAMPLES):
                claimed = own["plain"]["claimed"]
                results.at_most(f"{name}, {samples} samples: of {cases} those that foci claims to know", claimed, 0, "")
            else:
                beside(programs, data, results, binary, drawn, own["plain"]["seconds"])
        leaked(programs, data, results, binary, network, cases)
    paths(programs, binary, cases, results)
    gradients(programs, binary, results)


def leaked(
    programs: Programs, data: Data, results: Results, binary: Path, network: str, cases: int
) -> None:
    """Trajectories of sources found some millimetres beside their places, through real lead fields where there are some."""
    name = f"{NETWORKS[network]}, through a lead field"
    say(f"dynamics: {name}")
    script = str(Path(__file__).with_name("dynamics_leak.py"))
    best = 0.0
    with tempfile.TemporaryDirectory(dir=data.folder) as folder:
        # The noise is that of the sensors.
        drawn = [network, str(max(SAMPLES)), "80", str(cases)]
        told([str(binary), "write", folder, *drawn], programs.environment(1))
        told([str(programs.python), script, folder, str(cases), *map(str, data.leads())], programs.environment(1))
        for model in ("plain", "network"):
            scores, beside, seconds = [], [], []
            for case in range(cases):
                truth = connections(Path(folder) / f"{case}-truth.tsv")
                table = Path(folder) / f"{case}-leaked.tsv"
                answer = programs.run_foci(
                    "dynamics", "--table", table, "--model", model, "--resamples", "0", "--held-out", "0", threads=1
                ).answer
                found = {(one["from"], one["to"]) for one in answer["connections"] if one["selected"]}
                scores.append(2 * len(found & truth) / (len(found) + len(truth)))
                beside.append(len(found - truth))
                seconds.append(answer["seconds"])
            error = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else 0.0
            answer = {"f1": statistics.fmean(scores), "error": error, "false": statistics.fmean(beside),
                      "seconds": statistics.median(seconds)}  # fmt: skip
            results.rows.append(row(network, max(SAMPLES), "foci", model, answer, ", through a lead field"))
            best = max(best, answer["f1"])
    results.at_least(f"who drives whom, {name}: F1 of the better model", best, LEAKED, "")


def connections(path: Path) -> set[tuple[str, str]]:
    """Sources and targets of a table of true connections, by their names in tables of trajectories."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (f"x{int(one['source']) + 1}", f"x{int(one['target']) + 1}") for one in csv.DictReader(file, delimiter="\t")
        }


def gradients(programs: Programs, binary: Path, results: Results) -> None:
    """One gradient of a network, beside torch's."""
    say("dynamics: gradient of a network")
    name, size = "gradient of a network of 6, 20, 20 and 3 units", "96 × 5"
    own = told([str(binary), "network-gradient"], programs.environment(1))[0]["best"]
    results.rows.append(Row(name, size, "", "foci", "", own / 1000, load=os.getloadavg()[0]))
    results.at_most(f"{name}: milliseconds", own, LONGEST_GRADIENT, " ms")
    if "torchdiffeq" not in programs.peers:
        return
    script = str(Path(__file__).with_name("dynamics_torch.py"))
    answer = told([str(programs.python), script], programs.environment(1))[0]
    for setting, remark in (("autograd", "the same steps"), ("dopri5", "one path of 101 samples")):
        results.rows.append(Row(name, size, "", "torch", setting, answer[setting] / 1000, remark=remark,
                                times_foci=answer[setting] / own, load=os.getloadavg()[0]))  # fmt: skip


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
    for penalty, value in PENALTIES.items() if programs.full else ():
        say(f"dynamics: linear system by a network, {penalty}")
        *draws, middle = told([str(binary), "linear-network", penalty, value, str(cases)], programs.environment(1))
        spread = sorted(draw["mse"] for draw in draws)
        remark = (
            f"forecast {middle['mse']:.2g} ({spread[0]:.2g} to {spread[-1]:.2g}), coefficients to {middle['error']:.2g},"
            f" of 12 zeros {middle['zeros']:.0f}, {middle['lost']:.0f} lost"
        )
        name = f"linear system of second order, noise {LINEAR_NOISE:g}"
        results.rows.append(Row(name, "3 × 101", "", "foci", f"network, {penalty}, λ {value}", middle["seconds"],
                                remark=remark, load=os.getloadavg()[0]))  # fmt: skip


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


def row(
    network: str, samples: int, program: str, setting: str, answer: dict[str, Any], where: str = ""
) -> Row:
    """A line of the table."""
    remark = f"F1 {answer['f1']:.2f} ± {answer['error']:.2f}, {answer['false']:.1f} false of 14"
    if answer.get("claimed") == 0:
        remark = "cannot tell: no connection claimed"
    return Row(f"who drives whom, {NETWORKS[network]}{where}", f"5 × {samples}", "", program, setting, answer["seconds"],
               remark=remark, load=os.getloadavg()[0])  # fmt: skip
