"""Links in running text: where they begin and, above all, where they end.

A link begins at `http://`, `https://` or `www.` and has a host. It ends at white space, quotes or
angle brackets, a CJK character or full-width mark (Chinese text follows links without a space), a
closing bracket that it did not open, and before the punctuation that closes the sentence. A host
ends at anything no host name has, so that the words after a comma stay; a comma inside a path
does not end the link, so that no tail of it stays.
"""

import re
from collections.abc import Iterator

from mapneo.curate.edit_spans import Span

LINK_TRIGGER = r"(?i)https?://|www\."

_START = re.compile(r"(?<![A-Za-z0-9+])(?:https?://|www\.)", re.IGNORECASE)
_LETTER = r"A-Za-z0-9\u00c0-\u024f\u0370-\u052f"
_HOST = re.compile(
    r"(?:[A-Za-z0-9._~%!$&+,;=:-]{1,64}@)?"
    rf"(?:\[[0-9A-Fa-f:.]{{2,45}}\]|[{_LETTER}][{_LETTER}._-]*+)(?::\d{{1,5}})?"
)
_WWW_HOST = re.compile(rf"[{_LETTER}-]++(?:\.[{_LETTER}-]++)++(?::\d{{1,5}})?")
_TAIL = re.compile(
    r"[/?#][^\s<>\"{}|\\^`\x00-\x20\x7f-\xa0«»\u2000-\u206f\u2e80-\ud7ff\uf900-\uffff"
    r"\U00010000-\U0010ffff]*+"
)
_BRACKETS = {")": "(", "]": "["}
_CLOSING = ".,;:!?'*_~"


def find_links(text: str) -> Iterator[Span]:
    """Every link, with the angle brackets around it if there are any."""
    position = 0
    while start := _START.search(text, position):
        position = start.end()
        end = _link_end(text, start)
        if end > position:
            first, position = start.start(), end
            if text[first - 1 : first] == "<" and text[end : end + 1] == ">":
                first, position = first - 1, end + 1
            yield Span(first, position)


def _link_end(text: str, start: re.Match[str]) -> int:
    """End of the link, or of `start` if no host follows."""
    pattern = _HOST if start.group().endswith("/") else _WWW_HOST
    host = pattern.match(text, start.end())
    if not host:
        return start.end()
    tail = _TAIL.match(text, host.end())
    end = _first_unopened(text, host.end(), tail.end()) if tail else host.end()
    if text[start.start() - 1 : start.start()] == "'":
        quote = text.find("'", start.end(), end)
        end = quote if quote > 0 else end
    while end > start.end() and text[end - 1] in _CLOSING:
        end -= 1
    return end


def _first_unopened(text: str, begin: int, end: int) -> int:
    """Where a bracket closes that was not opened in `text[begin:end]`, else `end`."""
    opened = {"(": 0, "[": 0}
    for position in range(begin, end):
        char = text[position]
        if char in opened:
            opened[char] += 1
        elif char in _BRACKETS:
            opened[_BRACKETS[char]] -= 1
            if opened[_BRACKETS[char]] < 0:
                return position
    return end
