"""A shard's documents and errors, written part by part so that none has to be held whole.

The first part has the shard's name; those behind it add `-p001` and so on. Where a part ends is
decided by the documents alone: the same input gives the same parts, whoever reads it.
"""

from collections import Counter
from pathlib import Path

import pyarrow as pa

from mapneo.core.canonical import Json
from mapneo.core.tables import DOCUMENT_SCHEMA, ERROR_SCHEMA, write_table

_ROW_BYTES = 512
"""What a row is taken to hold beside its text, so that many small rows end a part too."""


class Parts:
    """Takes documents and errors in file order; counts them."""

    def __init__(self, shard: str, output: Path, part_bytes: int) -> None:
        """`part_bytes` of text and rows make a part."""
        self._shard = shard
        self._output = output
        self._part_bytes = part_bytes
        self._documents: list[dict[str, Json]] = []
        self._errors: list[dict[str, Json]] = []
        self._held_bytes = 0
        self.files: list[str] = []
        self.documents = 0
        self.text_bytes = 0
        self.errors: Counter[str] = Counter()

    def add_document(self, row: dict[str, Json]) -> None:
        """Take a row of DOCUMENT_SCHEMA."""
        size_bytes = len(row["text"].encode())
        self._documents.append(row)
        self.documents += 1
        self.text_bytes += size_bytes
        self._hold(size_bytes + len(row["meta"]))

    def add_error(self, row: dict[str, Json]) -> None:
        """Take a row of ERROR_SCHEMA."""
        self._errors.append(row)
        self.errors[row["kind"]] += 1
        self._hold(len(row["message"]))

    def close(self) -> None:
        """Write what is left; a shard without anything has one empty part."""
        if self._documents or self._errors or not self.files:
            self._write()

    def _hold(self, size_bytes: int) -> None:
        self._held_bytes += size_bytes + _ROW_BYTES
        if self._held_bytes >= self._part_bytes:
            self._write()

    def _write(self) -> None:
        number = len(self.files) // 2
        name = f"{self._shard}-p{number:03d}" if number else self._shard
        for folder, rows, schema in (
            ("documents", self._documents, DOCUMENT_SCHEMA),
            ("errors", self._errors, ERROR_SCHEMA),
        ):
            rows.sort(key=lambda row: row["doc_id"])
            file = f"{folder}/{name}.parquet"
            write_table(self._output / file, pa.Table.from_pylist(rows, schema=schema))
            self.files.append(file)
            rows.clear()
        self._held_bytes = 0
