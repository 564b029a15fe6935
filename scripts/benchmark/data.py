"""The problems that are measured: real ones of the shared folder, else simulated ones as large; and those made anew."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from programs import Broken, Programs, say


@dataclass(frozen=True)
class Recording:
    """Files of the localization; the FIF files are None where there are none."""

    name: str
    forward: Path
    recording: Path
    covariance: Path
    evoked_fif: Path | None = None
    covariance_fif: Path | None = None
    forward_fif: Path | None = None


@dataclass(frozen=True)
class Data:
    """Makes each problem when it is first asked for."""

    programs: Programs
    shared: Path | None
    """Folder with real data; None where there is none."""
    folder: Path
    """Where problems are made."""

    def __hash__(self) -> int:
        return id(self)

    @cache
    def fixed(self) -> tuple[str, Path]:
        """306 × 8196 × 85, one orientation."""
        if self.shared:
            return "meg-fixed", self.shared / "reference" / "meg-fixed.problem.h5"
        return "simulated, fixed", self._whitened("meg", 1, "--candidates", "8196", "--electrodes", "0")

    @cache
    def free(self) -> tuple[str, Path]:
        """366 × 6102 × 85, three orientations."""
        if self.shared:
            return "sample-free", self.shared / "reference" / "sample-free.problem.h5"
        return "simulated, free", self._whitened("all", 3, "--candidates", "2034")

    @cache
    def recording(self) -> Recording:
        """A recording to localize."""
        if not self.shared:
            self.free()
            whole = self.folder / "all"
            return Recording("simulated", whole / "forward.h5", whole / "recording.h5", whole / "covariance.h5")
        sample = self.shared / "data" / "sample-audvis"
        return Recording(
            "sample-audvis", sample / "sample.forward.h5", sample / "left-auditory.recording.h5",
            sample / "sample.covariance.h5", sample / "left-auditory-ave.fif", sample / "sample-cov.fif",
            sample / "sample-fwd.fif",
        )  # fmt: skip

    @cache
    def leads(self) -> list[Path]:
        """Two lead fields of gradiometers, 204 × some 4690, one orientation."""
        if self.shared:
            return sorted((self.shared / "data" / "cam-can").glob("*.forward.h5"))
        paths = [self.folder / f"lead-{seed}.forward.h5" for seed in (1, 2)]
        for seed, path in enumerate(paths, 1):
            whole = self._simulated(f"lead-{seed}", "--candidates", "4690", "--electrodes", "0", "--seed", str(seed))
            self.programs.require_job("gradiometers", "--simulated", whole, "--output", path)
        return paths

    @cache
    def whole(self, sensors: str) -> Path:
        """The forward of a whole head, 306 MEG and 60 EEG × some 2034, free orientation; see cells.py for sensors."""
        if sensors == "all":
            if self.shared:
                return self.shared / "data" / "sample-audvis" / "sample.forward.h5"
            return self._simulated("whole", "--candidates", "2034") / "forward.h5"
        path = self.folder / f"{sensors}.forward.h5"
        self.programs.require_job("subset", "--forward", self.whole("all"), "--sensors", sensors, "--output", path)
        return path

    def heads(self, head: str, sensors: str) -> list[Path]:
        """The lead fields that recordings with known sources are made through; see cells.py."""
        return self.leads() if head == "gradiometers" else [self.whole(sensors)]

    @cache
    def known(self, lead: Path, seed: int) -> Path:
        """Three sources through a lead field, 50 samples, 0 dB."""
        path = self.folder / f"{lead.name.split('.')[0]}-{seed}.problem.h5"
        self.programs.require_job("known", "--forward", lead, "--seed", str(seed), "--output", path)
        return path

    @cache
    def strongest(self) -> tuple[str, Path]:
        """The sample of largest norm of `fixed` alone."""
        name, whole = self.fixed()
        path = self.folder / "strongest.problem.h5"
        self.programs.require_job("strongest", "--problem", whole, "--output", path)
        return f"{name}, T = 1", path

    @cache
    def gaussian(self) -> tuple[str, Path]:
        """A Gaussian design, 5000 × 20000, in double precision."""
        path = self.folder / "gaussian.problem.h5"
        if not path.exists():
            say("making a Gaussian design")
            partial = path.with_suffix(".partial")
            self.programs.require_job("gaussian", "--output", partial)
            partial.rename(path)
        return "Gaussian, T = 1", path

    @cache
    def large(self) -> dict[str, Path]:
        """306 × 3·20484 × 85, simulated, in either precision, and every tenth position of it."""
        double = self._whitened(
            "large", 3, "--candidates", "20484", "--electrodes", "0", "--sources", "20", "--snr", "10",
            precision="double",
        )  # fmt: skip
        single, tenth = self.folder / "large-single.problem.h5", self.folder / "tenth.problem.h5"
        self.programs.require_job("derive", "--problem", double, "--output", single)
        self.programs.require_job(
            "derive", "--problem", double, "--output", tenth, "--step", "10", "--precision", "double"
        )
        return {"double": double, "single": single, "tenth": tenth}

    def _whitened(self, name: str, orientations: int, *arguments: str, precision: str = "single") -> Path:
        """A simulated recording, whitened; 840 Hz make 85 samples in the window."""
        path = self.folder / f"{name}.problem.h5"
        simulated = self._simulated(name, "--sampling-frequency", "840", "--seed", "1", *arguments)
        self.programs.require_job(
            "prepare", "--simulated", simulated, "--orientations", str(orientations), "--precision", precision,
            "--output", path,
        )  # fmt: skip
        return path

    def _simulated(self, name: str, *arguments: str) -> Path:
        """The folder of a simulated recording."""
        say(f"simulating {name}")
        simulated = self.folder / name
        command = [str(self.programs.foci), "simulate", "--output", str(simulated), "--quiet", "--force", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(f"foci simulate: {done.stderr.strip()}")
        return simulated
