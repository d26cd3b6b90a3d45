"""Spans of passages applied to documents: the texts cut, what was cut recorded."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import DataError
from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.curate.edit_spans import Edit, compose, shift_offsets
from mapneo.curate.passage_settle import cuts_of
from mapneo.curate.passages_config import TOO_LITTLE_LEFT, PassagesConfig
from mapneo.text.buffers import string_view
from mapneo.text.unicode import char_tables

SPAN_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("start_byte", pa.int64(), nullable=False),
        pa.field("end_byte", pa.int64(), nullable=False),
        pa.field("survivor_doc_id", pa.string()),
        pa.field("survivor_start_byte", pa.int64()),
        pa.field("survivor_end_byte", pa.int64()),
    ]
)
"""Columns of `spans/<shard>.parquet`; see docs/formats.md."""

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("bound", pa.float64(), nullable=False),
    ]
)
"""A document dropped by a rule."""

EDIT_PREFIX = "dedup_"

_SPAN = np.dtype([("row", "<i4"), ("start", "<i4"), ("end", "<i4")])


class Cut(NamedTuple):
    """Documents after passages are cut.

    Attributes:
        documents: those that stay, in the order and with the columns that came in.
        dropped: the rows that go, as they came in.
        ledger: with LEDGER_SCHEMA, a row per dropped document: characters left, and the bound.
    """

    documents: pa.Table
    dropped: pa.Table
    ledger: pa.Table


def cut_spans(documents: pa.Table, spans: pa.Table, config: PassagesConfig) -> Cut:
    """Cut passages out of a shard's documents and record what was cut.

    An edit's name is `dedup_` and the kinds of the spans in it, joined by `+`; `edits` refer to
    the extracted text, as before, and `origins` move along.

    Args:
        documents: rows with the columns of DOCUMENT_SCHEMA, perhaps among others; their texts are
            those in which the spans were found.
        spans: of this shard, with SPAN_SCHEMA.
        config: the settings with which they were found.

    Raises:
        DataError: a span names a document that is not here, or lies outside of its text.
    """
    rows = pc.index_in(spans["doc_id"], documents["doc_id"].combine_chunks())
    if rows.null_count:
        missing = spans["doc_id"].filter(pc.is_null(rows))[0].as_py()
        raise DataError(
            f"a span is of document {missing}, which is not in its shard: run the stage again"
        )
    view = string_view(documents["text"])
    is_drop = np.asarray(pc.equal(spans["kind"], TOO_LITTLE_LEFT).to_numpy())
    records = _records(rows, spans, np.diff(view.offsets), documents["doc_id"])
    kinds = spans["kind"].to_numpy()[~is_drop]
    order = np.lexsort([records[~is_drop][name] for name in ("end", "start", "row")])
    found, kinds = records[~is_drop][order], kinds[order]
    cuts = cuts_of(view, char_tables().flags, found)
    goes = np.zeros(documents.num_rows, dtype=np.bool_)
    goes[records["row"][is_drop]] = True
    edits = _edits(found, kinds, cuts.row, cuts.start, cuts.end)
    edited = _apply(documents, {row: made for row, made in edits.items() if not goes[row]})
    left = dict(zip(cuts.touched.tolist(), cuts.left.tolist(), strict=True))
    ledger = {
        "doc_id": documents["doc_id"].filter(pa.array(goes)),
        "rule": [TOO_LITTLE_LEFT] * int(goes.sum()),
        "value": [float(left[row]) for row in np.flatnonzero(goes).tolist()],
        "bound": [float(config.min_left_chars)] * int(goes.sum()),
    }
    return Cut(
        documents=edited.filter(pa.array(~goes)),
        dropped=documents.filter(pa.array(goes)),
        ledger=pa.table(ledger, schema=LEDGER_SCHEMA),
    )


def _records(
    rows: pa.ChunkedArray,
    spans: pa.Table,
    sizes: npt.NDArray[np.int64],
    doc_ids: pa.ChunkedArray,
) -> npt.NDArray[np.void]:
    records = np.empty(len(rows), dtype=_SPAN)
    records["row"] = rows.to_numpy()
    start, end = (spans[name].to_numpy() for name in ("start_byte", "end_byte"))
    wrong = np.flatnonzero((start < 0) | (start > end) | (end > sizes[records["row"]]))
    if wrong.size:
        number = int(wrong[0])
        raise DataError(
            f"a span of {doc_ids[int(records['row'][number])]} goes from byte {start[number]} to "
            f"{end[number]}, outside of the text: these spans were found in another text; run the "
            "stage again"
        )
    records["start"], records["end"] = start, end
    return records


def _edits(
    spans: npt.NDArray[np.void],
    kinds: npt.NDArray[np.object_],
    rows: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
) -> dict[int, list[Edit]]:
    """Edits by row; each span lies inside of one cut, and both are sorted alike."""
    made: dict[int, list[Edit]] = {}
    number = 0
    places = zip(spans["row"].tolist(), spans["start"].tolist(), kinds.tolist(), strict=True)
    inside = list(places)
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        names = set()
        while number < len(inside) and inside[number][:2] < (row, end):
            names.add(inside[number][2])
            number += 1
        made.setdefault(row, []).append(Edit(EDIT_PREFIX + "+".join(sorted(names)), start, end, ""))
    return made


def _apply(documents: pa.Table, edits: Mapping[int, Sequence[Edit]]) -> pa.Table:
    if not edits:
        return documents
    texts = documents["text"].combine_chunks()
    recorded, origins = documents["edits"].to_pylist(), documents["origins"].to_pylist()
    cut: list[str] = []
    for row, made in edits.items():
        before = bytes(texts[row].as_buffer())
        cut.append(_without(before, made))
        known = [Edit(**edit) for edit in recorded[row] or []]
        recorded[row] = [edit._asdict() for edit in compose(known, before, made)]
        origins[row] = _moved(origins[row] or [], made)
    mask = np.zeros(documents.num_rows, dtype=np.bool_)
    mask[list(edits)] = True
    new = {
        "text": pc.replace_with_mask(texts, pa.array(mask), pa.array(cut, texts.type)),
        "edits": pa.array(recorded, DOCUMENT_SCHEMA.field("edits").type),
        "origins": pa.array(origins, DOCUMENT_SCHEMA.field("origins").type),
    }
    for name, column in new.items():
        place = documents.schema.get_field_index(name)
        documents = documents.set_column(place, documents.schema.field(name), column)
    return documents


def _without(text: bytes, edits: Sequence[Edit]) -> str:
    pieces, done = [], 0
    for edit in edits:
        pieces.append(text[done : edit.start_byte])
        done = edit.end_byte
    return b"".join([*pieces, text[done:]]).decode()


def _moved(origins: Sequence[Mapping[str, Any]], edits: Sequence[Edit]) -> list[dict[str, Any]]:
    ends = ("start_byte", "end_byte")
    moved = [shift_offsets([origin[name] for origin in origins], edits) for name in ends]
    return [
        {**origin, "start_byte": start, "end_byte": end}
        for origin, start, end in zip(origins, *moved, strict=True)
    ]
