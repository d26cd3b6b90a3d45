"""How much of a text is in which language, inside kernels.

Ideographs are Chinese, or Japanese if kana stand among them. A short run of other letters between
the ideographs of a line (a product's name, a command) belongs to them. Lines without ideographs,
and long runs, are shown to the classifier in windows. Lines that are not prose (code, tables of
figures, paths) are in no language.

Amounts are in letters, an ideograph counting as three: on 1,598 translated pages of three
manuals, the English page has 3.0 letters for each ideograph of the Chinese one.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.fasttext import Identifier, Scratch, add_features, label_odds
from mapneo.text.kernel import kernel
from mapneo.text.unicode import DIGIT, HAN, LETTER, PUNCTUATION, SPACE, UPPER
from mapneo.text.utf8 import decode_multibyte

HAN_LETTERS = 3
"""Letters that an ideograph stands for."""

MIN_RUN_LETTERS = 40
"""A run with fewer letters between the ideographs of a line belongs to them."""

WINDOW_LETTERS = 150
"""The classifier is asked at the end of the line in which so many letters of prose are full."""

MIN_WINDOW_SCORE = 0.4
"""A window is in a language if the classifier holds it so likely, else in none."""

MIN_PLAIN_WORDS = 2
MIN_PLAIN_FRAC = 0.75
"""A line is prose if so many of its words are plain: letters, with marks at most around them.

These three were chosen on the tuning half of the pages of `bench.language`.
"""

_MAX_LINE_LETTERS = 600
_MIN_KANA_FRAC = 0.05
_KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))
_NEWLINE = ord("\n")
_SIGNS = tuple(map(ord, "#$%&*+/<=>@\\^_`{|}~"))
_INNER_MARKS = (ord("'"), ord("-"), 0x2019, 0x2011)


@kernel
def read_char(data: npt.NDArray[np.uint8], position: int, end: int) -> tuple[np.int32, int]:
    """The character at a position, and its size in bytes."""
    first = np.int32(data[position])
    if first < 0x80:
        return first, 1
    return decode_multibyte(data, position, end, first)


@kernel
def is_kana(code_point: np.int32) -> bool:
    """Whether a character is Japanese syllabic script."""
    found = False
    for low, high in _KANA:
        found |= bool(low <= code_point <= high)
    return found


class Line(NamedTuple):
    """What was counted in a line, or in a piece of a very long one.

    Attributes:
        end: byte after it.
        han: ideographs.
        kana: Japanese syllabic characters.
        letters: all other letters.
        is_prose: whether enough of its words are plain.
    """

    end: int
    han: int
    kana: int
    letters: int
    is_prose: bool


@kernel
def add_units(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    known: Identifier,
    scratch: Scratch,
    units: npt.NDArray[np.float64],
) -> None:
    """Add the letters of `data[start:end]` to the languages they are in.

    Args:
        data: UTF-8.
        start: first byte.
        end: byte after the last.
        known: the classifier and its tables.
        scratch: room for the text.
        units: float64, shape (labels + 1,); letters by label, an ideograph as three. The last
            holds letters in no language: code, and what the classifier is not sure of.
    """
    scratch.sums[:] = 0
    han = kana = near = 0
    window = (0, 0)
    position = start
    while position < end:
        line = _read_line(data, position, end, known.flags)
        if line.han + line.kana == 0:
            window = _add_run(data, position, line, known, scratch, window, units)
        elif line.letters < MIN_RUN_LETTERS:
            near += line.letters
        else:
            short, window = _add_runs(data, position, line.end, known, scratch, window, units)
            near += short
        han += line.han
        kana += line.kana
        position = line.end
    _close_window(window, known, scratch, units)
    label = known.japanese if kana > _MIN_KANA_FRAC * (han + kana) else known.chinese
    # A list of names with an ideograph each is not Chinese for that.
    own = HAN_LETTERS * han + kana
    units[label] += own + min(near, own)
    units[-1] += near - min(near, own)


@kernel
def _add_runs(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    known: Identifier,
    scratch: Scratch,
    window: tuple[int, int],
    units: npt.NDArray[np.float64],
) -> tuple[int, tuple[int, int]]:
    """Add the long runs between the ideographs of a line; letters of the short ones, window."""
    short = letters = 0
    run = position = start
    while position <= end:
        code_point, size = read_char(data, position, end) if position < end else (np.int32(0), 1)
        flag = known.flags[code_point]
        if position == end or flag & HAN or (is_kana(code_point) and flag & LETTER):
            while letters >= MIN_RUN_LETTERS and run < position:
                line = _read_line(data, run, position, known.flags)
                window = _add_run(data, run, line, known, scratch, window, units)
                run = line.end
            short += letters if letters < MIN_RUN_LETTERS else 0
            letters = 0
            run = position + size
        elif flag & LETTER:
            letters += 1
        position += size
    return short, window


@kernel
def _add_run(
    data: npt.NDArray[np.uint8],
    start: int,
    line: Line,
    known: Identifier,
    scratch: Scratch,
    window: tuple[int, int],
    units: npt.NDArray[np.float64],
) -> tuple[int, int]:
    """Add a line, or a part of one, without ideographs to the window: (features, letters)."""
    if not line.is_prose:
        units[-1] += line.letters
        return window
    features, letters = window
    features += add_features(data, start, line.end, known, scratch.word, scratch.sums)
    window = (features, letters + line.letters)
    if window[1] >= WINDOW_LETTERS:
        _close_window(window, known, scratch, units)
        window = (0, 0)
    return window


@kernel
def _close_window(
    window: tuple[int, int],
    known: Identifier,
    scratch: Scratch,
    units: npt.NDArray[np.float64],
) -> None:
    """Give the window's letters to its language, and begin a new one."""
    features, letters = window
    if letters > 0:
        units[_window_label(features, known, scratch)] += letters
        scratch.sums[:] = 0


@kernel
def _window_label(features: int, known: Identifier, scratch: Scratch) -> int:
    """Label of the window whose features are summed up, -1 if none is likely enough."""
    label_odds(scratch.sums, features, known.model, scratch.nodes, scratch.odds)
    best, best_odds = -1, MIN_WINDOW_SCORE
    for label in range(scratch.odds.size):
        if scratch.odds[label] >= best_odds and not known.is_han[label]:
            best, best_odds = label, scratch.odds[label]
    return best


@kernel
def _read_line(
    data: npt.NDArray[np.uint8], start: int, end: int, flags: npt.NDArray[np.uint16]
) -> Line:
    """Read up to the end of the line; of a very long one, up to the end of a word."""
    han = kana = letters = words = plain_words = 0
    position = start
    while position < end:
        word = _read_word(data, position, end, flags)
        han += word.han
        kana += word.kana
        letters += word.letters
        words += word.kind >= 0
        plain_words += word.kind > 0
        position = word.end
        if position == end:
            break
        space, size = read_char(data, position, end)
        position += size
        if space == _NEWLINE or letters >= _MAX_LINE_LETTERS:
            break
    is_prose = plain_words >= MIN_PLAIN_WORDS and plain_words >= MIN_PLAIN_FRAC * words
    return Line(position, han, kana, letters, is_prose)


class Word(NamedTuple):
    """What was counted in a word: see `Line`.

    `kind` is 1 for a plain word (letters, joined by hyphens and apostrophes, marks around them),
    0 for another, -1 for what says nothing: empty, digits, marks.
    """

    end: int
    han: int
    kana: int
    letters: int
    kind: int


@kernel
def _read_word(
    data: npt.NDArray[np.uint8], start: int, end: int, flags: npt.NDArray[np.uint16]
) -> Word:
    """Read up to the next white space; the word may be empty."""
    han = kana = letters = digits = 0
    is_plain = True
    after_small = in_marks = False
    position = start
    while position < end:
        code_point, size = read_char(data, position, end)
        flag = flags[code_point]
        if flag & SPACE:
            break
        if flag & HAN:
            han += 1
        elif flag & LETTER:
            # A letter after inner marks (a.b, a_b), or a capital after a small letter (aB).
            is_plain &= not (in_marks or (after_small and flag & UPPER != 0))
            is_syllable = is_kana(code_point)
            kana += is_syllable
            letters += not is_syllable
            after_small = flag & UPPER == 0
        elif code_point < 0x80 or flag & (PUNCTUATION | DIGIT):
            # Other characters are vowel signs and accents, which belong to the letters.
            digits += flag & DIGIT != 0
            is_plain &= not _is_one_of(code_point, _SIGNS)
            in_marks |= letters > 0 and not _is_one_of(code_point, _INNER_MARKS)
            after_small = False
        position += size
    kind = 1 if is_plain else 0
    if letters == 0 and (is_plain or digits > 0):
        kind = -1
    return Word(position, han, kana, letters, kind)


@kernel
def _is_one_of(code_point: np.int32, marks: tuple[int, ...]) -> bool:
    found = False
    for mark in marks:
        found |= code_point == mark
    return found


@kernel
def find_head(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    max_chars: int,
    flags: npt.NDArray[np.uint16],
) -> tuple[int, int]:
    """Bytes from the first letter on, up to so many characters; empty if there is no letter.

    A run of white space counts as one character.
    """
    first_letter = -1
    chars = 0
    after_space = True
    position = start
    while position < end and chars < max_chars:
        code_point, size = read_char(data, position, end)
        flag = flags[code_point]
        if first_letter < 0 and flag & LETTER:
            first_letter = position
        is_space = flag & SPACE != 0
        chars += first_letter >= 0 and not (is_space and after_space)
        after_space = is_space
        position += size
    return (first_letter, position) if first_letter >= 0 else (start, start)
