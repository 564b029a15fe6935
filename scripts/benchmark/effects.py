"""The section of statistics: effects of groups, found and not found; groupstudy.py says how groups are made."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from data import Data
from programs import Broken, Programs, say
from results import Results
from rows import Row

GROUPS, FULL_GROUPS = 40, 200
"""Groups of a cell; those without an effect are always as many as the latter."""
CLUSTERS = 12
"""Groups that the cluster permutation gets, where MNE-Python is there."""
RATE = 0.05
"""Error rate of a study that Holm's correction keeps."""
SCALE = (1000, 50, 200)
"""Subjects, effects and places of a large study."""
MINUTE = 60.0


def study(programs: Programs, data: Data, *arguments: str) -> dict[str, Any]:
    """What groupstudy.py prints."""
    program = programs.foci.with_name("GroupStudies")
    if not program.exists():
        raise Broken(f"statistics: no program at {program}: swift build -c release --product GroupStudies")
    script = os.path.join(os.path.dirname(__file__), "groupstudy.py")
    done = subprocess.run(
        [str(programs.python), script, *arguments, "--program", str(program), "--leads", *map(str, data.leads())],
        capture_output=True, text=True, env=programs.environment(1),
    )  # fmt: skip
    if done.returncode != 0:
        raise Broken(f"statistics: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout)


def remark(rates: dict[str, float]) -> str:
    """Power, false effects and studies with any, in words."""
    words = [f"power {rates['power']:.2f} ± {rates['power_error']:.2f}"] if "power_error" in rates else []
    words += [f"power {rates['power']:.2f}"] if "power" in rates and not words else []
    words.append(f"{rates['false']:.2f} false a study")
    words.append(f"any in {100 * rates['any']:.1f} %" + (f" ± {100 * rates['any_error']:.1f}" if "any_error" in rates else ""))
    return ", ".join(words)


def effects(programs: Programs, data: Data, results: Results) -> None:
    """Sixteen subjects with and without effects, twenty with an effect of age, and a thousand."""
    groups = str(FULL_GROUPS if programs.full else GROUPS)
    clusters = str(CLUSTERS if "mne" in programs.peers else 0)
    for name, arguments in (("null", (str(FULL_GROUPS), "0")), ("power", (groups, clusters))):
        say(f"statistics, {name}")
        cells = study(programs, data, name, "--groups", arguments[0], "--clusters", arguments[1])
        for cell, answer in cells.items():
            work = f"statistics, {'no effect' if name == 'null' else '3 effects of 12'}, {cell}"
            for method, rates in answer.items():
                if isinstance(rates, dict):
                    row = Row(work, "16 subjects × 6 places", "auto", "foci" if method[0] in "sw" else "peer", method)
                    row.remark = remark(rates)
                    results.rows.append(row)
            if name == "null":
                found = answer["wald, holm"]
                results.at_most(f"{work}: any false effect (one standard error allowed)", found["any"],
                                RATE + found["any_error"], "")  # fmt: skip
    say("statistics, age")
    answer = study(programs, data, "age", "--groups", groups)
    for method in ("selection", "wald, holm"):
        results.rows.append(
            Row("statistics, age", "20 subjects × 6 places", "auto", "foci", method, remark=remark(answer[method]))
        )
    coverage = answer["coverage of 95 % intervals"]
    results.at_least("statistics, age: coverage of 95 % intervals", coverage, 0.93, "")
    say("statistics, scale")
    done = subprocess.run(
        [str(programs.foci.with_name("GroupStudies")), "scale", *map(str, SCALE)], capture_output=True, text=True,
        env=programs.environment(1),
    )  # fmt: skip
    if done.returncode != 0:
        raise Broken(f"statistics: scale: exit code {done.returncode}")
    seconds = float(done.stdout.split(" s,")[0])
    results.rows.append(
        Row("statistics, scale", " × ".join(map(str, SCALE)), "auto", "foci", seconds=seconds, remark=done.stdout.strip())
    )
    results.at_most("statistics, 1000 subjects × 50 effects × 200 places", seconds, MINUTE, "s")
