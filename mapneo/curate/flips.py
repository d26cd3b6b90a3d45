"""Which documents of a shard flip when rules change, from stored verdicts and few signals.

A stored verdict lists all rules that fail. So a rule that is the same before and after need not be
tried again, and only the signals of the other rules are read. No text, and no row by itself, is
touched: this is arithmetic on whole columns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import ManifestError
from mapneo.core.tables import read_table
from mapneo.curate.changes import Book, Change
from mapneo.curate.codes import Codes
from mapneo.curate.verdicts import DROPS, REPORTS, outcome, spread_forms

DIRECTIONS = ("kept_to_dropped", "dropped_to_kept", "other_rule")
"""How a verdict can change; the last: the document stays dropped, but another rule is named."""

_NAMES = ("language", "category", "source")
_NO_RULE = np.int64(1 << 40)

Ints = npt.NDArray[np.int64]


class Fires:
    """How often rules fire, by label: int64 arrays, one entry per label."""

    def __init__(self, labels: int) -> None:
        """Nothing has fired yet."""
        self.fired = np.zeros(labels, dtype=np.int64)
        self.alone = np.zeros(labels, dtype=np.int64)
        self.reported = np.zeros(labels, dtype=np.int64)
        self.not_measured = np.zeros(labels, dtype=np.int64)

    def __add__(self, other: "Fires") -> "Fires":
        """Those of both."""
        total = Fires(self.fired.size)
        for name, mine in vars(self).items():
            setattr(total, name, mine + getattr(other, name))
        return total


class Side:
    """The verdicts of a shard under one book, filled rule by rule."""

    def __init__(self, rows: int, labels: int) -> None:
        """All rows pass."""
        self.first: Ints = np.full(rows, _NO_RULE, dtype=np.int64)
        self.failed: Ints = np.zeros(rows, dtype=np.int64)
        self.fires = Fires(labels)

    def add(self, rows: Ints, labels: Ints) -> None:
        """Rules that drop: (row, label) pairs with ascending rows."""
        if not rows.size:
            return
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        hit = rows[starts]
        self.first[hit] = np.minimum(self.first[hit], np.minimum.reduceat(labels, starts))
        self.failed += np.bincount(rows, minlength=self.failed.size)
        self.fires.fired += np.bincount(labels, minlength=self.fires.fired.size)

    def report(self, labels: Ints) -> None:
        """Rules that fire and drop nothing, once per document."""
        counts = np.bincount(labels, minlength=self.fires.fired.size)
        self.fires.fired += counts
        self.fires.reported += counts

    def close(self) -> None:
        """Once all rules are in: count those that are the only one to drop a document."""
        alone = self.first[self.failed == 1]
        self.fires.alone += np.bincount(alone, minlength=self.fires.alone.size)


class ShardFlips(NamedTuple):
    """What changes in one shard.

    Attributes:
        rows: positions of the documents whose verdict changes, int64, ascending.
        directions: how, as places in DIRECTIONS.
        first: label before and after of the first failing rule, meaningless where kept.
        groups: documents and bytes by direction, language, category, source, rule before and
            after (null: kept).
        languages: by language: documents, bytes, and how many were kept and are kept.
        before, after: how often rules fire.
    """

    rows: Ints
    directions: Ints
    first: tuple[Ints, Ints]
    groups: list[dict[str, str | int | None]]
    languages: list[dict[str, str | int]]
    before: Fires
    after: Fires


def shard_flips(verdicts: Path, signals: Path, change: Change) -> ShardFlips:
    """Compare one shard's stored verdicts with those after a change.

    Raises:
        ManifestError: a file is missing or damaged, or they do not belong together.
    """
    dictionaries = [*_NAMES, *(f"{name}.list.element" for name in change.lists)]
    table = read_table(verdicts, ["bytes", *_NAMES, *change.lists], dictionaries=dictionaries)
    names = {name: Codes.of(table[name]) for name in _NAMES}
    before = Side(table.num_rows, len(change.before.entries) + 1)
    after = Side(table.num_rows, len(change.after.entries) + 1)
    for column in change.lists:
        rows, old = _stored(table[column], names["language"], change.before, verdicts)
        new = change.stays[old]
        still = new >= 0
        if column == "failed_rules":
            before.add(rows, old)
            after.add(rows[still], new[still])
        else:
            before.report(old)
            after.report(new[still])
    _try_rules(after, signals, change, names)
    before.close()
    after.close()
    size = table["bytes"].to_numpy()
    return _compared(before, after, names, size, change)


def _stored(lists: pa.ChunkedArray, languages: Codes, book: Book, path: Path) -> tuple[Ints, Ints]:
    """(row, label) pairs of a column of lists, rows ascending."""
    array = lists.unify_dictionaries().combine_chunks()
    rules = Codes.of(pc.list_flatten(array))
    rows = pc.list_parent_indices(array).to_numpy().astype(np.int64)
    table = [[book.label(language, rule) for rule in rules.names] for language in languages.names]
    if not rows.size:
        return rows, rows
    labels = np.array(table, dtype=np.int64)[languages.codes[rows], rules.codes]
    if labels.min() < 0:
        unknown = rules.names[rules.codes[int(np.argmin(labels))]]
        raise ManifestError(
            f"{path} names the rule {unknown}, which the run's rulesets do not have: "
            "run the stage judge again"
        )
    return rows, labels


def _try_rules(side: Side, signals: Path, change: Change, names: Mapping[str, Codes]) -> None:
    """Try the rules that are not the same before and after, and the language itself."""
    languages = names["language"]
    rows_of = {
        name: np.flatnonzero(languages.codes == code) for code, name in enumerate(languages.names)
    }
    for name, rows in rows_of.items():
        if name not in change.after.languages:
            side.add(rows, np.zeros_like(rows))
    todo = [(label, entry) for label, entry in change.tried if entry.language in rows_of]
    if not todo:
        return
    measured = read_table(signals, sorted({entry.column for _, entry in todo}))
    if measured.num_rows != languages.codes.size:
        raise ManifestError(f"{signals} has other documents than its verdicts: run judge again")
    origins = names["source"]
    for label, entry in todo:
        rows = rows_of[entry.language]
        values = measured[entry.column].to_numpy().astype(np.float64)[rows]
        side.fires.not_measured[label] += np.count_nonzero(np.isnan(values))
        said = np.zeros(rows.size, dtype=np.int8)
        for mine, form in spread_forms(entry.forms, origins.take(rows)):
            said[mine] = outcome(form, values[mine])
        dropped = rows[said == DROPS]
        side.add(dropped, np.full(dropped.size, label, dtype=np.int64))
        side.report(np.full(np.count_nonzero(said == REPORTS), label, dtype=np.int64))


def _compared(
    before: Side, after: Side, names: Mapping[str, Codes], size: Ints, change: Change
) -> ShardFlips:
    was_kept, is_kept = before.failed == 0, after.failed == 0
    # The last entry is for documents that are kept.
    ids: list[str | None] = [
        *dict.fromkeys((*change.before.rule_ids, *change.after.rule_ids)),
        None,
    ]
    old = _rule_codes(before.first, change.before, ids)
    new = _rule_codes(after.first, change.after, ids)
    rows = np.flatnonzero(old != new)
    directions = np.where(was_kept[rows], 0, np.where(is_kept[rows], 1, 2))
    groups: list[dict[str, str | int | None]] = []
    keys = (directions, *(names[name].codes[rows] for name in _NAMES), old[rows], new[rows])
    for values, documents, total in _counted(keys, size[rows]):
        direction, *origin, rule, now = values
        groups.append(
            {
                "direction": DIRECTIONS[direction],
                **{n: names[n].names[code] for n, code in zip(_NAMES, origin, strict=True)},
                "rule_before": ids[rule],
                "rule_after": ids[now],
                "documents": documents,
                "bytes": total,
            }
        )
    return ShardFlips(
        rows=rows,
        directions=directions,
        first=(before.first[rows], after.first[rows]),
        groups=groups,
        languages=_languages(names["language"], size, was_kept, is_kept),
        before=before.fires,
        after=after.fires,
    )


def _rule_codes(first: Ints, book: Book, ids: Sequence[str | None]) -> Ints:
    """Places in `ids` of the first failing rules; the last place where there is none."""
    places = {name: place for place, name in enumerate(ids)}
    codes = np.array([*(places[name] for name in book.rule_ids), len(ids) - 1], dtype=np.int64)
    return codes[np.minimum(first, len(book.rule_ids))]


def _counted(keys: Sequence[Ints], size: Ints) -> list[tuple[list[int], int, int]]:
    """Distinct combinations of `keys` with how many rows have them and their bytes."""
    if not size.size:
        return []
    spans = [int(key.max()) + 1 for key in keys]
    found, place = np.unique(np.ravel_multi_index(tuple(keys), spans), return_inverse=True)
    documents = np.bincount(place)
    # Sums of whole numbers below 2**53 are exact in float64.
    total = np.bincount(place, weights=size).astype(np.int64)
    columns = np.array(np.unravel_index(found, spans)).T.tolist()
    return list(zip(columns, documents.tolist(), total.tolist(), strict=True))


def _languages(
    languages: Codes, size: Ints, was_kept: npt.NDArray[np.bool_], is_kept: npt.NDArray[np.bool_]
) -> list[dict[str, str | int]]:
    keys = (languages.codes, was_kept.astype(np.int64), is_kept.astype(np.int64))
    rows: list[dict[str, str | int]] = []
    for (code, was, now), documents, total in _counted(keys, size):
        rows.append(
            {
                "language": languages.names[code],
                "documents": documents,
                "bytes": total,
                "kept_before": was * documents,
                "kept_bytes_before": was * total,
                "kept_after": now * documents,
                "kept_bytes_after": now * total,
            }
        )
    return rows
