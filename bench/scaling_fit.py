"""Chinchilla's law on 240 points: our fit beside scipy's L-BFGS from the usual 4,500 starts."""

import time
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bench.result import spread
from bench.scaling_points import PUBLISHED, PUBLISHED_INTERVALS, chinchilla_points
from mapneo.scaling.bootstrap import bootstrap
from mapneo.scaling.fit import LEAST_ABSOLUTE, PAPER_DELTA, fit_law
from mapneo.scaling.laws import LAWS, Chinchilla
from mapneo.scaling.points import Points
from mapneo.scaling.simulate import simulate

GRID = (
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
    (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (0.0, 0.5, 1.0, 1.5, 2.0),
    (0.0, 0.5, 1.0, 1.5, 2.0),
)
"""Starts of ln A, ln B, ln E, α, β. Source: Hoffmann et al. 2022, §D.2."""
ROUNDS = 3
DRAWS = 4000


def points() -> tuple[str, Points]:
    """The published points, or as many of our own where those are not there."""
    published = chinchilla_points()
    if published is not None:
        return "chinchilla", published
    sizes, tokens = np.geomspace(6e7, 1.6e10, 16), np.geomspace(8e8, 3e11, 15)
    known = {name: float(value) for name, value in PUBLISHED.items()}
    return "ours", simulate(Chinchilla(), known, sizes=sizes, tokens=tokens, noise=0.006, seed=1)


def grid_of_starts(data: Points, delta: float = PAPER_DELTA) -> tuple[float, np.ndarray[Any, Any]]:
    """Lowest objective of L-BFGS-B from each start, with analytic gradients; and where it is."""
    n, d, target = np.log(data.parameters), np.log(data.tokens), np.log(data.loss)

    def value(x: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        a, b, e, alpha, beta = x
        terms = np.stack([a - alpha * n, b - beta * d, np.full(len(n), e)])
        top = terms.max(axis=0)
        parts = np.exp(terms - top)
        total = parts.sum(axis=0)
        r = top + np.log(total) - target
        size = np.abs(r)
        huber = np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
        slope = np.clip(r, -delta, delta)
        weights = slope * parts / total
        gradient = [
            weights[0].sum(),
            weights[1].sum(),
            weights[2].sum(),
            -(weights[0] * n).sum(),
            -(weights[1] * d).sum(),
        ]
        return float(huber.sum()), np.array(gradient)

    best: tuple[float, np.ndarray[Any, Any]] = (np.inf, np.zeros(5))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in product(*GRID):
            found = minimize(value, np.array(start), jac=True, method="L-BFGS-B")
            if found.fun < best[0]:
                best = float(found.fun), found.x
    return best


def cpu_seconds(job: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of one call, and what it returns."""
    start = time.process_time()
    result = job()
    return time.process_time() - start, result


def measure() -> list[dict[str, Any]]:
    """Fits in turn; then resamples; then agreement with the published replication."""
    name, data = points()
    law = Chinchilla()
    fit_law(data, law)
    ours, peer, objectives = [], [], (np.inf, np.inf)
    for _ in range(ROUNDS):
        seconds, fit = cpu_seconds(lambda: fit_law(data, law))
        ours.append(seconds)
        seconds, (lowest, _) = cpu_seconds(lambda: grid_of_starts(data))
        peer.append(seconds)
        objectives = fit.objective, lowest
    ratios = [theirs / mine for mine, theirs in zip(ours, peer, strict=True)]
    rows: list[dict[str, Any]] = [
        {
            "way": "mapneo",
            "points": name,
            "cpu_seconds": spread(ours),
            "objective": f"{objectives[0]:.12g}",
        },
        {
            "way": "scipy, 4500 starts",
            "points": name,
            "cpu_seconds": spread(peer),
            "objective": f"{objectives[1]:.12g}",
            "times_the_cpu_of_mapneo": spread(ratios),
            "ours_minus_theirs": objectives[0] - objectives[1],
        },
    ]
    for each in LAWS.values():
        fitted = fit_law(data, each)
        bootstrap(fitted, draws=10)
        seconds, draws = cpu_seconds(lambda fitted=fitted: bootstrap(fitted, draws=DRAWS))
        rows.append(
            {
                "way": f"mapneo, {DRAWS} resamples of {each.name} ({each.size} parameters)",
                "points": name,
                "cpu_seconds": seconds,
                **{
                    k: f"{v.low:.4g}–{v.high:.4g}"
                    for k, v in draws.intervals().items()
                    if each.name == law.name and k in PUBLISHED_INTERVALS
                },
            }
        )
    if name == "chinchilla":
        absolute = fit_law(data, law, delta=LEAST_ABSOLUTE).parameters
        off = {k: f"{absolute[k] / value - 1:+.3%}" for k, value in PUBLISHED.items()}
        rows.append({"way": "least absolute, from the published replication", **off})
    return rows
