"""WARC and WET records to documents: what kind of content a record holds, and who reads it."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from mapneo.core.canonical import Json
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.html import html_document, looks_like_html
from mapneo.sources.http import charset, media_type, parse_response
from mapneo.sources.pdf import pdf_document
from mapneo.sources.plain_text import text_document
from mapneo.sources.warc import Record, read_records

_HTML = ("text/html", "application/xhtml+xml", "application/xml+html")
_TEXT = ("text/plain", "text/markdown", "text/x-rst")
_UNSAID = ("", "application/octet-stream", "unk", "binary/octet-stream")


def read_warc(file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
    """One document per page; `row` is the record's byte offset.

    Responses and resources are read by their content; conversions (WET) are text already. A page
    that was not served (`http_status`), has not changed since another visit (`revisit`), or is
    neither HTML, text nor PDF (`unread_content_type`) is an error row. Requests and metadata are
    no pages and are not counted.
    """
    for record in read_records(file, options.max_document_bytes):
        if isinstance(record, Broken):
            yield record
            continue
        try:
            yield _document(record, options)
        except BrokenFileError as error:
            yield Broken(kind=error.kind, message=str(error), row=record.offset)


def _document(record: Record, options: ReadOptions) -> Extracted:
    if record.kind == "revisit":
        raise BrokenFileError("revisit", "the page had not changed since another visit")
    body, content_type, hints = _content(record, options)
    if not body:
        raise BrokenFileError("empty_file", "the record has no content")
    # What the crawler saw in the bytes is better than what the server said of them.
    seen = record.headers.get("warc-identified-payload-type") or media_type(content_type)
    found = _read_content(body, seen, content_type, hints, options)
    url = (record.headers.get("warc-target-uri") or "").strip("<>") or found.url
    meta: dict[str, Json] = dict(found.meta)
    if found.url and found.url != url:
        meta["canonical_url"] = found.url
    record_id = (record.headers.get("warc-record-id") or "").strip("<>")
    if record_id:
        meta["warc_record_id"] = record_id
    return Extracted(
        text=found.text,
        row=record.offset,
        url=url,
        raw_sha256=hashlib.sha256(body).hexdigest(),
        fetched=record.headers.get("warc-date"),
        origins=found.origins,
        meta=meta,
    )


def _content(record: Record, options: ReadOptions) -> tuple[bytes, str, str | None]:
    """Body, content type and languages of a record; the server's, or the record's own."""
    languages = record.headers.get("warc-identified-content-language")
    own_type = record.headers.get("content-type") or ""
    if record.kind == "response" and media_type(own_type) in ("application/http", ""):
        response = parse_response(record.block, options.max_document_bytes)
        if response.status != 200:
            message = f"the server answered {response.status}, not 200"
            raise BrokenFileError("http_status", message)
        content_type = response.headers.get("content-type", "")
        return response.body, content_type, languages or response.headers.get("content-language")
    if record.kind == "conversion":
        own_type = own_type or "text/plain"
    return record.block, own_type, languages


def _read_content(
    body: bytes, kind: str, content_type: str, languages: str | None, options: ReadOptions
) -> Extracted:
    if kind in _UNSAID:
        kind = "application/pdf" if body.startswith(b"%PDF-") else kind
        kind = "text/html" if looks_like_html(body) else kind
    if kind in _HTML:
        return html_document(body, options, charset=charset(content_type), languages=languages)
    if kind in _TEXT:
        found = text_document(body, options, charset=charset(content_type))
        if languages:
            return replace(found, meta={**found.meta, "language_hints": _split(languages)})
        return found
    if kind == "application/pdf":
        return pdf_document(body)
    raise BrokenFileError("unread_content_type", f"content of type {content_type or 'unknown'}")


def _split(languages: str) -> list[str]:
    return [language.strip() for language in languages.split(",") if language.strip()]
