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

PROBLEMS, SOME_PROBLEMS, PEER_PROBLEMS, SLOW_PROBLEMS = 100, 20, 10, 3
"""Problems of selection of each kind; those of slow recipes, those that pysr3 selects on, and those on which its slow
solvers run, but for --full."""
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


Options = dict[str, Any]
"""As foci.mixed.fit takes them."""


@dataclass(frozen=True)
class Recipe:
    """A way in which foci selects."""

    name: str
    options: Options
    everywhere: bool = False
    """Whether it is run on the talk's problems without --full, too."""
    slow: bool = False
    """Whether it sees the first SOME_PROBLEMS of them without --full: seconds a selection."""


PAPER = {"standardize": False, "hierarchy": False}
"""As in the MSR3 paper."""
RECIPES = (
    Recipe("average", {"select": "average"}, True),
    Recipe("average, no hierarchy", {"select": "average", "hierarchy": False}, True),
    Recipe("msr3-fast, l1", {"select": "msr3-fast", "penalty": "l1", **PAPER}, True),
    Recipe("msr3-fast, adaptive-l1", {"select": "msr3-fast", "penalty": "adaptive-l1", **PAPER}),
    Recipe("subset", {"select": "subset"}),
    *(Recipe(f"pgd, {name}", {"select": "pgd", "penalty": name}, slow=True)
      for name in ("l1", "adaptive-l1", "l0", "scad", "cad", "mcp")),
)  # fmt: skip


def answered(programs: Programs, *arguments: str | Path, limit: float = 3600, given: object = None) -> list[Facts]:
    """All answers of a job on one thread.

    Raises `Broken` when it fails.
    """
    job = programs.run_job(*arguments, limit=limit, given=given, threads=1)
    if job.failure:
        raise Broken(f"{arguments[0]}: {job.failure}")
    return job.answers


def command_line(options: Options) -> list[str]:
    """Options as the command takes them."""
    flags = {"hierarchy": "--no-hierarchy", "standardize": "--no-standardize", "correlated": "--correlated"}
    words: list[str] = []
    for name, value in options.items():
        if name in flags:
            words += [flags[name]] if value == (name == "correlated") else []
        else:
            words += [f"--{name.replace('_', '-')}", f"{value:.17g}" if isinstance(value, float) else str(value)]
    return words


def fit_table(programs: Programs, table: Path, columns: Sequence[str], options: Options) -> Facts:
    """The answer of `foci mixed` on a table of mixed_data.py whose columns are fixed and random effects all."""
    terms = ",".join(("0", *columns))
    arguments = ("mixed", table, "--response", "y", "--group", "group", "--fixed", terms, "--random", terms)
    run = programs.run_foci(*arguments, *command_line(options))
    return run.answer | {"process_busy": run.busy}


def seconds_of(programs: Programs, table: Path, columns: Sequence[str], options: Options) -> float:
    """Median seconds of foci's fits within one process, where FOCI_LIBRARY names the library; else of processes that fit
    once each. As of the other programs without what is told of a model once it is there: tests and intervals."""
    clock = "fit_seconds" if options["select"] == "none" else "selection_seconds"
    if "FOCI_LIBRARY" in os.environ:
        given = {"table": str(table), "columns": list(columns), "options": options, "clock": clock}
        return answered(programs, "fits", given=given)[0]["seconds"]
    return statistics.median(fit_table(programs, table, columns, options)[clock] for _ in range(REPEATS))


def decided(answer: Facts, part: str) -> list[bool]:
    """Whether each effect was selected."""
    return [bool(effect["selected"]) for effect in answer[part]]


def row_of(kind: str, program: str, setting: str, truth: list[bool], answers: list[Facts]) -> Selected:
    """A row of selections of a program, each with lists `fixed` and `random` of decisions."""
    count = len(truth)
    right = {
        part: [100 * sum(a == b for a, b in zip(answer[part], truth)) / count for answer in answers]
        for part in ("fixed", "random")
    }
    both = Mean.of((a + b) / 2 for a, b in zip(right["fixed"], right["random"]))
    row = Selected(kind, program, setting, len(answers), both.value, both.error, statistics.fmean(right["fixed"]),
                   statistics.fmean(right["random"]), load=os.getloadavg()[0])  # fmt: skip
    for name in ("fit_seconds", "fit_busy", "selection_seconds", "selection_busy"):
        known = [answer[name] for answer in answers if answer.get(name) is not None]
        setattr(row, name, statistics.median(known) if known else None)
    return row


def selected_by_foci(programs: Programs, recipe: Recipe, tables: list[Facts]) -> list[Facts]:
    """What foci selects on each table by a recipe, and how long a fit at the chosen λ takes."""
    answers = []
    for table in tables:
        path, columns = Path(table["path"]), table["columns"]
        options = recipe.options | {"noise_variance": table["variance"]}
        answer = fit_table(programs, path, columns, options)
        found = {part: decided(answer, part) for part in ("fixed", "random")}
        found |= {"selection_seconds": answer["seconds"], "selection_busy": answer["process_busy"]}
        at = {name: answer[name] for name in ("lambda", "eta") if answer.get(name) is not None}
        if at and len(answers) < PEER_PROBLEMS:
            found["fit_seconds"] = seconds_of(programs, path, columns, options | at)
        answers.append(found)
    return answers


def selections(programs: Programs, folder: Path, cases: int | None, results: Results, tables: Tables) -> None:
    """Decisions on the problems of the paper and of the talk."""
    count = cases or PROBLEMS
    for kind in ("paper", "talk"):
        made = answered(programs, "tables", "--kind", kind, "--count", str(count), "--output", folder)
        truth = made[0]["truth"]
        rows: dict[str, Selected] = {}
        for recipe in RECIPES:
            if not (recipe.everywhere or programs.full or kind == "paper"):
                continue
            say(f"mixed: {kind}, {recipe.name}")
            seen = made[:SOME_PROBLEMS] if recipe.slow and not programs.full else made
            try:
                rows[recipe.name] = row_of(kind, "foci", recipe.name, truth, selected_by_foci(programs, recipe, seen))
            except Broken as error:
                say(str(error))
                rows[recipe.name] = Selected(kind, "foci", recipe.name, 0, remark=str(error)[:80])
            tables.selected.append(rows[recipe.name])
        penalties = ("l1", "adaptive-l1", "scad", "cad") if programs.full else ("l1",)
        for penalty in penalties if "pysr3" in programs.peers and (kind == "paper" or programs.full) else ():
            say(f"mixed: {kind}, pysr3 {penalty}")
            part = list(range(1, (count if programs.full else min(count, PEER_PROBLEMS)) + 1))
            found = answered(programs, "pysr3", "--kind", kind, "--penalty", penalty, given=part)
            row = row_of(kind, "pysr3", f"msr3-fast, {penalty}", truth, found)
            tables.selected.append(row)
            mine = rows["msr3-fast, l1"]
            if penalty == "l1" and mine.count:
                for part, work in (("fit", "a fit"), ("selection", "a selection")):
                    ratio = getattr(row, f"{part}_busy") / getattr(mine, f"{part}_seconds")
                    results.at_least(f"mixed, {kind}: {work} of MSR3-fast L1, pysr3 against foci", ratio, 50)
        goals = {"msr3-fast, l1": 88.0, "average": 93.5, "average, no hierarchy": 92.0}
        goals = goals if kind == "paper" else {"average": 93.0}
        for name, bound in goals.items():
            if rows[name].count:
                results.at_least(f"mixed, {kind}: {name}, decisions right", rows[name].right, bound, "%")
        if rows["average"].selection_seconds is not None:
            results.at_most(f"mixed, {kind}: a selection by average", rows["average"].selection_seconds, 0.1, "s")


def optima(programs: Programs, folder: Path, results: Results, tables: Tables) -> None:
    """Where slow solvers of pysr3 end at one λ, and foci's, on problems of the paper."""
    count = PEER_PROBLEMS if programs.full else SLOW_PROBLEMS
    made = answered(programs, "tables", "--kind", "paper", "--count", str(count), "--output", folder)
    ways = (("pgd", GRADIENT_LAMBDA, 0.0), ("msr3", PAPER_LAMBDA * PAPER_ETA, PAPER_ETA))
    for solver, lam, eta in ways:
        say(f"mixed: optima, {solver}")
        options = {"select": solver, "penalty": "l1", "lambda": lam, **({"eta": eta} if eta else {}), **PAPER}
        group: dict[str, list[Facts]] = {"foci": []}
        for table in made:
            known = options | {"noise_variance": table["variance"]}
            answer = fit_table(programs, Path(table["path"]), table["columns"], known)
            seconds = seconds_of(programs, Path(table["path"]), table["columns"], known)
            group["foci"].append(answer | {"seconds": seconds})
        given = [{"seed": table["seed"], "lambda": lam, "eta": eta} for table in made]
        if "pysr3" in programs.peers:
            group["pysr3"] = answered(programs, "optimum", "--solver", solver, given=given)
            ends = [case | {key: one[key] for key in ("beta", "gamma")} for case, one in zip(given, group["pysr3"])]
            for answer, value in zip(group["pysr3"], answered(programs, "objective", given=ends)):
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
                options = {"select": "none", "estimation": method, "correlated": covariance == "full"}
                answer = fit_table(programs, path, columns, options)
                seconds = seconds_of(programs, path, columns, options)
                found["foci"].append({"covariance": covariance, "method": method, "fit_seconds": seconds,
                                      "criterion": answer[CRITERIA[method]]})  # fmt: skip
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
            options = {"noise_variance": "variance"}
            chosen = fit_table(programs, Path(table["path"]), table["columns"], options)
            whole = fit_table(programs, Path(table["path"]), table["columns"], options | {"select": "none"})
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
