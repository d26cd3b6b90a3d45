"""Texts that a user points at: what importance weights and reference models are fitted on."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mapneo.core.errors import InputError
from mapneo.text.buffers import from_texts

_PARQUET = (".parquet",)
_JSONL = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_TEXT = (".txt", ".md")


def read_texts(path: Path, *, source: str | None = None, field: str = "text") -> pa.ChunkedArray:
    """Read the texts of a file, or of all files below a folder, in the order of their names.

    Parquet and JSON lines give a text per row, other text files (`.txt`, `.md`) one per file.
    Null and blank texts are left out.

    Args:
        path: a file or folder, such as a run's `measure/documents`.
        source: only rows whose column `source` holds this; None takes all rows.
        field: column of the text.

    Returns:
        strings.

    Raises:
        InputError: there is no such file, a file can't be read, or no text is left.
    """
    files = _files(path)
    chunks = [chunk for file in files for chunk in _read(file, source, field)]
    texts = pa.chunked_array(chunks, pa.large_string())
    texts = texts.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(texts), ""), False))
    if not len(texts):
        which = "" if source is None else f" of source {source!r}"
        raise InputError(f"{path} has no text{which} in {len(files)} files: correct the path")
    return texts


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    endings = _PARQUET + _JSONL + _TEXT
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name.endswith(endings))
    if not files:
        raise InputError(f"{path} is missing or holds no file of {', '.join(endings)}")
    return files


def _read(file: Path, source: str | None, field: str) -> Iterator[pa.Array]:
    try:
        if file.name.endswith(_PARQUET):
            names = [field] if source is None else [field, "source"]
            for batch in pq.ParquetFile(file).iter_batches(columns=names):
                if source is not None:
                    batch = batch.filter(pc.equal(batch["source"], source))
                yield batch[field].cast(pa.large_string())
        elif file.name.endswith(_JSONL):
            yield from_texts(_json_texts(file, source, field)).cast(pa.large_string())
        else:
            yield from_texts([file.read_text("utf-8")]).cast(pa.large_string())
    except (
        OSError,
        EOFError,
        zlib.error,
        UnicodeDecodeError,
        pa.ArrowException,
        KeyError,
    ) as error:
        raise InputError(f"{file} can't be read as texts: {error}") from error


def _json_texts(file: Path, source: str | None, field: str) -> Iterator[str]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{file}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict) or not isinstance(row.get(field), str):
                raise InputError(f"{file}, line {number}: not an object with a string {field!r}")
            if source is None or row.get("source") == source:
                yield row[field]
