"""The phrases of `phrases.toml`, by language and skill."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

LANGUAGES = ("en", "zh")
FORMS = ("json", "en", "zh")


@cache
def _table() -> Mapping[str, Any]:
    text = files("mapneo.align").joinpath("phrases.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def ways(language: str, skill: str) -> Sequence[str]:
    """All ways to ask for `skill`, to be filled in."""
    found: Sequence[str] = _table()[language][skill]
    return found


def ask(language: str, skill: str, draw: Random, **parts: object) -> str:
    """One way to ask for `skill`, with `parts` filled in."""
    return str(draw.choice(ways(language, skill))).format(**parts)


def ask_form(language: str, form: str, draw: Random) -> str:
    """One way to ask for an answer in `form`."""
    return str(draw.choice(_table()[language]["forms"][form]))


def ask_again(language: str, form: str, draw: Random) -> str:
    """One way to ask for the same answer once more, in `form`."""
    return str(draw.choice(_table()[language]["again"][form]))


def small_talk(language: str) -> Sequence[tuple[Sequence[str], str]]:
    """Greetings and the like: ways to say it, and the one answer."""
    return [(row["user"], row["assistant"]) for row in _table()[language]["chat"]]
