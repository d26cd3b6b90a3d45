"""WARC files out: a page's records in one go, each its own gzip member, counted once committed.

A page is first appended here, then its place and the file's new length are committed with its row
(`frontier.py`). What stands behind the committed length was never counted, and is cut off at the
next start: a kill leaves whole, counted records, and nothing else.
"""

import io
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastwarc.stream_io import GzipWriter
from fastwarc.warc import WarcRecord, WarcRecordType

from mapneo.core.errors import InputError
from mapneo.sources.crawl.frontier import Frontier

_SYNC_SECONDS = 1.0
_LEVEL = 6
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Record:
    """A WARC record to write: its type, its named fields beside the usual ones, its block."""

    kind: str
    fields: Mapping[str, str]
    block: bytes


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a record stands: file, first byte, length of its gzip member."""

    file: str
    offset: int
    length: int


class Archive:
    """Appends records to numbered files in a folder; one writer at a time."""

    def __init__(
        self, folder: Path, name: str, roll_bytes: int, info: Record, frontier: Frontier
    ) -> None:
        """Cut off what was not committed, and go on with the last file.

        Args:
            folder: where the files are.
            name: beginning of their names.
            roll_bytes: size at which a file is followed by another.
            info: the warcinfo record, first of each file.
            frontier: knows what counts.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name, self._roll = folder, name, roll_bytes
        self._info, self._frontier = info, frontier
        self.requeued = _repair(folder, frontier)
        known = frontier.warcs()
        self._number = max(len(known), 1)
        self._size, self._safe = known.get(self._file, (0, 0))
        self._handle = self._open()
        self._synced = time.monotonic()

    @property
    def _file(self) -> str:
        return f"{self._name}-{self._number:05d}.warc.gz"

    def _open(self) -> int:
        return os.open(self._folder / self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, records: Sequence[Record]) -> Place:
        """Write records; gives the place of the first. They count with the frontier's next commit.

        Raises:
            OSError: the disk is full or failing; nothing counts.
        """
        if self._size >= self._roll:
            self._next_file()
        if self._size == 0:
            named = {**self._info.fields, "WARC-Filename": self._file}
            self._write(_member(Record(kind="warcinfo", fields=named, block=self._info.block)))
        members = [_member(record) for record in records]
        place = Place(file=self._file, offset=self._size, length=len(members[0]))
        self._write(b"".join(members))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()
        self._frontier.set_warc(self._file, self._size, self._safe)
        return place

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._handle, view) :]
        self._size += len(data)

    def _next_file(self) -> None:
        self.sync()
        os.close(self._handle)
        self._number += 1
        self._size = self._safe = 0
        self._handle = self._open()

    def sync(self) -> None:
        """Flush to disk; the frontier's next commit may say so."""
        os.fsync(self._handle)
        self._safe = self._size
        self._synced = time.monotonic()
        self._frontier.set_warc(self._file, self._size, self._safe)

    def cut_back(self) -> None:
        """Take back what was appended since the frontier's last commit."""
        self._size, self._safe = self._frontier.warcs().get(self._file, (0, 0))
        os.ftruncate(self._handle, self._size)

    def abandon(self) -> None:
        """Close as a kill would: what is not committed is cut off at the next start."""
        os.close(self._handle)

    def close(self) -> None:
        """Flush and close."""
        if self._size:
            self.sync()
        os.close(self._handle)
        if not self._size:
            (self._folder / self._file).unlink(missing_ok=True)


def _member(record: Record) -> bytes:
    warc = WarcRecord()
    fields = dict(record.fields)
    urn = fields.pop("WARC-Record-ID").removeprefix("<urn:").removesuffix(">")
    warc.init_headers(getattr(WarcRecordType, record.kind), urn.encode("ascii"))
    for name, value in fields.items():
        warc.headers[name] = " ".join(value.split())
    warc.set_bytes_content(record.block)
    out = io.BytesIO()
    warc.write(GzipWriter(out, compression_level=_LEVEL), checksum_data=True)
    return out.getvalue()


def _repair(folder: Path, frontier: Frontier) -> int:
    """Make the files what the frontier says; gives how many pages must be fetched again.

    Files of no entry, and bytes behind the committed length, were never counted. Bytes in front of
    it that had not been flushed may be lost or broken if the machine failed: then the pages from
    there on are queued again.
    """
    known = frontier.warcs()
    for path in folder.glob("*.warc.gz"):
        if path.name not in known:
            path.unlink()
    requeued = 0
    for name, (size, safe) in known.items():
        path = folder / name
        if not path.exists():
            raise InputError(
                f"{path} is missing: put the crawl's WARC files back, or move its folder away to "
                "begin again"
            )
        whole = size if size == safe else _whole_members(path, safe, size)
        whole = min(whole, path.stat().st_size)
        if whole < size:
            requeued += frontier.forget_records(name, whole)
        os.truncate(path, whole)
        frontier.set_warc(name, whole, whole)
    frontier.commit()
    return requeued


def _whole_members(path: Path, start: int, end: int) -> int:
    """Where the last whole gzip member between two places ends."""
    whole = start
    with path.open("rb") as handle:
        handle.seek(start)
        decoder = zlib.decompressobj(wbits=31)
        left, pending = end - start, b""
        while left > 0 or pending:
            data = pending or handle.read(min(_CHUNK, left))
            if not data:
                return whole
            left -= 0 if pending else len(data)
            try:
                decoder.decompress(data)
            except zlib.error:
                return whole
            pending = b""
            if decoder.eof:
                pending = decoder.unused_data
                whole = handle.tell() - len(pending)
                decoder = zlib.decompressobj(wbits=31)
    return whole
