"""PDF to plain text by the text layer that is in the file, page by page."""

from collections.abc import Iterator

import pypdfium2

from mapneo.core.canonical import Json
from mapneo.sources.documents import BrokenFileError, Extracted, Origin, RawFile, ReadOptions
from mapneo.sources.streams import read_whole

PAGE_BREAK = "\n\n"
# PDFium marks a hyphen that only breaks a line by U+FFFE, or U+0002 in older releases.
_LINE_HYPHENS = ("\ufffe\n", "\ufffe", "\x02\n", "\x02")
_PASSWORD = "password"


def read_pdf(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """The text of all pages; each page's span is an origin, with the page's box in points.

    Raises:
        BrokenFileError: `encrypted_pdf`, `unreadable_pdf`, or `no_text_layer` (scanned pages).
    """
    yield pdf_document(read_whole(file, options.max_document_bytes))


def pdf_document(data: bytes) -> Extracted:
    """The text of all pages of a PDF's bytes.

    Raises:
        BrokenFileError: see `read_pdf`.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if _PASSWORD in str(error).lower():
            raise BrokenFileError("encrypted_pdf", "needs a password to open") from error
        raise BrokenFileError("unreadable_pdf", f"can't be opened as PDF: {error}") from error
    try:
        return _join_pages(document)
    finally:
        document.close()


def _join_pages(document: pypdfium2.PdfDocument) -> Extracted:
    parts: list[str] = []
    origins: list[Origin] = []
    unreadable: list[int] = []
    at_byte = 0
    for number in range(1, len(document) + 1):
        try:
            text, box = _page_text(document, number)
        except pypdfium2.PdfiumError:
            unreadable.append(number)
            continue
        if not text:
            continue
        if parts:
            parts.append(PAGE_BREAK)
            at_byte += len(PAGE_BREAK)
        end = at_byte + len(text.encode())
        origins.append(Origin(start_byte=at_byte, end_byte=end, page=number, box=box))
        parts.append(text)
        at_byte = end
    if not parts:
        if unreadable:
            raise BrokenFileError("unreadable_pdf", f"none of {len(document)} pages can be read")
        raise BrokenFileError("no_text_layer", f"{len(document)} pages, none with a text layer")
    meta: dict[str, Json] = {"file_type": "pdf", "pages": len(document)}
    title = document.get_metadata_dict(skip_empty=True).get("Title")
    if title:
        meta["title"] = title
    if unreadable:
        meta["unreadable_pages"] = unreadable
    return Extracted(text="".join(parts), origins=tuple(origins), meta=meta)


def _page_text(
    document: pypdfium2.PdfDocument, number: int
) -> tuple[str, tuple[float, float, float, float]]:
    page = document[number - 1]
    layer = page.get_textpage()
    try:
        # Lone surrogates come from broken fonts and can't be stored as UTF-8.
        text = layer.get_text_range().encode("utf-8", "replace").decode()
        left, bottom, right, top = page.get_mediabox()
    finally:
        layer.close()
        page.close()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    for mark in _LINE_HYPHENS:
        text = text.replace(mark, "")
    return text.strip("\n"), (float(left), float(bottom), float(right), float(top))
