"""The four text changes of MAP-NEO's released Chinese filter, for measuring beside ours only.

They turn Chinese punctuation into ASCII and delete file names, version numbers and IP addresses
along with links, so no kept text ever passes through them.

Source: the released filter's behaviour, described rule by rule and not ported.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from mapneo.curate.edit_spans import Span, apply_spans

_WIDE_ASCII = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F) if not chr(code).isalnum())
NARROW = dict(zip(_WIDE_ASCII, (chr(ord(c) - 0xFEE0) for c in _WIDE_ASCII), strict=True)) | dict(
    zip("。“”‘’", ".\"\"''", strict=True)
)
"""Full-width and CJK marks and the ASCII mark each becomes."""

_WIDE = re.compile(f"[{re.escape(''.join(NARROW))}]")
_LINK = re.compile(r"(?:https?://|www\.)[^\s,，\u4e00-\u9fa5]*+")
_LABEL = "[A-Za-z0-9-]"
_DOTTED = re.compile(rf"(?<!{_LABEL}){_LABEL}++(?:\.{_LABEL}++){{3,}}+")
_NAME_RUN = re.compile(r"[A-Za-z0-9.-]+")
_SUFFIX = re.compile(r"\.[a-z]{2,6}(?!\w)")
_WORD_BOUNDARY = re.compile(r"\b")


def find_wide_marks(text: str) -> Iterator[Span]:
    """Full-width and CJK marks, each to become ASCII."""
    return (Span(*match.span(), NARROW[match.group()]) for match in _WIDE.finditer(text))


def find_released_links(text: str) -> Iterator[Span]:
    """From `http(s)://` or `www.` to white space, a comma or an ideograph."""
    return (Span(*match.span()) for match in _LINK.finditer(text))


def find_dotted_ids(text: str) -> Iterator[Span]:
    """Four or more labels of ASCII letters, digits and hyphens, joined by dots."""
    return (Span(*match.span()) for match in _DOTTED.finditer(text))


def find_bare_domains(text: str) -> Iterator[Span]:
    """Runs of ASCII letters, digits, dots, hyphens that end in a dot and 2-6 small letters.

    They start and end at a word boundary. Between an ideograph, or `_`, and a letter is none, so
    that a name next to one stays. Of a maximal run everything from the first boundary to the last
    such end goes.
    """
    for run in _NAME_RUN.finditer(text):
        # One character more, so that the suffix sees what follows the run.
        suffixes = _SUFFIX.finditer(text, run.start(), run.end() + 1)
        last = next(iter(deque(suffixes, maxlen=1)), None)
        start = _WORD_BOUNDARY.search(text, run.start()) if last else None
        if last and start and start.start() < last.start():
            yield Span(start.start(), last.end())


RELEASED_ZH_EDITS: Mapping[str, Callable[[str], Iterator[Span]]] = MappingProxyType(
    {
        "zh_fix_fullwidth": find_wide_marks,
        "zh_fix_strip_links": find_released_links,
        "zh_fix_strip_dotted_ids": find_dotted_ids,
        "zh_fix_strip_bare_domains": find_bare_domains,
    }
)
"""The four by name, in the order of the released code: each sees what the one before left."""


def released_text(text: str) -> str:
    """The text after all four changes."""
    for find in RELEASED_ZH_EDITS.values():
        text = apply_spans(text, find(text))
    return text
