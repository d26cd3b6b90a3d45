"""Telephone numbers: shapes find candidates, the numbering plans of `phonenumbers` decide.

Shapes: international with a plus sign; Chinese mobile, land line and service numbers; North
American numbers with their separators. Bare runs of digits are taken only for Chinese mobile
numbers, which are written so; elsewhere they are more often counts, dates or keys. An extension
goes with its number.
"""

import re
from collections.abc import Iterator

from mapneo.curate.edit_spans import Span

PHONE = "<phone>"
PHONE_TRIGGER = (
    r"\+[ (]?[0-9]|1[3-9][0-9][ .-]?[0-9]{3,4}[ .-]?[0-9]{4}|0[0-9]{2,3}[)） –—-]{1,2}[0-9]{3,4}"
    r"|[48]00-?[0-9]{1,4}-?[0-9]|[0-9]{3}[).\- ]{1,2}[0-9]{3}[.\- ][0-9]{4}"
)

_CHINA = r"(?:[(（]\+86[)）] ?|(?:00)?86[ -]?)?"
_EXTENSION = r"(?:(?:-|转| ?ext\.? ?)[0-9]{1,5})?"
# Every shape is bounded, so the work at each character is.
_SHAPE = re.compile(
    r"(?<![0-9A-Za-z_.+*/=#%&$-])(?:"
    r"(?P<any>\+[ (]?[1-9][0-9 .()/-]{6,20}[0-9])"
    rf"|(?P<CN>"
    rf"{_CHINA}1[3-9][0-9](?:[ .-]?[0-9]{{4}}[ .-]?[0-9]{{4}}|[ -][0-9]{{3}}[ -][0-9]{{5}})"
    rf"|{_CHINA}(?:0[0-9]{{2,3}}[ –—-]|[(（]0[0-9]{{2,3}}[)）][ -]?)"
    rf"[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}"
    rf"|[48]00(?:-[0-9]{{3}}-[0-9]{{4}}|-[0-9]{{7}}|[0-9]-[0-9]{{3}}-[0-9]{{3}})"
    r")"
    r"|(?P<US>(?:1[ .-])?(?:\([2-9][0-9]{2}\)[ -]?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4})"
    rf"){_EXTENSION}(?![0-9A-Za-z_%]|[.,/:-][0-9])"
)
_SEPARATOR = re.compile(r"[ .()/-]+")


def find_phones(text: str) -> Iterator[Span]:
    """Telephone numbers that are valid in their country's plan."""
    for match in _SHAPE.finditer(text):
        shape = str(match.lastgroup)
        end = _valid_end(match[shape], None if shape == "any" else shape)
        if end:
            is_whole = end == len(match[shape])
            yield Span(match.start(), match.end() if is_whole else match.start() + end, PHONE)


def _valid_end(candidate: str, region: str | None) -> int:
    """Length of the longest valid start of a candidate that ends at a separator; 0 if none.

    After an international number another may follow ("+44 20 7946 0958 2024").
    """
    # Imported when the first candidate is met: most runs never need it.
    import phonenumbers

    ends = [len(candidate)]
    if region is None:
        ends += [gap.start() for gap in _SEPARATOR.finditer(candidate)][::-1]
    for end in ends:
        try:
            number = phonenumbers.parse(candidate[:end], region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return end
    return 0
