"""HTTP responses as archives keep them: status, headers, and the body as the server meant it."""

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastwarc.stream_io import BrotliReader, ChunkedReader

from mapneo.sources.documents import BrokenFileError

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/\d(?:\.\d)?[ \t]+(\d{3})", re.ASCII)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.+-]+)", re.IGNORECASE)
_ZLIB_MARKS = (b"\x1f\x8b", b"\x78")


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response: status (0 if its line is no status line), headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse_response(block: bytes, max_bytes: int) -> Response:
    """The response in a record's block, with transfer and content codings undone.

    A coding that the headers name and the body does not have was undone by the crawler.

    Raises:
        BrokenFileError: `bad_http` (no end of headers, damaged coding) or `too_large` (unpacked).
    """
    end = _HEAD_END.search(block)
    if end is None:
        raise BrokenFileError("bad_http", "the response's headers do not end")
    lines = block[: end.start()].decode("latin-1").splitlines()
    status = _STATUS.match(lines[0]) if lines else None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = block[end.end() :]
    if "chunked" in headers.get("transfer-encoding", "").lower() and _is_chunked(body):
        body = _read(ChunkedReader(io.BytesIO(body)), max_bytes)
    coding = headers.get("content-encoding", "").lower().strip()
    if coding in ("gzip", "x-gzip", "deflate") and body.startswith(_ZLIB_MARKS):
        body = _inflate(body, max_bytes)
    elif coding == "br":  # it has no mark to see, so the header is believed
        body = _read(BrotliReader(io.BytesIO(body)), max_bytes)
    return Response(status=int(status.group(1)) if status else 0, headers=headers, body=body)


def media_type(content_type: str) -> str:
    """`text/html` of `Text/HTML; charset=x`."""
    return content_type.partition(";")[0].strip().lower()


def charset(content_type: str) -> str | None:
    """`x` of `text/html; charset=x`; None if there is none."""
    found = _CHARSET.search(content_type)
    return found.group(1) if found else None


def _is_chunked(body: bytes) -> bool:
    return re.match(rb"[0-9a-fA-F]{1,8}[ \t]*(?:;[^\r\n]*)?\r?\n", body) is not None


def _inflate(body: bytes, max_bytes: int) -> bytes:
    unpack = zlib.decompressobj(47)
    try:
        data = unpack.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise BrokenFileError("bad_http", f"the body's coding is damaged: {error}") from error
    if len(data) > max_bytes:
        raise BrokenFileError("too_large", f"unpacks to more than {max_bytes} bytes")
    if not unpack.eof:
        raise BrokenFileError("bad_http", "the body's coding is torn")
    return data


def _read(stream: Any, max_bytes: int) -> bytes:
    chunks = []
    size_bytes = 0
    try:
        while chunk := stream.read(1 << 16):
            chunks.append(chunk)
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise BrokenFileError("too_large", f"unpacks to more than {max_bytes} bytes")
    except OSError as error:
        raise BrokenFileError("bad_http", f"the body's coding is damaged: {error}") from error
    return b"".join(chunks)
