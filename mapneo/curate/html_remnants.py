"""What an extractor left of HTML: comments, script and style blocks, tags, entities.

A page about HTML also holds tags, so a tag must look left behind: known by name, and with an
attribute's value, or closing, or closed later on; `<br>` and `<hr>` always do. Bare opening tags
("the <table> element"), placeholders, e-mail addresses in angle brackets, comparisons and generic
types are left, and so is what stands in back-ticks or quotes, in a fenced block, or on a line
indented by four spaces or a tab: extractors join and trim the lines of text, not those of code.
"""

import html
import re
from collections.abc import Iterator
from html.entities import html5
from typing import NamedTuple

from mapneo.curate.edit_spans import Span

HTML_TRIGGER = r"<[A-Za-z/!]|&(#[0-9xX]|[A-Za-z])[A-Za-z0-9]*;"

_BREAKING = frozenset(
    "address article aside blockquote br center dd div dl dt fieldset figcaption figure footer "  # noqa: SIM905
    "form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody td tfoot th thead "
    "title tr ul".split()
)
_INLINE = frozenset(
    "a abbr acronym audio b bdi bdo big body button canvas caption cite code col colgroup data "  # noqa: SIM905
    "datalist del details dfn dialog em embed font frame frameset head html i iframe img input ins "
    "kbd label legend link map mark meta nobr noframes noscript object optgroup option output "
    "param picture q rp rt ruby s samp script select small source span strike strong style sub "
    "summary sup svg textarea time track tt u var video wbr".split()
)
_ALONE = frozenset(("br", "hr", "wbr"))
_BLOCKS = frozenset(("script", "style"))
_BARE_ATTRIBUTES = frozenset(
    "allowfullscreen async autofocus autoplay checked compact controls defer disabled hidden "  # noqa: SIM905
    "ismap loop multiple muted novalidate nowrap open readonly required reversed selected".split()
)

_TOKEN = re.compile(
    r"(?P<comment><!--)"
    r"|(?P<doctype><!doctype\b[^<>]{0,300}>)"
    r"|</?(?P<tag>[a-z][a-z0-9]{0,15})(?![\w.:@-])"
    r"|&(?P<entity>\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});",
    re.IGNORECASE | re.ASCII,
)
# Nothing in a tag matches "<", so that the search for its end stops where the next one opens.
_ATTRIBUTE = re.compile(
    r"\s++(?P<name>[A-Za-z_:@][\w:.-]*+)"
    r"(?P<value>\s*+=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'|[^\s\"'<>=`]++))?+"
)
_TAG_END = re.compile(r"\s*+/?>")
_BLOCK_ENDS = {name: re.compile(rf"</{name}\s*+>", re.IGNORECASE) for name in sorted(_BLOCKS)}
_LINE = re.compile(r"[^\n]++\n?|\n")
_FENCES = ("```", "~~~")
_INDENTS = ("    ", "\t")
_QUOTES = "`\"'“”‘’「」"


class _Tag(NamedTuple):
    """A well-formed tag with a known name, and whether it has an attribute with a value."""

    name: str
    start: int
    end: int
    closing: bool
    has_value: bool


def find_html_remnants(text: str) -> Iterator[Span]:
    """Comments, script and style blocks and tags to delete, entities to decode.

    A block-level tag between two words becomes LF, so that they stay two.
    """
    spans: list[Span] = []
    opened: dict[str, list[_Tag]] = {}
    finder = _Ends(text)
    code = _code_lines(text)
    position = start = end = 0
    while token := _TOKEN.search(text, position):
        position = token.end()
        while end <= token.start():
            start, end = next(code, (len(text), len(text) + 1))
        if start <= token.start():
            continue
        if token["comment"] or token["doctype"]:
            close = finder.comment_end(position) if token["comment"] else position
            if close:
                spans.append(Span(token.start(), close))
                position = close
        elif token["entity"]:
            spans += _decoded(text, token)
        elif tag := _tag_at(text, token):
            position = tag.end
            block_end = finder.block_end(tag)
            if block_end:
                spans.append(Span(tag.start, block_end))
                position = block_end
            elif not _is_quoted(text, tag.start, tag.end):
                spans += [_removal(text, gone) for gone in _left_behind(tag, opened)]
    return iter(sorted(spans))


def _code_lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every line that is indented or fenced as code."""
    is_fenced = False
    for match in _LINE.finditer(text):
        line = match.group()
        is_fence = line.startswith(_FENCES)
        if is_fenced or is_fence or line.startswith(_INDENTS):
            yield match.span()
        is_fenced ^= is_fence


def _tag_at(text: str, token: re.Match[str]) -> _Tag | None:
    name = token["tag"].lower()
    if name not in _BREAKING and name not in _INLINE:
        return None
    position, has_value = token.end(), False
    while attribute := _ATTRIBUTE.match(text, position):
        if not attribute["value"] and attribute["name"].lower() not in _BARE_ATTRIBUTES:
            return None
        has_value = has_value or bool(attribute["value"])
        position = attribute.end()
    end = _TAG_END.match(text, position)
    if not end:
        return None
    closing = text[token.start() + 1] == "/"
    return _Tag(name, token.start(), end.end(), closing, has_value)


def _left_behind(tag: _Tag, opened: dict[str, list[_Tag]]) -> list[_Tag]:
    """The tags that this one shows to be remnants: itself, and what it closes."""
    waiting = opened.setdefault(tag.name, [])
    if tag.closing:
        before = waiting.pop() if waiting else tag
        return [tag] if before is tag or before.has_value else [before, tag]
    if tag.name in _ALONE:
        return [tag]
    waiting.append(tag)
    return [tag] if tag.has_value else []


def _removal(text: str, tag: _Tag) -> Span:
    before, after = text[tag.start - 1 : tag.start], text[tag.end : tag.end + 1]
    between = before.strip() and after.strip() and tag.name in _BREAKING
    return Span(tag.start, tag.end, "\n" if between else "")


def _decoded(text: str, token: re.Match[str]) -> list[Span]:
    entity = token["entity"]
    if entity[0] != "#" and f"{entity};" not in html5:
        return []
    char = html.unescape(token.group()).replace("\u00a0", " ")
    is_safe = all(c.isprintable() or c in "\n\t" for c in char) and "\ufffd" not in char
    if not char or not is_safe or _is_quoted(text, *token.span()):
        return []
    return [Span(*token.span(), char)]


def _is_quoted(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return bool(before) and bool(after) and before in _QUOTES and after in _QUOTES


class _Ends:
    """Looks for the ends of comments and blocks, and for each kind no longer once it has none.

    Without that memory a text of nothing but openings would be searched to its end at each.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._without_end: set[str] = set()

    def comment_end(self, position: int) -> int:
        """End of the comment that is open at `position`; 0 if it has none."""
        if "comment" in self._without_end:
            return 0
        end = self._text.find("-->", position)
        if end < 0:
            self._without_end.add("comment")
            return 0
        return end + len("-->")

    def block_end(self, tag: _Tag) -> int:
        """End of the script or style block that `tag` opens; 0 if it opens none."""
        if tag.closing or tag.name not in _BLOCKS or tag.name in self._without_end:
            return 0
        end = _BLOCK_ENDS[tag.name].search(self._text, tag.end)
        if not end:
            self._without_end.add(tag.name)
            return 0
        return end.end()
