"""How often intervals of fitted laws hold the law that made the points."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mapneo.scaling.bootstrap import bootstrap
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import Chinchilla, Law, Neo, OpenAI
from mapneo.scaling.predict import predict
from mapneo.scaling.simulate import CHINCHILLA, NEO, OPENAI, simulate

LEVEL = 0.95
STUDIES = 400
DRAWS = 400
NOISE = 0.006
SIZES, TOKENS = 8, 8
BEYOND = (5e10, 2e12)
"""N and D of a prediction outside the points: ten times the largest of each."""


def coverage(law: Law, known: Mapping[str, float], studies: int = STUDIES) -> dict[str, Any]:
    """Share of studies in which each interval holds the known value."""
    true_loss = float(law.loss(known, np.array([BEYOND[0]]), np.array([BEYOND[1]]))[0])
    held: Counter[str] = Counter()
    for seed in range(studies):
        points = simulate(
            law,
            known,
            sizes=np.geomspace(5e7, 5e9, SIZES),
            tokens=np.geomspace(1e9, 2e11, TOKENS),
            noise=NOISE,
            seed=seed,
        )
        draws = bootstrap(fit_law(points, law), draws=DRAWS, seed=seed)
        for name, interval in draws.intervals(LEVEL).items():
            held[name] += interval.low <= known[name] <= interval.high
        found = predict(draws, *BEYOND, level=LEVEL)
        held["loss_beyond"] += found.interval.low <= true_loss <= found.interval.high
        drawn = true_loss * np.exp(np.random.default_rng([seed, 7]).normal(0, NOISE))
        held["run_beyond"] += found.run_interval.low <= float(drawn) <= found.run_interval.high
    return {
        "law": law.name,
        "points": SIZES * TOKENS,
        "noise": NOISE,
        "studies": studies,
        "nominal": LEVEL,
        **{
            name: held[name] / studies
            for name in (*law.parameter_names, "loss_beyond", "run_beyond")
        },
    }


def measure() -> list[dict[str, Any]]:
    """A row per law."""
    known = ((Chinchilla(), CHINCHILLA), (Neo(), NEO), (OpenAI(), OPENAI))
    return [coverage(law, parameters) for law, parameters in known]
