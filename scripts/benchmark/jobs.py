#!/usr/bin/env python3
"""What the benchmark needs of Python's scientific packages, one small job a process; see --help.

Each job prints lines of JSON, every one as soon as it is known, so that a job which is stopped has said what it found
until then. Only the solvers of peers are timed: reading, the choice of λ and compilation (a call on a small part of
the problem) come before the clock starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

import h5py
import numpy as np
import peers
from problem import Problem

PRECISIONS = {"single": np.float32, "double": np.float64}
"""Types in which the gain of a problem is stored."""

Answers = Iterator[dict[str, object]]
"""Lines of JSON."""


def assume_finite(peer: str) -> None:
    """Spare peers built on scikit-learn the search for NaN, which foci makes while it reads: not timed for either."""
    if peer != "mne":
        from sklearn import set_config

        set_config(assume_finite=True)


def solve(arguments: argparse.Namespace) -> Answers:
    """Solve a problem with a peer, at one setting after another."""
    assume_finite(arguments.peer)
    problem = Problem.read(arguments.problem)
    lam = arguments.ratio * problem.largest_lambda()
    for trial in peers.ladder(
        arguments.peer, problem, lam, arguments.target, arguments.runs, arguments.curve, arguments.limit
    ):
        yield asdict(trial)


def path(arguments: argparse.Namespace) -> Answers:
    """Solve along a path of λ with a peer."""
    assume_finite(arguments.peer)
    problem = Problem.read(arguments.problem)
    lambdas = problem.largest_lambda() * np.geomspace(1, arguments.ratio, arguments.points)
    yield from peers.path_trials(arguments.peer, problem, lambdas)


def check(arguments: argparse.Namespace) -> Answers:
    """The optimum among blocks (a JSON list on standard input), and the lower bound that it proves."""
    problem = Problem.read(arguments.problem)
    lam = arguments.ratio * problem.largest_lambda()
    objective, dual = problem.bounds(problem.optimum(np.array(json.load(sys.stdin), dtype=int), lam), lam)
    yield {"objective": objective, "dual": dual, "gap": (objective - dual) / problem.scale}


def localize(arguments: argparse.Namespace) -> Answers:
    """Localize with MNE-Python as its users do; reading is not timed."""
    from mne import read_cov, read_evokeds, read_forward_solution
    from mne.inverse_sparse import mixed_norm

    evoked = read_evokeds(arguments.evoked, condition=0, verbose="error").crop(*arguments.window)
    covariance = read_cov(arguments.covariance, verbose="error")
    forward = read_forward_solution(arguments.forward, verbose="error")
    began = time.perf_counter()
    estimate = mixed_norm(
        evoked,
        forward,
        covariance,
        alpha="sure",
        loose=arguments.loose,
        depth=0.8,
        n_mxne_iter=1,
        random_state=0,
        verbose="error",
    )
    seconds = time.perf_counter() - began
    yield {"setting": "alpha='sure'", "seconds": [seconds], "nonzero": sum(len(v) for v in estimate.vertices)}


def whitener(covariance: np.ndarray) -> np.ndarray:
    """W (rank × n) with W C Wᵀ = I; channels are brought to one scale before the rank is decided."""
    deviations = np.sqrt(np.diag(covariance))
    scale = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=deviations > 0)
    values, vectors = np.linalg.eigh(covariance * np.outer(scale, scale))
    kept = values > 1e-8 * values[-1]
    return (vectors[:, kept] / np.sqrt(values[kept])).T * scale


def prepare(arguments: argparse.Namespace) -> Answers:
    """Whiten a simulated recording, 0.05 to 0.15 s, and weigh depth, as a problem file."""
    folder: Path = arguments.simulated
    with h5py.File(folder / "forward.h5") as file:
        gain = file["gain"][:].astype(float)
        given = int(file["gain"].attrs["orientations"])
        normals = file["sources/normal"][:]
    if given != 3:
        raise SystemExit(f"{folder.name}/forward.h5: expected three orientations, found {given}")
    with h5py.File(folder / "recording.h5") as file:
        frequency, first = float(file.attrs["sampling_frequency"]), float(file.attrs["first_time"])
        averages = float(file.attrs["averages"])
        data = file["data"][:]
        projectors = file["projectors"][:] if "projectors" in file else np.zeros((0, len(data)))
    with h5py.File(folder / "covariance.h5") as file:
        covariance = file["covariance"][:] / averages

    if arguments.orientations == 1:
        gain = np.einsum("njk,jk->nj", gain.reshape(len(gain), -1, 3), normals)
    projection = np.eye(len(data)) - np.linalg.pinv(projectors) @ projectors
    white = whitener(projection @ covariance @ projection.T) @ projection
    times = first + np.arange(data.shape[1]) / frequency
    window = (times >= 0.05 - 1e-9) & (times <= 0.15 + 1e-9)
    problem = Problem(white @ gain, white @ data[:, window], arguments.orientations)
    norms = np.linalg.norm(problem.gain.T.reshape(len(normals), -1), axis=1)
    weights = np.repeat(norms**-0.8, arguments.orientations)
    problem = Problem(problem.gain * weights, problem.data, arguments.orientations)
    problem.write(arguments.output, PRECISIONS[arguments.precision])
    yield {"rows": len(problem.data), "columns": problem.gain.shape[1], "samples": problem.data.shape[1]}


def size(arguments: argparse.Namespace) -> Answers:
    """Bytes of all floating-point datasets, were they in double precision; shapes of problem files."""
    numbers = 0
    shapes: dict[str, list[int]] = {}

    def count(name: str, item: h5py.HLObject) -> None:
        nonlocal numbers
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            numbers += item.size
            if name in ("gain", "data"):
                shapes[name] = list(item.shape)

    for path in arguments.files:
        with h5py.File(path) as file:
            file.visititems(count)
    yield {"double_bytes": 8 * numbers, "shapes": shapes}


def strongest(arguments: argparse.Namespace) -> Answers:
    """The problem of the sample of largest norm alone."""
    problem = Problem.read(arguments.problem)
    sample = int(np.argmax(np.linalg.norm(problem.data, axis=0)))
    Problem(problem.gain, problem.data[:, [sample]], problem.orientations).write(arguments.output)
    yield {"sample": sample}


def gaussian(arguments: argparse.Namespace) -> Answers:
    """A Gaussian design of one response in double precision: one column in a hundred counts, noise a fifth of the
    signal's norm."""
    generator = np.random.default_rng(arguments.seed)
    gain = generator.standard_normal((arguments.rows, arguments.columns))
    truth = np.zeros((arguments.columns, 1))
    active = generator.choice(arguments.columns, max(1, arguments.columns // 100), replace=False)
    truth[active, 0] = generator.standard_normal(len(active))
    signal = gain @ truth
    noise = generator.standard_normal(signal.shape)
    data = signal + noise * (0.2 * np.linalg.norm(signal) / np.linalg.norm(noise))
    Problem(gain, data, 1).write(arguments.output, np.float64)
    yield {"rows": arguments.rows, "columns": arguments.columns}


def known(arguments: argparse.Namespace) -> Answers:
    """50 samples of three sources through a lead field, and as much power of white noise of variance 1."""
    with h5py.File(arguments.forward) as file:
        gain = file["gain"][:].astype(float)
    gain /= np.median(np.linalg.norm(gain, axis=0))
    generator = np.random.default_rng(arguments.seed)
    active = generator.choice(gain.shape[1], 3, replace=False)
    times = np.arange(50) / 500
    waves = [
        np.exp(-(((times - generator.uniform(0.02, 0.08)) / 0.03) ** 2))
        * np.sin(2 * np.pi * (generator.uniform(8, 25) * times + generator.uniform()))
        for _ in active
    ]
    signal = gain[:, active] / np.linalg.norm(gain[:, active], axis=0) @ np.array(waves)
    noise = generator.standard_normal(signal.shape)
    signal *= np.linalg.norm(noise) / np.linalg.norm(signal)
    Problem(gain, signal + noise, 1).write(arguments.output, np.float64)
    yield {"active": active.tolist()}


def simulate(arguments: argparse.Namespace) -> Answers:
    """Recordings with known sources, a file each or one a half of the epochs, and their truth in mm; their settings (a
    JSON list on standard input, with `name` and `forward`) come back with them."""
    from functools import cache

    import simulation
    from cells import HALVES, Setting

    read = cache(simulation.LeadField.read)
    names = [field.name for field in fields(Setting)]
    for item in json.load(sys.stdin):
        lead = read(Path(item["forward"]))
        case = simulation.simulate(Setting(**{name: item[name] for name in names}), lead)
        parts = {f".{half}": case.half(k) for k, half in enumerate(HALVES)} if arguments.halves else {"": case}
        paths = [arguments.output / f"{item['name']}{part}.recording.h5" for part in parts]
        for part, path in zip(parts.values(), paths, strict=True):
            part.write(path, lead)
        recordings = {"halves": list(map(str, paths))} if arguments.halves else {"recording": str(paths[0])}
        covariance = arguments.output / f"{item['name']}.covariance.h5"
        if item["epochs"] > 1:
            case.write_covariance(covariance, lead)
        yield item | recordings | {"covariance": str(covariance), "truth": (1e3 * case.positions).tolist(),
                                   "vertices": case.vertices.tolist()}  # fmt: skip


def locate(arguments: argparse.Namespace) -> Answers:
    """Localize cases (a JSON list on standard input) with a peer, each within a limit."""
    import imaging

    for case in json.load(sys.stdin):
        yield imaging.located(arguments.method, case, arguments.limit)


def score(arguments: argparse.Namespace) -> Answers:
    """Scores of estimates (a JSON list on standard input of the arguments of `scores`)."""
    from scores import scores

    for case in json.load(sys.stdin):
        yield scores(**case)


def agree(arguments: argparse.Namespace) -> Answers:
    """Whether sources of two halves lie in each other's regions (a JSON list of `forward` and `halves`, positions in mm
    and regions each, on standard input)."""
    from functools import cache

    import simulation
    from scores import agreement

    read = cache(simulation.LeadField.read)
    for case in json.load(sys.stdin):
        yield {"sources": agreement(1e3 * read(Path(case["forward"])).positions, case["halves"])}


def fractions(arguments: argparse.Namespace) -> Answers:
    """Scores of the methods of answers.jsonl by the fraction of the largest amplitude below which sources are dropped.

    For choosing the fractions of accuracy.py, on tuning seeds.
    """
    from scores import scores

    lines = [json.loads(line) for line in arguments.answers.read_text(encoding="utf-8").splitlines()]
    found = [line for line in lines if "positions" in line and line["truth"]]
    for method in dict.fromkeys(line["method"] for line in found):
        for fraction in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
            results = []
            for line in (line for line in found if line["method"] == method):
                peaks = np.array(line["peaks"])
                kept = peaks >= fraction * peaks.max(initial=0)
                results.append(scores(line["truth"], np.reshape(line["positions"], (-1, 3))[kept]))
            means = {name: float(np.mean([result[name] for result in results])) for name in ("f1", "cost", "excess")}
            yield {"method": method, "fraction": fraction, "cases": len(results), **means}


def subset(arguments: argparse.Namespace) -> Answers:
    """The forward of a part of the sensors: MEG, EEG, or every other electrode."""
    with h5py.File(arguments.forward) as given, h5py.File(arguments.output, "w") as file:
        eeg = given["sensors/kind"].asstr()[:] == "eeg"
        kept = np.flatnonzero(~eeg if arguments.sensors == "meg" else eeg)
        if arguments.sensors == "eeg30":
            kept = kept[::2]
        file.attrs.update(given.attrs)
        file["gain"] = given["gain"][:][kept]
        file["gain"].attrs.update(given["gain"].attrs)
        given.copy("sources", file)
        for name, values in given["sensors"].items():
            file.create_dataset(f"sensors/{name}", data=values[:][kept], dtype=values.dtype)
    yield {}


def gradiometers(arguments: argparse.Namespace) -> Answers:
    """The forward of a simulated recording with gradiometers alone and sources along their normals."""
    with h5py.File(arguments.simulated / "forward.h5") as given, h5py.File(arguments.output, "w") as file:
        kept = given["sensors/kind"].asstr()[:] == "grad"
        normals = given["sources/normal"][:]
        gain = given["gain"][:][kept].reshape(kept.sum(), -1, 3)
        file.attrs.update(given.attrs)
        file["gain"] = np.einsum("njk,jk->nj", gain, normals).astype(np.float32)
        file["gain"].attrs["orientations"] = 1
        given.copy("sources", file)
        for name, values in given["sensors"].items():
            file.create_dataset(f"sensors/{name}", data=values[:][kept], dtype=values.dtype)
    yield {}


def group(arguments: argparse.Namespace) -> Answers:
    """Recordings of a group of subjects that share places; see groupsim.py."""
    import groupsim

    yield from groupsim.group(
        arguments.output, arguments.leads, arguments.subjects, arguments.spread, arguments.snr, arguments.seed,
        arguments.odd,
    )  # fmt: skip


def score_groups(arguments: argparse.Namespace) -> Answers:
    """How near the sources found are to the true ones, of cases (a JSON list on standard input): mean distance of true
    sources to the nearest found, mm, 100 where none is, and F1 within 10 mm."""
    from scores import MISSED, f1

    for case in json.load(sys.stdin):
        truth, found = np.reshape(case["truth"], (-1, 3)), np.reshape(case["found"], (-1, 3))
        distances = np.linalg.norm(truth[:, None] - found, axis=2)
        error = float(distances.min(axis=1).mean()) if len(found) else MISSED
        yield {"way": case["way"], "error": error, "f1": f1(distances), "count": len(found)}


def derive(arguments: argparse.Namespace) -> Answers:
    """A problem in another precision, with every step-th block."""
    Problem.read(arguments.problem).every(arguments.step).write(arguments.output, PRECISIONS[arguments.precision])
    yield {}


def tables(arguments: argparse.Namespace) -> Answers:
    """Tables for mixed-effects models, from seeds 1 on."""
    import mixed_data

    for seed in range(1, arguments.count + 1):
        table = mixed_data.made(arguments.kind, seed)
        path = table.write(arguments.output / f"{arguments.kind}-{seed:03}.tsv")
        yield {"seed": seed, "path": str(path), "columns": list(table.columns), **mixed_data.facts(arguments.kind)}


def pysr3(arguments: argparse.Namespace) -> Answers:
    """What pysr3's MSR3-fast selects in problems of some seeds (a JSON list on standard input)."""
    from mixed_data import made
    from mixed_peers import chosen_by_pysr3

    for seed in json.load(sys.stdin):
        yield chosen_by_pysr3(arguments.penalty, made(arguments.kind, seed))


def optimum(arguments: argparse.Namespace) -> Answers:
    """Where a slow solver of pysr3 ends (a JSON list of seed, lambda, eta on standard input)."""
    from mixed_data import made
    from mixed_peers import optimized_by_pysr3

    for case in json.load(sys.stdin):
        yield optimized_by_pysr3(arguments.solver, case["lambda"], case["eta"], made("paper", case["seed"]))


def objective(arguments: argparse.Namespace) -> Answers:
    """Objectives of effects (a JSON list of seed, lambda, eta, beta, gamma on standard input), in numpy."""
    from mixed_data import made
    from mixed_peers import relaxed_objective

    for case in json.load(sys.stdin):
        effects = np.concatenate([case["beta"], case["gamma"]])
        yield {"objective": relaxed_objective(made("paper", case["seed"]), effects, case["lambda"], case["eta"])}


def fits(arguments: argparse.Namespace) -> Answers:
    """Seconds of foci's fits within this process (table, columns, options, clock as JSON on standard input)."""
    from mixed_peers import fitted_by_foci

    case = json.load(sys.stdin)
    yield fitted_by_foci(Path(case["table"]), case["columns"], case["options"], case["clock"])


def likelihood(arguments: argparse.Namespace) -> Answers:
    """statsmodels' likelihoods of a table."""
    from mixed_data import Table
    from mixed_peers import fitted_by_statsmodels

    yield from fitted_by_statsmodels(Table.read(arguments.table))


def contrasts(arguments: argparse.Namespace) -> Answers:
    """Which contrasts t tests find in studies of some seeds (a JSON list on standard input)."""
    from mixed_data import made
    from mixed_peers import contrasts_by_t_tests

    for seed in json.load(sys.stdin):
        yield contrasts_by_t_tests(made(arguments.kind, seed))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    jobs = result.add_subparsers(required=True, metavar="job")

    def job(run, *, peers: tuple[str, ...] = (), problem: bool = True, output: bool = False):
        added = jobs.add_parser(run.__name__, help=run.__doc__.splitlines()[0])
        if peers:
            added.add_argument("--peer", choices=peers, required=True)
        if problem:
            added.add_argument("--problem", type=Path, required=True, help="problem file to read")
        if output:
            added.add_argument("--output", type=Path, required=True, help="problem file to write")
        added.set_defaults(run=run)
        return added

    added = job(prepare, problem=False, output=True)
    added.add_argument("--simulated", type=Path, required=True, help="folder that `foci simulate` wrote")
    added.add_argument("--orientations", type=int, choices=(1, 3), required=True)
    added.add_argument("--precision", choices=PRECISIONS, default="single")

    job(strongest, output=True)

    added = job(gaussian, problem=False, output=True)
    added.add_argument("--rows", type=int, default=5000)
    added.add_argument("--columns", type=int, default=20_000)
    added.add_argument("--seed", type=int, default=0)

    added = job(known, problem=False, output=True)
    added.add_argument("--forward", type=Path, required=True, help="forward file of one orientation")
    added.add_argument("--seed", type=int, required=True)

    added = job(simulate, problem=False)
    added.add_argument("--output", type=Path, required=True, help="folder for the recordings")
    added.add_argument("--halves", action="store_true", help="two recordings a case, of every other epoch")

    added = job(locate, problem=False)
    added.add_argument("--method", required=True, help="one of METHODS of imaging.py")
    added.add_argument("--limit", type=float, required=True, help="seconds that a case may take")

    added = job(subset, problem=False)
    added.add_argument("--forward", type=Path, required=True, help="forward file to read")
    added.add_argument("--sensors", choices=("meg", "eeg", "eeg30"), required=True)
    added.add_argument("--output", type=Path, required=True, help="forward file to write")

    added = job(tables, problem=False)
    added.add_argument("--kind", choices=("paper", "talk", "repeated", "study", "null"), required=True)
    added.add_argument("--count", type=int, required=True)
    added.add_argument("--output", type=Path, required=True, help="folder")

    added = job(pysr3, problem=False)
    added.add_argument("--kind", choices=("paper", "talk"), required=True)
    added.add_argument("--penalty", choices=("l1", "adaptive-l1", "scad", "cad"), required=True)

    job(optimum, problem=False).add_argument("--solver", choices=("pgd", "msr3"), required=True)

    job(objective, problem=False)

    job(fits, problem=False)

    job(likelihood, problem=False).add_argument("--table", type=Path, required=True)

    job(contrasts, problem=False).add_argument("--kind", choices=("study", "null"), required=True)

    job(score, problem=False)

    job(agree, problem=False)

    added = job(fractions, problem=False)
    added.add_argument("--answers", type=Path, required=True, help="answers.jsonl of a run with --seeds-from 1000")

    added = job(gradiometers, problem=False)
    added.add_argument("--simulated", type=Path, required=True, help="folder that `foci simulate` wrote")
    added.add_argument("--output", type=Path, required=True, help="forward file to write")

    added = job(group, problem=False)
    added.add_argument("--output", type=Path, required=True, help="folder for the subjects")
    added.add_argument("--leads", type=Path, nargs="+", required=True, help="forward files of one orientation")
    added.add_argument("--subjects", type=int, required=True)
    added.add_argument("--spread", type=float, required=True, help="from the group's places at most, m")
    added.add_argument("--snr", type=float, required=True, help="dB")
    added.add_argument("--seed", type=int, required=True)
    added.add_argument("--odd", action="store_true", help="the last subject has places of its own")

    job(score_groups, problem=False)

    added = job(derive, output=True)
    added.add_argument("--precision", choices=PRECISIONS, default="single")
    added.add_argument("--step", type=int, default=1)

    job(size, problem=False).add_argument("files", type=Path, nargs="+")

    added = job(solve, peers=("celer", "skglm", "sklearn", "mne"))
    added.add_argument("--ratio", type=float, required=True, help="λ/λ_max")
    added.add_argument("--target", type=float, default=1e-5, help="relative gap that a setting should reach")
    added.add_argument("--runs", type=int, default=3)
    added.add_argument("--curve", action="store_true", help="more settings, from loose to tight")
    added.add_argument("--limit", type=float, default=60, help="seconds that all settings may take")

    added = job(path, peers=("celer", "skglm"))
    added.add_argument("--ratio", type=float, required=True, help="the last λ/λ_max")
    added.add_argument("--points", type=int, required=True)

    job(check).add_argument("--ratio", type=float, required=True, help="λ/λ_max")

    added = job(localize, problem=False)
    added.add_argument("--evoked", type=Path, required=True)
    added.add_argument("--covariance", type=Path, required=True)
    added.add_argument("--forward", type=Path, required=True)
    added.add_argument("--window", type=float, nargs=2, required=True)
    added.add_argument("--loose", type=float, default=0.2)
    return result


def main(arguments: Iterable[str] | None = None) -> None:
    """Run one job; whatever a peer prints goes to standard error."""
    parsed = parser().parse_args(None if arguments is None else list(arguments))
    printed = sys.stdout
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for answer in parsed.run(parsed):
            print(json.dumps(answer), file=printed, flush=True)


if __name__ == "__main__":
    main()
