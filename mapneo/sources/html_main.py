"""Which part of a page is its content, and the text of it."""

import re

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from mapneo.sources.html_tree import Node, by_tag, elements, the_only

_BLOCK_TAG = re.compile(r"<(/?)(?:div|article)\b", re.IGNORECASE)
_MAX_NESTING = 1000
# Where pages themselves say that their content is, tried in this order.
_MAIN_SELECTORS = ("[role=main]", "article", "#main-content", "#page-content", "#content")
MAIN = ", ".join(_MAIN_SELECTORS)
"""Elements that may be a page's content, beside `main`."""
_CHAPTERS = ("chapter", "sect1", "section", "appendix", "refentry", "preface")
_MAX_TOP_ELEMENTS = 64
# Alternative texts are taken only for the sake of captions, which resiliparse counts among them.
_SILENT = ("img", "area")
_FRAME = ", ".join((
    "nav", "footer", "aside", "button", "[role=navigation]", "[role=search]",
    "[aria-hidden=true]", "[hidden]", "[style*='display:none']", "[style*='display: none']",
    "a.headerlink", ".navheader", ".navfooter", ".linenos", "div.toc", "div#toc",
))  # fmt: skip
# What sites put into their main element beside the text, by words of class names. Words that are
# also part of others (`promo` of `promoted`) have to begin or end one.
_CLUTTER = ", ".join((
    "[class*=navbar]", "[class*=breadcrumb]", "[class*=share-]", "[class*=sharetool]",
    "[class*=social-]", "[class*=newsletter]", "[class*=promo-]", "[class*=related]",
    "[class*=recommend]", "[class*=popular]", "[class*=subscribe]", "[class*=summary-item]",
    "[class*=byline]", "[class*=advert]", "[class*=copyright]", "div[id^=comment]", "div.comments",
    ".printfooter", ".catlinks",
))  # fmt: skip
# A class name may say too much: what holds so much of the text is a wrapper of it.
_MAX_CLUTTER_FRAC = 0.5
_FRAME_TAGS = ("nav", "footer", "aside", "button")


def main_text(tree: HTMLTree, html: str, *, is_marked: bool) -> str:
    """Text without the frame around it; changes the tree.

    `is_marked` is False if nothing in the body matches MAIN.
    resiliparse's heuristics drop many short lists, so they are asked only if the page does not
    mark its main element, and all of the page is taken if they find nothing in it.
    """
    body: Node = tree.body
    main = _main_element(body, is_marked=is_marked)
    content = _chapter(body) if main is None else main
    if content is not None:
        title = "" if main is None else _title_outside(tree, main)
        body.replace_children(content)
        _remove_clutter(content, _FRAME if main is None else f"{_FRAME}, {_CLUTTER}")
        text = all_text(tree)
        if text.strip():
            return f"{title}\n\n{text}" if title else text
    text = ""
    if not _is_too_nested(tree, html):
        text = str(
            extract_plain_text(
                tree, main_content=True, preserve_formatting=True, skip_elements=list(_SILENT)
            )
        )
    if not text.strip():
        _remove_clutter(body, _FRAME)
        text = all_text(tree)
    return text


def all_text(tree: HTMLTree) -> str:
    """Text of the whole tree."""
    return str(extract_plain_text(tree, preserve_formatting=True, skip_elements=list(_SILENT)))


def _remove_clutter(content: Node, selector: str) -> None:
    """Take out what matches, but for what holds most of the text and so can't be clutter."""
    found = elements(content, selector)
    if not found:
        return
    max_chars = _MAX_CLUTTER_FRAC * len(content.text)
    for node in found:
        if node.tag in _FRAME_TAGS or len(node.text) <= max_chars:
            node.remove()


def _is_too_nested(tree: HTMLTree, html: str) -> bool:
    """Whether blocks stand so deep in each other that the heuristics' time, its square, is long."""
    body: Node = tree.body
    blocks = (len(body.get_elements_by_tag_name(name)) for name in ("div", "article"))
    if sum(blocks) <= _MAX_NESTING:
        return False
    depth = 0
    for tag in _BLOCK_TAG.finditer(html):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        if depth > _MAX_NESTING:
            return True
    return False


def _main_element(body: Node, *, is_marked: bool) -> Node | None:
    """The one element that a page marks as its content; None if none or several are."""
    main = the_only(by_tag(body, "main"))
    if main is not None or not is_marked:
        return main
    found = (the_only(elements(body, selector)) for selector in _MAIN_SELECTORS)
    return next((node for node in found if node is not None), None)


def _chapter(body: Node) -> Node | None:
    """The one part of a DocBook page, which stands right below its body."""
    node = body.first_element_child
    found = []
    for _ in range(_MAX_TOP_ELEMENTS):
        if node is None:
            break
        if node.tag == "div" and node.getattr("class", "") in _CHAPTERS:
            found.append(node)
        node = node.next_element_sibling
    return the_only(found)


def _title_outside(tree: HTMLTree, main: Node) -> str:
    """The page's one first-level heading, if it stands outside of the main element; else ""."""
    body: Node = tree.body
    if main.query_selector("h1, h2") is not None:
        return ""
    heading = the_only(by_tag(body, "h1"))
    title = "" if heading is None else " ".join(heading.text.split())
    # A site's name is a heading too; the page's own is what its title begins with.
    return title if title and " ".join((tree.title or "").split()).startswith(title) else ""
