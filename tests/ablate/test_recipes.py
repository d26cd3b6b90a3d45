from pathlib import Path

import pytest

from mapneo.ablate.config import AblationRecipe
from mapneo.pipeline import read_recipe
from mapneo.sources.catalogue import choose_sources

RECIPES = sorted((Path(__file__).parents[2] / "recipes/ablate").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_ablation_recipe_resolves(path):
    recipe = read_recipe(path, [], AblationRecipe)
    assert len(recipe.ablate.seeds) >= 3
    assert choose_sources(recipe.fetch.sources, recipe.fetch.allow)
    languages = {rule.language for rule in recipe.mix.rules}
    assert languages == set(recipe.ablate.languages)
    assert recipe.mix_config().phases[0].windows * recipe.mix.seq_len == recipe.train_tokens
