"""What becomes of documents once clusters of copies are known."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import DataError
from mapneo.core.tables import DOCUMENT_SCHEMA, read_batches, read_table
from mapneo.curate.clusters import EXACT_RULE

_SPAN = pa.struct([("start_byte", pa.int64()), ("end_byte", pa.int64())])

SURVIVOR_SCHEMA = DOCUMENT_SCHEMA.append(
    pa.field("cluster_id", pa.string(), nullable=False)
).append(pa.field("cluster_size", pa.int32(), nullable=False))
"""Columns of a document from dedup on; see docs/formats.md."""

DROPPED_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("bound", pa.float64(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("survivor", pa.string(), nullable=False),
        pa.field("spans", pa.list_(_SPAN), nullable=False),
    ]
)
"""Columns of the ledger of copies; see docs/formats.md."""


PAIR = ("source", "survivor_source", "language", "rule")
"""What copies are told apart by: where they came from, and where the one that stays did."""

_VERDICT = ["doc_id", "verdict"]


class Applied(NamedTuple):
    """Documents after dedup.

    Attributes:
        survivors: table with SURVIVOR_SCHEMA.
        copies: the dropped rows of the documents table.
        dropped: the ledger, with DROPPED_SCHEMA, one row per copy.
    """

    survivors: pa.Table
    copies: pa.Table
    dropped: pa.Table


def kept_documents(
    documents: Path, verdicts: Path, columns: Sequence[str] | None = None
) -> pa.Table:
    """The documents of a shard whose verdict is keep.

    Raises:
        DataError: the two files do not list the same documents in the same order.
    """
    table = read_table(documents, columns)
    return table.filter(_keeps(table, read_table(verdicts, _VERDICT), documents, verdicts))


def kept_batches(
    documents: Path, verdicts: Path, signals: Path | None, columns: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table | None]]:
    """Kept documents a row group at a time, so that a shard need not fit memory; their signals too.

    Raises:
        DataError: the files do not list the same documents in the same order.
    """
    judged = read_table(verdicts, _VERDICT)
    measured = None if signals is None else read_table(signals)
    first = 0
    for table in read_batches(documents, columns):
        rows = slice(first, first + table.num_rows)
        first = rows.stop
        keeps = _keeps(table, judged[rows], documents, verdicts)
        yield table.filter(keeps), None if measured is None else measured[rows].filter(keeps)
    if first != judged.num_rows or (measured is not None and measured.num_rows != first):
        raise _mismatch(documents, verdicts)


def _keeps(table: pa.Table, judged: pa.Table, documents: Path, verdicts: Path) -> pa.ChunkedArray:
    if not table["doc_id"].equals(judged["doc_id"]):
        raise _mismatch(documents, verdicts)
    return pc.equal(judged["verdict"], "keep")


def _mismatch(documents: Path, verdicts: Path) -> DataError:
    return DataError(
        f"{documents} and {verdicts} list different documents: "
        "delete the stages measure and judge of this run and run the recipe again"
    )


def source_of(doc_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The source that a doc_id names: what stands before its first slash."""
    return pc.list_element(pc.split_pattern(doc_ids, "/", max_splits=1), 0)


def apply_clusters(documents: pa.Table, clusters: pa.Table, min_similarity: float) -> Applied:
    """Part documents into survivors and copies.

    Args:
        documents: a table with DOCUMENT_SCHEMA.
        clusters: a table with CLUSTER_SCHEMA, over all shards.
        min_similarity: the bound that the ledger names for near copies.
    """
    found = pc.index_in(documents["doc_id"], clusters["doc_id"])
    heads = pc.fill_null(clusters["cluster_id"].take(found), "")
    cluster_id = pc.if_else(pc.is_null(found), documents["doc_id"], heads)
    size = pc.fill_null(clusters["size"].take(found), 1)
    stays = pc.equal(cluster_id, documents["doc_id"])
    named = documents.append_column("cluster_id", cluster_id).append_column("cluster_size", size)
    survivors = named.filter(stays).cast(SURVIVOR_SCHEMA)
    gone = pc.invert(stays)
    copies = named.filter(gone)
    rows = clusters.take(found.filter(gone))
    return Applied(survivors, copies, _ledger(copies, rows, min_similarity))


def _ledger(copies: pa.Table, rows: pa.Table, min_similarity: float) -> pa.Table:
    is_exact = pc.equal(rows["kind"], EXACT_RULE)
    lengths = pc.cast(pc.binary_length(copies["text"]), pa.int64()).to_pylist()
    spans = [[{"start_byte": 0, "end_byte": length}] for length in lengths]
    columns = [
        copies["doc_id"],
        rows["kind"],
        pc.cast(rows["similarity"], pa.float64()),
        pc.if_else(is_exact, 1.0, min_similarity),
        rows["cluster_id"],
        rows["cluster_id"],
        pa.array(spans, pa.list_(_SPAN)),
    ]
    return pa.table(columns, schema=DROPPED_SCHEMA)
