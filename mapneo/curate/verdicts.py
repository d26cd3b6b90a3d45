"""Judging stored signals: keep, or the first failing rule with its value and bound.

All rules are tried on every document, so that how often a rule fires, and fires alone, is known.
No text is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.config import Config
from mapneo.core.errors import DataError
from mapneo.curate.codes import Codes
from mapneo.curate.rules import LANGUAGE_NOT_WANTED, Bounds, Rule, Ruleset

VERDICT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("profile", pa.string()),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("signal", pa.string()),
        pa.field("side", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("failed_rules", pa.list_(pa.string()), nullable=False),
        pa.field("reported_rules", pa.list_(pa.string()), nullable=False),
        pa.field("source_rules", pa.list_(pa.string()), nullable=False),
        pa.field("not_measured", pa.list_(pa.string()), nullable=False),
    ]
)
"""Columns of a verdict; see docs/formats.md."""

COPIED = ("doc_id", "source", "category", "language", "bytes")
"""Columns of a signals table that a verdict repeats."""


class _Marks(NamedTuple):
    """(row, label) pairs that become one list of labels per row."""

    rows: list[npt.NDArray[np.int64]]
    labels: list[npt.NDArray[np.int64]]

    def add(self, rows: npt.NDArray[np.int64], label: int) -> None:
        self.rows.append(rows)
        self.labels.append(np.full(rows.size, label, dtype=np.int64))


class SourceRules(Config):
    """What is different for the documents of one source."""

    exempt: tuple[str, ...] = ()
    """Rules that these documents pass whatever their value."""
    overrides: Mapping[str, Bounds] = {}
    """Other bounds by rule id."""

    def changed(self, rule: Rule) -> Rule | None:
        """The rule with this source's bounds, or None if its documents are exempt."""
        if rule.id in self.exempt:
            return None
        bounds = self.overrides.get(rule.id)
        return rule if bounds is None else rule.with_bounds(bounds)

    def touches(self, rule: Rule) -> bool:
        """Whether the rule is different for this source."""
        return rule.id in self.exempt or rule.id in self.overrides


def by_specificity(sources: Mapping[str, SourceRules]) -> list[tuple[str, SourceRules]]:
    """Full names before patterns, longer patterns before shorter: the first that fits counts.

    The order in which a recipe lists them can't count: its resolved form is sorted.
    """

    def rank(item: tuple[str, SourceRules]) -> tuple[bool, int, str]:
        return any(mark in item[0] for mark in "*?["), -len(item[0]), item[0]

    return sorted(sources.items(), key=rank)


Form = tuple[str | None, Rule | None]
"""A pattern of sources (None: all others) and how a rule stands for them (None: exempt)."""


def rule_forms(rule: Rule, sources: Mapping[str, SourceRules]) -> tuple[Form, ...]:
    """How a rule stands for which sources: the first form whose pattern fits counts."""
    special = [
        (name, own.changed(rule)) for name, own in by_specificity(sources) if own.touches(rule)
    ]
    return (*special, (None, rule))


def spread_forms(
    forms: Sequence[Form], origins: Codes
) -> Iterator[tuple[npt.NDArray[np.bool_], Rule | None]]:
    """Masks that cover each row once, with the form of the rule that counts there."""
    rest = np.ones(origins.codes.size, dtype=np.bool_)
    for pattern, form in forms:
        mine = rest if pattern is None else rest & origins.match(pattern)
        rest = rest & ~mine
        yield mine, form


PASSES, REPORTS, DROPS = 0, 1, 2
"""What a rule says of a document."""


def outcome(rule: Rule | None, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """What a rule says of each value: PASSES, REPORTS or DROPS, int8, shape (rows,)."""
    if rule is None:
        return np.full(values.shape, PASSES, dtype=np.int8)
    failing = np.int8(REPORTS if rule.report_only else DROPS)
    return np.where(rule.fails(values), failing, np.int8(PASSES))


class _Verdicts:
    """Arrays that are filled rule by rule, one entry per document."""

    def __init__(self, rows: int) -> None:
        self.profile = np.full(rows, -1, dtype=np.int64)
        self.rule = np.full(rows, -1, dtype=np.int64)
        self.value = np.full(rows, np.nan)
        self.bound = np.full(rows, np.nan)
        self.is_max = np.zeros(rows, dtype=np.bool_)
        self.failed = _Marks([], [])
        self.reported = _Marks([], [])
        self.changed = _Marks([], [])
        self.unmeasured = _Marks([], [])

    def apply(
        self, label: int, rule: Rule, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> None:
        above = rule.above(values)
        fails = rule.below(values) | above
        if rule.report_only:
            self.reported.add(rows[fails], label)
            return
        self.failed.add(rows[fails], label)
        first = fails & (self.rule[rows] < 0)
        hit = rows[first]
        self.rule[hit] = label
        self.value[hit] = values[first]
        self.is_max[hit] = above[first]
        low = np.nan if rule.min is None else rule.min
        high = np.nan if rule.max is None else rule.max
        self.bound[hit] = np.where(above[first], high, low)

    def apply_by_source(
        self,
        label: int,
        rule: Rule,
        rows: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        origins: Codes,
        sources: Mapping[str, SourceRules],
    ) -> None:
        """Apply a rule, to the documents of some sources with other bounds or not at all."""
        self.unmeasured.add(rows[np.isnan(values)], label)
        for mine, form in spread_forms(rule_forms(rule, sources), origins):
            if form is not rule:
                differs = outcome(form, values) != outcome(rule, values)
                self.changed.add(rows[mine & differs], label)
            if form is not None:
                self.apply(label, form, rows[mine], values[mine])


def judge_signals(
    signals: pa.Table,
    rulesets: Sequence[Ruleset],
    sources: Mapping[str, SourceRules] | None = None,
) -> pa.Table:
    """Judge every row of a signals table by the rulesets of its language, in their order.

    A document in a language without a ruleset is dropped by `language_not_wanted`. A rule whose
    signal was not measured neither passes nor fails; it is listed in `not_measured`.

    Args:
        signals: a table that `mapneo.curate.measure` made.
        rulesets: profiles.
        sources: what is different for which sources; a key may be a pattern such as `books-*`,
            and the most specific that says something of a rule counts (`by_specificity`).

    Returns:
        A table with VERDICT_SCHEMA, in the order of `signals`.

    Raises:
        DataError: a signal that a rule needs was never measured.
    """
    rules: list[tuple[str, str | None]] = [(LANGUAGE_NOT_WANTED, None)]
    profiles: list[str] = []
    state = _Verdicts(signals.num_rows)
    languages = signals["language"]
    origins = Codes.of(signals["source"])
    for ruleset in rulesets:
        rows = np.flatnonzero(np.asarray(pc.equal(languages, ruleset.language).to_numpy()))
        profiles = _name_profile(state.profile, rows, ruleset.name, profiles)
        for rule in ruleset.rules:
            column = ruleset.column(rule)
            values = _values(signals, column, ruleset)[rows]
            mine = origins.take(rows)
            state.apply_by_source(len(rules), rule, rows, values, mine, sources or {})
            rules.append((rule.id, column))
    unwanted = np.flatnonzero(state.profile < 0)
    state.rule[unwanted] = 0
    state.failed.add(unwanted, 0)
    return _verdict_table(signals, state, rules, profiles)


def _name_profile(
    profile: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], name: str, known: list[str]
) -> list[str]:
    """Enter a profile's name for `rows`, joined to what judged them before. Returns all names."""
    for before in np.unique(profile[rows]):
        joined = name if before < 0 else f"{known[before]}+{name}"
        profile[rows[profile[rows] == before]] = len(known)
        known = [*known, joined]
    return known


def _values(signals: pa.Table, column: str, ruleset: Ruleset) -> npt.NDArray[np.float64]:
    if column not in signals.schema.names:
        raise DataError(
            f"ruleset {ruleset.name} needs the signal {column}, which was not measured: name the "
            "ruleset in `judge.rulesets` or `measure.profiles` and measure again"
        )
    values: npt.NDArray[np.float64] = signals[column].to_numpy().astype(np.float64)
    return values


def _verdict_table(
    signals: pa.Table,
    state: _Verdicts,
    rules: Sequence[tuple[str, str | None]],
    profiles: Sequence[str],
) -> pa.Table:
    names = pa.array([name for name, _ in rules], pa.string())
    measured = pa.array([column for _, column in rules], pa.string())
    kept = state.rule < 0
    chosen = pa.array(state.rule, mask=kept)
    has_value = ~np.isnan(state.value)
    side = np.where(state.is_max, "max", "min")
    columns = {name: signals[name] for name in COPIED}
    columns |= {
        "profile": pa.array(profiles, pa.string()).take(
            pa.array(state.profile, mask=state.profile < 0)
        ),
        "verdict": pa.array(np.where(kept, "keep", "dropped")),
        "rule": names.take(chosen),
        "signal": measured.take(chosen),
        "side": pa.array(side, mask=~has_value),
        "value": pa.array(state.value, mask=~has_value),
        "bound": pa.array(state.bound, mask=~has_value),
        "failed_rules": _lists(state.failed, kept.size, names),
        "reported_rules": _lists(state.reported, kept.size, names),
        "source_rules": _lists(state.changed, kept.size, names),
        "not_measured": _lists(state.unmeasured, kept.size, measured),
    }
    return pa.table(columns).select(VERDICT_SCHEMA.names).cast(VERDICT_SCHEMA)


def _lists(marks: _Marks, rows: int, names: pa.Array) -> pa.Array:
    """One list of names per row, in rule order."""
    where = np.concatenate([np.zeros(0, np.int64), *marks.rows])
    label = np.concatenate([np.zeros(0, np.int64), *marks.labels])
    order = np.lexsort((label, where))
    offsets = np.zeros(rows + 1, dtype=np.int32)
    np.cumsum(np.bincount(where, minlength=rows), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(label[order])))
