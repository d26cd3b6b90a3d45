from pathlib import Path

import pytest

from mapneo.ladder.config import LadderRecipe
from mapneo.ladder.plan import plan_runs
from mapneo.pipeline import read_recipe
from mapneo.sources.catalogue import choose_sources

RECIPES = sorted((Path(__file__).parents[2] / "recipes/scaling").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_ladder_recipe_can_fit_every_law(path):
    recipe = read_recipe(path, [], LadderRecipe)
    assert choose_sources(recipe.fetch.sources, recipe.fetch.allow)
    planned = plan_runs(recipe)
    counts: dict[int, list[float]] = {}
    for run in planned:
        ratio = run.tokens / run.parameters_without_embeddings
        counts.setdefault(run.parameters_without_embeddings, []).append(ratio)
    assert len(counts) >= 5
    assert len({run.tokens for run in planned}) >= 4
    for size in sorted(counts)[:3]:
        assert max(counts[size]) >= 20
    assert min(counts) < 1.2e5
    assert max(counts) > 3.5e6
