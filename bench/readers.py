"""Each reader beside its library called plainly, in MB of file per CPU second.

The plain side does what anyone would write to get the texts out; a second plain side also takes the
SHA-256 of each row's bytes, which our readers owe. Files are written from real documents of
packages, English and Chinese.
"""

import gzip
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

from bench.marked import manual, marked_pages
from bench.pages import read_pages
from bench.paired import in_turn
from mapneo.sources.documents import RawFile, ReadOptions
from mapneo.sources.readers import READERS
from mapneo.sources.warc import read_records

_TEXTS = (("python-docs", "en"), ("django-docs", "en"), ("linux-command-zh", "Hans"))
_RESPONSE = WarcRecordType.response
_CONVERSION = WarcRecordType.conversion


def measure() -> list[dict[str, Any]]:
    """A row a reader and way."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path, ways in _cases(Path(folder)):
            work = path.stat().st_size / 1e6
            for row in in_turn(ways, rounds=5, work=work, unit="megabytes"):
                rows.append({"reader": name, "file_megabytes": work, **row})
    return rows


def _cases(
    folder: Path,
) -> Iterator[tuple[str, Path, Mapping[str, Callable[[], object]]]]:
    texts = [page.text for name, label in _TEXTS for page in read_pages(name, label)]
    rows = [
        {"text": text, "url": f"https://example.org/{n}", "id": n, "score": n / 7}
        for n, text in enumerate(texts)
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    for suffix, data in (
        ("jsonl", lines),
        ("jsonl.gz", gzip.compress(lines, 6)),
        ("jsonl.zst", bytes(pa.compress(lines, "zstd"))),
    ):
        path = folder / f"rows.{suffix}"
        path.write_bytes(data)
        yield suffix, path, _json_ways(path)
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
    yield "parquet", path, _parquet_ways(path)
    yield from _archives(folder, texts)
    yield from _trees(folder, texts)


def _ours(reader: str, path: Path) -> Callable[[], object]:
    file = RawFile(path=path, relative=path.name)
    return lambda: sum(1 for _ in READERS[reader](file, ReadOptions()))


def _json_ways(path: Path) -> dict[str, Callable[[], object]]:
    def opened() -> Any:
        if path.suffix == ".gz":
            return gzip.open(path)
        if path.suffix == ".zst":
            return io.BufferedReader(pa.CompressedInputStream(path.open("rb"), "zstd"))
        return path.open("rb")

    def plain() -> int:
        with opened() as lines:
            return sum(len(json.loads(line)["text"]) for line in lines)

    def hashed() -> int:
        with opened() as lines:
            return sum(
                len(json.loads(line)["text"]) + len(hashlib.sha256(line).hexdigest())
                for line in lines
            )

    return {"mapneo": _ours("jsonl", path), "plain": plain, "plain, hashed": hashed}


def _parquet_ways(path: Path) -> dict[str, Callable[[], object]]:
    def plain() -> int:
        file = pq.ParquetFile(path)
        return sum(len(row["text"]) for batch in file.iter_batches() for row in batch.to_pylist())

    def hashed() -> int:
        file = pq.ParquetFile(path)
        return sum(
            len(hashlib.sha256(row["text"].encode()).hexdigest())
            for batch in file.iter_batches()
            for row in batch.to_pylist()
        )

    return {"mapneo": _ours("parquet", path), "plain": plain, "plain, hashed": hashed}


def _archives(
    folder: Path, texts: list[str]
) -> Iterator[tuple[str, Path, Mapping[str, Callable[[], object]]]]:
    pages = [page.data for page in marked_pages()] + list(manual("en")[0])
    for name, kind, blocks in (
        ("warc.gz", "response", [_HTTP + page for page in pages * 3]),
        ("wet.gz", "conversion", [text.encode() for text in texts]),
    ):
        path = folder / f"x.{name}"
        path.write_bytes(b"".join(gzip.compress(_record(kind, block)) for block in blocks))
        types = _RESPONSE if kind == "response" else _CONVERSION
        yield f"{name}, records", path, _record_ways(path, types)
    yield "wet.gz, documents", folder / "x.wet.gz", _wet_ways(folder / "x.wet.gz")


_HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def _record(kind: str, block: bytes) -> bytes:
    media = "application/http" if kind == "response" else "text/plain"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2024-05-29T00:00:00Z\r\nWARC-Target-URI: "
        f"https://example.org/\r\nContent-Type: {media}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def _record_ways(path: Path, types: Any) -> dict[str, Callable[[], object]]:
    file = RawFile(path=path, relative=path.name)

    def ours() -> int:
        return sum(1 for _ in read_records(file, ReadOptions().max_document_bytes))

    def plain() -> int:
        with path.open("rb") as raw:
            records = ArchiveIterator(raw, record_types=types, parse_http=False)
            return sum(len(record.reader.read()) for record in records)

    return {"mapneo": ours, "plain": plain}


def _wet_ways(path: Path) -> dict[str, Callable[[], object]]:
    def plain() -> int:
        with path.open("rb") as raw:
            records = ArchiveIterator(raw, record_types=_CONVERSION, parse_http=False)
            return sum(len(record.reader.read().decode()) for record in records)

    def hashed() -> int:
        total = 0
        with path.open("rb") as raw:
            for record in ArchiveIterator(raw, record_types=_CONVERSION, parse_http=False):
                data = record.reader.read()
                total += len(data.decode()) + len(hashlib.sha256(data).hexdigest())
        return total

    return {"mapneo": _ours("warc", path), "plain": plain, "plain, hashed": hashed}


def _trees(
    folder: Path, texts: list[str]
) -> Iterator[tuple[str, Path, Mapping[str, Callable[[], object]]]]:
    tree = folder / "tree"
    tree.mkdir()
    files = []
    for number, text in enumerate(texts[:2000]):
        path = tree / f"{number}.txt"
        path.write_text(text, encoding="utf-8")
        files.append(RawFile(path=path, relative=path.name))
    whole = folder / "all.txt"
    whole.write_text("".join(texts[:2000]), encoding="utf-8")

    def ours() -> int:
        return sum(1 for file in files for _ in READERS["text"](file, ReadOptions()))

    def plain() -> int:
        return sum(len(Path(file.path).read_text(encoding="utf-8")) for file in files)

    yield "text tree", whole, {"mapneo": ours, "plain": plain}
    code = [replace(file, relative=f"{file.relative}.py") for file in files]

    def ours_code() -> int:
        return sum(1 for file in code for _ in READERS["code"](file, ReadOptions()))

    yield "code tree", whole, {"mapneo": ours_code, "plain": plain}
