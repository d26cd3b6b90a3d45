"""Documents to token shards: one file per language and category, and an index of who lies where."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import DataError
from mapneo.core.files import atomic_file
from mapneo.core.tables import read_table, write_table
from mapneo.tokenizer.tokenizer import Tokenizer

INDEX_SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("offset_tokens", pa.int64(), nullable=False),
        pa.field("length_tokens", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
"""Columns of a token index; see docs/formats.md."""

_COLUMNS = ["doc_id", "cluster_id", "source", "language", "category", "text"]


@dataclass(frozen=True, kw_only=True)
class TokenShard:
    """Where one shard's tokens go: `<tokens>/<shard>.<language>.<category>.bin` and the index."""

    output: Path
    shard: str
    tokens_folder: str
    index_folder: str

    def token_file(self, language: str, category: str) -> str:
        """Path of a token file below `output`."""
        return f"{self.tokens_folder}/{self.shard}.{language}.{category}.bin"

    @property
    def index_file(self) -> str:
        """Path of the index below `output`."""
        return f"{self.index_folder}/{self.shard}.parquet"


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What encoding a shard gave: files below `output`, and its index."""

    files: tuple[str, ...]
    index: pa.Table


@dataclass
class _Writer:
    """Appends documents to the token files of a shard."""

    shard: TokenShard
    tokenizer: Tokenizer
    stack: ExitStack
    handles: dict[str, IO[bytes]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    def append(self, document: dict[str, str], ids: list[int]) -> dict[str, str | int]:
        """Write one document with its EOD; returns its row of the index."""
        file = self.shard.token_file(document["language"], document["category"])
        tokens = np.array([*ids, self.tokenizer.eod], dtype=self.tokenizer.dtype)
        self._handle(file).write(tokens.tobytes())
        offset = self.lengths.get(file, 0)
        self.lengths[file] = offset + len(tokens)
        return {
            "file": file,
            "offset_tokens": offset,
            "length_tokens": len(tokens),
            "bytes": len(document["text"].encode()),
            **{name: document[name] for name in _COLUMNS if name != "text"},
        }

    def _handle(self, file: str) -> IO[bytes]:
        if file not in self.handles:
            temporary = self.stack.enter_context(atomic_file(self.shard.output / file))
            self.handles[file] = self.stack.enter_context(temporary.open("wb"))
        return self.handles[file]


def encode_documents(
    documents: Path, shard: TokenShard, tokenizer: Tokenizer, *, batch_documents: int
) -> Encoded:
    """Encode a shard of documents, each followed by EOD, in row order.

    Raises:
        DataError: a document has no language, so nobody measured it.
    """
    rows = []
    with ExitStack() as stack:
        writer = _Writer(shard=shard, tokenizer=tokenizer, stack=stack)
        for batch in _batches(documents, batch_documents):
            ids = tokenizer.encode_batch([document["text"] for document in batch])
            rows += [writer.append(doc, tokens) for doc, tokens in zip(batch, ids, strict=True)]
    index = pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)
    write_table(shard.output / shard.index_file, index)
    return Encoded(files=(*sorted(writer.handles), shard.index_file), index=index)


def _batches(documents: Path, batch_documents: int) -> Iterator[list[dict[str, str]]]:
    table = read_table(documents, columns=_COLUMNS)
    unnamed = table.filter(pc.is_null(table["language"]))
    if unnamed.num_rows:
        raise DataError(
            f"{documents}: {unnamed.num_rows} documents have no language, the first is "
            f"{unnamed['doc_id'][0]}: run the stage measure on them first"
        )
    for batch in table.to_batches(max_chunksize=batch_documents):
        yield batch.to_pylist()
