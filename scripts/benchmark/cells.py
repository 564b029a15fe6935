"""The cells of the study of accuracy: what recordings with known sources are drawn by, a cell a line.

Standard library only: what runs the study and what simulates share it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

TUNING = 1000
"""Seeds from here on are for choosing constants of methods; those below are for judging, and never tuned on."""
COUNTS = (1, 2, 3, 4, 5)
"""How many sources are active."""
RATIOS = (-10, -5, 0, 5)
"""Signal-to-noise ratios, dB."""
CASES, FULL_CASES = 16, 50
"""Cases of a cell at one ratio."""
HALVES = ("even", "odd")
"""The halves that a recording of epochs is parted into: every other epoch, from the first and from the second on."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a case is drawn by; the same setting gives the same case, see simulation.py.

    Settings that differ in errors, orientation or sensors alone draw the same sources, waveforms and places.
    """

    kind: str = "lifelike"
    """Waveforms and noise: *clean* or *lifelike*."""
    wave: str = "bursts"
    """Waveforms: *bursts*, or *evoked*, slow ones."""
    shape: str = "patch"
    """Sources: *patch*, off the grid, or *point*, on it."""
    sources: int = 1
    """How many; 0 makes a recording of noise alone."""
    snr: int = 0
    """dB."""
    seed: int = 0
    near: bool = False
    """Whether all sources lie 10 to 20 mm from one another, not `separation` or more."""
    separation: float = 0.02
    """Smallest distance of two sources, m."""
    even: bool = False
    """Whether all sources have fields of one norm, not moments alike up to a factor of 2."""
    head: str = "gradiometers"
    """Lead fields: *gradiometers* (204, fixed orientation) or *whole* (306 MEG and 60 EEG, free)."""
    lead: int = 0
    """Which of them, from 0."""
    sensors: str = "all"
    """Of the whole head: *all*, *meg*, *eeg* or *eeg30* (every other electrode)."""
    orientation: str = "fixed"
    """Dipoles *fixed* along the normal, *loose* (tilted from it by up to 20°) or *free*; methods are told which."""
    gain_error: float = 0.0
    """Norm of what is added to each column of the gain that makes the data, as a fraction of the column's norm."""
    field_error: float = 0.0
    """Norm of what is added to the field of each source, as a fraction of the field's."""
    calibration_error: float = 0.0
    """Standard deviation of the factors that sensors are multiplied by, less one."""
    shift: float = 0.0
    """How far the sources of the gain that makes the data are shifted, all alike, m."""
    baseline: int = 300
    """Samples of noise before the window."""
    epochs: int = 1
    """Epochs of the recording; the signal-to-noise ratio is that of their average."""


@dataclass(frozen=True)
class Cell:
    """Cases that are alike, at one or more signal-to-noise ratios."""

    name: str
    setting: Setting
    """What all cases share."""
    ratios: tuple[int, ...] = (0,)
    """Signal-to-noise ratios, dB; a row of the table each."""
    counts: tuple[int, ...] = COUNTS

    def row(self, ratio: int) -> str:
        """The name of the row of the table."""
        return f"{self.name}, {'−' if ratio < 0 else ''}{abs(ratio)} dB" if any(self.counts) else self.name

    def cases(self, leads: int, count: int, first: int) -> Iterator[tuple[str, Setting]]:
        """The row and the setting of as many cases at every ratio, seeds from `first` on; lead fields and numbers
        of sources take turns."""
        for ratio in self.ratios:
            for k in range(count):
                sources = self.counts[k // leads % len(self.counts)]
                yield self.row(ratio), replace(
                    self.setting, snr=ratio, seed=first + k, sources=sources, lead=k % leads
                )


CLEAN, LIFELIKE = Setting(kind="clean", shape="point"), Setting()
WHOLE = Setting(head="whole")
EVEN, EVEN_COUNTS = Setting(even=True, separation=0.03), (1, 2, 3, 5)

CELLS = (
    Cell("clean", CLEAN, RATIOS),
    Cell("lifelike", LIFELIKE, RATIOS),
    Cell("evoked", Setting(wave="evoked"), RATIOS),
    Cell("points", Setting(shape="point"), RATIOS),
    Cell("even-clean", replace(CLEAN, even=True, separation=EVEN.separation), RATIOS, EVEN_COUNTS),
    Cell("even", EVEN, RATIOS, EVEN_COUNTS),
    Cell("even-gain10", replace(EVEN, gain_error=0.1), (5,), EVEN_COUNTS),
    Cell("even-field10", replace(EVEN, field_error=0.1), (5,), EVEN_COUNTS),
    Cell("near", Setting(near=True), (0, 5), (2, 3)),
    Cell("clean-near", replace(CLEAN, near=True), (5,), (2, 3)),
    Cell("clean-gain5", replace(CLEAN, gain_error=0.05), (5, 15)),
    Cell("clean-gain10", replace(CLEAN, gain_error=0.1), (5, 15)),
    Cell("clean-calibration3", replace(CLEAN, calibration_error=0.03), (5, 15)),
    Cell("clean-shift4", replace(CLEAN, shift=0.004), (5, 15)),
    Cell("gain5", Setting(gain_error=0.05), (5,)),
    Cell("gain10", Setting(gain_error=0.1), (5,)),
    Cell("field10", Setting(field_error=0.1), (5,)),
    Cell("calibration3", Setting(calibration_error=0.03), (5,)),
    Cell("shift4", Setting(shift=0.004), (5,)),
    *(
        Cell(f"{orientation}-{sensors}", replace(WHOLE, sensors=sensors, orientation=orientation))
        for orientation in ("fixed", "loose", "free")
        for sensors in ("meg", "eeg", "all")
    ),
    Cell("baseline100", Setting(baseline=100), (-5, 5)),
    Cell("baseline1000", Setting(baseline=1000), (-5, 5)),
    *(
        Cell(f"noise-{kind}-{sensors}-{baseline}", replace(setting, kind=kind, baseline=baseline), counts=(0,))
        for kind in ("clean", "lifelike")
        for sensors, setting in (
            ("meg", Setting()),
            ("eeg60", replace(WHOLE, sensors="eeg")),
            ("eeg30", replace(WHOLE, sensors="eeg30")),
        )
        for baseline in (100, 300, 1000)
    ),
)
"""All cells; *noise* are those without a source."""
