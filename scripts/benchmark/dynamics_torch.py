#!/usr/bin/env python3
"""How long torch takes for one gradient of a network of 6, 20, 20 and 3 units, for the section `dynamics`.

Prints a line of JSON: milliseconds, the least of many runs, of autograd through the same Runge–Kutta steps over 96 segments of
5 samples as foci's, and of torchdiffeq's dopri5 over one path of 101 samples, at relative and absolute tolerances of 1e-3.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch
from torchdiffeq import odeint

VARIABLES, SEGMENTS, SAMPLES, INTERVAL = 3, 96, 5, 0.1
PATH = 101


def best(gradient: Callable[[], None], runs: int) -> float:
    """Milliseconds."""
    gradient()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        gradient()
        times.append(1000 * (time.perf_counter() - began))
    return min(times)


def main() -> None:
    """Time both."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    layers = [torch.nn.Linear(6, 20), torch.nn.ELU(), torch.nn.Linear(20, 20), torch.nn.ELU(), torch.nn.Linear(20, 3)]
    network = torch.nn.Sequential(*layers)

    def slope(_: object, state: torch.Tensor) -> torch.Tensor:
        return torch.cat([state[..., VARIABLES:], network(state)], dim=-1)

    starts = torch.randn(SEGMENTS, 2 * VARIABLES)
    targets = torch.randn(SAMPLES, SEGMENTS, VARIABLES)

    def autograd() -> None:
        network.zero_grad()
        state, loss = starts, torch.zeros(())
        for target in targets:
            first = slope(None, state)
            second = slope(None, state + INTERVAL / 2 * first)
            third = slope(None, state + INTERVAL / 2 * second)
            fourth = slope(None, state + INTERVAL * third)
            state = state + INTERVAL / 6 * (first + 2 * second + 2 * third + fourth)
            loss = loss + ((state[:, :VARIABLES] - target) ** 2).mean()
        loss.backward()

    times, path = torch.linspace(0, INTERVAL * (PATH - 1), PATH), torch.randn(PATH, VARIABLES)

    def adaptive() -> None:
        network.zero_grad()
        states = odeint(slope, starts[0], times, rtol=1e-3, atol=1e-3, method="dopri5")
        ((states[:, :VARIABLES] - path) ** 2).mean().backward()

    print(json.dumps({"autograd": best(autograd, 200), "dopri5": best(adaptive, 20)}))


main()
