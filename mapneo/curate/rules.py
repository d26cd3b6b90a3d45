"""Rules are data: a signal, its bounds, and where the bounds come from.

A ruleset is a TOML file, one of `mapneo/curate/rulesets/` or the user's own. A document passes a
rule if its signal lies within the bounds, the bounds included unless the rule says `exclusive`.
"""

import difflib
from collections.abc import Iterable, Mapping
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.recipe import read_toml, validate
from mapneo.core.stage import Config
from mapneo.curate.signals import signals

LANGUAGE_SCORE = "language_score"
"""A column of the signals table that rules may use beside the signals."""

LANGUAGE_NOT_WANTED = "language_not_wanted"
"""The rule that drops a document for whose language no ruleset was chosen."""


class Bounds(Config):
    """New bounds for a rule; what is left out stays."""

    min: float | None = None
    """Smallest value that passes."""
    max: float | None = None
    """Largest value that passes."""


class Rule(Config):
    """One rule of a ruleset."""

    id: str
    """Name of the rule, as docs/rules.md lists it."""
    signal: str
    """Name of the signal that is compared."""
    min: float | None = None
    """Smallest value that passes."""
    max: float | None = None
    """Largest value that passes."""
    exclusive: bool = False
    """The bound itself fails too."""
    source: str
    """Where the bound comes from."""
    note: str = ""
    """Where our bound differs from the source, and why."""

    @model_validator(mode="after")
    def _check(self) -> "Rule":
        if self.min is None and self.max is None:
            raise ValueError(f"rule {self.id} has neither min nor max")
        known = [LANGUAGE_SCORE, *signals()]
        if self.signal not in known:
            raise ValueError(f"unknown signal `{self.signal}`; {_suggestion(self.signal, known)}")
        return self

    def below(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which values are too small; NaN is not."""
        if self.min is None:
            return np.zeros(values.shape, dtype=np.bool_)
        return values <= self.min if self.exclusive else values < self.min

    def above(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which values are too large; NaN is not."""
        if self.max is None:
            return np.zeros(values.shape, dtype=np.bool_)
        return values >= self.max if self.exclusive else values > self.max

    def fails(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which values lie outside the bounds; NaN (not measured) does not."""
        return self.below(values) | self.above(values)


class Ruleset(Config):
    """Rules for one language, in the order in which the first failing one is named."""

    name: str
    """Name of the ruleset."""
    language: str
    """Language code whose documents it judges."""
    description: str = ""
    """What the ruleset is for."""
    rules: tuple[Rule, ...]
    """The rules, in order; with `rules = []` every document of the language is kept."""

    @model_validator(mode="after")
    def _check(self) -> "Ruleset":
        ids = [rule.id for rule in self.rules]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"rule ids occur twice: {', '.join(repeated)}")
        return self


def load_ruleset(name: str) -> Ruleset:
    """Load a ruleset by name, or from a path that ends in `.toml`.

    Raises:
        ConfigError: no ruleset has that name, or a key, signal or bound in it is wrong.
        InputError: there is no such file.
    """
    if name.endswith(".toml"):
        return validate(Ruleset, read_toml(Path(name)), name)
    folder = files("mapneo.curate").joinpath("rulesets")
    known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir())
    if name not in known:
        raise ConfigError(f"there is no ruleset `{name}`; {_suggestion(name, known)}")
    with as_file(folder.joinpath(f"{name}.toml")) as path:
        return validate(Ruleset, read_toml(path), f"ruleset {name}")


def load_rulesets(names: Iterable[str], overrides: Mapping[str, Bounds]) -> tuple[Ruleset, ...]:
    """Load several rulesets, at most one per language, with some bounds replaced.

    Raises:
        ConfigError: a name, or the rule of an override, is unknown; or two share a language.
    """
    loaded = [load_ruleset(name) for name in names]
    languages = [ruleset.language for ruleset in loaded]
    if len(set(languages)) < len(languages):
        raise ConfigError(f"two rulesets judge the same language: {', '.join(sorted(languages))}")
    known = [rule.id for ruleset in loaded for rule in ruleset.rules]
    for rule_id in overrides:
        if rule_id not in known:
            raise ConfigError(f"overrides: unknown rule `{rule_id}`; {_suggestion(rule_id, known)}")
    return tuple(_with_bounds(ruleset, overrides) for ruleset in loaded)


def _with_bounds(ruleset: Ruleset, overrides: Mapping[str, Bounds]) -> Ruleset:
    rules = tuple(
        rule.model_copy(update=overrides[rule.id].model_dump(exclude_none=True))
        if rule.id in overrides
        else rule
        for rule in ruleset.rules
    )
    return ruleset.model_copy(update={"rules": rules})


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
