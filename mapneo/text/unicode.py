"""What each code point is, and what it folds to, as flat tables.

Built from Python's own `unicodedata` on first use (about a tenth of a second), so the tables
follow the Unicode version of the running Python; large uniform ranges (ideographs, Hangul) are
filled at once.
"""

import sys
import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.marks import symbol_marks, terminal_marks

SPACE = 1 << 0  # str.isspace
LETTER = 1 << 1  # str.isalpha
DIGIT = 1 << 2  # str.isdigit
ALNUM = 1 << 3  # str.isalnum
UPPER = 1 << 4  # str.isupper
NOT_UPPER = 1 << 5  # cased but not upper: lower and title case
HAN = 1 << 6  # ideographs
HANS = 1 << 7  # ideographs used in simplified script only
HANT = 1 << 8  # ideographs used in traditional script only
LATIN = 1 << 9
PUNCTUATION = 1 << 10  # categories P*, and the 32 ASCII punctuation marks
BULLET = 1 << 11
WIDE_STOP = 1 << 12  # ends a sentence without white space after it
MARK = 1 << 13  # combining mark with a non-zero class
SYMBOL = 1 << 14  # what a word may consist of and still be no word (datatrove 0.10.1)
TERMINAL = 1 << 15  # ends a sentence in some script

# MAP-Neo's fifteen bullets (English filter, rule 4).
BULLETS = (
    "\u2022\u2023\u25b6\u25c0\u25e6\u25a0\u25a1\u25aa\u25ab\u2013\u25cf\u25cb\u203b\u00b7\u27a2"
)
WIDE_STOPS = "。！？；…｡"
ASCII_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

_HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2FFFD), (0x30000, 0x323AF))
_HAN_COMPATIBILITY = ((0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
_HANGUL = (0xAC00, 0xD7A3)
_TABLED_RANGES = (
    (0x0000, 0x33FF),
    (0xA000, 0xABFF),
    (0xD7A4, 0xD7FF),
    (0xF900, 0x1FFFF),
    (0x2F800, 0x2FA1F),
    (0xE0000, 0xE01EF),
)
_LATIN_RANGES = (
    (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A),
)  # fmt: skip


MAX_FOLDED_PER_BYTE = 6
"""No character folds to more code points than this times its bytes in UTF-8."""


class FoldTable(NamedTuple):
    """What code points become when texts are compared, and what is true of the results.

    Attributes:
        flags: uint16, shape (0x110000,), as in CharTables.
        single: int32, shape (0x110000,), as `CharTables.fold`.
        expansions: int32, flat, as in CharTables.
    """

    flags: npt.NDArray[np.uint16]
    single: npt.NDArray[np.int32]
    expansions: npt.NDArray[np.int32]


class CharTables(NamedTuple):
    """Code-point tables.

    Attributes:
        flags: uint16, shape (0x110000,); the constants above, or-ed.
        fold: int32, shape (0x110000,); what a code point becomes when texts are compared:
            0 = deleted (punctuation, controls, format characters), 32 = white space, a positive
            code point, or -k where `expansions[k]` is a length followed by that many code points.
        expansions: int32, flat.
    """

    flags: npt.NDArray[np.uint16]
    fold: npt.NDArray[np.int32]
    expansions: npt.NDArray[np.int32]


@cache
def char_tables() -> CharTables:
    """The tables of the running Python's Unicode version, built once per process."""
    flags = np.zeros(sys.maxunicode + 1, dtype=np.uint16)
    fold = np.arange(sys.maxunicode + 1, dtype=np.int32)
    for low, high in _HAN_RANGES:
        _fill_assigned(flags, low, high, LETTER | ALNUM | HAN)
    flags[_HANGUL[0] : _HANGUL[1] + 1] = LETTER | ALNUM
    expansions = [0]
    for low, high in _TABLED_RANGES:
        for code_point in range(low, high + 1):
            char = chr(code_point)
            category = unicodedata.category(char)
            if category == "Cn":
                continue
            flags[code_point] = _flags_of(char, category)
            fold[code_point] = _fold_code(char, expansions)
    fold[0xD800:0xE000] = 0  # surrogates
    _mark_ranges(flags, _HAN_COMPATIBILITY, HAN)
    _mark_ranges(flags, _LATIN_RANGES, LATIN)
    _mark_scripts(flags)
    _mark_chars(flags, symbol_marks(), SYMBOL)
    _mark_chars(flags, terminal_marks(), TERMINAL)
    tables = CharTables(flags, fold, np.array(expansions, dtype=np.int32))
    for table in tables:
        table.setflags(write=False)
    return tables


@cache
def full_fold() -> FoldTable:
    """Folding by `fold_char`."""
    tables = char_tables()
    return FoldTable(tables.flags, tables.fold, tables.expansions)


@cache
def plain_fold() -> FoldTable:
    """Folding by `plain_fold_char`."""
    flags = char_tables().flags
    single = np.arange(sys.maxunicode + 1, dtype=np.int32)
    expansions = [0]
    for low, high in _TABLED_RANGES:
        for code_point in range(low, high + 1):
            single[code_point] = _entry(plain_fold_char(chr(code_point)), expansions)
    for code_point in range(_HANGUL[0], _HANGUL[1] + 1):
        single[code_point] = _entry(plain_fold_char(chr(code_point)), expansions)
    table = FoldTable(flags, single, np.array(expansions, dtype=np.int32))
    for array in (table.single, table.expansions):
        array.setflags(write=False)
    return table


def plain_fold_char(char: str) -> str:
    """What one character becomes in RedPajama-V2's normalised words: lower case, NFD.

    ASCII marks are deleted, and NUL.
    """
    if char.isspace():
        return " "
    return (
        ""
        if char == "\0" or char in ASCII_PUNCTUATION
        else unicodedata.normalize("NFD", char.lower())
    )


def fold_char(char: str) -> str:
    """What one character becomes when texts are compared.

    Compatibility form and full case folding (NFKC ∘ casefold ∘ NFKC), white space to one space,
    then punctuation (P*, ASCII marks), controls and format characters deleted.
    """
    if char.isspace():
        return " "
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", char).casefold())
    return "".join(c for c in folded if not (c.isspace() or _is_deleted(c)))


def _is_deleted(char: str) -> bool:
    category = unicodedata.category(char)
    return char in ASCII_PUNCTUATION or category[0] == "P" or category in ("Cc", "Cf", "Cs")


def _fold_code(char: str, expansions: list[int]) -> int:
    return _entry(fold_char(char), expansions)


def _entry(folded: str, expansions: list[int]) -> int:
    if len(folded) <= 1:
        return ord(folded) if folded else 0
    expansions += [len(folded), *map(ord, folded)]
    return -(len(expansions) - 1 - len(folded))


def _flags_of(char: str, category: str) -> int:
    checks = (
        (SPACE, char.isspace()),
        (LETTER, char.isalpha()),
        (DIGIT, char.isdigit()),
        (ALNUM, char.isalnum()),
        (UPPER, char.isupper()),
        (NOT_UPPER, char.islower() or category == "Lt"),
        (PUNCTUATION, category[0] == "P" or char in ASCII_PUNCTUATION),
        (BULLET, char in BULLETS),
        (WIDE_STOP, char in WIDE_STOPS),
        (MARK, unicodedata.combining(char) != 0),
    )
    return sum(flag for flag, holds in checks if holds)


def _fill_assigned(flags: npt.NDArray[np.uint16], low: int, high: int, value: int) -> None:
    # Ideograph blocks have unassigned code points, which differ between Unicode versions.
    category = unicodedata.category
    flags[[c for c in range(low, high + 1) if category(chr(c)) == "Lo"]] = value


def _mark_ranges(
    flags: npt.NDArray[np.uint16], ranges: tuple[tuple[int, int], ...], flag: int
) -> None:
    for low, high in ranges:
        part = flags[low : high + 1]
        part[(part & LETTER) != 0] |= flag


def _mark_chars(flags: npt.NDArray[np.uint16], chars: frozenset[str], flag: int) -> None:
    flags[[ord(char) for char in chars]] |= np.uint16(flag)


def _mark_scripts(flags: npt.NDArray[np.uint16]) -> None:
    """Mark ideographs that only one of the two national character sets knows.

    GB 2312 (1980) was made for simplified text and Big5 (1984) for traditional text.
    """
    simplified, traditional = _encodable("gb2312", 0xA1), _encodable("big5", 0x40)
    for char in simplified - traditional:
        flags[ord(char)] |= HANS
    for char in traditional - simplified:
        flags[ord(char)] |= HANT


def _encodable(codec: str, first_trail: int) -> set[str]:
    pairs = (
        bytes((lead, trail)) for lead in range(0xA1, 0xFA) for trail in range(first_trail, 0xFF)
    )
    decoded = (pair.decode(codec, "ignore") for pair in pairs)
    return {char for char in decoded if len(char) == 1 and "\u3400" <= char <= "\u9fff"}
