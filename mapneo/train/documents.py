"""Documents in token files: which one a stretch of tokens belongs to, and the held-out ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mapneo.core.errors import ManifestError
from mapneo.core.tables import read_table
from mapneo.train.data import Extent, map_tokens, token_dtype


def documents_within(root: Path, extents: Iterable[Extent]) -> list[str]:
    """Ids of the documents that `extents` of token files below `root` touch, in that order."""
    index = _index(root / "index", ["file", "doc_id", "offset_tokens", "length_tokens"])
    found: dict[str, None] = {}
    for extent in extents:
        start = index["offset_tokens"]
        end = pc.add(start, index["length_tokens"])
        touched = pc.and_(
            pc.equal(index["file"], extent.file),
            pc.and_(pc.less(start, extent.end_token), pc.greater(end, extent.start_token)),
        )
        rows = index.filter(touched).sort_by("offset_tokens")
        found.update(dict.fromkeys(rows["doc_id"].to_pylist()))
    return list(found)


@dataclass(frozen=True, kw_only=True)
class HeldoutDocument:
    """A document that no training step sees."""

    doc_id: str
    language: str
    category: str
    bytes: int
    tokens: npt.NDArray[np.unsignedinteger[Any]]
    """Ids without the closing end-of-document id, mapped from the file."""

    @property
    def group(self) -> str:
        """`<language>/<category>`, the unit of every held-out number."""
        return f"{self.language}/{self.category}"


def read_heldout(root: Path, token_bytes: int, max_bytes: int | None) -> list[HeldoutDocument]:
    """Held-out documents of an encode artifact, by group and id.

    With `max_bytes`, each group is cut to documents in the order of a hash of their ids: one that
    does not fit into what is left is passed over. The choice depends on nothing else, so curves of
    different runs compare.
    """
    documents = list(_heldout(root, token_bytes))
    if max_bytes is not None:
        documents = list(_capped(documents, max_bytes))
    return sorted(documents, key=lambda document: (document.group, document.doc_id))


def _heldout(root: Path, token_bytes: int) -> Iterator[HeldoutDocument]:
    dtype = token_dtype(token_bytes)
    columns = ["file", "offset_tokens", "length_tokens", "doc_id", "language", "category", "bytes"]
    index = _index(root / "heldout_index", columns)
    files: dict[str, npt.NDArray[np.unsignedinteger[Any]]] = {}
    for row in index.to_pylist():
        if row["file"] not in files:
            path = root / row["file"]
            size = path.stat().st_size if path.exists() else 0
            files[row["file"]] = map_tokens(path, size // dtype.itemsize, dtype)
        start, length = row["offset_tokens"], row["length_tokens"]
        if length > 1 and row["bytes"] > 0:
            yield HeldoutDocument(
                doc_id=row["doc_id"],
                language=row["language"],
                category=row["category"],
                bytes=row["bytes"],
                tokens=files[row["file"]][start : start + length - 1],
            )


def _capped(documents: Iterable[HeldoutDocument], max_bytes: int) -> Iterator[HeldoutDocument]:
    left: dict[str, int] = {}
    for document in sorted(documents, key=_draw):
        room = left.setdefault(document.group, max_bytes)
        if document.bytes <= room:
            left[document.group] = room - document.bytes
            yield document


def _draw(document: HeldoutDocument) -> tuple[int, str]:
    return xxhash.xxh3_64_intdigest(document.doc_id.encode()), document.doc_id


def _index(folder: Path, columns: list[str]) -> pa.Table:
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise ManifestError(f"{folder} holds no index: run the stage encode again")
    return pa.concat_tables([read_table(path, columns) for path in paths])
