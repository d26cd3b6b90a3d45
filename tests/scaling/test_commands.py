"""`mapneo scaling` from the command line: JSON with what the library says, and clear errors."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mapneo.cli import app
from mapneo.core.errors import ConfigError, InputError
from mapneo.pipeline import load_recipe
from mapneo.scaling.fit import fit_law
from mapneo.scaling.laws import Chinchilla
from mapneo.scaling.rewrite import Choice, rewrite, whole_windows
from mapneo.scaling.shapes import batch_tokens, count_parameters, peak_rate, shape_near
from tests.golden.scaling_points import FILE

RECIPE = Path(__file__).parents[2] / "recipes/tiny.toml"
QUICK = ("--draws", "50")


def scaling(verb, *words):
    result = CliRunner().invoke(app, ["scaling", verb, str(FILE), *QUICK, *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def as_json(verb, *words):
    result = scaling(verb, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_fit_gives_all_that_is_promised(own_points):
    found = as_json("fit", "--hold-out-top", 2, "--hold-out-by", "parameters", "--profile")
    assert set(found["laws"]) == {"neo", "chinchilla", "openai"}
    assert found["points"] == {
        "n": 48,
        "runs": 48,
        "parameters_count": "not stated",
        "loss": "loss",
        "parameters_range": [5e7, 5e9],
        "tokens_range": [1e9, 2e11],
    }
    law = found["laws"]["chinchilla"]
    wanted = fit_law(own_points, Chinchilla())
    assert law["objective"] == wanted.objective
    assert law["parameters"] == wanted.parameters
    assert law["n"] == 48
    assert 0.99 < law["r2"] < 1
    assert set(law["intervals"]) == {"A", "B", "E", "alpha", "beta"}
    assert law["resamples"] == {"count": 50, "of": "rows", "drawn_again": 0}
    assert set(law["profiles"]) == {"alpha", "beta"}
    assert law["held_out"]["train"]["n"] == 32
    assert law["held_out"]["held_out"]["n"] == 16
    errors = {k: v["held_out"]["held_out"]["huber_mean"] for k, v in found["laws"].items()}
    assert found["chosen"] == min(errors, key=errors.get)


def test_each_verb_prints_text_too(tmp_path):
    for words in (
        ("fit", "--hold-out-top", 3),
        ("predict", "--parameters", 1e9, "--tokens", 1e12, "--iso-flop", 1e20, "--iso-loss", 2.5),
        ("choose", "--budget", 2e20),
        ("next", "--budget", 1e20, "--target-parameters", 1e11, "--target-tokens", 1e12),
        ("plot", "--law", "chinchilla", "--output", tmp_path / "pictures"),
    ):
        result = scaling(*words)
        assert result.exit_code == 0, result.output
        assert result.output.strip()
    assert "extrapolated" in scaling("predict", "--parameters", 1e9, "--tokens", 1e12).output


def test_predictions_choices_and_candidates_are_marked_when_outside():
    one = as_json("predict", "--law", "chinchilla", "--parameters", 1e9, "--tokens", 2e10)
    [row] = one["predictions"]
    assert row["beyond"] == []
    assert row["interval"]["low"] < row["loss"] < row["interval"]["high"]
    far = as_json("predict", "--law", "neo", "--iso-flop", 1e22)["iso_flop"][0]
    assert all(far["is_beyond_points"][:10])
    best = as_json("choose", "--law", "chinchilla", "--budget", 1e25, "--extrapolate")
    assert best["extrapolated"]
    assert best["beyond"]
    with pytest.raises(ConfigError, match="--extrapolate"):
        scaling("choose", "--law", "chinchilla", "--budget", 1e25)
    with pytest.raises(ConfigError, match="one of each"):
        scaling("predict", "--parameters", 1e9)
    with pytest.raises(ConfigError, match="ask for"):
        scaling("predict")
    with pytest.raises(ConfigError, match="budget needs"):
        scaling("choose")
    with pytest.raises(ConfigError, match="go together"):
        scaling("choose", "--budget", 1e20, "--recipe", RECIPE)
    words = ["scaling", "fit", str(RECIPE.parents[1] / "constraints.txt")]
    with pytest.raises(InputError, match="can't be read as CSV"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_choice_becomes_a_recipe_that_runs(tmp_path):
    output = tmp_path / "deep" / "mine.toml"
    found = as_json(
        "choose", "--law", "chinchilla", "--budget", 2e20, "--recipe", RECIPE, "--output", output
    )
    before, after = load_recipe(RECIPE), load_recipe(output)
    tokens = sum(phase.windows for phase in after.mix.phases) * after.mix.seq_len
    assert tokens == pytest.approx(found["tokens"], rel=0.01)
    body = count_parameters(after.pretrain_1.model, None)
    assert body == pytest.approx(found["parameters"], rel=0.2)
    batch = after.pretrain_1.windows * after.mix.seq_len
    assert batch == pytest.approx(batch_tokens(found["compute"]), rel=0.01)
    assert after.pretrain_1.schedule.peak == pytest.approx(peak_rate(found["compute"]), rel=0.01)
    assert after.pretrain_1.schedule.end_step == after.pretrain_1.steps
    ratio = before.pretrain_1.schedule.floor / before.pretrain_1.schedule.peak
    assert after.pretrain_1.schedule.floor == pytest.approx(
        ratio * after.pretrain_1.schedule.peak, rel=0.01
    )
    assert after.report.claims == before.report.claims
    assert after.tokenizer == before.tokenizer
    text = output.read_text()
    assert text.startswith("# N ")
    assert "# Real pages in two languages" in text
    assert found["recipe"]["steps"] == [after.pretrain_1.steps, after.pretrain_2.steps]


def test_parameters_with_embeddings_are_met_with_embeddings():
    choice = Choice(parameters=5e6, tokens=1e8, counts="with embeddings", origin="a test")
    chosen = rewrite(RECIPE.read_text(), choice, where="tiny").chosen
    shape = shape_near(5e6, vocabulary=8192, tied=False, init_std=0.05)
    assert chosen["model"] == shape.model_dump()
    assert count_parameters(shape, 8192) == pytest.approx(5e6, rel=0.25)
    assert count_parameters(shape, 8192) - count_parameters(shape, None) == 2 * 8192 * shape.hidden
    with pytest.raises(ConfigError, match=r"tokenizer.vocabulary"):
        rewrite(RECIPE.read_text().replace("vocabulary = 8192", ""), choice, where="tiny")
    with pytest.raises(ConfigError, match="lacks mix, pretrain_1"):
        rewrite("[run]\nname = 'x'", choice, where="x.toml")
    with pytest.raises(ConfigError, match="not valid TOML"):
        rewrite("[run", choice, where="x.toml")


def test_shapes_are_near_and_alike_and_batches_whole():
    for parameters in np.geomspace(2e4, 1e10, 30):
        shape = shape_near(parameters)
        assert count_parameters(shape, None) == pytest.approx(parameters, rel=0.25)
        assert shape.heads * shape.head_dim == shape.hidden
    with pytest.raises(ConfigError, match="no model has about 10 parameters"):
        shape_near(10)
    assert [whole_windows(x, 16) for x in (0.2, 3.4, 15.4, 17, 23, 25)] == [1, 3, 15, 16, 16, 32]
    assert tomllib.loads(rewrite(RECIPE.read_text(), Choice(parameters=1e6, tokens=1e7,
        counts="not stated", origin="x"), where="t").text)["pretrain_2"]["steps"] > 0  # fmt: skip
