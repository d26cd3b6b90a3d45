"""A choice of `mapneo scaling choose` written into a recipe, which is checked before it is kept."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomlkit

from mapneo.core.canonical import Json
from mapneo.core.files import write_text
from mapneo.core.recipe import validate
from mapneo.pipeline import PATH_KEYS, Recipe, load_recipe
from mapneo.scaling.points import Counts
from mapneo.scaling.rewrite import Choice, rewrite


def write_choice(
    recipe: Path, output: Path, answer: Mapping[str, Json], counts: Counts
) -> dict[str, Json]:
    """Set a recipe's pre-training to a choice; returns what was set and where it was written.

    Paths that are relative to the recipe's folder become relative to the output's.

    Raises:
        InputError: there is no such recipe.
        ConfigError: it is no recipe, before or with the choice in it.
    """
    load_recipe(recipe)
    choice = Choice(
        parameters=answer["parameters"],
        tokens=answer["tokens"],
        counts=counts,
        origin=(
            f"N {answer['parameters']:.4g} and D {answer['tokens']:.4g} by {answer['law']}'s law"
            + (", extrapolated" if answer["extrapolated"] else "")
            + "; batch and peak learning rate by rule (mapneo scaling choose)"
        ),
    )
    changed = rewrite(recipe.read_text(encoding="utf-8"), choice, where=str(recipe))
    text = _with_paths_from(output.parent, changed.text, recipe.parent)
    validate(Recipe, tomllib.loads(text), f"{recipe} with the choice")
    write_text(output, text)
    return {"file": str(output), **changed.chosen}


def _with_paths_from(folder: Path, text: str, old_folder: Path) -> str:
    document = tomlkit.parse(text)
    for table, key in PATH_KEYS:
        value = document.get(table, {}).get(key)
        if isinstance(value, str) and not Path(value).is_absolute():
            document[table][key] = os.path.relpath(old_folder / value, folder)
    return tomlkit.dumps(document)
