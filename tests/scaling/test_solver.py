"""The kernels against twins that are written from the formulas, and against scipy."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mapneo.scaling import solver
from mapneo.scaling.fit import Problem, fit_law
from mapneo.scaling.laws import LAWS
from mapneo.scaling.points import Points

from . import twins
from .conftest import KNOWN, known_points


def problem_of(law, points, delta=twins.DELTA):
    return Problem.of(law, points, delta, {}, points.centre)


def draw_theta(law, rng):
    theta = np.concatenate(
        [rng.uniform(0.2, 2.5, len(law.terms)), rng.uniform(0.05, 1.5, len(law.exponents))]
    )
    if law.name == "neo":
        theta[3] = rng.uniform(0, 0.05)
    return theta


def derivatives(problem, theta, weights, delta):
    """Objective, gradient (p,) and Hessian (p, p)."""
    law = problem.law
    size = 2 * len(law.terms) + 1
    inner = problem.form, law.power_place(exponents_from=len(law.terms))
    sums, model = np.empty((2 + size, size)), np.empty((2 + law.size, law.size))
    total = solver._derivatives(theta, *inner, problem.rows, weights, delta, sums)
    if np.isfinite(total):
        solver._outer(theta, *inner, sums, model)
    return total, model[0], model[2:]


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(LAWS)), seed=st.integers(0, 2**32 - 1))
def test_objective_is_that_of_the_formula(name, seed):
    law, rng = LAWS[name], np.random.default_rng(seed)
    n, d = np.exp(rng.uniform(10, 25, 12)), np.exp(rng.uniform(12, 28, 12))
    points = Points.of(n, d, rng.uniform(1.5, 5, 12))
    theta, weights = draw_theta(law, rng), rng.integers(0, 4, 12).astype(float)
    natural = {k: float(v) for k, v in law.natural(theta, points.centre).items()}
    for delta in (1e-3, 0.3):
        drawn = weights > 0
        wanted = twins.objective(law, natural, points.take(drawn), delta, weights[drawn])
        got = derivatives(problem_of(law, points), theta, weights, delta)[0]
        assert got == pytest.approx(wanted, rel=1e-6) or (np.isinf(got) and np.isinf(wanted))


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(LAWS)), seed=st.integers(0, 2**32 - 1))
def test_derivatives_are_those_of_the_objective(name, seed):
    law, rng = LAWS[name], np.random.default_rng(seed)
    points = known_points(law)
    problem, theta, delta = problem_of(law, points), draw_theta(law, rng), 0.5
    weights = rng.integers(0, 3, len(points)).astype(float)
    total, grad, hess = derivatives(problem, theta, weights, delta)
    assume(np.isfinite(total))
    assert hess == pytest.approx(hess.T)
    for place in range(law.size):
        step = 1e-6 * max(theta[place], 0.1)
        up, down = theta.copy(), theta.copy()
        up[place] += step
        down[place] -= step
        if down[place] < 0:
            continue
        above, below = (derivatives(problem, at, weights, delta) for at in (up, down))
        slope = (above[0] - below[0]) / (2 * step)
        assert grad[place] == pytest.approx(slope, rel=1e-4, abs=1e-5 * np.abs(grad).max())
        bend = (above[1] - below[1]) / (2 * step)
        # At a kink of Huber's function the second derivative jumps; a few rows may sit there.
        assert hess[place] == pytest.approx(bend, rel=1e-2, abs=2e-2 * np.abs(hess).max())


@pytest.mark.parametrize("seed", range(3))
def test_no_multi_start_of_scipy_gets_below_the_fit(law, seed):
    points = known_points(law, noise=0.01, seed=seed)
    found = fit_law(points, law)
    rng = np.random.default_rng(seed)
    starts = [found.parameters, KNOWN[law.name]]
    starts += [
        {name: value * np.exp(rng.normal(0, 0.4)) for name, value in KNOWN[law.name].items()}
        for _ in range(8)
    ]
    lowest = twins.scipy_best(law, points, starts)
    assert found.objective <= lowest * (1 + 1e-9)
    natural = twins.objective(law, found.parameters, points)
    assert found.objective == pytest.approx(natural, rel=1e-7)
