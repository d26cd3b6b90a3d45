"""HTML to plain text by resiliparse, with the bytes decoded by our own rules."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import DOMNode, HTMLTree

from mapneo.core.canonical import Json
from mapneo.sources.decode import decode, read_bytes
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""")
_HEAD_BYTES = 4096
_BLOCK_TAG = re.compile(r"<(/?)(?:div|article)\b", re.IGNORECASE)
_MAX_NESTING = 1000
# Where pages themselves say that their content is; tried in this order.
_MAIN_SELECTORS = (
    "main", "[role=main]", "article", "#main-content", "#page-content", "#content",
    "body > .chapter, body > .sect1, body > .appendix, body > .refentry, body > .preface",
)  # fmt: skip
_NOT_CONTENT = (
    "nav", "footer", "aside", "[role=navigation]", "[aria-hidden=true]", "a.headerlink",
    "a.permalink", ".navheader", ".navfooter",
)  # fmt: skip


def read_html(file: RawFile, options: ReadOptions) -> Iterator[Extracted]:
    """The page's text: paragraphs, lists, preformatted code; title and canonical URL beside it.

    Raises:
        BrokenFileError: not decodable, not HTML, or without text.
    """
    data = read_bytes(file.path, options.max_document_bytes)
    declared = _DECLARED.search(data, 0, _HEAD_BYTES)
    page = decode(
        data, options.max_replaced_frac, declared.group(1).decode("ascii") if declared else None
    )
    tree = HTMLTree.parse(page.text)
    if tree.body is None:
        raise BrokenFileError("no_text", "the page has no body")
    title, url = (tree.title or "").strip(), _canonical_url(tree)
    text = _main_text(tree, page.text) if options.main_content else _all_text(tree)
    if not text.strip():
        raise BrokenFileError("no_text", "the page has no text outside navigation and markup")
    meta: dict[str, Json] = {"encoding": page.encoding, "file_type": "html"}
    if title:
        meta["title"] = title
    if page.replaced_chars:
        meta["replaced_chars"] = page.replaced_chars
    yield Extracted(text=text, url=url, meta=meta)


def _main_text(tree: HTMLTree, html: str) -> str:
    """Text without the frame around it; changes the tree.

    resiliparse's heuristics drop many short lists, so they are asked only if the page does not
    mark its main element, and all of the page is taken if they find nothing in it.
    """
    main = _main_element(tree)
    if main is not None:
        _keep_only(tree, main)
        text = _all_text(tree, skip_elements=_NOT_CONTENT)
        if text.strip():
            return text
    text = ""
    if not _is_too_nested(html):
        text = str(
            extract_plain_text(tree, main_content=True, preserve_formatting=True, alt_texts=False)
        )
    return text if text.strip() else _all_text(tree, skip_elements=_NOT_CONTENT)


def _is_too_nested(html: str) -> bool:
    """Whether blocks stand so deep in each other that the heuristics' time, its square, is long."""
    depth = 0
    for tag in _BLOCK_TAG.finditer(html):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        if depth > _MAX_NESTING:
            return True
    return False


def _all_text(tree: HTMLTree, skip_elements: Sequence[str] = ()) -> str:
    text = extract_plain_text(
        tree,
        main_content=False,
        preserve_formatting=True,
        alt_texts=False,
        skip_elements=list(skip_elements),
    )
    return str(text)


def _main_element(tree: HTMLTree) -> DOMNode | None:
    """The one element that a page marks as its content; None if none or several are."""
    for selector in _MAIN_SELECTORS:
        found = tree.body.query_selector_all(selector) if tree.body else []
        if len(found) == 1:
            return found[0]
    return None


def _keep_only(tree: HTMLTree, node: DOMNode) -> None:
    """Remove from the body all that is neither above nor inside `node`."""
    while node != tree.body and node.parent is not None:
        # `child_nodes` takes cubic time to go through: 6 s for 2,000 siblings.
        while node.prev is not None:
            node.prev.decompose()
        while node.next is not None:
            node.next.decompose()
        node = node.parent


def _canonical_url(tree: HTMLTree) -> str | None:
    link = tree.head.query_selector("link[rel=canonical]") if tree.head else None
    address = link.getattr("href") if link else None
    try:
        is_page = bool(address) and urlsplit(address).scheme in ("http", "https")
    except ValueError:  # such as a bracket without its fellow
        return None
    return str(address) if is_page else None
