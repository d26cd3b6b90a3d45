import numpy as np
import pytest

from bench.scaling_points import (
    PUBLISHED,
    PUBLISHED_INTERVALS,
    chinchilla_file,
    chinchilla_points,
)
from mapneo.core.errors import ConfigError, DataError
from mapneo.scaling.bootstrap import bootstrap
from mapneo.scaling.fit import LEAST_ABSOLUTE, Problem, fit_law
from mapneo.scaling.laws import Chinchilla, Neo, OpenAI
from mapneo.scaling.points import Points
from mapneo.scaling.profile import profile
from tests.golden import scaling_points

from .conftest import KNOWN, SIZES, TOKENS, known_points

needs_published_points = pytest.mark.skipif(
    chinchilla_file() is None, reason="no published points on this machine"
)


def shuffled(points, seed):
    order = np.random.default_rng(seed).permutation(len(points))
    return Points.of(points.parameters[order], points.tokens[order], points.loss[order])


def test_exact_points_give_the_law_back(law):
    found = fit_law(known_points(law), law)
    assert found.objective < 1e-12
    tolerance = 1e-4 if law.name == "neo" else 1e-6  # B and beta lie in a long flat valley
    assert found.parameters == pytest.approx(KNOWN[law.name], rel=tolerance)


@pytest.mark.parametrize("delta", [1e-3, LEAST_ABSOLUTE])
def test_order_of_rows_changes_no_bit(law, own_points, delta):
    first = fit_law(own_points, law, delta=delta)
    for seed in range(3):
        again = fit_law(shuffled(own_points, seed), law, delta=delta)
        assert again.objective == first.objective
        assert again.theta.tolist() == first.theta.tolist()


def test_every_row_twice_doubles_the_objective_and_moves_nothing(law, own_points):
    twice = Points.of(
        *(np.concatenate([values, values]) for values in
          (own_points.parameters, own_points.tokens, own_points.loss))
    )  # fmt: skip
    once, doubled = fit_law(own_points, law), fit_law(twice, law)
    assert doubled.objective == pytest.approx(2 * once.objective, rel=1e-9)
    assert doubled.parameters == pytest.approx(once.parameters, rel=1e-5)


def test_the_optimum_does_not_hang_on_the_starts(law, own_points):
    found = fit_law(own_points, law)
    problem = Problem.of(law, own_points, 1e-3, {}, own_points.centre)
    rng = np.random.default_rng(0)
    starts = np.abs(found.theta * np.exp(rng.normal(0, 0.3, (1, 40, law.size))))
    reached, _ = problem.descend(starts, np.ones((1, len(own_points))))
    assert (reached >= found.objective * (1 - 1e-9)).all()
    assert np.mean(reached <= found.objective * (1 + 1e-6)) > 0.9


def test_bounds_hold_where_the_best_lies_on_them():
    known = {**KNOWN["chinchilla"], "E": 0.0}
    grid = known_points(Chinchilla(), noise=0.0)
    n, d = grid.parameters, grid.tokens
    noise = np.exp(np.random.default_rng(1).normal(0, 0.003, len(n)))
    rising = Points.of(n, d, Chinchilla().loss(known, n, d) * noise)
    assert fit_law(rising, Chinchilla()).parameters["E"] >= 0
    # A loss that falls slower than any power law at the end leaves nothing for d.
    bent = known_points(Chinchilla(), noise=0.0)
    found = fit_law(Points.of(n, d, bent.loss + 0.02 * np.log(d)), Neo())
    assert found.parameters["d"] == 0
    assert "Chinchilla" in found.law.notes(found.parameters)[0]


def test_outliers_pull_huber_less_than_squares(own_points):
    spoilt = own_points.loss.copy()
    spoilt[::12] *= 1.5
    points = Points.of(own_points.parameters, own_points.tokens, spoilt)
    known = KNOWN["chinchilla"]
    errors = {
        delta: abs(fit_law(points, Chinchilla(), delta=delta).parameters["E"] - known["E"])
        for delta in (LEAST_ABSOLUTE, 1e-3, 10.0)
    }
    assert max(errors[LEAST_ABSOLUTE], errors[1e-3]) < 0.3 * errors[10.0]


def test_profile_touches_the_fit_and_rises_on_both_sides(own_points):
    found = fit_law(own_points, Chinchilla())
    for name in ("alpha", "beta"):
        drawn = profile(found, name)
        at = int(np.argmin(drawn.objectives))
        assert drawn.lowest == pytest.approx(found.objective, rel=1e-9)
        assert drawn.values[at] == pytest.approx(found.parameters[name], rel=1e-6)
        assert (np.diff(drawn.objectives[at:]) > 0).all()
        assert (np.diff(drawn.objectives[: at + 1]) < 0).all()
        assert drawn.remark() is None
    with pytest.raises(ConfigError, match="gamma"):
        profile(found, "gamma")


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (lambda: known_points(Chinchilla(), tokens=TOKENS[:3], sizes=SIZES[:1]), "3 points can't"),
        (lambda: known_points(Chinchilla(), sizes=SIZES[:1]), "at least 3 sizes, and all 6 rows"),
        (lambda: known_points(Chinchilla(), tokens=TOKENS[:2]), "at least 3 token counts"),
        (lambda: lock_step(), "20 tokens per parameter"),
    ],
)
def test_points_that_determine_nothing_are_refused_with_the_reason(points, said):
    with pytest.raises(DataError, match=said):
        fit_law(points(), Chinchilla())


def lock_step():
    n = np.geomspace(1e7, 1e9, 8)
    return Points.of(n, 20 * n, Chinchilla().loss(KNOWN["chinchilla"], n, 20 * n))


def test_values_that_are_no_numbers_above_0_are_named_by_row():
    good = np.array([1e7, 2e7, 3e7])
    with pytest.raises(DataError, match=r"loss .* row 2: nan"):
        Points.of(good, good, np.array([3.0, np.nan, 2.0]))
    with pytest.raises(DataError, match=r"N \(parameters\) .* row 1: 0, row 3: -5"):
        Points.of(np.array([0.0, 1.0, -5.0]), good, good)
    with pytest.raises(DataError, match="no rows"):
        Points.of(good[:0], good[:0], good[:0])
    with pytest.raises(ConfigError, match="delta"):
        fit_law(known_points(Chinchilla()), Chinchilla(), delta=-1)


def test_own_points_are_what_their_generator_makes(own_points):
    made = scaling_points.table()
    assert own_points.loss.tolist() == pytest.approx(sorted_losses(made))


def sorted_losses(table):
    rows = sorted(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    return [row[2] for row in rows]


@needs_published_points
def test_least_absolute_residuals_give_the_published_replication():
    found = fit_law(chinchilla_points(), Chinchilla(), delta=LEAST_ABSOLUTE)
    assert found.parameters == pytest.approx(PUBLISHED, rel=0.005)
    assert len(found.points) == 240


@needs_published_points
def test_intervals_are_those_of_the_published_replication():
    draws = bootstrap(fit_law(chinchilla_points(), Chinchilla()), draws=1000)
    found = draws.intervals()
    for name, (low, high) in PUBLISHED_INTERVALS.items():
        assert found[name].low == pytest.approx(low, abs=0.01)
        assert found[name].high == pytest.approx(high, abs=0.01)


@needs_published_points
def test_neo_fits_the_published_points_no_worse_than_chinchilla_of_which_it_is_a_superset():
    points = chinchilla_points()
    objectives = [fit_law(points, law).objective for law in (Neo(), Chinchilla(), OpenAI())]
    assert objectives == sorted(objectives)
