"""Small tables of documents and bytes by language, source, rule: made per shard, then added up."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.canonical import Json

ORIGIN = ("source", "category", "language")
"""What documents are told apart by in the facts of the curating stages."""


def tally(table: pa.Table, keys: Sequence[str]) -> list[dict[str, Json]]:
    """Documents and bytes by `keys`, as sorted rows; `table` has the keys and `bytes`."""
    grouped = table.group_by(list(keys)).aggregate([("bytes", "sum"), ([], "count_all")])
    renamed = grouped.rename_columns({"bytes_sum": "bytes", "count_all": "documents"})
    return add_up([renamed.to_pylist()], keys)


def with_bytes(documents: pa.Table) -> pa.Table:
    """A documents table with a column `bytes`, the UTF-8 length of its text, for `tally`."""
    size = pc.cast(pc.binary_length(documents["text"]), pa.int64())
    return documents.drop_columns(["text"]).append_column("bytes", size)


def add_up(
    parts: Iterable[Iterable[Mapping[str, Json]]], keys: Sequence[str]
) -> list[dict[str, Json]]:
    """Add the number columns of rows that agree in `keys`; sorted by the keys."""
    totals: dict[tuple[Json, ...], dict[str, Json]] = {}
    for part in parts:
        for row in part:
            name = tuple(row[key] for key in keys)
            total = totals.setdefault(name, dict(zip(keys, name, strict=True)))
            for column, value in row.items():
                if column not in keys:
                    total[column] = total.get(column, 0) + value
    return [totals[name] for name in sorted(totals)]
