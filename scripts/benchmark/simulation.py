"""Recordings whose sources are known, made through real lead fields: two sets that accuracy is judged on.

Common to both: 204 or so gradiometers at 500 Hz, 300 baseline samples, then 50 samples in which 1 to 5 sources are
active. The grid sources that the active ones stand on or beside are drawn evenly from all, at least 20 mm apart. Total
moments, root mean square over the window, are 10 to 20 nAm, drawn evenly: sources are alike up to a factor of 2 in the
brain, not at the sensors, where depth and folding make them as unequal as they are. Signal-to-noise ratio, dB:
20 log10(‖S‖ / ‖N‖), Frobenius norms over all sensors and the 50 samples of signal and noise as the sensors have them,
before any whitening. The noise covariance is for the methods to estimate from the baseline.

*clean*: each source is one grid source. Its waveform is a burst: a Gaussian envelope (centre 20 to 80 ms, deviation
7 to 21 ms) times a sine (8 to 25 Hz, any phase), all drawn independently. The noise is white and alike at all sensors.

*lifelike*: each source is a patch. Its centre, the true position, lies on the line from the grid source drawn to one of
its six nearest neighbours, 0.2 to 0.5 of the way, so off the grid. All grid sources within a radius of 6 to 10 mm of
the centre (straight through, so across folds too, where normals differ and fields cancel in part; in a gap of the grid
the one drawn) act together, weighted by the cosine that falls from one at the centre to zero at the radius. Waveforms
are such bursts (deviation 11 to 21 ms) of a sine of their own and, 0.4 to 0.8 as strong, one rhythm of 8 to 15 Hz that
all share. The noise is, power for power, half white and half background: 40 dipoles drawn from the grid, each with
power of 1/f from 1 to 40 Hz and a field of norm one times 0.5 to 1.5; it runs through baseline and window alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import h5py
import numpy as np
from scipy.spatial import cKDTree

FREQUENCY = 500.0
"""Samples a second."""
BASELINE, SAMPLES = 300, 50
"""Samples before and in the window."""
SEPARATION = 0.02
"""Smallest distance of two sources, m."""
MOMENT = 10e-9
"""Smallest total moment of a source, root mean square over the window, A·m."""
BACKGROUND = 40
"""Slow dipoles of the background."""
SETS = ("clean", "lifelike")
"""The two sets."""
RATIOS = (-5, 0, 5)
"""Signal-to-noise ratios, dB."""
COUNTS = (1, 2, 3, 4, 5)
"""How many sources are active."""


@dataclass(frozen=True)
class LeadField:
    """A forward model of fixed orientation."""

    path: Path
    gain: np.ndarray
    """Sensors × sources, T/m per A·m."""
    positions: np.ndarray
    """Sources × 3, m."""

    @classmethod
    def read(cls, path: Path) -> LeadField:
        """Read a forward file; SystemExit where it has other than one orientation."""
        with h5py.File(path) as file:
            if int(file["gain"].attrs["orientations"]) != 1:
                raise SystemExit(f"{path.name}: expected one orientation")
            return cls(path, file["gain"][:].astype(float), file["sources/position"][:])


@dataclass(frozen=True)
class Setting:
    """What a case is drawn by; the same setting gives the same case."""

    kind: str
    """One of SETS."""
    lead: int
    """Which lead field, from 0."""
    sources: int
    snr: int
    """dB."""
    seed: int

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.kind}-{self.lead}-{self.sources}-{self.snr}dB-{self.seed}"

    def generator(self) -> np.random.Generator:
        """The random numbers of the case, independent of those of all others."""
        return np.random.default_rng([self.seed, self.lead, self.sources, self.snr + 100, SETS.index(self.kind)])


@dataclass(frozen=True)
class Case:
    """A recording and its truth."""

    data: np.ndarray
    """Sensors × (BASELINE + SAMPLES), T/m."""
    positions: np.ndarray
    """True positions, sources × 3, m."""

    def write(self, path: Path, lead: LeadField) -> None:
        """Write a recording file with the sensors of the lead field; its window starts at time 0."""
        with h5py.File(lead.path) as forward, h5py.File(path, "w") as file:
            file.attrs.update(
                format="recording", version=1, sampling_frequency=FREQUENCY, first_time=-BASELINE / FREQUENCY,
                averages=1, condition="simulated", projected=1,
            )  # fmt: skip
            forward.copy("sensors", file)
            file["data"] = self.data


def settings(kind: str, leads: int, seeds: list[int]) -> Iterator[Setting]:
    """All settings of a set, seed by seed."""
    for seed, sources, snr, lead in product(seeds, COUNTS, RATIOS, range(leads)):
        yield Setting(kind, lead, sources, snr, seed)


def slow(generator: np.random.Generator, count: int, samples: int) -> np.ndarray:
    """Series (count × samples) with power of 1/f from 1 to 40 Hz, mean square one over all."""
    length = 4096
    frequencies = np.fft.rfftfreq(length, 1 / FREQUENCY)
    kept = (frequencies >= 1) & (frequencies <= 40)
    amplitudes = np.zeros_like(frequencies)
    amplitudes[kept] = frequencies[kept] ** -0.5
    size = (count, len(frequencies))
    spectrum = generator.standard_normal(size) + 1j * generator.standard_normal(size)
    series = np.fft.irfft(spectrum * amplitudes, axis=1)[:, :samples]
    return series / np.sqrt(np.mean(series**2))


def apart(generator: np.random.Generator, positions: np.ndarray, count: int) -> np.ndarray:
    """Indices of as many grid sources, any two at least SEPARATION apart."""
    while True:
        chosen = generator.choice(len(positions), count, replace=False)
        between = np.linalg.norm(positions[chosen, None] - positions[chosen], axis=2)
        if np.all(between[np.triu_indices(count, 1)] >= SEPARATION):
            return chosen


def bursts(generator: np.random.Generator, count: int, shared: bool) -> np.ndarray:
    """Waveforms, count × SAMPLES, root mean square one each; `shared` adds one rhythm to all."""
    times = np.arange(SAMPLES) / FREQUENCY
    rhythm = np.sin(2 * np.pi * generator.uniform(8, 15) * times + generator.uniform(0, 2 * np.pi))
    waves = np.empty((count, SAMPLES))
    for wave in waves:
        width = generator.uniform(0.015 if shared else 0.010, 0.030)
        envelope = np.exp(-(((times - generator.uniform(0.02, 0.08)) / width) ** 2))
        wave[:] = np.sin(2 * np.pi * generator.uniform(8, 25) * times + generator.uniform(0, 2 * np.pi))
        if shared:
            wave += generator.uniform(0.4, 0.8) * rhythm
        wave *= envelope
    return waves / np.sqrt(np.mean(waves**2, axis=1, keepdims=True))


def patch(generator: np.random.Generator, lead: LeadField, tree: cKDTree, source: int) -> tuple[np.ndarray, np.ndarray]:
    """A patch beside a grid source: its field for a total moment of one (sensors), and its centre (3)."""
    nearest = tree.query(lead.positions[source], 7)[1]
    neighbour = generator.choice(nearest[nearest != source])
    along, radius = generator.uniform(0.2, 0.5), generator.uniform(0.006, 0.010)
    centre = (1 - along) * lead.positions[source] + along * lead.positions[neighbour]
    members = tree.query_ball_point(centre, radius) or [source]
    distances = np.linalg.norm(lead.positions[members] - centre, axis=1)
    weights = np.cos(np.pi / 2 * np.minimum(distances / radius, 0.99))
    return lead.gain[:, members] @ weights / weights.sum(), centre


def noise(generator: np.random.Generator, lead: LeadField, kind: str) -> np.ndarray:
    """Sensors × (BASELINE + SAMPLES), in no unit."""
    size = (len(lead.gain), BASELINE + SAMPLES)
    white = generator.standard_normal(size)
    if kind == "clean":
        return white
    fields = lead.gain[:, generator.choice(lead.gain.shape[1], BACKGROUND, replace=False)]
    fields = fields / np.linalg.norm(fields, axis=0) * generator.uniform(0.5, 1.5, BACKGROUND)
    background = fields @ slow(generator, BACKGROUND, size[1])
    return white + background / np.sqrt(np.mean(background**2))


def simulate(setting: Setting, lead: LeadField) -> Case:
    """The case of a setting; the module says how it is made."""
    generator = setting.generator()
    chosen = apart(generator, lead.positions, setting.sources)
    if setting.kind == "clean":
        fields, positions = lead.gain[:, chosen], lead.positions[chosen]
    else:
        tree = cKDTree(lead.positions)
        patches = [patch(generator, lead, tree, source) for source in chosen]
        fields = np.stack([field for field, _ in patches], axis=1)
        positions = np.stack([centre for _, centre in patches])
    waves = bursts(generator, setting.sources, shared=setting.kind == "lifelike")
    moments = MOMENT * generator.uniform(1, 2, setting.sources)
    signal = fields @ (waves * moments[:, None])
    data = noise(generator, lead, setting.kind)
    data *= np.linalg.norm(signal) / np.linalg.norm(data[:, BASELINE:]) / 10 ** (setting.snr / 20)
    data[:, BASELINE:] += signal
    return Case(data, positions)
