"""How much of a text is in which language, inside kernels.

A text is cut where its script changes. Ideographs are Chinese, or Japanese if kana stand among
them. A stretch without ideographs is shown to the classifier in windows of whole lines; a short
one between ideographs (a product's name, a command) belongs to the text around it. Lines that are
not prose (code, tables of figures, paths) are in no language.

Amounts are in letters, an ideograph counting as three: on 1,598 pages of four manuals, fully
translated, the English page has 3.0 letters for each ideograph of the Chinese one.
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.fasttext import Identifier, Scratch, add_features, label_odds
from mapneo.text.kernel import kernel
from mapneo.text.unicode import DIGIT, HAN, LETTER, PUNCTUATION, SPACE, UPPER
from mapneo.text.utf8 import decode_multibyte

HAN_LETTERS = 3
"""Letters that an ideograph stands for."""

MIN_STRETCH_LETTERS = 40
"""A stretch with fewer letters between ideographs belongs to them."""

WINDOW_LETTERS = 150
"""The classifier is asked at the end of the line in which so many letters of prose are full."""

MIN_WINDOW_SCORE = 0.4
MIN_PLAIN_FRAC = 0.6
"""A line is prose if so many of its words are plain: letters, with marks at most around them."""

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
def is_kana(code_point: int) -> bool:
    """Whether a character is Japanese syllabic script."""
    for low, high in _KANA:
        if low <= code_point <= high:
            return True
    return False


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
    han = kana = near = letters = 0
    stretch = position = start
    while position < end:
        code_point, size = read_char(data, position, end)
        flag = known.flags[code_point]
        has_kana = is_kana(code_point) and flag & LETTER != 0
        if flag & HAN or has_kana:
            if letters >= MIN_STRETCH_LETTERS:
                _add_stretch(data, stretch, position, known, scratch, units)
            else:
                near += letters
            letters = 0
            stretch = position + size
            kana += has_kana
            han += not has_kana
        elif flag & LETTER:
            letters += 1
        position += size
    if letters >= MIN_STRETCH_LETTERS or han + kana == 0:
        _add_stretch(data, stretch, end, known, scratch, units)
    else:
        near += letters
    label = known.japanese if kana > _MIN_KANA_FRAC * (han + kana) else known.chinese
    # A list of names with an ideograph each is not Chinese for that.
    own = HAN_LETTERS * han + kana
    units[label] += own + min(near, own)
    units[-1] += near - min(near, own)


@kernel
def _add_stretch(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    known: Identifier,
    scratch: Scratch,
    units: npt.NDArray[np.float64],
) -> None:
    """Add a stretch without ideographs, window by window."""
    scratch.sums[:] = 0
    features = pending = 0
    position = start
    while position < end:
        line_end, letters, is_prose = _read_line(data, position, end, known.flags)
        if is_prose:
            features += add_features(data, position, line_end, known, scratch.word, scratch.sums)
            pending += letters
        else:
            units[-1] += letters
        position = line_end
        if pending >= WINDOW_LETTERS:
            units[_window_label(features, known, scratch)] += pending
            scratch.sums[:] = 0
            features = pending = 0
    units[_window_label(features, known, scratch)] += pending


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
) -> tuple[int, int, bool]:
    """Where a line ends (a very long one: after enough words), its letters, if it is prose."""
    words = plain_words = letters = 0
    position = start
    while position < end:
        size, word_letters, kind = _read_word(data, position, end, flags)
        words += kind >= 0
        plain_words += kind > 0
        letters += word_letters
        position += size
        if position == end:
            break
        space, size = read_char(data, position, end)
        position += size
        if space == _NEWLINE or letters >= _MAX_LINE_LETTERS:
            break
    return position, letters, plain_words >= MIN_PLAIN_FRAC * words


@kernel
def _read_word(
    data: npt.NDArray[np.uint8], start: int, end: int, flags: npt.NDArray[np.uint16]
) -> tuple[int, int, int]:
    """The word at a position, which may be empty: bytes, letters, kind.

    Kind is 1 for a plain word (letters, joined by hyphens and apostrophes, marks around them), 0
    for another, -1 for what says nothing: empty, digits, marks.
    """
    letters = digits = 0
    is_plain = True
    after_letter = after_small = in_marks = False
    position = start
    while position < end:
        code_point, size = read_char(data, position, end)
        flag = flags[code_point]
        if flag & SPACE:
            break
        if flag & LETTER:
            # A letter after inner marks (a.b, a_b), or a capital after a small letter (aB).
            is_plain &= not (in_marks or (after_small and flag & UPPER != 0))
            letters += 1
            after_letter = True
            after_small = flag & UPPER == 0
        elif code_point < 0x80 or flag & (PUNCTUATION | DIGIT):
            # Other characters are vowel signs and accents, which belong to the letters.
            digits += flag & DIGIT != 0
            is_plain &= not _is_one_of(code_point, _SIGNS)
            in_marks |= after_letter and not _is_one_of(code_point, _INNER_MARKS)
            after_small = False
        position += size
    if letters == 0:
        return position - start, 0, -1 if is_plain or digits > 0 else 0
    return position - start, letters, 1 if is_plain else 0


@kernel
def _is_one_of(code_point: int, marks: tuple[int, ...]) -> bool:
    for mark in marks:
        if code_point == mark:
            return True
    return False


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
