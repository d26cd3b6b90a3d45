"""Points drawn from a known law with noise: what an instrument for laws is tried on."""

from collections.abc import Mapping, Sequence

import numpy as np

from mapneo.scaling.laws import Law
from mapneo.scaling.points import Points

CHINCHILLA = {"A": 482.01, "B": 2085.43, "E": 1.8172, "alpha": 0.3478, "beta": 0.3658}
"""Source: Besiroglu et al. 2024, arXiv 2404.10102."""
NEO = {"A": 400.0, "B": 2000.0, "E": 2.3, "d": 0.02, "alpha": 0.34, "beta": 0.38}
"""Ours, with d as the NEO paper reports it (0.01 to 0.03)."""
OPENAI = {"N_c": 8.8e13, "D_c": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095}
"""Source: Kaplan et al. 2020, arXiv 2001.08361, §1.2."""


def simulate(
    law: Law,
    parameters: Mapping[str, float],
    *,
    sizes: Sequence[float],
    tokens: Sequence[float],
    noise: float,
    seed: int,
) -> Points:
    """A run at every size and token count; ln L has normal noise of standard deviation `noise`."""
    grid = np.meshgrid(np.array(sizes, float), np.array(tokens, float), indexing="ij")
    n, d = (axis.ravel() for axis in grid)
    drawn = np.random.default_rng(seed).normal(0.0, noise, len(n))
    return Points.of(n, d, law.loss(parameters, n, d) * np.exp(drawn))
