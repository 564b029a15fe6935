"""Recordings whose sources are known, made through real lead fields: what the cells of the accuracy study are drawn by.

Common to all: 500 Hz, a baseline, then 50 samples in which the sources are active. The grid sources that the active
ones stand on or beside are drawn evenly from all, at least a separation apart, 20 mm unless told otherwise; *near* ones
all 10 to 20 mm from one another.
Total moments, root mean square over the window, are 10 to 20 nAm, drawn evenly: sources are alike up to a factor of 2
in the brain, not at the sensors, where depth and folding make them as unequal as they are. *even* ones have fields of
one norm instead, sensors of a kind in units of their root mean square over all sources. Signal-to-noise ratio, dB:
20 log10(‖S‖ / ‖N‖), Frobenius norms over all sensors and the 50 samples of signal and noise as the sensors have them,
before any whitening. Where there are several kinds of sensors (magnetometers, gradiometers, electrodes), all is in
units of the signal's root mean square at the kind, so that all kinds count alike. The noise covariance is for the
methods to estimate from the baseline.

*clean*: waveforms are bursts: a Gaussian envelope (centre 20 to 80 ms, deviation 7 to 21 ms) times a sine (8 to 25 Hz,
any phase), all drawn independently. The noise is white and alike at all sensors of a kind.

*lifelike*: waveforms are such bursts (deviation 11 to 21 ms) of a sine of their own and, 0.4 to 0.8 as strong, one
rhythm of 8 to 15 Hz that all share. The noise is, power for power, half white and half background: 40 dipoles drawn
from the grid, each with power of 1/f from 1 to 40 Hz and a field of norm one times 0.5 to 1.5; it runs through baseline
and window alike, and is made by a Fourier transform longer than it, so that it has no edge.

*evoked*: as lifelike, but waveforms are slow: a sine of 3 to 10 Hz in a Gaussian envelope (centre 20 to 80 ms, deviation
21 to 42 ms), and no rhythm that all share.

*point*: each source is one grid source. *patch*: its centre, the true position, lies on the line from the grid source
drawn to one of its six nearest neighbours, 0.2 to 0.5 of the way, so off the grid. All grid sources within a radius of
6 to 10 mm of the centre (straight through, so across folds too, where normals differ and fields cancel in part; in a
gap of the grid the one drawn) act together, weighted by the cosine that falls from one at the centre to zero at the
radius.

Orientation: *fixed* dipoles point along the normals. *loose* ones are tilted from them by 0 to 20°, drawn evenly, to
any side; all of a patch are turned together. *free* ones point anywhere, all of a patch alike, and so do those of the
background, which follow the normals otherwise.

Errors are of the gain that makes the data, sources and background; methods get the one without. Gain error: to each
column is added white noise whose norm is a fraction of the column's, at each kind of sensor: of a patch whose parts all
but cancel, that is far more of its field. Field error: the same of the field of each source. Calibration error: each
sensor is multiplied by one plus a normal number. Shift: all sources are shifted alike, to any side; their gains are
those of the three nearest of the grid, weighted by inverse distance, and the true positions stay.

Noise alone (no sources) has the size that it would have beside one source of 15 nAm and median field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from cells import Setting
from scipy.spatial import cKDTree

FREQUENCY = 500.0
"""Samples a second."""
SAMPLES = 50
"""Samples in the window."""
NEAREST, FARTHEST = 0.01, 0.02
"""Smallest and largest distance of two near sources, m."""
MOMENT = 10e-9
"""Smallest total moment of a source, root mean square over the window, A·m."""
BACKGROUND = 40
"""Slow dipoles of the background."""
TILT = np.deg2rad(20)
"""Largest angle of a loose dipole and the normal."""
KINDS = ("clean", "lifelike")
"""What the seeds of cases tell apart."""
SOURCES, ERRORS, TILTS = (), (1,), (2,)
"""What random numbers are for; those of one use do not depend on how many another takes."""


@dataclass(frozen=True)
class LeadField:
    """A forward model."""

    path: Path
    gain: np.ndarray
    """Sensors × sources × orientations (1 or 3), field units per A·m."""
    positions: np.ndarray
    """Sources × 3, m."""
    normals: np.ndarray | None
    """Sources × 3; None where there is one orientation."""
    kinds: np.ndarray
    """A name a sensor."""
    tree: cKDTree
    """Of the positions."""

    @classmethod
    def read(cls, path: Path) -> LeadField:
        """Read a forward file."""
        with h5py.File(path) as file:
            gain, orientations = file["gain"][:].astype(float), int(file["gain"].attrs["orientations"])
            positions = file["sources/position"][:]
            normals = file["sources/normal"][:] if orientations == 3 else None
            kinds = file["sensors/kind"].asstr()[:]
        gain = gain.reshape(len(gain), -1, orientations)
        return cls(path, gain, positions, normals, kinds, cKDTree(positions))

    def directions(self, members: np.ndarray) -> np.ndarray:
        """Unit vectors of dipoles along the normals, members × orientations."""
        return np.ones((len(members), 1)) if self.normals is None else self.normals[members]

    def by_kind(self, values: np.ndarray) -> np.ndarray:
        """Root mean squares of the sensors of a kind, given to all of them; `values` are sensors × any."""
        result = np.empty(len(values))
        for kind in np.unique(self.kinds):
            result[self.kinds == kind] = np.sqrt(np.mean(values[self.kinds == kind] ** 2))
        return result


@dataclass(frozen=True)
class Case:
    """A recording and its truth."""

    data: np.ndarray
    """Sensors × (baseline + SAMPLES), before it epochs where there are several, field units."""
    covariance: np.ndarray
    """Of the noise of one epoch, sensors × sensors."""
    positions: np.ndarray
    """True positions, sources × 3, m."""
    vertices: np.ndarray
    """The grid sources nearest to them."""

    def half(self, first: int) -> Case:
        """The case of every other epoch, from the `first` on."""
        return replace(self, data=self.data[first::2])

    def write(self, path: Path, lead: LeadField) -> None:
        """Write a recording file with the sensors of the lead field; its window starts at time 0. Electrodes get the
        projector of an average reference."""
        eeg = lead.kinds == "eeg"
        baseline = self.data.shape[-1] - SAMPLES
        with h5py.File(lead.path) as forward, h5py.File(path, "w") as file:
            file.attrs.update(
                format="recording", version=1, sampling_frequency=FREQUENCY, first_time=-baseline / FREQUENCY,
                averages=1, condition="simulated", projected=int(not eeg.any()),
            )  # fmt: skip
            forward.copy("sensors", file)
            if eeg.any():
                file["projectors"] = (eeg / np.sqrt(eeg.sum()))[None]
            file["data"] = self.data.astype(np.float32)

    def write_covariance(self, path: Path, lead: LeadField) -> None:
        """Write the true noise covariance of one epoch."""
        with h5py.File(lead.path) as forward, h5py.File(path, "w") as file:
            file.attrs.update(format="covariance", version=1, samples=0)
            forward.copy("sensors", file)
            file["covariance"] = self.covariance


def random(setting: Setting, use: tuple[int, ...]) -> np.random.Generator:
    """The random numbers of a case for one use, independent of those of other cases and uses."""
    return np.random.default_rng(
        [setting.seed, setting.lead, setting.sources, setting.snr + 100, KINDS.index(setting.kind), *use]
    )


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


def apart(generator: np.random.Generator, positions: np.ndarray, count: int, separation: float) -> np.ndarray:
    """Indices of as many grid sources, any two at least `separation` apart, m."""
    while True:
        chosen = generator.choice(len(positions), count, replace=False)
        between = np.linalg.norm(positions[chosen, None] - positions[chosen], axis=2)
        if np.all(between[np.triu_indices(count, 1)] >= separation):
            return chosen


def near(generator: np.random.Generator, positions: np.ndarray, count: int) -> np.ndarray:
    """Indices of as many grid sources, any two between NEAREST and FARTHEST apart: the first drawn evenly, each
    other one evenly from those that are left."""
    while True:
        chosen = [generator.integers(len(positions))]
        left = np.ones(len(positions), bool)
        while len(chosen) < count:
            distances = np.linalg.norm(positions - positions[chosen[-1]], axis=1)
            left &= (distances >= NEAREST) & (distances <= FARTHEST)
            if not left.any():
                break
            chosen.append(generator.choice(np.flatnonzero(left)))
        if len(chosen) == count:
            return np.array(chosen)


def slow_waves(generator: np.random.Generator, count: int) -> np.ndarray:
    """Evoked waveforms, count × SAMPLES, root mean square one each."""
    times = np.arange(SAMPLES) / FREQUENCY
    waves = np.empty((count, SAMPLES))
    for wave in waves:
        envelope = np.exp(-(((times - generator.uniform(0.02, 0.08)) / generator.uniform(0.03, 0.06)) ** 2))
        phase = generator.uniform(0, 2 * np.pi)
        wave[:] = np.sin(2 * np.pi * generator.uniform(3, 10) * times + phase) * envelope
    return waves / np.sqrt(np.mean(waves**2, axis=1, keepdims=True))


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


def patch(generator: np.random.Generator, lead: LeadField, source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A patch beside a grid source: its members, their weights, and its centre (3)."""
    nearest = lead.tree.query(lead.positions[source], 7)[1]
    neighbour = generator.choice(nearest[nearest != source])
    along, radius = generator.uniform(0.2, 0.5), generator.uniform(0.006, 0.010)
    centre = (1 - along) * lead.positions[source] + along * lead.positions[neighbour]
    members = np.array(lead.tree.query_ball_point(centre, radius) or [source])
    distances = np.linalg.norm(lead.positions[members] - centre, axis=1)
    weights = np.cos(np.pi / 2 * np.minimum(distances / radius, 0.99))
    return members, weights / weights.sum(), centre


def anywhere(generator: np.random.Generator) -> np.ndarray:
    """A unit vector of any direction."""
    vector = generator.standard_normal(3)
    return vector / np.linalg.norm(vector)


def turned(generator: np.random.Generator, directions: np.ndarray, orientation: str) -> np.ndarray:
    """Directions (members × 3) as the orientation has them; the first is the one whose tilt is drawn."""
    if orientation == "free":
        return np.tile(anywhere(generator), (len(directions), 1))
    angle, axis = generator.uniform(0, TILT), np.cross(directions[0], anywhere(generator))
    axis /= np.linalg.norm(axis)
    along = (directions @ axis)[:, None] * axis
    return along + np.cos(angle) * (directions - along) + np.sin(angle) * np.cross(axis, directions)


def beside(values: np.ndarray, fraction: float, lead: LeadField, generator: np.random.Generator) -> np.ndarray:
    """White noise beside fields (sensors × any) whose norm is a fraction of theirs, at each kind of sensor."""
    error = generator.standard_normal(values.shape)
    for kind in np.unique(lead.kinds):
        of_kind = lead.kinds == kind
        norms = np.linalg.norm(values[of_kind], axis=0) / np.linalg.norm(error[of_kind], axis=0)
        error[of_kind] *= fraction * norms
    return error


def disturbed(setting: Setting, lead: LeadField) -> np.ndarray:
    """The gain that makes the data, with the errors of the setting."""
    gain, generator = lead.gain, random(setting, ERRORS)
    if setting.shift:
        distances, nearest = lead.tree.query(lead.positions + setting.shift * anywhere(generator), 3)
        weights = 1 / np.maximum(distances, 1e-9)
        weights /= weights.sum(axis=1, keepdims=True)
        gain = sum(gain[:, nearest[:, k]] * weights[None, :, k, None] for k in range(3))
    if setting.gain_error:
        gain = gain + beside(gain, setting.gain_error, lead, generator)
    if setting.calibration_error:
        gain = gain * (1 + setting.calibration_error * generator.standard_normal(len(gain)))[:, None, None]
    return gain


def noise(setting: Setting, lead: LeadField, gain: np.ndarray, units: np.ndarray,
          generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Epochs × sensors × (baseline + SAMPLES), in units of the sensors, and the covariance of it."""
    size = (setting.epochs, len(gain), setting.baseline + SAMPLES)
    white, alone = generator.standard_normal(size), np.eye(len(gain))
    if setting.kind == "clean":
        return white, alone
    chosen = generator.choice(gain.shape[1], BACKGROUND, replace=False)
    directions = lead.directions(chosen)
    if setting.orientation == "free":
        tilts = random(setting, (*TILTS, 1))
        directions = np.stack([anywhere(tilts) for _ in chosen])
    fields = np.einsum("njo,jo->nj", gain[:, chosen], directions) / units[:, None]
    fields = fields / np.linalg.norm(fields, axis=0) * generator.uniform(0.5, 1.5, BACKGROUND)
    background = np.stack([fields @ slow(generator, BACKGROUND, size[2]) for _ in range(setting.epochs)])
    power = np.mean(background**2)
    return white + background / np.sqrt(power), alone + fields @ fields.T / power


def simulate(setting: Setting, lead: LeadField) -> Case:
    """The case of a setting; the module says how it is made."""
    generator, tilts = random(setting, SOURCES), random(setting, TILTS)
    gain, window = disturbed(setting, lead), slice(setting.baseline, None)
    if not setting.sources:
        units = 1.5 * MOMENT * lead.by_kind(np.median(np.abs(lead.gain), axis=1))
        data, covariance = noise(setting, lead, gain, units, generator)
        return made(data, covariance, units, np.zeros((0, 3)), np.zeros(0, int))

    if setting.near:
        chosen = near(generator, lead.positions, setting.sources)
    else:
        chosen = apart(generator, lead.positions, setting.sources, setting.separation)
    fields, positions = [], []
    for source in chosen:
        if setting.shape == "patch":
            members, weights, centre = patch(generator, lead, source)
        else:
            members, weights, centre = np.array([source]), np.ones(1), lead.positions[source]
        directions = lead.directions(members)
        if setting.orientation != "fixed":
            directions = turned(tilts, directions, setting.orientation)
        fields.append(np.einsum("njo,jo,j->n", gain[:, members], directions, weights))
        positions.append(centre)
    evoked = setting.wave == "evoked"
    waves = slow_waves(generator, setting.sources) if evoked else bursts(
        generator, setting.sources, shared=setting.kind == "lifelike"
    )  # fmt: skip
    moments = MOMENT * generator.uniform(1, 2, setting.sources)
    fields = np.stack(fields, axis=1)
    if setting.even:
        norms = np.linalg.norm(fields / lead.by_kind(fields)[:, None], axis=0)
        moments = 1.5 * MOMENT * norms.mean() / norms
    if setting.field_error:
        fields = fields + beside(fields, setting.field_error, lead, random(setting, ERRORS))
    signal = fields @ (waves * moments[:, None])
    units = lead.by_kind(signal)
    data, covariance = noise(setting, lead, gain, units, generator)
    signal /= units[:, None]
    level = np.linalg.norm(signal) / np.linalg.norm(data.mean(axis=0)[:, window]) / 10 ** (setting.snr / 20)
    data *= level
    data[:, :, window] += signal
    return made(data, covariance * level**2, units, np.stack(positions), lead.tree.query(positions)[1])


def made(
    data: np.ndarray, covariance: np.ndarray, units: np.ndarray, positions: np.ndarray, vertices: np.ndarray
) -> Case:
    """A case in field units; an epoch alone is an average."""
    data = data * units[:, None]
    covariance = covariance * units[:, None] * units
    return Case(data[0] if len(data) == 1 else data, covariance, positions, vertices)
