from dataclasses import dataclass

import numpy as np
import pytest

from mapneo.core.errors import ConfigError
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import (
    LAWS,
    Centre,
    Chinchilla,
    Law,
    Neo,
    Term,
    named_laws,
    neo_largest_best_parameters,
)
from mapneo.scaling.points import Points

from .conftest import KNOWN, SIZES, TOKENS, known_points

CENTRE = Centre(log_parameters=20.0, log_tokens=24.0)


def test_formulas_give_hand_worked_values():
    one = np.array([100.0]), np.array([1000.0])
    p = {"A": 2.0, "B": 3.0, "E": 1.5, "alpha": 0.5, "beta": 1.0, "d": 0.1}
    assert Chinchilla().loss(p, *one)[0] == pytest.approx(1.5 + 0.2 + 0.003)
    assert Neo().loss(p, *one)[0] == pytest.approx(1.703 - 0.1 * np.log(1000))
    openai = {"N_c": 400.0, "D_c": 5000.0, "alpha_N": 0.1, "alpha_D": 0.2}
    assert LAWS["openai"].loss(openai, *one)[0] == pytest.approx((4**0.5 + 5) ** 0.2)


def test_what_the_solver_fits_is_the_formula(law):
    rng = np.random.default_rng(4)
    theta = np.column_stack(
        [rng.uniform(0.3, 2, (20, len(law.terms))), rng.uniform(0.1, 1, (20, len(law.exponents)))]
    )
    if law.name == "neo":
        theta[:, 3] = rng.uniform(0, 0.02, 20)
    n, d = rng.uniform(1e7, 1e10, 15), rng.uniform(1e9, 1e12, 15)
    natural = law.natural(theta, CENTRE)
    for row in range(20):
        parameters = {name: float(values[row]) for name, values in natural.items()}
        wanted = np.log(law.loss(parameters, n, d))
        assert law.log_loss(theta[row], CENTRE, n, d) == pytest.approx(wanted, rel=1e-9)


def test_neo_without_its_logarithm_is_chinchilla():
    parameters = {**KNOWN["chinchilla"], "d": 0.0}
    wanted = Chinchilla().loss(parameters, SIZES[:5], TOKENS[:5])
    assert Neo().loss(parameters, SIZES[:5], TOKENS[:5]) == pytest.approx(wanted)
    assert "Chinchilla" in Neo().notes(parameters)[0]


def test_neos_defects_are_said():
    said = " ".join(Neo().notes(KNOWN["neo"]))
    largest = neo_largest_best_parameters(KNOWN["neo"])
    assert f"{largest:.3g}" in said
    assert "without bound" in said
    p = KNOWN["neo"]
    assert p["alpha"] * p["A"] / largest ** p["alpha"] == pytest.approx(p["d"])


def test_unknown_laws_are_refused_and_the_sms_law_explained():
    with pytest.raises(ConfigError, match="SMS law has no known form"):
        named_laws(["neo", "sms"])
    with pytest.raises(ConfigError, match="kaplan"):
        named_laws(["kaplan"])
    assert [law.name for law in named_laws(["neo", "chinchilla", "neo"])] == ["neo", "chinchilla"]


@dataclass(frozen=True)
class OneExponent(Law):
    """A law of a user: the same exponent for N and D. L = E + A/N^a + B/D^a."""

    name = "one_exponent"
    formula = "E + A/N^a + B/D^a"
    source = "a test"
    terms = (Term(axis="parameters", exponent="a"), Term(axis="tokens", exponent="a"), Term())
    exponents = ("a",)
    parameter_names = ("A", "B", "E", "a")
    least_sizes = 3
    least_token_counts = 3

    def loss(self, parameters, n, d):
        p = parameters
        return p["E"] + p["A"] / n ** p["a"] + p["B"] / d ** p["a"]

    def natural(self, theta, centre):
        a = theta[..., 3]
        return {
            "A": theta[..., 0] * np.exp(a * centre.log_parameters),
            "B": theta[..., 1] * np.exp(a * centre.log_tokens),
            "E": theta[..., 2],
            "a": a,
        }


def test_a_new_law_is_one_small_class():
    law = OneExponent()
    known = {"A": 300.0, "B": 900.0, "E": 1.7, "a": 0.33}
    grid = known_points(Chinchilla())
    loss = law.loss(known, grid.parameters, grid.tokens)
    found = fit_law(Points.of(grid.parameters, grid.tokens, loss), law)
    assert found.parameters == pytest.approx(known, rel=1e-6)
