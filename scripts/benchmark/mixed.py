"""The section of mixed-effects models: which effects are selected, how near to the optimum and how fast; likelihoods
beside lme4's and statsmodels'; how often an effect is found that is there, or is not.

Standard library only. Problems come from seeds (mixed_data.py): those of the MSR3 paper and talk, number for number.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy import Study
from data import Data
from mixed_rows import Fitted, Found, Optimized, Selected, Tables, holm
from outcomes import Mean
from programs import Broken, Programs, say
from results import Results

PROBLEMS, PEER_PROBLEMS, SLOW_PROBLEMS = 100, 10, 3
"""Problems of selection of each kind; those that pysr3 selects on, and those on which its slow solvers run, but for
--full."""
STUDIES = 200
"""Studies with effects, and as many without."""
REPEATS = 5
"""Fits that a time is the median of."""
PAPER_LAMBDA, PAPER_ETA = 0.25, 0.2
"""Where the slow solvers are compared: about what the paper's search ends at, λ that of the problem before it is
relaxed."""
GRADIENT_LAMBDA = 1.0
"""Where proximal gradients are compared, with L1."""
CRITERIA = {"ml": "minus_twice_log_likelihood", "reml": "minus_twice_restricted_log_likelihood"}
"""Where foci's answer tells them."""
Facts = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A way in which foci selects."""

    name: str
    options: tuple[str, ...]
    everywhere: bool = False
    """Whether it is run on all problems without --full, too."""


PAPER = ("--no-standardize", "--no-hierarchy")
"""As in the MSR3 paper."""
RECIPES = (
    Recipe("average", ("--select", "average"), True),
    Recipe("average, no hierarchy", ("--select", "average", "--no-hierarchy"), True),
    Recipe("msr3-fast, L1", ("--select", "msr3-fast", "--penalty", "l1", *PAPER), True),
    Recipe("msr3-fast, adaptive L1", ("--select", "msr3-fast", "--penalty", "adaptive-l1", *PAPER)),
    Recipe("subset", ("--select", "subset")),
    *(Recipe(f"pgd, {name}", ("--select", "pgd", "--penalty", name))
      for name in ("l1", "adaptive-l1", "l0", "scad", "cad", "mcp")),
)


def optima(programs: Programs, folder: Path, results: Results, tables: Tables) -> None:
    """Where slow solvers of pysr3 end at one λ, and foci's, on problems of the paper."""
    count = PEER_PROBLEMS if programs.full else SLOW_PROBLEMS
    made = answered(programs, "tables", "--kind", "paper", "--count", str(count), "--output", folder)
    ways = (
        ("pgd", ("--select", "pgd", "--penalty", "l1", "--lambda", f"{GRADIENT_LAMBDA:g}", *PAPER), GRADIENT_LAMBDA, 0.0),
        ("msr3", ("--select", "msr3", "--penalty", "l1", "--lambda", f"{PAPER_LAMBDA * PAPER_ETA:g}", "--eta",
                  f"{PAPER_ETA:g}", *PAPER), PAPER_LAMBDA * PAPER_ETA, PAPER_ETA),
    )  # fmt: skip
    for solver, options, lam, eta in ways:
        say(f"mixed: optima, {solver}")
        group: dict[str, list[Facts]] = {"foci": []}
        for table in made:
            known = ("--noise-variance", f"{table['variance']:g}")
            answers = [
                fit_table(programs, Path(table["path"]), table["columns"], *options, *known) for _ in range(REPEATS)
            ]
            answer = answers[0] | {"seconds": statistics.median(one["seconds"] for one in answers), "busy": None}
            group["foci"].append(answer)
        given = [{"seed": table["seed"], "lambda": lam, "eta": eta} for table in made]
        if "pysr3" in programs.peers:
            group["pysr3"] = answered(programs, "optimum", "--solver", solver, given=given)
            given = [case | {key: answer[key] for key in ("beta", "gamma")} for case, answer in zip(given, group["pysr3"])]
            for answer, value in zip(group["pysr3"], answered(programs, "objective", given=given)):
                answer["objective"] = value["objective"]
        judged = [[answer["objective"] for answer in found] for found in group.values()]
        best = [min(values) for values in zip(*judged)]
        for (program, found), values in zip(group.items(), judged):
            rows = Optimized(
                "paper", program, f"{solver}, λ {lam:g}" + (f", η {eta:g}" if eta else ""), count,
                statistics.fmean(values), statistics.fmean(a - b for a, b in zip(values, best)),
                statistics.median(one["seconds"] for one in found),
                None if program == "foci" else statistics.median(one["busy"] for one in found),
                statistics.fmean(one["iterations"] for one in found), os.getloadavg()[0],
            )  # fmt: skip
            tables.optimized.append(rows)
        if len(group) == 2:
            mine, theirs = tables.optimized[-2:]
            results.at_least(f"mixed: {solver} of pysr3 against foci", theirs.busy / mine.seconds, 1000)
            results.at_most(f"mixed: {solver}, foci's objective beside the lowest", mine.above_best, 1e-6, "")


def lme4(*arguments: str | Path) -> list[Facts]:
    """What lme4.R says; empty where R or lme4 is not there."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return []
    script = Path(__file__).with_name("lme4.R")
    done = subprocess.run([rscript, str(script), *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})  # fmt: skip
    if done.returncode != 0:
        say(f"lme4: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def likelihoods(programs: Programs, folder: Path, results: Results, tables: Tables) -> None:
    """−2 log-likelihoods of sleepstudy, where R has it, and of a simulated table."""
    simulated = answered(programs, "tables", "--kind", "repeated", "--count", "1", "--output", folder)[0]
    data = {"simulated": (Path(simulated["path"]), simulated["columns"])}
    sleep = folder / "sleepstudy.tsv"
    lme4("sleepstudy", sleep)
    if sleep.exists():
        data["sleepstudy"] = (sleep, ["x0", "x1"])
    else:
        say("R with lme4 is not there; going on without it")
    for name, (path, columns) in data.items():
        say(f"mixed: likelihoods of {name}")
        found: dict[str, list[Facts]] = {"foci": []}
        for covariance in ("diagonal", "full"):
            for method in ("ml", "reml"):
                correlated = ("--correlated",) if covariance == "full" else ()
                options = ("--select", "none", "--estimation", method, *correlated)
                runs = [fit_table(programs, path, columns, *options) for _ in range(REPEATS)]
                seconds = statistics.median(run["seconds"] for run in runs)
                found["foci"].append({"covariance": covariance, "method": method, "seconds": None,
                                      "fit_seconds": seconds, "criterion": runs[0][CRITERIA[method]]})  # fmt: skip
        found["lme4"] = lme4("fit", path, "20")
        if "statsmodels" in programs.peers:
            found["statsmodels"] = answered(programs, "likelihood", "--table", path)
        for program, answers in found.items():
            for one in answers:
                row = Fitted(name, one["covariance"], one["method"], program, one["criterion"],
                             load=os.getloadavg()[0])  # fmt: skip
                for key in ("seconds", "busy", "fit_seconds", "fit_busy"):
                    setattr(row, key, one.get(key))
                tables.fitted.append(row)
    judge_likelihoods(results, tables.fitted)


def judge_likelihoods(results: Results, rows: Iterable[Fitted]) -> None:
    """Compare every program with the lowest criterion, and foci's seconds with lme4's."""
    groups: dict[tuple[str, str, str], list[Fitted]] = {}
    for row in rows:
        groups.setdefault((row.data, row.covariance, row.method), []).append(row)
    highest, ratios = 0.0, []
    for group in groups.values():
        best = min(row.criterion for row in group)
        for row in group:
            row.above_best = row.criterion - best
        mine = group[0]
        highest = max(highest, mine.above_best)
        ratios += [row.fit_busy / mine.fit_seconds for row in group if row.program == "lme4"]
    results.at_most("mixed: −2 log-likelihood beside the lowest of all programs, worst", highest, 1e-8, "")
    if ratios:
        results.at_least("mixed: a fit of lme4 without its formula against foci, slowest", min(ratios), 1)


def studies(programs: Programs, folder: Path, cases: int | None, results: Results, tables: Tables) -> None:
    """How often contrasts are found in studies with and without effects: selection, Wald tests with Holm, t tests."""
    count = 2 * cases if cases else STUDIES
    names = ("foci, average", "foci, Wald, Holm", "paired t, Holm", "paired t, FDR", "paired t, none corrected")
    found: dict[str, dict[str, list[list[bool]]]] = {name: {"study": [], "null": []} for name in names}
    for kind in ("study", "null"):
        say(f"mixed: {count} studies, {kind}")
        made = answered(programs, "tables", "--kind", kind, "--count", str(count), "--output", folder)
        contrasts, truth = made[0]["contrasts"], made[0]["truth"]
        tests = answered(programs, "contrasts", "--kind", kind, given=[table["seed"] for table in made])
        for table, test in zip(made, tests):
            options = ("--noise-variance", "variance")
            chosen = fit_table(programs, Path(table["path"]), table["columns"], *options)
            whole = fit_table(programs, Path(table["path"]), table["columns"], *options, "--select", "none")
            by_name = {effect["name"]: effect for effect in chosen["fixed"]}
            found[names[0]][kind].append([bool(by_name[name]["selected"]) for name in contrasts])
            by_name = {effect["name"]: effect for effect in whole["fixed"]}
            found[names[1]][kind].append(holm([by_name[name]["p"] for name in contrasts]))
            for name, key in zip(names[2:], ("holm", "fdr", "uncorrected")):
                found[name][kind].append(test[key])
    tables.found += [counted(name, kinds["study"], kinds["null"], truth) for name, kinds in found.items()]
    by_name = {row.method: row for row in tables.found}
    results.at_most("mixed: studies without effects in which Wald with Holm finds one",
                    by_name[names[1]].false_studies, 5 + 2 * 1.54, "%")  # fmt: skip
    results.at_least("mixed: power of selection beside paired t with Holm",
                     by_name[names[0]].power / by_name[names[2]].power, 1)  # fmt: skip


def counted(method: str, study: list[list[bool]], null: list[list[bool]], truth: list[bool]) -> Found:
    """A row of how often contrasts were found in studies with and without effects."""
    hits = [sum(found for found, true in zip(one, truth) if true) for one in study]
    beside = [sum(found for found, true in zip(one, truth) if not true) for one in study]
    false = Mean.share(sum(map(any, null)), len(null))
    power = Mean.of(100 * hit / sum(truth) for hit in hits)
    return Found(method, len(study), false.value, false.error, statistics.fmean(map(sum, null)), power.value,
                 power.error, statistics.fmean(beside))  # fmt: skip


def mixed(study: Study) -> Callable[[Programs, Data, Results], None]:
    """The section."""

    def section(programs: Programs, data: Data, results: Results) -> None:
        folder = data.folder / "mixed"
        folder.mkdir(exist_ok=True)
        tables = results.mixed
        selections(programs, folder, study.cases, results, tables)
        optima(programs, folder, results, tables)
        likelihoods(programs, folder, results, tables)
        studies(programs, folder, study.cases, results, tables)

    return section
