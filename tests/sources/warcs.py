"""WARC records written by hand, so that their lengths can lie."""

import gzip

HTML = b"<html><head><title>T%d</title></head><body><main><p>%s</p></main></body></html>"
PROSE = b"A paragraph of real prose, long enough to be taken for content. " * 3


def record(number, body=None, *, kind="response", length=None, status=200, headers=(), warc=()):
    """One record with the page `number`; `length` overrides what Content-Length says."""
    body = HTML % (number, PROSE) if body is None else body
    if kind == "response":
        lines = [f"HTTP/1.1 {status} X", *headers]
        if not any(line.lower().startswith("content-type") for line in lines):
            lines.append("Content-Type: text/html; charset=utf-8")
        block = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        media = "application/http; msgtype=response"
    else:
        block, media = body, "text/plain"
    head = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{number}>",
        "WARC-Date: 2024-05-29T00:00:00Z",
        f"WARC-Target-URI: https://example.org/{number}",
        f"Content-Type: {media}",
        f"Content-Length: {len(block) if length is None else length}",
        *warc,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def packed(records):
    """Records packed one by one, as WARC asks."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)
