import numpy as np
import pytest

from mapneo.core.errors import DataError
from mapneo.scaling.fit import fit_law
from mapneo.scaling.judge import choose_law, hold_out_top, judge_laws, scores
from mapneo.scaling.laws import LAWS, Chinchilla, Neo, OpenAI
from mapneo.scaling.points import Points

from . import twins
from .conftest import known_points


def test_scores_are_what_their_names_say(own_points):
    fit = fit_law(own_points, Chinchilla())
    found = scores(fit, own_points)
    predicted = fit.predict(own_points.parameters, own_points.tokens)
    residuals = np.log(predicted / own_points.loss)
    assert found.n == 48
    assert found.huber_mean == pytest.approx(twins.huber(residuals).mean())
    assert found.huber_mean * 48 == pytest.approx(fit.objective, rel=1e-6)
    assert found.mean_relative_error == pytest.approx(np.mean(abs(predicted / own_points.loss - 1)))
    spread = own_points.loss - own_points.loss.mean()
    wanted = 1 - ((predicted - own_points.loss) ** 2).sum() / (spread**2).sum()
    assert found.r2 == pytest.approx(wanted)


def test_the_highest_values_are_held_out_whole(own_points):
    train, held = hold_out_top(own_points, 2, "parameters")
    assert (len(train), len(held)) == (32, 16)
    assert train.parameters.max() < held.parameters.min()
    train, held = hold_out_top(own_points, 1, "tokens")
    assert (len(train), len(held)) == (42, 6)
    train, held = hold_out_top(own_points, 5, "compute")
    assert train.compute.max() < held.compute.min()
    with pytest.raises(DataError, match="from 1 to 5"):
        hold_out_top(own_points, 6, "parameters")


@pytest.mark.parametrize("maker", [Neo(), Chinchilla(), OpenAI()])
def test_the_law_that_made_the_points_predicts_them_best(maker):
    points = known_points(maker, 0.0)
    judged = judge_laws(points, list(LAWS.values()), count=1, by="parameters", delta=1e-3)
    # NEO holds Chinchilla as a special case, so it may tie on Chinchilla's points.
    tied = {each.fit.law.name for each in judged if each.held_out.huber_mean < 1e-12}
    assert maker.name in tied or judged[0].fit.law.name == maker.name
    chosen, _ = choose_law(points, list(LAWS.values()), delta=1e-3)
    assert chosen.name in tied | {maker.name}


def test_a_law_that_the_points_do_not_determine_is_passed_over():
    two_sizes = known_points(OpenAI(), 0.0, sizes=np.array([1e8, 1e9]))
    chosen, judged = choose_law(two_sizes, list(LAWS.values()), delta=1e-3)
    assert chosen.name == "openai"
    assert len(judged) == 1
    with pytest.raises(DataError, match="no law could be chosen"):
        choose_law(known_points(OpenAI(), sizes=np.array([1e9])), list(LAWS.values()), delta=1e-3)


def test_a_law_without_a_positive_loss_at_a_held_out_point_names_the_row():
    points = known_points(Neo(), 0.0)
    fit = fit_law(points, Neo())
    far = Points.of(np.array([1e9, 1e9]), np.array([1e10, 1e80]), np.array([3.0, 1.0]))
    with pytest.raises(DataError, match="rows 2"):
        scores(fit, far)
