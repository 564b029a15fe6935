"""Runs foci and the peers, one process after another, all with as many threads.

Standard library only: this process stays small, because the peak memory of a child counts from its parent's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any


SERIAL = ("mixed",)
"""Commands that have one thread always."""


class Broken(Exception):
    """A program failed, or said something that cannot be true."""


class Late(Broken):
    """A program took longer than it may."""


@dataclass(frozen=True)
class Run:
    """One run of foci."""

    answer: dict[str, Any]
    """What it printed."""
    wall: float
    """Seconds of the process."""
    peak: float
    """Peak memory, bytes."""
    busy: float
    """Seconds that its threads were busy, all together."""


@dataclass(frozen=True)
class Job:
    """What a job of jobs.py said."""

    answers: list[dict[str, Any]]
    stopped: bool = False
    """Whether it was stopped at its limit of seconds."""
    failure: str = ""
    """The last line of its complaint, where it failed."""


@dataclass(frozen=True)
class Programs:
    """What is measured, and how often."""

    foci: Path
    python: Path
    peers: list[str]
    threads: int
    runs: int
    full: bool

    def environment(self, threads: int | None = None) -> dict[str, str]:
        """The environment of a program: all may use as many threads."""
        names = ("OMP", "OPENBLAS", "MKL", "NUMBA", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
        return os.environ | {f"{name}_NUM_THREADS": str(threads or self.threads) for name in names}

    def run_foci(self, *arguments: str | Path, threads: int | None = None, limit: float | None = None) -> Run:
        """Run foci with --json.

        Raises `Broken` when it fails, `Late` when it was stopped after `limit` seconds.
        """
        command = [str(self.foci), *map(str, arguments), "--json", "--quiet"]
        if arguments[0] not in SERIAL:
            command += ["--threads", str(threads or self.threads)]
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=errors, env=self.environment(threads))
            stop = threading.Timer(limit or threading.TIMEOUT_MAX, os.kill, (process.pid, signal.SIGKILL))
            stop.start()
            try:
                _, status, usage = os.wait4(process.pid, 0)
            finally:
                stop.cancel()
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if limit and seconds >= limit:
                raise Late
            for stream in (output, errors):
                stream.seek(0)
            if process.returncode != 0:
                raise Broken(f"foci {arguments[0]}: exit code {process.returncode}: {errors.read().strip()}")
            return Run(json.load(output), seconds, usage.ru_maxrss * 1024.0, usage.ru_utime + usage.ru_stime)

    def run_job(
        self, *arguments: str | Path, limit: float = 600, given: object = None, threads: int | None = None
    ) -> Job:
        """Run a job of jobs.py, `given` as JSON on its standard input; stop it after `limit` seconds."""
        script = Path(__file__).with_name("jobs.py")
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            stopped, code = False, 0
            try:
                code = subprocess.run(
                    [str(self.python), str(script), *map(str, arguments)], input=json.dumps(given),
                    stdout=output, stderr=errors, text=True, env=self.environment(threads), timeout=limit,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                stopped = True
            for stream in (output, errors):
                stream.seek(0)
            answers = [json.loads(line) for line in output.read().splitlines() if line.endswith("}")]
            complaint = (errors.read().strip().splitlines() or ["no message"])[-1]
            return Job(answers, stopped, complaint if code else "")

    def run_split(self, *arguments: str | Path, limit: float, given: list[Any]) -> list[Job]:
        """Run a job of one answer a case on a list of cases, as many processes of one thread at a time as there are
        threads; the k-th gets every so-manieth case from the k-th on."""
        with ThreadPoolExecutor(self.threads) as pool:
            parts = [given[k :: self.threads] for k in range(self.threads)]
            return list(pool.map(lambda part: self.run_job(*arguments, limit=limit, given=part, threads=1), parts))

    def require_job(self, *arguments: str | Path, given: object = None) -> dict[str, Any]:
        """The last answer of a job that must not fail.

        Raises `Broken` when it does.
        """
        job = self.run_job(*arguments, given=given)
        if job.failure or job.stopped or not job.answers:
            raise Broken(f"{arguments[0]}: {job.failure or 'no answer'}")
        return job.answers[-1]


def told(command: list[str], environment: dict[str, str], limit: float = 1800) -> list[dict[str, Any]]:
    """The lines of JSON that a program says. Raises `Broken` when it fails, `Late` after `limit` seconds."""
    name = " ".join(Path(word).name for word in command[:3])
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=limit)
    except subprocess.TimeoutExpired as late:
        raise Late(f"{name}: no answer in {limit:.0f} s") from late
    if done.returncode != 0:
        raise Broken(f"{name}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
