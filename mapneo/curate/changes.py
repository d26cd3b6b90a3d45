"""Rules before and after a change: which of them are the same, and which have to be tried again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.curate.rules import LANGUAGE_NOT_WANTED, Rule, Ruleset
from mapneo.curate.verdicts import Form, SourceRules, rule_forms

_LISTS = ("failed_rules", "reported_rules")


class Entry(NamedTuple):
    """A rule as it judges one language: the column it reads, and its form by source."""

    language: str
    rule: Rule
    column: str
    forms: tuple[Form, ...]

    @property
    def only_reports(self) -> bool:
        """Whether it drops no document of any source."""
        return all(form is None or form.report_only for _, form in self.forms)


@dataclass(frozen=True)
class Book:
    """All rules of some rulesets in order. A rule's *label* is its place in `entries` plus one.

    Label 0 is `language_not_wanted`.
    """

    entries: tuple[Entry, ...]
    languages: frozenset[str]

    @staticmethod
    def of(rulesets: Sequence[Ruleset], sources: Mapping[str, SourceRules]) -> "Book":
        """The rules of rulesets, with what is different for some sources."""
        entries = tuple(
            Entry(ruleset.language, rule, ruleset.column(rule), rule_forms(rule, sources))
            for ruleset in rulesets
            for rule in ruleset.rules
        )
        return Book(entries, frozenset(ruleset.language for ruleset in rulesets))

    @cached_property
    def labels(self) -> dict[tuple[str, str], int]:
        """Label by language and rule id."""
        return {(e.language, e.rule.id): n for n, e in enumerate(self.entries, start=1)}

    @cached_property
    def rule_ids(self) -> tuple[str, ...]:
        """Rule id by label."""
        return (LANGUAGE_NOT_WANTED, *(entry.rule.id for entry in self.entries))

    def label(self, language: str, rule_id: str) -> int:
        """The label of a rule that a stored verdict names, or -1."""
        return 0 if rule_id == LANGUAGE_NOT_WANTED else self.labels.get((language, rule_id), -1)


@dataclass(frozen=True)
class Change:
    """Rules before and after."""

    before: Book
    after: Book

    @cached_property
    def stays(self) -> npt.NDArray[np.int64]:
        """Label after by label before, -1 where the rule is gone or has to be tried again."""
        same = [0, *(self._place(entry) for entry in self.before.entries)]
        same[0] = -1  # depends on the language alone, so it is always found anew
        return np.array(same, dtype=np.int64)

    def _place(self, entry: Entry) -> int:
        label = self.after.labels.get((entry.language, entry.rule.id))
        return -1 if label is None or self.after.entries[label - 1] != entry else label

    @cached_property
    def tried(self) -> tuple[tuple[int, Entry], ...]:
        """The rules that have to be tried, with their labels after."""
        known = set(self.stays.tolist())
        numbered = enumerate(self.after.entries, start=1)
        return tuple((label, entry) for label, entry in numbered if label not in known)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """Columns of a stored verdict that list rules and have to be read."""
        reports = any(
            form is not None and form.report_only
            for entry in self.before.entries
            for _, form in entry.forms
        )
        return _LISTS if reports else _LISTS[:1]
