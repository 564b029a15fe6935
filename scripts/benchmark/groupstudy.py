"""Simulated groups whose effects are known: how often they are found, and how often effects are that are not there.

Half of the subjects have either of two real lead fields (204 gradiometers × 4686 sources). A group has six places at least
30 mm apart, drawn from the half of the first brain's sources that the sensors see best; in the second brain they are the
sources nearest to them after affine alignment. Amplitudes: 10 nAm times exp(0.3 z) for each subject and place; conditions
differ from the first by the effects, and subjects in these by a normal number of 2 nAm, at every other effect and at all
that are not zero. Noise is white over sensors, its size such that an amplitude alone has a median standard error of 0.7
(*low*) or 4 nAm (*high*); where averages are *unequal*, the noise of each recording is multiplied by 2^u, u from −1 to 1.
Places are known to all methods, so no method has to localize but the cluster permutation, which looks at whole maps.

foci: the selection (averaged models, probability above one half), and Wald's test with Holm's correction over all places
and effects. Peers on the same fitted amplitudes: the paired t test with Holm's correction and with that of Benjamini and
Hochberg. MNE's cluster permutation sees the same sensor data: dSPM (λ² = 1/9, depth 0.8), magnitudes at the sources of
the first brain, differences of conditions over subjects, clusters of sources within 7 mm beyond t of p = 0.01, 300 permutations, 2.5 %
for each of two contrasts. An effect counts as found where a cluster comes within 10 mm of its place; a cluster that does not come within 20 mm of
a place with an effect of its contrast is a false one.

Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from scipy import stats
from scipy.spatial import cKDTree

PLACES, CONDITIONS = 6, 3
NANO = 1e-9
ERRORS = {"low": 0.7 * NANO, "high": 4 * NANO}


class Brains:
    """Two lead fields, and which source of the second is where one of the first is."""

    def __init__(self, leads: list[Path]) -> None:
        self.gains, positions = [], []
        for path in leads:
            with h5py.File(path) as file:
                self.gains.append(file["gain"][:])
                positions.append(file["sources/position"][:])
        self.positions = positions[0]
        moved = positions[1]
        tree = cKDTree(self.positions)
        for _ in range(30):
            target = self.positions[tree.query(moved)[1]]
            augmented = np.c_[moved, np.ones(len(moved))]
            moved = augmented @ np.linalg.lstsq(augmented, target, rcond=None)[0]
        self.partner = cKDTree(moved).query(self.positions)[1]

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Places of a group, as sources of the first brain."""
        size = np.linalg.norm(self.gains[0], axis=0)
        seen = np.flatnonzero(size > np.median(size))
        places: list[int] = []
        while len(places) < PLACES:
            place = random.choice(seen)
            if all(np.linalg.norm(self.positions[place] - self.positions[p]) >= 0.03 for p in places):
                places.append(place)
        return np.array(places)

    def fields(self, places: np.ndarray) -> np.ndarray:
        """Anatomies × sensors × places."""
        return np.stack([self.gains[0][:, places], self.gains[1][:, self.partner[places]]])


class Group:
    """One simulated group."""

    def __init__(
        self, brains: Brains, random: np.random.Generator, subjects: int, noise: str, unequal: bool, effects: int,
        spread: float = 2 * NANO, covariate: bool = False, conditions: int = CONDITIONS,
    ) -> None:
        self.places = brains.draw(random)
        self.fields = brains.fields(self.places)
        self.anatomy = np.arange(subjects) % 2
        self.truth = np.zeros((PLACES, conditions - 1))
        chosen = random.choice(self.truth.size, effects, replace=False)
        self.truth.flat[chosen] = 4 * NANO
        varies = (np.arange(self.truth.size).reshape(self.truth.shape) % 2 == 0) | (self.truth != 0)
        alone = np.median(1 / np.linalg.norm(self.fields, axis=1))
        level = ERRORS[noise] / alone
        factor = 2 ** random.uniform(-1, 1, (subjects, conditions)) if unequal else np.ones((subjects, conditions))
        self.deviations = level * factor
        self.covariates = random.normal(size=(subjects, 1)) if covariate else np.zeros((subjects, 0))
        self.slopes = np.zeros((PLACES, conditions))
        if covariate:
            self.slopes[0, 0], self.slopes[1, 1] = 3 * NANO, 3 * NANO
        amplitudes = np.zeros((subjects, conditions, PLACES))
        base = 10 * NANO * np.exp(0.3 * random.normal(size=(subjects, PLACES)))
        for c in range(conditions):
            amplitudes[:, c] = base
            if c:
                amplitudes[:, c] += self.truth[:, c - 1]
                amplitudes[:, c] += spread * varies[:, c - 1] * random.normal(size=(subjects, PLACES))
        for s in range(subjects):
            if covariate:
                amplitudes[s, :] += self.covariates[s, 0] * self.slopes[:, 0]
                amplitudes[s, 1] += self.covariates[s, 0] * self.slopes[:, 1]
        self.data = np.einsum("sap,scp->sca", self.fields[self.anatomy], amplitudes)
        self.data += self.deviations[..., None] * random.normal(size=self.data.shape)


def foci(program: Path, groups: list[Group], mode: str = "") -> tuple[dict[str, np.ndarray], float]:
    """What foci finds, columns of numbers by name, and the seconds for all groups."""
    columns: dict[str, list[np.ndarray]] = {}
    seconds = 0.0
    for number, group in enumerate(groups):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "group.h5"
            with h5py.File(path, "w") as file:
                file["fields"], file["anatomy"] = group.fields, group.anatomy
                file["data"], file["deviations"] = group.data[None], group.deviations[None]
                file["covariates"] = group.covariates[None]
            start = time.perf_counter()
            done = subprocess.run([program, path, mode], capture_output=True, text=True, check=True)
            seconds += time.perf_counter() - start
        header, *rows = done.stdout.splitlines()
        values = np.array([[float(cell) for cell in row.split("\t")] for row in rows])
        values[:, 0] = number
        for name, column in zip(header.split("\t"), values.T):
            columns.setdefault(name, []).append(column)
    return {name: np.concatenate(column) for name, column in columns.items()}, seconds


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p values."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(np.minimum(1, (len(p) - np.arange(len(p))) * p[order]))
    result = np.empty_like(p)
    result[order] = adjusted
    return result


def rates(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Of a table groups × effects: power, false effects a study, and studies with any; with standard errors."""
    false = (found & ~truth).sum(axis=1)
    result = {"false": float(false.mean()), "any": float((false > 0).mean())}
    result["any_error"] = float(np.sqrt(max(result["any"] * (1 - result["any"]), 0) / len(found)))
    if truth.any():
        power = np.array([row[t].mean() for row, t in zip(found, truth)])
        result["power"], result["power_error"] = float(power.mean()), float(power.std() / np.sqrt(len(power)))
    return result


class Clusters:
    """MNE's cluster permutation of dSPM maps."""

    def __init__(self, brains: Brains) -> None:
        from mne.stats import permutation_cluster_1samp_test
        from scipy.sparse import coo_array

        self.brains, self.test = brains, permutation_cluster_1samp_test
        pairs = np.array(sorted(cKDTree(brains.positions).query_pairs(0.007)))
        ones = np.ones(len(pairs))
        half = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=[len(brains.positions)] * 2)
        self.adjacency = (half + half.T).tocoo()

    def maps(self, group: Group) -> np.ndarray:
        """Subjects × conditions × sources of the first brain: magnitudes of dSPM."""
        result = np.zeros((*group.deviations.shape, len(self.brains.positions)))
        for s, a in enumerate(group.anatomy):
            gain = self.brains.gains[a]
            for c in range(group.deviations.shape[1]):
                white = gain / group.deviations[s, c]
                prior = np.linalg.norm(white, axis=0) ** -1.6
                cross = (white * prior) @ white.T
                scale = np.trace(cross) / len(cross)
                kernel = prior[:, None] * white.T @ np.linalg.inv(cross + scale / 9 * np.eye(len(cross)))
                values = kernel @ (group.data[s, c] / group.deviations[s, c]) / np.linalg.norm(kernel, axis=1)
                result[s, c] = np.abs(values if a == 0 else values[self.brains.partner])
        return result

    def run(self, group: Group, seed: int) -> tuple[np.ndarray, int]:
        """Which effects are found, places × contrasts, and the number of false clusters."""
        maps = self.maps(group)
        places = self.brains.positions[group.places]
        found, false = np.zeros(group.truth.shape, bool), 0
        threshold = stats.t.ppf(1 - 0.005, len(maps) - 1)
        for c in range(group.truth.shape[1]):
            _, clusters, p, _ = self.test(
                maps[:, c + 1] - maps[:, 0], threshold=threshold, n_permutations=300, adjacency=self.adjacency,
                out_type="indices", rng=seed, verbose="error",
            )
            for cluster, value in zip(clusters, p):
                if value >= 0.025:
                    continue
                distance = np.linalg.norm(self.brains.positions[cluster[0]][:, None] - places, axis=2).min(axis=0)
                found[:, c] |= distance < 0.01
                if not (distance[group.truth[:, c] != 0] < 0.02).any():
                    false += 1
        return found & (group.truth != 0), false


def power(brains: Brains, program: Path, arguments: argparse.Namespace, noise: str, unequal: bool, effects: int,
          spread: float, clusters: int) -> dict[str, object]:
    """A cell: all methods on the same groups."""
    random = np.random.default_rng(arguments.seed)
    groups = [Group(brains, random, 16, noise, unequal, effects, spread) for _ in range(arguments.groups)]
    truth = np.stack([(g.truth != 0).ravel() for g in groups])
    result: dict[str, object] = {}
    for mode in ("", "hierarchy"):
        # A random effect only where its fixed effect is: a few groups tell what that does.
        some = groups[:40] if mode else groups
        table, seconds = foci(program, some, mode)
        shape = (len(some), truth.shape[1])
        inclusion = table["inclusion"].reshape(shape)
        name = "selection, hierarchy" if mode else "selection"
        result[name] = rates(inclusion > 0.5, truth[: len(some)])
        if mode:
            continue
        result["seconds a group"] = seconds / len(groups)
        result["wald, holm"] = rates(table["corrected"].reshape(shape) < 0.05, truth)
        paired = table["paired"].reshape(shape)
        result["paired t, holm"] = rates(np.stack([holm(row) < 0.05 for row in paired]), truth)
        result["paired t, fdr"] = rates(
            np.stack([stats.false_discovery_control(row) < 0.05 for row in paired]), truth)
        expected = np.stack([g.truth.ravel() for g in groups])
        for name, column in (("foci", "estimate"), ("plain mean", "mean")):
            error = table[column].reshape(shape) - expected
            result[f"rmse of effects, {name}, nAm"] = float(np.sqrt((error**2).mean()) / NANO)
        z = (table["estimate"].reshape(shape) - expected) / table["error"].reshape(shape)
        result["rms of (estimate - truth)/error"] = float(np.sqrt((z**2).mean()))
        varies = np.tile((np.arange(shape[1]) % 2 == 0), (shape[0], 1)) | truth if spread else truth & False
        result["random effects right"] = float(((table["varies"].reshape(shape) > 0.5) == varies).mean())
    if clusters:
        engine = Clusters(brains)
        outcomes = [engine.run(group, seed) for seed, group in enumerate(groups[:clusters])]
        own = truth[:clusters]
        false = np.array([o[1] for o in outcomes])
        cell = {"groups": clusters, "false": float(false.mean()), "any": float((false > 0).mean())}
        if own.any():
            cell["power"] = float(np.mean([o[0].ravel()[t].mean() for o, t in zip(outcomes, own)]))
        result["cluster permutation"] = cell
    return result


def age(brains: Brains, program: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Twenty subjects, two conditions: an effect of age on one place's amplitude and on another's condition effect, 3 nAm a deviation."""
    random = np.random.default_rng(arguments.seed)
    groups = [
        Group(brains, random, 20, "high", True, 1, 2 * NANO, covariate=True, conditions=2)
        for _ in range(arguments.groups)
    ]
    table, _ = foci(program, groups)
    effects = 3
    shape = (len(groups), PLACES, effects)
    expected = np.zeros(shape)
    for g, group in enumerate(groups):
        # Effects: the condition; age; age by condition. The mean over conditions has half of what the second adds.
        expected[g, :, 0] = group.truth[:, 0]
        expected[g, :, 1] = group.slopes[:, 0] + group.slopes[:, 1] / 2
        expected[g, :, 2] = group.slopes[:, 1]
    estimate, error = (table[name].reshape(shape) for name in ("estimate", "error"))
    quantile = stats.t.ppf(0.975, 18)
    inside = np.abs(estimate - expected) < quantile * error
    truth = (expected != 0).reshape(len(groups), -1)
    result = {
        "selection": rates(table["inclusion"].reshape(truth.shape) > 0.5, truth),
        "wald, holm": rates(table["corrected"].reshape(truth.shape) < 0.05, truth),
        "coverage of 95 % intervals": float(inside.mean()),
    }
    for name, place, effect in (("age", 0, 1), ("age by condition", 1, 2)):
        values = estimate[:, place, effect] / NANO
        result[f"{name}, 3 nAm"] = {"mean": float(values.mean()), "sd": float(values.std())}
    return result


def main() -> None:
    """The studies asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("power", "null", "age"))
    parser.add_argument("--program", type=lambda text: Path(text).resolve(), required=True, help="group-studies")
    parser.add_argument("--leads", type=Path, nargs=2, required=True, help="the two lead fields")
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--clusters", type=int, default=0, help="groups that the cluster permutation gets")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    brains = Brains(arguments.leads)
    result: dict[str, object] = {}
    if arguments.study == "power":
        for noise, unequal in (("low", False), ("high", True), ("high", False)):
            name = f"{noise}, {'unequal' if unequal else 'equal'}"
            result[name] = power(
                brains, arguments.program, arguments, noise, unequal, 3, 2 * NANO, arguments.clusters)
    elif arguments.study == "null":
        for name, spread in (("subjects alike", 0.0), ("subjects differ", 2 * NANO)):
            result[name] = power(
                brains, arguments.program, arguments, "high", True, 0, spread, arguments.clusters)
    else:
        result = age(brains, arguments.program, arguments)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
