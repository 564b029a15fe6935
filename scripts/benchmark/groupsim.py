"""Groups of subjects whose sources lie at about the same places: what the section *group* is drawn by.

Subjects take the lead fields in turn, each its own anatomy. Places of the group are three grid sources of the first,
at least 30 mm apart; the other anatomies are brought onto it by an affine map of twelve numbers (iterated closest
points, from either cloud, the worst tenth left out). A subject's source is drawn from its own grid sources within the
spread of the place, the nearest where there are none. Waveforms are ten independent normal numbers, of root mean square
one; every source has a field of norm one, and the noise is white, of known level. Signal-to-noise ratio, dB:
20 log10(‖S‖ / ‖N‖), the norm of the noise being the expected one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from scipy.spatial import cKDTree
from simulation import LeadField

PLACES, SAMPLES, FREQUENCY = 3, 10, 100.0
"""Places of the group; samples, and how many a second."""
APART = 0.03
"""Smallest distance of two places, m."""
FIELD = 1e-12
"""Norm of the field of a source, in units of the sensors."""
ROUNDS, KEPT = 60, 0.9
"""Of the alignment: rounds, and the part of the pairs that counts."""


def aligned(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Points of one brain (any × 3) mapped affinely onto another."""
    scale = fixed.std(axis=0) / moving.std(axis=0)
    moved, tree = (moving - moving.mean(axis=0)) * scale + fixed.mean(axis=0), cKDTree(fixed)
    for _ in range(ROUNDS):
        there, to = tree.query(moved)
        back, of = cKDTree(moved).query(fixed)
        source, target = np.concatenate([moving, moving[of]]), np.concatenate([fixed[to], fixed])
        distances = np.concatenate([there, back])
        kept = distances <= np.quantile(distances, KEPT)
        design = np.column_stack([source[kept], np.ones(kept.sum())])
        linear = np.linalg.lstsq(design, target[kept], rcond=None)[0]
        moved = np.column_stack([moving, np.ones(len(moving))]) @ linear
    return moved


def apart(positions: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """So many of the positions, no two near each other."""
    while True:
        drawn = positions[generator.choice(len(positions), count, replace=False)]
        between = np.linalg.norm(drawn[:, None] - drawn, axis=2)
        if between[np.triu_indices(count, 1)].min() >= APART:
            return drawn


def group(
    folder: Path, leads: list[Path], subjects: int, spread: float, snr: float, seed: int, odd: bool
) -> Iterator[dict]:
    """Write forward (a link), recording and covariance of each subject; say its name and true positions, mm.

    The last subject has places of its own, far from the group's, if `odd`.
    """
    fields = [LeadField.read(path) for path in leads]
    places = [fields[0].positions, *(aligned(field.positions, fields[0].positions) for field in fields[1:])]
    generator = np.random.default_rng([seed, round(1000 * spread), round(snr) + 100])
    centres = apart(places[0], 2 * PLACES if odd else PLACES, generator)
    for number in range(subjects):
        lead, own = fields[number % len(fields)], places[number % len(fields)]
        sources = []
        for centre in centres[PLACES:] if odd and number == subjects - 1 else centres[:PLACES]:
            distances = np.linalg.norm(own - centre, axis=1)
            near = np.flatnonzero(distances <= spread)
            sources.append(generator.choice(near) if len(near) else int(np.argmin(distances)))
        waves = generator.standard_normal((PLACES, SAMPLES))
        waves /= np.sqrt(np.mean(waves**2, axis=1, keepdims=True))
        gain = lead.gain[:, sources, 0]
        signal = FIELD * (gain / np.linalg.norm(gain, axis=0)) @ waves
        sigma = np.linalg.norm(signal) / np.sqrt(signal.size) / 10 ** (snr / 20)
        data = signal + sigma * generator.standard_normal(signal.shape)
        subject = folder / f"{number + 1:02}"
        subject.mkdir(parents=True)
        (subject / "forward.h5").symlink_to(lead.path.resolve())
        with h5py.File(lead.path) as forward, h5py.File(subject / "recording.h5", "w") as file:
            file.attrs.update(format="recording", version=1, sampling_frequency=FREQUENCY, first_time=0.0, averages=1,
                              condition="simulated", projected=1)  # fmt: skip
            forward.copy("sensors", file)
            file["data"] = data
        with h5py.File(lead.path) as forward, h5py.File(subject / "covariance.h5", "w") as file:
            file.attrs.update(format="covariance", version=1, samples=100_000)
            forward.copy("sensors", file)
            file["covariance"] = sigma**2 * np.eye(len(data))
        yield {"subject": subject.name, "truth": (1000 * lead.positions[sources]).tolist()}
