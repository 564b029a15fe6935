#!/usr/bin/env python3
"""Who drives whom by other programs, for the section `dynamics`: one way a process, a line of JSON.

    dynamics_peer.py METHOD FOLDER CASES

FOLDER holds tables that DynamicsStudies wrote: N.tsv (epoch, time, a column a variable), N-truth.tsv (source, target).
METHOD is one of

    statsmodels   VAR, order by BIC up to 10, a Granger test a connection (F), the false discovery rate at 5 %
    influence     the same, and of those found only influences of at least a tenth of the strongest: foci's rule
    gc            MNE-Connectivity's Granger causality of each pair by itself, mean over 1 to 40 Hz, at least a tenth of
                  the strongest: it has no test
    gc_tr         the same less that of reversed time, above 0 as well
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np

Edges = set[tuple[int, int]]


def loaded(folder: Path, case: int) -> tuple[list[np.ndarray], float, Edges]:
    """Epochs (variables × samples), the sampling frequency and the true connections, source first."""
    table = np.loadtxt(folder / f"{case}.tsv", delimiter="\t", skiprows=1)
    epochs = [table[table[:, 0] == number, 2:].T for number in np.unique(table[:, 0])]
    with (folder / f"{case}-truth.tsv").open(newline="", encoding="utf-8") as file:
        truth = {(int(row["source"]), int(row["target"])) for row in csv.DictReader(file, delimiter="\t")}
    return epochs, 1 / (table[1, 1] - table[0, 1]), truth


def by_statsmodels(epochs: list[np.ndarray], limited: bool) -> Edges:
    """One series: the epochs follow each other without a gap."""
    from statsmodels.stats.multitest import multipletests
    from statsmodels.tsa.api import VAR

    series = np.concatenate(epochs, axis=1).T
    fit = VAR(series).fit(maxlags=10, ic="bic")
    names = fit.names
    count, order = series.shape[1], fit.k_ar
    pairs = [(j, i) for i in range(count) for j in range(count) if i != j]
    tests = [fit.test_causality(names[i], names[j], kind="f") for j, i in pairs]
    accepted = multipletests([test.pvalue for test in tests], 0.05, "fdr_bh")[0]
    freedom = len(series) - order - count * order - 1
    influence = [np.log1p(test.test_statistic * order / freedom) for test in tests]
    least = 0.1 * max(influence) if limited else 0.0
    return {pair for pair, found, size in zip(pairs, accepted, influence) if found and size >= least}


def by_mne(epochs: list[np.ndarray], rate: float, reversed_time: bool) -> Edges:
    """Each pair by itself."""
    from mne_connectivity import spectral_connectivity_epochs

    count = len(epochs[0])
    pairs = [(j, i) for i in range(count) for j in range(count) if i != j]
    indices = (np.array([[j] for j, _ in pairs]), np.array([[i] for _, i in pairs]))
    methods = ["gc", "gc_tr"] if reversed_time else ["gc"]
    whole = np.array([epoch for epoch in epochs if epoch.shape == epochs[0].shape])
    found = spectral_connectivity_epochs(
        whole, method=methods, indices=indices, sfreq=rate, fmin=1.0, fmax=40.0, gc_n_lags=20, verbose="error"
    )
    values = [one.get_data().mean(axis=1) for one in (found if isinstance(found, list) else [found])]
    net = values[0] - values[1] if reversed_time else values[0]
    kept = (values[0] >= 0.1 * values[0].max()) & (net > 0)
    return {pair for pair, is_kept in zip(pairs, kept) if is_kept}


def main() -> None:
    """Score all cases."""
    method, folder, cases = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    scores, beside, seconds = [], [], []
    for case in range(cases):
        epochs, rate, truth = loaded(folder, case)
        began = time.perf_counter()
        if method in ("statsmodels", "influence"):
            found = by_statsmodels(epochs, method == "influence")
        else:
            found = by_mne(epochs, rate, method == "gc_tr")
        seconds.append(time.perf_counter() - began)
        right = len(found & truth)
        scores.append(2 * right / (len(found) + len(truth)) if found else 0.0)
        beside.append(len(found) - right)
    error = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else 0.0
    # Imports are no part of a fit.
    answer = {"f1": statistics.fmean(scores), "error": error, "false": statistics.fmean(beside),
              "seconds": statistics.median(seconds)}  # fmt: skip
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
