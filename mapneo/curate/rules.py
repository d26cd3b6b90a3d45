"""Rules are data: a signal, its bounds, and where the bounds come from.

A *profile* is a ruleset in a TOML file, one of `mapneo/curate/rulesets/` or the user's own: the
language it judges, the edit chain and the splitters its signals are measured under, and its rules
in order. A document passes a rule if its signal lies within the bounds, the bounds included unless
the rule says `exclusive`.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from mapneo.core.errors import ConfigError
from mapneo.core.recipe import read_toml, validate
from mapneo.core.stage import Config
from mapneo.curate.edits import CHAINS
from mapneo.curate.gauges import RELEASED, gauges
from mapneo.curate.signal_list import SPLITTERS
from mapneo.curate.signals import SENTENCE_DEFINITIONS, Scale, default_splitter, signals

RELEASED_SENTENCES = "released"
"""Sentence splitter of the `matrix-released` profiles: Punkt, or its stand-in."""

LANGUAGE_NOT_WANTED = "language_not_wanted"
"""The rule that drops a document for whose language no ruleset was chosen."""


class Bounds(Config):
    """New bounds for a rule, and whether it only reports; what is left out stays."""

    min: float | None = None
    """Smallest value that passes."""
    max: float | None = None
    """Largest value that passes."""
    report_only: bool | None = None
    """Counted and shown where it fails, but drops nothing."""


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
    words: str | None = None
    """Word splitter, if another than the profile's."""
    report_only: bool = False
    """Counted and shown where it fails, but drops nothing."""
    source: str
    """Where the bound comes from."""
    note: str = ""
    """Where our bound differs from the source, and why."""

    @model_validator(mode="after")
    def _check(self) -> "Rule":
        if self.min is None and self.max is None:
            raise ValueError(f"rule {self.id} has neither min nor max")
        known = [*signals(), *gauges()]
        if self.signal not in known:
            near = _near(self.signal, known) or "docs/rules.md lists all"
            raise ValueError(f"unknown signal `{self.signal}`; {near}")
        if self.words is not None and self.words not in SPLITTERS:
            raise ValueError(f"rule {self.id}: {_unknown('words', self.words, SPLITTERS)}")
        return self

    def with_bounds(self, bounds: Bounds) -> "Rule":
        """The rule with new bounds; what `bounds` leaves out stays."""
        return self.model_copy(update=bounds.model_dump(exclude_none=True))

    @property
    def scale(self) -> Scale:
        """How the signal's values are spread."""
        measured = signals().get(self.signal) or gauges()[self.signal]
        return measured.scale

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
    """A profile: rules for one language, in the order in which the first failing one is named."""

    name: str
    """Name of the profile."""
    language: str
    """Language code whose documents it judges."""
    edits: str = "keep"
    """Edit chain under which signals are measured (`mapneo.curate.edits.CHAINS`)."""
    words: str = ""
    """Word splitter; left out, `characters` for languages without spaces, else `folded`."""
    sentences: str = "stops"
    """Sentence splitter."""
    description: str = ""
    """What the profile is for."""
    rules: tuple[Rule, ...]
    """The rules, in order; none: every document of the language is kept."""

    @model_validator(mode="after")
    def _check(self) -> "Ruleset":
        ids = [rule.id for rule in self.rules]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"rule ids occur twice: {', '.join(repeated)}")
        for key, value, known in (
            ("edits", self.edits, CHAINS),
            ("words", self.splitter, (*SPLITTERS, *RELEASED)),
            ("sentences", self.sentences, (*SENTENCE_DEFINITIONS, RELEASED_SENTENCES)),
        ):
            if value not in known:
                raise ValueError(_unknown(key, value, known))
        for rule in self.rules:
            signal = signals().get(rule.signal)
            if signal is not None and signal.over == "words":
                splitter = rule.words or self.splitter
                if splitter not in signal.splitters:
                    raise ValueError(
                        f"rule {rule.id}: the word splitter `{splitter}` does not give "
                        f"`{rule.signal}`; use one of {', '.join(signal.splitters)}"
                    )
        return self

    @property
    def splitter(self) -> str:
        """The profile's word splitter."""
        return self.words or default_splitter(self.language)

    def column(self, rule: Rule) -> str:
        """The column of a signals table that a rule of this profile is about."""
        signal = signals().get(rule.signal)
        if signal is None:
            return rule.signal
        if signal.over == "text":
            return f"{rule.signal}@{self.edits}"
        splitter = self.sentences if signal.over == "sentences" else rule.words or self.splitter
        return f"{rule.signal}@{self.edits}+{splitter}"

    def measurements(self) -> tuple[str, ...]:
        """What has to be measured for this profile, sorted; see `mapneo.curate.measure`.

        Of a word splitter, only the families of signals that rules name; single words always.
        """
        wanted = {self.edits}
        if self.splitter in SPLITTERS:
            wanted.add(f"{self.edits}+{self.splitter}/words")
        for rule in self.rules:
            if rule.signal in gauges():
                wanted.add(gauges()[rule.signal].origin)
                continue
            signal = signals().get(rule.signal)
            if signal is not None and signal.over == "words":
                wanted.add(f"{self.edits}+{rule.words or self.splitter}/{signal.family}")
        return tuple(sorted(f"{self.language}:{what}" for what in wanted if what))


def ruleset_names() -> tuple[str, ...]:
    """Names of the rulesets that come with mapneo, sorted."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir()))


def _folder() -> Traversable:
    return files("mapneo.curate").joinpath("rulesets")


def load_ruleset(name: str) -> Ruleset:
    """Load a ruleset by name, or from a path that ends in `.toml`.

    Raises:
        ConfigError: no ruleset has that name, or a key, signal or bound in it is wrong.
        InputError: there is no such file.
    """
    if name.endswith(".toml"):
        return validate(Ruleset, read_toml(Path(name)), name)
    known = ruleset_names()
    if name not in known:
        raise ConfigError(f"there is no ruleset `{name}`; {_suggestion(name, known)}")
    with as_file(_folder().joinpath(f"{name}.toml")) as path:
        return validate(Ruleset, read_toml(path), f"ruleset {name}")


def load_rulesets(names: Iterable[str], overrides: Mapping[str, Bounds]) -> tuple[Ruleset, ...]:
    """Load several rulesets, with some bounds replaced.

    Several rulesets for one language are tried one after the other.

    Raises:
        ConfigError: a name, or the rule of an override, is unknown; or two rules of one language
            have the same id.
    """
    chosen = list(names)
    for name in chosen:
        if chosen.count(name) > 1:
            raise ConfigError(f"the ruleset {name} is named twice: name it once")
    loaded = [load_ruleset(name) for name in chosen]
    taken: dict[tuple[str, str], str] = {}
    for ruleset in loaded:
        for rule in ruleset.rules:
            other = taken.setdefault((ruleset.language, rule.id), ruleset.name)
            if other != ruleset.name:
                raise ConfigError(
                    f"the rule `{rule.id}` for language {ruleset.language} stands in two rulesets: "
                    f"{other} and {ruleset.name}; choose one of them"
                )
    check_rules_known(loaded, overrides, "overrides")
    return tuple(_with_bounds(ruleset, overrides) for ruleset in loaded)


def check_rules_known(rulesets: Sequence[Ruleset], ids: Iterable[str], where: str) -> None:
    """Make sure that rule ids exist.

    Raises:
        ConfigError: one does not; `where` says which setting names it.
    """
    known = [rule.id for ruleset in rulesets for rule in ruleset.rules]
    for rule_id in ids:
        if rule_id not in known:
            raise ConfigError(f"{where}: unknown rule `{rule_id}`; {_suggestion(rule_id, known)}")


def measurements_of(names: Iterable[str]) -> tuple[str, ...]:
    """What has to be measured so that the named rulesets can judge, sorted."""
    return tuple(sorted({what for name in names for what in load_ruleset(name).measurements()}))


def _with_bounds(ruleset: Ruleset, overrides: Mapping[str, Bounds]) -> Ruleset:
    rules = tuple(
        rule.with_bounds(overrides[rule.id]) if rule.id in overrides else rule
        for rule in ruleset.rules
    )
    return ruleset.model_copy(update={"rules": rules})


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else ""


def _suggestion(name: str, known: Iterable[str]) -> str:
    return _near(name, known) or f"known: {', '.join(known)}"


def _unknown(key: str, value: str, known: Iterable[str]) -> str:
    return f"unknown {key} `{value}`; {_suggestion(value, known)}"
