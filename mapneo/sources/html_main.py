"""Which part of a page is its content, and the text of it."""

import re
from collections.abc import Sequence

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import DOMNode, HTMLTree

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


def main_text(tree: HTMLTree, html: str) -> str:
    """Text without the frame around it; changes the tree.

    resiliparse's heuristics drop many short lists, so they are asked only if the page does not
    mark its main element, and all of the page is taken if they find nothing in it.
    """
    main = _main_element(tree)
    if main is not None:
        _keep_only(tree, main)
        text = all_text(tree, skip_elements=_NOT_CONTENT)
        if text.strip():
            return text
    text = ""
    if not _is_too_nested(html):
        text = str(
            extract_plain_text(tree, main_content=True, preserve_formatting=True, alt_texts=False)
        )
    return text if text.strip() else all_text(tree, skip_elements=_NOT_CONTENT)


def all_text(tree: HTMLTree, skip_elements: Sequence[str] = ()) -> str:
    """Text of the whole tree, but for elements that match any of `skip_elements`."""
    text = extract_plain_text(
        tree,
        main_content=False,
        preserve_formatting=True,
        alt_texts=False,
        skip_elements=list(skip_elements),
    )
    return str(text)


def _is_too_nested(html: str) -> bool:
    """Whether blocks stand so deep in each other that the heuristics' time, its square, is long."""
    depth = 0
    for tag in _BLOCK_TAG.finditer(html):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        if depth > _MAX_NESTING:
            return True
    return False


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
