import numpy as np
import pytest

from mapneo.scaling.bootstrap import bootstrap
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import Chinchilla, Neo, OpenAI
from mapneo.scaling.read import read_points
from mapneo.scaling.simulate import CHINCHILLA, NEO, OPENAI, simulate
from tests.golden.scaling_points import FILE

KNOWN = {"chinchilla": CHINCHILLA, "neo": NEO, "openai": OPENAI}
SIZES, TOKENS = np.geomspace(5e7, 5e9, 5), np.geomspace(1e9, 2e11, 6)


def known_points(law, noise=0.0, seed=0, sizes=SIZES, tokens=TOKENS):
    """Points of a law whose parameters are known."""
    return simulate(law, KNOWN[law.name], sizes=sizes, tokens=tokens, noise=noise, seed=seed)


@pytest.fixture(scope="session")
def own_points():
    return read_points(FILE)


@pytest.fixture(scope="session")
def own_draws(own_points):
    return bootstrap(fit_law(own_points, Chinchilla()), draws=400, seed=3)


@pytest.fixture(scope="session")
def neo_draws():
    return bootstrap(fit_law(known_points(Neo(), 0.002, seed=5), Neo()), draws=200, seed=3)


@pytest.fixture(scope="session", params=["chinchilla", "neo", "openai"])
def law(request):
    return {each.name: each for each in (Chinchilla(), Neo(), OpenAI())}[request.param]
