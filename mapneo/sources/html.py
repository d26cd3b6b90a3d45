"""HTML to text: bytes decoded by our own rules, maths put back, the frame around the page left out.

The parsing and the plain text are resiliparse's; what it would lose is put into the tree before
(`html_parts.py`), and which part of the tree is content is chosen in `html_main.py`.
"""

import re
from collections.abc import Iterator

from resiliparse.parse.html import HTMLTree

from mapneo.core.canonical import Json
from mapneo.sources.decode import Decoded, decode
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.html_main import MAIN, all_text, main_text
from mapneo.sources.html_meta import LICENCE_LINKS, page_metadata
from mapneo.sources.html_parts import MATHS, prepare
from mapneo.sources.html_peer import trafilatura_text
from mapneo.sources.html_tree import Node
from mapneo.sources.streams import read_whole

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""")
_HTML_MARK = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|p|div|table)\b", re.IGNORECASE)
_HEAD_BYTES = 4096


def read_html(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """The page's text: paragraphs, lists, code, tables, maths; what it says of itself in `meta`.

    Raises:
        BrokenFileError: not decodable, not HTML, or without text.
    """
    yield html_document(read_whole(file, options.max_document_bytes), options)


def html_document(
    data: bytes, options: ReadOptions, *, charset: str | None = None, languages: str | None = None
) -> Extracted:
    """The document in a page's bytes; `charset` and `languages` are what the server said of it.

    Raises:
        BrokenFileError: see `read_html`.
    """
    page = decoded_page(data, options, charset)
    tree = HTMLTree.parse(page.text)
    if tree.body is None:
        raise BrokenFileError("no_text", "the page has no body")
    # Many pages have nothing of the kind, and one look at the tree says so.
    body: Node = tree.body
    is_marked = body.query_selector(f"{MAIN}, {MATHS}, {LICENCE_LINKS}") is not None
    has_extras = is_marked and body.query_selector(f"{MATHS}, {LICENCE_LINKS}") is not None
    url, meta = page_metadata(tree, languages, links_licence=has_extras)
    if options.html == "trafilatura" and options.main_content:
        text = trafilatura_text(page.text, options)
    else:
        prepare(tree, options, has_maths=has_extras)
        main = options.main_content
        text = main_text(tree, page.text, is_marked=is_marked) if main else all_text(tree)
    if not text.strip():
        raise BrokenFileError("no_text", "the page has no text outside navigation and markup")
    own: dict[str, Json] = {"encoding": page.encoding, "file_type": "html"}
    if page.replaced_chars:
        own["replaced_chars"] = page.replaced_chars
    return Extracted(text=text, url=url, meta={**own, **meta})


def looks_like_html(data: bytes) -> bool:
    """Whether bytes of unsaid type begin like a page."""
    return _HTML_MARK.search(data, 0, _HEAD_BYTES) is not None


def decoded_page(data: bytes, options: ReadOptions, charset: str | None = None) -> Decoded:
    """A page's bytes as text, in the encoding that server, page or bytes give away.

    Raises:
        BrokenFileError: `binary` or `undecodable`.
    """
    in_page = None
    # The pattern is slow where it does not match, and it matches near one of two words.
    for word in (b"charset", b"encoding"):
        place = data.find(word, 0, _HEAD_BYTES)
        found = _DECLARED.search(data, place, place + _HEAD_BYTES) if place >= 0 else None
        if found:
            in_page = found.group(1).decode("ascii")
            break
    return decode(data, options.max_replaced_frac, charset, in_page)
