"""Measures foci against its peers and prints how they compare.

Called by scripts/bench, which builds foci, installs the peers and finds the data. Standard library only: peers and
figures have processes of their own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from accuracy import METHODS, Study, accuracy
from agreement import NOTES as AGREEMENT_NOTES
from agreement import Counterpart, print_agreements
from cells import CELLS, TUNING
from data import Data
from epochs import CHOICES, epochs
from halves import halves
from mixed import mixed
from mixed_rows import NOTES as MIXED_NOTES
from mixed_rows import print_table
from outcomes import NOTES, Outcome, print_outcomes
from programs import Broken, Programs, say
from results import REACHED, Results
from rows import Point, Row, Target, print_rows, print_targets, write
from sections import SECTIONS


def names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """A type of arguments: known names with commas between."""
    choices = tuple(known)

    def parse(text: str) -> tuple[str, ...]:
        given = tuple(text.split(","))
        for name in given:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"found '{name}', expected some of {', '.join(choices)}")
        return given

    return parse


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--foci", type=Path, required=True, help="the program")
    result.add_argument("--python", type=Path, required=True, help="a Python that has the peers")
    peers = ("celer", "skglm", "sklearn", "mne", "invert", "ot", "pysr3", "statsmodels", "mne_connectivity",
             "torchdiffeq")  # fmt: skip
    result.add_argument("--peers", nargs="*", default=[], choices=peers, help="what it has")
    result.add_argument("--figures", action="store_true", help="draw curves; needs matplotlib")
    result.add_argument("--shared", type=Path, help="folder with real data; simulated data without it")
    result.add_argument("--output", type=Path, required=True, help="folder for tables, curves and problems made")
    result.add_argument("--threads", type=int, required=True)
    result.add_argument("--runs", type=int, default=3)
    result.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    cells = names(cell.name for cell in CELLS)
    methods = names([*(method.name for method in METHODS), *CHOICES])
    result.add_argument("--cells", type=cells, default=(), help="of accuracy, commas between; all by default")
    result.add_argument("--methods", type=methods, default=(), help="of accuracy or epochs, commas between; all by default")
    result.add_argument("--seeds-from", type=int, default=0, help=f"the first seed; {TUNING} and more are for tuning")
    result.add_argument("--cases", type=int, help="cases of a cell at one signal-to-noise ratio")
    result.add_argument("--full", action="store_true", help="add what is slow")
    return result


def notes(programs: Programs) -> str:
    """How the numbers are to be read."""
    return (
        f"Threads {programs.threads}, medians of {programs.runs} (one run where a solve takes over 20 s, and for paths"
        " of peers); reading is left out, but for localization by foci.\n"
        "gap: (P − D)/(½‖Y‖²); for peers D is that of the scaled residual in numpy, for foci it is its own"
        " certificate.\n"
        "above bound: (P − best D)/(½‖Y‖²), D of a peer or of the optimum that numpy finds on foci's support.\n"
        "passes, looks: how often foci multiplied by the whole gain, and how often it looked at all sources.\n"
        "load: programs that wanted a core in the minute before, those of the row included.\n"
        f"Peers: the fastest setting that reaches a gap of {REACHED:.0e}, else the fastest within twice the smallest"
        " gap."
    )


def draw(programs: Programs, output: Path) -> None:
    """Draw the curves of curves.tsv."""
    script = Path(__file__).with_name("curves.py")
    command = [str(programs.python), str(script), str(output / "curves.tsv"), str(output)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"figures: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    print(done.stdout, end="")


def report(programs: Programs, results: Results, output: Path) -> None:
    """Print the tables and write them; what no section filled is left out."""
    if results.rows:
        print_rows(results.rows)
        print(f"\n{notes(programs)}\n")
    if results.outcomes:
        print_outcomes(results.outcomes)
        print("\n".join(["", NOTES, *filter(None, results.remarks), f"Threads {programs.threads}.", ""]))
    if results.counterparts:
        print_agreements(results.counterparts, results.outcomes)
        print(f"\n{AGREEMENT_NOTES}\n")
    for items in vars(results.mixed).values():
        if items:
            print_table(items)
            print()
    if results.mixed.any:
        print(MIXED_NOTES)
    load = max((item.load or 0 for item in (*results.rows, *results.outcomes)), default=0)
    if load > programs.threads + 1:
        print(
            f"OTHER PROGRAMS RAN MEANWHILE (load up to {load:.1f}, {programs.threads} threads): seconds, ratios and"
            " the comparison of threads are not to be relied on.\n"
        )
    if results.targets:
        print_targets(results.targets)
    written = []
    for kind, items, name in (
        (Row, results.rows, "bench.tsv"),
        (Point, results.points, "curves.tsv"),
        (Outcome, results.outcomes, "accuracy.tsv"),
        (Counterpart, results.counterparts, "halves.tsv"),
        *((type(items[0]), items, f"mixed-{name}.tsv") for name, items in vars(results.mixed).items() if items),
        (Target, results.targets, "targets.tsv"),
    ):
        if items:
            write(kind, items, output / name)
            written.append(name)
    print(f"\nTables in {output}: {', '.join(written)}")


def main() -> int:
    """Measure, print, write; 1 when something broke."""
    arguments = parser().parse_args()
    programs = Programs(
        arguments.foci, arguments.python, arguments.peers, arguments.threads, arguments.runs, arguments.full
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"other programs are running (load {load:.1f}); times will be too long and ratios rough")
    data, results = Data(programs, arguments.shared, arguments.output), Results()
    failures: list[str] = []
    study = Study(arguments.cells, arguments.methods, arguments.seeds_from, arguments.cases)
    sections = SECTIONS | {"accuracy": accuracy(study), "mixed": mixed(study), "epochs": epochs(study),
                           "halves": halves(study)}  # fmt: skip
    for section in arguments.sections:
        try:
            sections[section](programs, data, results)
        except Broken as error:
            failures.append(str(error))
            say(str(error))
        except KeyboardInterrupt:
            failures.append(f"{section}: interrupted; what was measured until then is shown")
            break
    if results.rows or results.outcomes or results.mixed.any:
        report(programs, results, arguments.output)
    if results.points and arguments.figures:
        try:
            draw(programs, arguments.output)
        except Broken as error:
            failures.append(str(error))
    for failure in failures:
        say(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
