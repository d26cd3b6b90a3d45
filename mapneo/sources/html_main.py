"""Which part of a page is its content, and the text of it."""

import re
from collections.abc import Sequence

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import DOMNode, HTMLTree

_BLOCK_TAG = re.compile(r"<(/?)(?:div|article)\b", re.IGNORECASE)
_MAX_NESTING = 1000
# Where pages themselves say that their content is, in order of rank.
_MAIN_IDS = ("main-content", "page-content", "content")
_MAIN = ", ".join(
    ("main", "[role=main]", "article", *(f"#{name}" for name in _MAIN_IDS), "body > .chapter")
    + ("body > .sect1", "body > .appendix", "body > .refentry", "body > .preface")
)
# Alternative texts are taken only for the sake of captions, which resiliparse counts among them.
_SILENT = ("img", "area", "[hidden]", "[style*='display:none']", "[style*='display: none']")
_FRAME = (
    *_SILENT, "nav", "footer", "aside", "button", "[role=navigation]", "[role=search]",
    "[role=dialog]", "[role=complementary]", "[aria-hidden=true]", "a.headerlink", "a.permalink",
    ".navheader", ".navfooter", ".linenos", ".linenodiv", "div.toc", "div#toc",
    "div.contents.topic",
)  # fmt: skip
# What sites put into their main element beside the text, by words of class names. Words that are
# also part of others (`promo` of `promoted`) have to begin or end one.
_CLUTTER = (
    "[class*=navbar]", "[class*=breadcrumb]", "[class*=share-]", "[class*=sharetools]",
    "[class*=social-]", "[class*=newsletter]", "[class*=promo-]", "[class*=related]",
    "[class*=recirc]", "[class*=recommend]", "[class*=most-popular]", "[class*=subscribe]",
    "[class*=summary-item]", "[class*=byline]", "[class*=tag-cloud]", "[class*=advert]",
    "[class*=-ads-]", "[class*=copyright]", "[class*=cookie]", "div[id^=comment]", "div.comments",
    "[class*=comment-list]", ".printfooter", ".catlinks", "[class*=editsection]",
    "[class*=live-link]",
)  # fmt: skip
_MIN_TEXT_CHARS = 300


def main_text(tree: HTMLTree, html: str) -> str:
    """Text without the frame around it; changes the tree.

    resiliparse's heuristics drop many short lists, so they are asked only if the page does not
    mark its main element, and all of the page is taken if they find nothing in it.
    """
    main = _main_element(tree)
    if main is not None:
        title = _title_outside(tree, main)
        _keep_only(tree, main)
        text = _without_clutter(tree)
        if text.strip():
            return f"{title}\n\n{text}" if title else text
    text = ""
    if not _is_too_nested(html):
        text = str(
            extract_plain_text(
                tree, main_content=True, preserve_formatting=True, skip_elements=list(_SILENT)
            )
        )
    return text if text.strip() else _text(tree, _FRAME)


def all_text(tree: HTMLTree) -> str:
    """Text of the whole tree."""
    return _text(tree, _SILENT)


def _text(tree: HTMLTree, skip_elements: Sequence[str]) -> str:
    text = extract_plain_text(tree, preserve_formatting=True, skip_elements=list(skip_elements))
    return str(text)


def _without_clutter(tree: HTMLTree) -> str:
    """Text of the tree without its frame and clutter; a class name may say too much.

    Where next to nothing is left, a wrapper of the text was taken for clutter.
    """
    text = _text(tree, (*_FRAME, *_CLUTTER))
    if len(text) < _MIN_TEXT_CHARS:
        more = _text(tree, _FRAME)
        return more if len(more) > 2 * len(text) else text
    return text


def _is_too_nested(html: str) -> bool:
    """Whether blocks stand so deep in each other that the heuristics' time, its square, is long."""
    if html.count("<div") + html.count("<article") + html.count("<DIV") <= _MAX_NESTING:
        return False
    depth = 0
    for tag in _BLOCK_TAG.finditer(html):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        if depth > _MAX_NESTING:
            return True
    return False


def _main_element(tree: HTMLTree) -> DOMNode | None:
    """The one element that a page marks as its content; None if none or several are."""
    by_rank: dict[int, list[DOMNode]] = {}
    for node in tree.body.query_selector_all(_MAIN) if tree.body else ():
        by_rank.setdefault(_rank(node), []).append(node)
    return next((found[0] for _, found in sorted(by_rank.items()) if len(found) == 1), None)


def _rank(node: DOMNode) -> int:
    """Which of the marks of `_MAIN` the element bears."""
    if node.tag == "main" or node.getattr("role") == "main":
        return 0
    if node.tag == "article":
        return 1
    name = node.getattr("id")
    return 2 + _MAIN_IDS.index(name) if name in _MAIN_IDS else 2 + len(_MAIN_IDS)


def _title_outside(tree: HTMLTree, main: DOMNode) -> str:
    """The page's one first-level heading, if it stands outside of the main element; else ""."""
    if main.query_selector("h1, h2") is not None:
        return ""
    headings = tree.body.query_selector_all("h1") if tree.body else []
    title = " ".join(headings[0].text.split()) if len(headings) == 1 else ""
    # A site's name is a heading too; the page's own is what its title begins with.
    return title if title and " ".join((tree.title or "").split()).startswith(title) else ""


def _keep_only(tree: HTMLTree, node: DOMNode) -> None:
    """Remove from the body all that is neither above nor inside `node`."""
    while node != tree.body and node.parent is not None:
        # `child_nodes` takes cubic time to go through: 6 s for 2,000 siblings.
        while node.prev is not None:
            node.prev.decompose()
        while node.next is not None:
            node.next.decompose()
        node = node.parent
