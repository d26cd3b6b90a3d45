r"""The four text changes that the released Chinese filter makes to every document, in its order.

Each returns the spans to replace, ascending and disjoint, as `(start_char, end_char,
replacement)`. They damage text (Chinese punctuation becomes ASCII; `main.py`, addresses and
version numbers go), so they are applied only while measuring. All are linear in the text.
"""

import re
from collections.abc import Callable

Span = tuple[int, int, str]

_FULL_WIDTH_MARKS = "".join(
    chr(code) for code in range(0xFF01, 0xFF5F) if not chr(code - 0xFEE0).isalnum()
)
_ASCII_OF = {
    **{mark: chr(ord(mark) - 0xFEE0) for mark in _FULL_WIDTH_MARKS},
    **dict(zip("。“”‘’", ".\"\"''", strict=True)),
}
_MARK = re.compile(f"[{re.escape(''.join(_ASCII_OF))}]")
_LINK = re.compile(r"(?:https?://|www\.)[^\s,，\u4e00-\u9fa5]*")
_DOTTED = re.compile(r"(?<![A-Za-z0-9-])[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++){3,}+")
_HOST_RUN = re.compile(r"[A-Za-z0-9.-]+")
_ENDING = re.compile(r"\.[a-z]{2,6}(?!\w)")
_WORD = re.compile(r"\w")


def fix_fullwidth(text: str) -> list[Span]:
    """`zh_fix_fullwidth`: full-width ASCII marks, `。` and curly quotes → ASCII, one for one.

    Full-width letters and digits, `、`, `《》`, `……`, `——` and `【】` stay.
    """
    return [(m.start(), m.end(), _ASCII_OF[m.group()]) for m in _MARK.finditer(text)]


def strip_links(text: str) -> list[Span]:
    """`zh_fix_strip_links`: from `http://`, `https://` or `www.` to space, comma or ideograph."""
    return [(m.start(), m.end(), "") for m in _LINK.finditer(text)]


def strip_dotted_ids(text: str) -> list[Span]:
    """`zh_fix_strip_dotted_ids`: four or more labels of letters, digits, hyphens between dots."""
    return [(m.start(), m.end(), "") for m in _DOTTED.finditer(text)]


def strip_bare_domains(text: str) -> list[Span]:
    """`zh_fix_strip_bare_domains`: a run of host characters that ends in `.` and 2–6 letters.

    It starts and ends at a word boundary; an ideograph or `_` beside it is none. Of a run of host
    characters, the longest part from its first word boundary is taken.
    """
    spans = []
    for run in _HOST_RUN.finditer(text):
        start = run.start()
        while start < run.end() and not _is_boundary(text, start):
            start += 1
        end = _last_ending(text, start + 1, run.end())
        if end > start:
            spans.append((start, end, ""))
    return spans


RELEASED_ZH_EDITS: dict[str, Callable[[str], list[Span]]] = {
    "zh_fix_fullwidth": fix_fullwidth,
    "zh_fix_strip_links": strip_links,
    "zh_fix_strip_dotted_ids": strip_dotted_ids,
    "zh_fix_strip_bare_domains": strip_bare_domains,
}
"""The chain, in order: each sees the text that the one before left."""


def apply(text: str, spans: list[Span]) -> str:
    """The text with spans replaced."""
    pieces = []
    done = 0
    for start, end, replacement in spans:
        pieces += [text[done:start], replacement]
        done = end
    return "".join([*pieces, text[done:]])


def edited(text: str) -> str:
    """The text after all four changes."""
    for edit in RELEASED_ZH_EDITS.values():
        text = apply(text, edit(text))
    return text


def _is_boundary(text: str, position: int) -> bool:
    before = position > 0 and _WORD.match(text[position - 1]) is not None
    after = position < len(text) and _WORD.match(text[position]) is not None
    return before != after


def _last_ending(text: str, start: int, end: int) -> int:
    """End of the last `.` and 2–6 lower-case letters before a word boundary; -1 if none."""
    dot = text.rfind(".", start, end)
    while dot >= 0:
        found = _ENDING.match(text, dot)
        if found:
            return found.end()
        dot = text.rfind(".", start, dot)
    return -1
