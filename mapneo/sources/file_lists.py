"""Lists of raw files: which of a source's files are used, and on which shard each one is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import xxhash

from mapneo.core.canonical import Json
from mapneo.core.tables import read_table, write_table
from mapneo.sources.catalogue import Source
from mapneo.sources.fetch import Unpacked
from mapneo.sources.folder import UNREADABLE_FILE, FolderFile
from mapneo.sources.sets import USER_LICENCE
from mapneo.sources.unpack import UnpackedFile

FILE_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("absolute", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("version", pa.string()),
        pa.field("reader", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("publish", pa.string(), nullable=False),
    ]
)
"""A raw file that extract will read; see docs/formats.md."""


def within_caps(
    files: Sequence[UnpackedFile], max_documents: int | None, max_bytes: int | None
) -> list[UnpackedFile]:
    """Files in the order of a hash of their path until a cap is reached, then sorted by path.

    A fixed hash order means that a larger cap keeps what a smaller one kept.
    """
    chosen: list[UnpackedFile] = []
    size_bytes = 0
    for file in sorted(files, key=lambda file: (path_hash(file.path), file.path)):
        size_bytes += file.size_bytes
        if (max_documents is not None and len(chosen) >= max_documents) or (
            max_bytes is not None and size_bytes > max_bytes
        ):
            break
        chosen.append(file)
    return sorted(chosen, key=lambda file: file.path)


def path_hash(path: str) -> int:
    """64-bit xxh3 of a relative path: decides its shard and its place under a cap."""
    return xxhash.xxh3_64_intdigest(path.encode())


def package_row(source: Source, unpacked: Unpacked, file: UnpackedFile) -> dict[str, Json]:
    """The row of an unpacked file of a package."""
    return {
        "source": source.name,
        **asdict(file),
        "absolute": str(unpacked.folder / file.path),
        # Time stamps of unpacked files mean nothing: the archive's hash stands for them.
        "mtime_ns": 0,
        "version": None,
        "reader": source.reader,
        "category": source.category,
        "licence": source.licence,
        "publish": source.publish,
    }


def user_row(
    name: str, file: FolderFile, sha256: str | None, licence: str | None = None
) -> dict[str, Json]:
    """The row of a file of the user's folder; without a hash, the file could not be read."""
    return {
        "source": name,
        **asdict(file),
        "sha256": sha256 or "",
        "version": None,
        "reader": UNREADABLE_FILE if sha256 is None else file.reader,
        "category": file.category,
        "licence": licence or USER_LICENCE,
        "publish": "text",
    }


def known_hashes(name: str, output: Path) -> Mapping[str, tuple[int, int, str]]:
    """What an earlier listing of this source holds: path → (size_bytes, mtime_ns, sha256)."""
    columns = ["path", "size_bytes", "mtime_ns", "sha256"]
    known: dict[str, tuple[int, int, str]] = {}
    for path in sorted((output / "files").glob(f"{name}-*.parquet")):
        for row in read_table(path, columns).to_pylist():
            known[row["path"]] = (row["size_bytes"], row["mtime_ns"], row["sha256"])
    return known


def write_shards(
    name: str, rows: Iterable[dict[str, Json]], shards: int, output: Path
) -> tuple[str, ...]:
    """Write rows to `files/<name>-<nn>.parquet`, by hash of the path; returns the names."""
    by_shard: dict[int, list[dict[str, Json]]] = defaultdict(list)
    for row in rows:
        by_shard[path_hash(row["path"]) % shards].append(row)
    names = []
    for number, members in sorted(by_shard.items()):
        file = f"files/{name}-{number:02d}.parquet"
        members.sort(key=lambda row: row["path"])
        write_table(output / file, pa.Table.from_pylist(members, schema=FILE_SCHEMA))
        names.append(file)
    return tuple(names)
