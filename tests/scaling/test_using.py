"""Predictions, budgets, the next run."""

import numpy as np
import pytest

from mapneo.core.errors import ConfigError, DataError
from mapneo.scaling.bootstrap import bootstrap
from mapneo.scaling.budget import Budget, best
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import Chinchilla, Neo, neo_largest_best_parameters
from mapneo.scaling.next_run import next_runs
from mapneo.scaling.points import Points
from mapneo.scaling.predict import iso_flop, iso_loss, predict

from .conftest import KNOWN, known_points


def chinchilla_best(parameters, compute):
    """Closed form. Source: Hoffmann et al. 2022, Eq. 4."""
    p = parameters
    ratio = p["alpha"] * p["A"] / (p["beta"] * p["B"])
    power = p["alpha"] + p["beta"]
    return ratio ** (1 / power) * (compute / 6) ** (p["beta"] / power)


def test_prediction_is_the_law_with_a_band_that_widens_outside(own_draws):
    inside, outside = predict(own_draws, 1e9, 2e10), predict(own_draws, 5e11, 1e13)
    known = Chinchilla().loss(KNOWN["chinchilla"], np.array([1e9, 5e11]), np.array([2e10, 1e13]))
    assert inside.loss == pytest.approx(known[0], rel=0.005)
    assert inside.beyond == ()
    assert len(outside.beyond) == 2
    assert "100 times the points' largest" in outside.beyond[0]
    for found, true in zip((inside, outside), known, strict=True):
        assert found.run_interval.low < found.interval.low < found.interval.high
        assert found.interval.high < found.run_interval.high
        assert found.run_interval.low < true < found.run_interval.high

    def width(found):
        return (found.interval.high - found.interval.low) / found.loss

    assert width(outside) > 2 * width(inside)


def test_best_for_compute_is_the_closed_form(own_draws):
    for compute in (2e19, 2e20, 1e21):
        found = best(own_draws, Budget(compute=compute))
        wanted = chinchilla_best(own_draws.fit.parameters, compute)
        assert found.prediction.parameters == pytest.approx(wanted, rel=1e-4)
        assert found.compute == pytest.approx(compute, rel=1e-9)
        assert found.parameters.low < wanted < found.parameters.high
        assert not found.extrapolated


def test_data_and_inference_budgets_give_points_of_the_same_frontier(own_draws):
    whole = best(own_draws, Budget(compute=2e20)).prediction
    by_data = best(own_draws, Budget(max_tokens=whole.tokens)).prediction
    by_inference = best(own_draws, Budget(max_parameters=whole.parameters)).prediction
    assert by_data.parameters == pytest.approx(whole.parameters, rel=1e-3)
    assert by_inference.tokens == pytest.approx(whole.tokens, rel=1e-3)


def test_caps_and_served_tokens_move_the_optimum_the_right_way(own_draws):
    free = best(own_draws, Budget(compute=2e20)).prediction
    capped = best(own_draws, Budget(compute=2e20, max_tokens=free.tokens / 2)).prediction
    assert capped.tokens == pytest.approx(free.tokens / 2)
    assert capped.parameters == pytest.approx(2 * free.parameters, rel=1e-6)
    small = best(own_draws, Budget(compute=2e20, max_parameters=free.parameters / 2)).prediction
    assert small.parameters == pytest.approx(free.parameters / 2, rel=1e-6)
    served = best(own_draws, Budget(compute=4e20, served_tokens=1e11)).prediction
    n, d = served.parameters, served.tokens
    assert 6 * n * d + 2 * n * 1e11 == pytest.approx(4e20, rel=1e-9)
    assert n < best(own_draws, Budget(compute=4e20)).prediction.parameters
    for other in (0.9 * n, 1.1 * n):
        loss = own_draws.fit.predict(np.array([other]), np.array([(4e20 / other - 2e11) / 6]))
        assert loss[0] > served.loss


def test_neos_best_size_saturates_and_says_so(neo_draws):
    largest = neo_largest_best_parameters(neo_draws.fit.parameters)
    found = [
        best(neo_draws, Budget(compute=compute), extrapolate=True) for compute in (1e21, 1e25, 1e29)
    ]
    sizes = [each.prediction.parameters for each in found]
    assert sizes == sorted(sizes)
    assert sizes[-1] == pytest.approx(largest, rel=0.05)
    assert all("never exceeds" in each.notes[0] for each in found)
    assert found[-1].extrapolated
    with pytest.raises(DataError, match="no best N and D .* never exceeds"):
        best(neo_draws, Budget(max_parameters=3 * largest), extrapolate=True)
    with pytest.raises(DataError, match="no positive loss"):
        predict(neo_draws, 1e9, 1e70)


def test_no_optimum_outside_the_points_unless_asked_for(own_draws):
    with pytest.raises(ConfigError, match="times the points' largest.*--extrapolate"):
        best(own_draws, Budget(compute=1e25))
    assert best(own_draws, Budget(compute=1e25), extrapolate=True).extrapolated


@pytest.mark.parametrize(
    "budget",
    [
        Budget(),
        Budget(compute=-1),
        Budget(compute=float("nan")),
        Budget(max_tokens=1e9, max_parameters=1e9),
        Budget(max_tokens=1e9, served_tokens=1e9),
    ],
)
def test_budgets_that_say_nothing_are_refused(own_draws, budget):
    with pytest.raises(ConfigError):
        best(own_draws, budget)


def test_curves_of_equal_compute_and_equal_loss_lie_on_the_law(own_draws):
    fit, n = own_draws.fit, np.geomspace(1e8, 4e9, 9)
    d, loss = iso_flop(fit, 1e20, n)
    assert 6 * n * d == pytest.approx(np.full(9, 1e20))
    assert loss == pytest.approx(fit.predict(n, d))
    tokens = iso_loss(fit, 2.5, n)
    assert np.isnan(tokens[0])  # no data makes so small a model so good
    assert fit.predict(n[3:], tokens[3:]) == pytest.approx(np.full(6, 2.5))


def test_the_next_run_is_worth_more_than_one_chosen_at_random():
    """By making the runs: the recommended one narrows the target's interval more."""
    target = (5e10, 1e12)
    points = known_points(Chinchilla(), 0.006, seed=4)
    draws = bootstrap(fit_law(points, Chinchilla()), draws=300)
    found = next_runs(draws, compute=2e20, target=target)
    assert all(each.compute <= 2e20 * (1 + 1e-6) for each in found)
    left = [each.width_left for each in found]
    assert left == sorted(left)
    assert 0 < left[0] < 1

    def width_with(n, d, seed):
        rng = np.random.default_rng(seed)
        new = np.array([n]), np.array([d])
        loss = Chinchilla().loss(KNOWN["chinchilla"], *new) * np.exp(rng.normal(0, 0.006))
        more = Points.of(
            np.append(points.parameters, n),
            np.append(points.tokens, d),
            np.append(points.loss, loss),
        )
        band = predict(bootstrap(fit_law(more, Chinchilla()), draws=300), *target).interval
        return band.high - band.low

    middle = 7e8, 2e10
    chosen = np.median([width_with(found[0].parameters, found[0].tokens, s) for s in range(5)])
    other = np.median([width_with(*middle, s) for s in range(5)])
    assert chosen < other
    with pytest.raises(DataError, match="do not pay"):
        next_runs(draws, compute=1e10, target=target)


def test_neo_collapsed_to_chinchilla_gives_the_same_optimum():
    grid = known_points(Chinchilla(), 0.0)
    loss = grid.loss + 0.02 * np.log(grid.tokens)
    points = Points.of(grid.parameters, grid.tokens, loss)
    collapsed = bootstrap(fit_law(points, Neo()), draws=20)
    plain = bootstrap(fit_law(points, Chinchilla()), draws=20)
    budget = Budget(compute=2e20)
    found = best(collapsed, budget)
    assert found.prediction.parameters == pytest.approx(
        best(plain, budget).prediction.parameters, rel=1e-3
    )
    assert "Chinchilla" in found.notes[0]
