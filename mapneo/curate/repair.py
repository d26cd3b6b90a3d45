"""Text that was decoded with the wrong encoding, put right where that is certain.

ftfy undoes mojibake only if the garbled bytes are valid UTF-8 as a whole and the result is less
odd. All its other repairs are switched off: curly quotes, ligatures, width, entities, line ends
and normal forms belong to the writer.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from mapneo.curate.edit_spans import Span

_ENCODINGS = ("latin-1", "cp1252", "cp1251", "mac_roman", "cp437", "cp1250", "iso8859_2")


def _char_class(codec: str, low: int, high: int) -> str:
    chars = bytes(range(low, high)).decode(codec, "ignore")
    return "".join(f"\\x{{{ord(char):x}}}" for char in chars)


# Of a character in UTF-8, the first byte and the next, as a wrong encoding shows them. A no-break
# space among them may have become a space.
_SPACE_TOO = frozenset(("latin-1", "cp1252", "cp1251", "cp1250", "iso8859_2"))
REPAIR_TRIGGER = "|".join(
    f"[{_char_class(codec, 0xC2, 0xF5)}]"
    f"[{_char_class(codec, 0x80, 0xC0)}{' ' if codec in _SPACE_TOO else ''}]"
    for codec in _ENCODINGS
)
MAX_LINE_CHARS = 1_000_000
"""Longer lines are left alone, as ftfy would leave them."""

_LOST = "\ufffd"


def find_mojibake(text: str) -> Iterator[Span]:
    """Garbled stretches and what they were, line by line."""
    is_odd = _ftfy()[0]
    start = 0
    for line in text.split("\n"):
        if len(line) <= MAX_LINE_CHARS and is_odd(line):
            yield from _line_spans(line, start)
        start += len(line) + 1


def _line_spans(line: str, start: int) -> Iterator[Span]:
    _, fix, config = _ftfy()
    fixed = fix(line, config)
    # Undone mojibake is shorter. What is not is a swap of two one-byte encodings: a guess.
    if len(fixed) >= len(line) or fixed.count(_LOST) > line.count(_LOST):
        return
    old, new = line.split(" "), fixed.split(" ")
    if len(old) != len(new):
        old, new = [line], [fixed]
    for before, after in zip(old, new, strict=True):
        if before != after:
            head = _common(before, after)
            tail = _common(before[head:][::-1], after[head:][::-1])
            end = len(before) - tail
            yield Span(start + head, start + end, after[head : len(after) - tail])
        start += len(before) + 1


def _common(a: str, b: str) -> int:
    """Length of the common start."""
    size = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        size += 1
    return size


@cache
def _ftfy() -> tuple[Any, Any, Any]:
    # Imported when the first text is to be repaired: most runs never need it.
    import ftfy
    from ftfy.badness import is_bad

    config = ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_encoding=True,
        restore_byte_a0=True,
        replace_lossy_sequences=False,
        decode_inconsistent_utf8=True,
        fix_c1_controls=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    return is_bad, ftfy.fix_encoding, config
