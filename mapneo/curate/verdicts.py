"""Judging stored signals: keep, or the first failing rule with its value and bound.

All rules are tried on every document, so that how often a rule fires, and fires alone, is known.
No text is read.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate.rules import LANGUAGE_NOT_WANTED, Rule, Ruleset

VERDICT_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("profile", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("signal", pa.string()),
        pa.field("side", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("failed_rules", pa.list_(pa.string()), nullable=False),
        pa.field("not_measured", pa.list_(pa.string()), nullable=False),
    ]
)
"""Columns of a verdict; see docs/formats.md."""

_COPIED = ("doc_id", "source", "category", "language", "profile", "bytes")


class _Marks(NamedTuple):
    """(row, label) pairs that become one list of labels per row."""

    rows: list[npt.NDArray[np.int64]]
    labels: list[npt.NDArray[np.int64]]

    def add(self, rows: npt.NDArray[np.int64], label: int) -> None:
        self.rows.append(rows)
        self.labels.append(np.full(rows.size, label, dtype=np.int64))


class _Verdicts:
    """Arrays that are filled rule by rule, one entry per document."""

    def __init__(self, rows: int) -> None:
        self.rule = np.full(rows, -1, dtype=np.int64)
        self.value = np.full(rows, np.nan)
        self.bound = np.full(rows, np.nan)
        self.is_max = np.zeros(rows, dtype=np.bool_)
        self.failed = _Marks([], [])
        self.unmeasured = _Marks([], [])

    def apply(
        self, label: int, rule: Rule, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> None:
        above = rule.above(values)
        fails = rule.below(values) | above
        self.unmeasured.add(rows[np.isnan(values)], label)
        self.failed.add(rows[fails], label)
        first = fails & (self.rule[rows] < 0)
        hit = rows[first]
        self.rule[hit] = label
        self.value[hit] = values[first]
        self.is_max[hit] = above[first]
        low = np.nan if rule.min is None else rule.min
        high = np.nan if rule.max is None else rule.max
        self.bound[hit] = np.where(above[first], high, low)


def judge_signals(signals: pa.Table, rulesets: Sequence[Ruleset]) -> pa.Table:
    """Judge every row of a signals table by the ruleset of its language.

    A document in a language without a ruleset is dropped by `language_not_wanted`. A rule whose
    signal was not measured neither passes nor fails; it is listed in `not_measured`.

    Returns:
        A table with VERDICT_SCHEMA, in the order of `signals`.
    """
    rules: list[tuple[str, str | None]] = [(LANGUAGE_NOT_WANTED, None)]
    state = _Verdicts(signals.num_rows)
    languages = signals["language"]
    wanted = np.zeros(signals.num_rows, dtype=np.bool_)
    for ruleset in rulesets:
        here = np.asarray(pc.equal(languages, ruleset.language).to_numpy())
        wanted |= here
        rows = np.flatnonzero(here)
        for rule in ruleset.rules:
            values = signals[rule.signal].to_numpy().astype(np.float64)[rows]
            state.apply(len(rules), rule, rows, values)
            rules.append((rule.id, rule.signal))
    unwanted = np.flatnonzero(~wanted)
    state.rule[unwanted] = 0
    state.failed.add(unwanted, 0)
    return _verdict_table(signals, state, rules)


def _verdict_table(
    signals: pa.Table, state: _Verdicts, rules: Sequence[tuple[str, str | None]]
) -> pa.Table:
    names = pa.array([name for name, _ in rules], pa.string())
    measured = pa.array([signal for _, signal in rules], pa.string())
    kept = state.rule < 0
    chosen = pa.array(state.rule, mask=kept)
    has_value = ~np.isnan(state.value)
    side = np.where(state.is_max, "max", "min")
    columns = {name: signals[name] for name in _COPIED}
    columns |= {
        "verdict": pa.array(np.where(kept, "keep", "dropped")),
        "rule": names.take(chosen),
        "signal": measured.take(chosen),
        "side": pa.array(side, mask=~has_value),
        "value": pa.array(state.value, mask=~has_value),
        "bound": pa.array(state.bound, mask=~has_value),
        "failed_rules": _lists(state.failed, kept.size, names),
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
