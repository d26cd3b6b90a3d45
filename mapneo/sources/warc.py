"""Records of a WARC or WET file, each at its byte offset, with what is damaged named and passed by.

fastwarc reads; it stops at the first record whose length is wrong. Then the record before is looked
at by hand (does it end where it says?), and reading goes on at the next place where a record
begins. So every stretch of the file is a record, or one error at its offset.

Offsets are those of the file as it lies (as in CDX indexes) if it is plain or packed record by
record, as WARC asks; of the unpacked bytes if someone packed the file as a whole.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType

from mapneo.sources.documents import Broken, BrokenFileError, RawFile
from mapneo.sources.storage import open_raw
from mapneo.sources.streams import CHUNK_BYTES, Readable, Unpacked, packing_of

_PAGES = (
    WarcRecordType.response
    | WarcRecordType.resource
    | WarcRecordType.conversion
    | WarcRecordType.revisit
)
_MARK = b"WARC/"
_MEMBER_MARKS = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}
_LENGTH = re.compile(rb"\r?\ncontent-length:[ \t]*(\d+)[ \t]*\r?\n", re.IGNORECASE)
_MAX_HEADER_BYTES = 1 << 16
_RECORD_END = b"\r\n\r\n"


class Record(NamedTuple):
    """A record that may hold a page: offset, type, WARC headers (`get` by any case), block."""

    offset: int
    kind: str
    headers: Any
    block: bytes


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How the file is packed: `member` if each record is a member of its own."""

    packing: str | None
    member: bool

    @property
    def as_whole(self) -> bool:
        return self.packing is not None and not self.member


def read_records(file: RawFile, max_bytes: int) -> Iterator[Record | Broken]:
    """Responses, resources, conversions and revisits in file order; `max_bytes` limits a block.

    Broken kinds: `bad_record` (bytes that are no record), `bad_length`, `truncated_record`,
    `too_large`, `bad_gzip`, `bad_zstd`.

    Raises:
        BrokenFileError: `empty_file`, `bad_warc` (no record in it), `unreadable_file`.
    """
    layout = _layout(file)
    start: int | None = 0
    found = False
    while start is not None:
        run = _Run(file, layout, start, max_bytes)
        for item in run.items():
            found = found or isinstance(item, Record)
            yield item
        found = found or run.any_header
        start = run.next_start
        if start is None and not found:
            raise BrokenFileError("bad_warc", "no WARC record in the file")


def _layout(file: RawFile) -> _Layout:
    with closing(open_raw(file)) as raw:
        head = raw.peek(6)[:6]
        if not head:
            raise BrokenFileError("empty_file", "the file has no bytes")
    packing = packing_of(head)
    if packing not in _MEMBER_MARKS:
        # Plain, or packed in a way that has no members: then it is unpacked as a whole.
        return _Layout(packing=packing, member=False)
    with closing(open_raw(file)) as raw:
        records = ArchiveIterator(raw, parse_http=False, record_types=WarcRecordType.any_type)
        try:
            next(records)
            second = int(next(records).stream_pos)
        except (OSError, StopIteration):
            return _Layout(packing=packing, member=True)
    with closing(open_raw(file, second)) as raw:
        return _Layout(packing=packing, member=raw.read(4).startswith(_MEMBER_MARKS[packing]))


class _Run:
    """Records from one start on, until the end or the first damage."""

    def __init__(self, file: RawFile, layout: _Layout, start: int, max_bytes: int) -> None:
        self._file = file
        self._layout = layout
        self._start = start
        self._max_bytes = max_bytes
        self.any_header = False
        self.next_start: int | None = None
        """Where to go on after damage; None at the end of the file."""

    def items(self) -> Iterator[Record | Broken]:
        held: Record | Broken | None = None
        held_offset: int | None = None
        with closing(_opened(self._file, self._layout, self._start)) as stream:
            records = iter(
                ArchiveIterator(
                    stream,
                    parse_http=False,
                    record_types=WarcRecordType.any_type,
                    stream_detect=not self._layout.as_whole,
                )
            )
            while True:
                try:
                    record = next(records, None)
                except (OSError, BrokenFileError) as error:
                    yield from self._after_damage(held, held_offset, str(error))
                    return
                # A record is given on once its successor's header was found where it must be.
                if held is not None:
                    yield held
                if record is None:
                    return
                # fastwarc asks the stream where it is: this counts from the file's start.
                held_offset = int(record.stream_pos)
                self.any_header = True
                try:
                    held = self._taken(record, held_offset)
                except (OSError, BrokenFileError) as error:
                    message = f"the record can't be unpacked: {error}"
                    yield Broken(kind="bad_record", message=message, row=held_offset)
                    self.next_start = _next_record(self._file, self._layout, held_offset + 1)
                    return
                if isinstance(held, Broken) and held.kind == "truncated_record":
                    yield held
                    self.next_start = _next_record(self._file, self._layout, held_offset + 1)
                    return

    def _taken(self, record: Any, offset: int) -> Record | Broken | None:
        """The record's block; None for one that holds no page."""
        length = record.content_length
        wanted = record.record_type & _PAGES
        if not length and "Content-Length" not in record.headers:
            message = "the record has no Content-Length"
            return Broken(kind="bad_length", message=message, row=offset)
        if not wanted or length > self._max_bytes:
            read_bytes = record.reader.consume()
            if isinstance(read_bytes, int) and read_bytes < length:
                return _truncated(offset, read_bytes, length)
            message = f"the record has {length} bytes, more than max_document_bytes"
            return Broken(kind="too_large", message=message, row=offset) if wanted else None
        block = record.reader.read()
        if len(block) < length:
            return _truncated(offset, len(block), length)
        return Record(offset, str(record.record_type), record.headers, block)

    def _after_damage(
        self, held: Record | Broken | None, held_offset: int | None, reason: str
    ) -> Iterator[Record | Broken]:
        """The record before the damage if it is whole, and the damage; sets where to go on."""
        if held_offset is None:
            after = self._start + 1
            damage = Broken(
                kind="bad_record", message=f"no WARC record here: {reason}", row=self._start
            )
        else:
            end = _end_of_record(self._file, self._layout, held_offset)
            if end is None:
                after = held_offset + 1
                damage = Broken(
                    kind="bad_length",
                    message="the record's Content-Length does not lead to its end",
                    row=held_offset,
                )
            else:
                if held is not None:
                    yield held
                after = end
                message = f"no WARC record here: {reason}"
                damage = Broken(kind="bad_record", message=message, row=end)
        found = _next_record(self._file, self._layout, after)
        if found is None or found != damage.row:
            yield damage
        self.next_start = found


def _truncated(offset: int, found: int, length: int) -> Broken:
    message = f"the file ends {found} bytes into a record of {length} bytes"
    return Broken(kind="truncated_record", message=message, row=offset)


def _opened(file: RawFile, layout: _Layout, start: int) -> Any:
    """The bytes that offsets count, from `start` on: as they lie, or unpacked as a whole."""
    if not layout.as_whole:
        return open_raw(file, start)
    stream = Unpacked(file)
    while start and (skipped := stream.read(min(start, CHUNK_BYTES))):
        start -= len(skipped)
    return stream


def _end_of_record(file: RawFile, layout: _Layout, offset: int) -> int | None:
    """Where the record at `offset` ends, if its length leads to an end of record; else None.

    In zstd members, whose end is not to be had, the least that it can be.
    """
    with closing(_opened(file, layout, offset)) as raw:
        member = None
        stream: Readable = raw
        if layout.packing == "gzip" and layout.member:
            stream = member = _GzipMember(raw)
        elif layout.member:
            stream = pa.CompressedInputStream(raw, "zstd")
        try:
            size_bytes = _size_of_record(stream)
            if size_bytes is None:
                return None
            if member is not None:
                return offset + member.size_bytes()
        except (OSError, zlib.error, BrokenFileError):
            return None
    return offset + (1 if layout.member else size_bytes)


def _size_of_record(stream: Readable) -> int | None:
    """Bytes of the record that `stream` begins with; None if it does not end as a record must."""
    head = b""
    while _RECORD_END not in head:
        chunk = stream.read(_MAX_HEADER_BYTES)
        if not chunk or len(head) > _MAX_HEADER_BYTES:
            return None
        head += chunk
    header, _, rest = head.partition(_RECORD_END)
    length = _LENGTH.search(header + b"\r\n")
    if length is None:
        return None
    content = int(length.group(1))
    size_bytes = len(header) + len(_RECORD_END) + content + len(_RECORD_END)
    end = rest[content : content + len(_RECORD_END)]
    seen = len(rest)
    while seen < content + len(_RECORD_END):
        chunk = stream.read(min(CHUNK_BYTES, content + len(_RECORD_END) - seen))
        if not chunk:
            return None
        end += chunk[max(0, content - seen) :]
        seen += len(chunk)
    return size_bytes if end == _RECORD_END else None


class _GzipMember:
    """One gzip member, unpacked; knows where it ended."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self._unpack = zlib.decompressobj(31)
        self._taken = 0

    def read(self, size: int, /) -> bytes:
        pending = self._unpack.unconsumed_tail
        while not self._unpack.eof:
            if not pending:
                pending = self._raw.read(CHUNK_BYTES)
                self._taken += len(pending)
                if not pending:
                    return b""
            data = self._unpack.decompress(pending, size)
            if data:
                return data
            pending = self._unpack.unconsumed_tail
        return b""

    def size_bytes(self) -> int:
        """Packed bytes from the member's start to its end."""
        while not self._unpack.eof and self.read(CHUNK_BYTES):
            pass
        return self._taken - len(self._unpack.unused_data)


def _next_record(file: RawFile, layout: _Layout, after: int) -> int | None:
    """Offset of the first place from `after` on where a record may begin; None if there is none."""
    mark = _MEMBER_MARKS[layout.packing or ""] if layout.member else _MARK
    position = after
    tail = b""
    with closing(_opened(file, layout, after)) as raw:
        while True:
            try:
                chunk = raw.read(CHUNK_BYTES)
            except BrokenFileError:
                return None
            if not chunk:
                return None
            data: bytes = tail + chunk
            base = position - len(tail)
            place = data.find(mark)
            while place >= 0:
                at_line_head = base + place == after or data[place - 1 : place] == b"\n"
                if _unpacks(file, base + place) if layout.member else at_line_head:
                    return base + place
                place = data.find(mark, place + 1)
            position += len(chunk)
            tail = data[-len(mark) :]


def _unpacks(file: RawFile, offset: int) -> bool:
    """Whether a packed record begins at `offset`, and not bytes that look like a member's mark."""
    with closing(open_raw(file, offset)) as raw:
        records = ArchiveIterator(raw, parse_http=False, record_types=WarcRecordType.any_type)
        try:
            return next(records, None) is not None
        except OSError:
            return False
