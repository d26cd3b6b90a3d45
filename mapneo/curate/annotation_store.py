"""Annotations from files, found by document: an index in memory, the rows in a temporary file.

A row costs a few tens of bytes of memory whatever it holds, so that the files may be far larger
than memory.
"""

import json
import os
import tempfile
import weakref
import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from mapneo.curate.annotation_files import AnnotationSource, annotation_files, annotation_rows

JOINED = "annotations:joined"
"""Reason that counts documents whose annotations were found."""

_COMPRESSION_LEVEL = 1
_NEEDED = ("doc_id", "source", "url", "meta")


class Totals(NamedTuple):
    """What the files of a source hold.

    Attributes:
        path: the source's.
        rows: rows with an id of their own.
        duplicates: rows whose id an earlier row has; the first counts.
        malformed: rows that can't be read or have no id.
    """

    path: str
    rows: int
    duplicates: int
    malformed: int


class AnnotationStore:
    """The annotations of one source; may be used by several threads."""

    def __init__(self, source: AnnotationSource) -> None:
        """Read all files of `source` once.

        Raises:
            InputError: a file is missing or can't be read.
        """
        self.source = source
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives on)
        weakref.finalize(self, self._file.close)
        hashes, ends = array("Q"), array("Q")
        malformed = end = 0
        for path in annotation_files(source):
            for row in annotation_rows(path, source.key):
                if row.id is None:
                    malformed += 1
                    continue
                packed = zlib.compress(row.signals, _COMPRESSION_LEVEL)
                self._file.write(packed)
                end += len(packed)
                hashes.append(_hash(row.id))
                ends.append(end)
        self._file.flush()
        found = np.frombuffer(hashes, np.uint64) if hashes else np.zeros(0, np.uint64)
        stops = np.frombuffer(ends, np.uint64) if ends else np.zeros(0, np.uint64)
        self._keys, first = np.unique(found, return_index=True)
        self._ends = stops[first]
        self._sizes = np.diff(stops, prepend=np.uint64(0))[first].astype(np.int64)
        rows = self._keys.size
        self.totals = Totals(str(source.path), rows, found.size - rows, malformed)

    def find(self, ids: Sequence[str | None]) -> list[dict[str, Any] | None]:
        """Annotations by id; None where there is none."""
        keys = np.array([0 if name is None else _hash(name) for name in ids], dtype=np.uint64)
        if not self._keys.size:
            return [None] * len(ids)
        places = np.minimum(np.searchsorted(self._keys, keys), self._keys.size - 1)
        hit = self._keys[places] == keys
        return [
            self._read(int(place)) if held and name is not None else None
            for name, place, held in zip(ids, places, hit, strict=True)
        ]

    def _read(self, place: int) -> dict[str, Any]:
        size = int(self._sizes[place])
        packed = os.pread(self._file.fileno(), size, int(self._ends[place]) - size)
        found: dict[str, Any] = json.loads(zlib.decompress(packed))
        return found


class Joined(NamedTuple):
    """Documents' `meta` with the annotations that were found, for measuring only.

    Attributes:
        meta: strings, one a document.
        reasons: documents by `annotations:<why>`: `joined`, `no_row` (no source has their id) and
            `no_id` (the id needs something that the document lacks).
    """

    meta: pa.Array
    reasons: dict[str, int]


def join_annotations(documents: pa.Table, stores: Sequence[AnnotationStore]) -> Joined:
    """Look documents up, in the first source that has them.

    What a document brought along in its own `meta` stands before what is found.
    """
    rows = [
        dict(zip(_NEEDED, values, strict=True))
        for values in zip(*(documents[name].to_pylist() for name in _NEEDED), strict=True)
    ]
    metas: list[str | None] = [row["meta"] for row in rows]
    joined = np.zeros(len(rows), dtype=np.bool_)
    named = np.zeros(len(rows), dtype=np.bool_)
    for store in stores:
        ids = [document_id(row, store.source) for row in rows]
        named |= [name is not None for name in ids]
        for number, found in enumerate(store.find(ids)):
            if found is not None and not joined[number]:
                metas[number] = _merged(metas[number], found)
                joined[number] = True
    counts = {
        JOINED: int(joined.sum()),
        "annotations:no_row": int((named & ~joined).sum()),
        "annotations:no_id": int((~named).sum()),
    }
    return Joined(pa.array(metas, pa.string()), {why: n for why, n in counts.items() if n})


def document_id(row: Mapping[str, str | None], source: AnnotationSource) -> str | None:
    """A document's id as a source writes it; None if it lacks a part of it."""
    doc_id = row["doc_id"] or ""
    name = doc_id.removeprefix(f"{row['source']}/")
    file, colon, number = name.rpartition(":")
    fields: dict[str, object] = {"doc_id": doc_id, "source": row["source"]}
    if row["url"] is not None:
        fields["url"] = row["url"]
    if colon and number.isdigit():
        fields["row"] = number
    fields["file"] = (file if "row" in fields else name).removeprefix(source.strip)
    if "{meta" in source.document:
        fields["meta"] = _object(row["meta"]) or {}
    try:
        return source.document.format_map(fields)
    except KeyError:
        return None


def _merged(meta: str | None, found: dict[str, Any]) -> str | None:
    own = _object(meta)
    return meta if own is None else json.dumps({**found, **own})


def _object(text: str | None) -> dict[str, Any] | None:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
