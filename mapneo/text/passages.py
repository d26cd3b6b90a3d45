"""Lines, paragraphs, sentences as stretches of one document: their hashes, and which came before.

One pass gives a hash of every beginning of the text; the hash of any stretch is then two look-ups
away, so that nothing is hashed twice, however often it is compared.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.counts import TEXT
from mapneo.text.hashing import GOLDEN, find_slot, mix64, table_size
from mapneo.text.kernel import kernel
from mapneo.text.unicode import SPACE

_NEWLINE = ord("\n")
_SCRAMBLE = np.uint64(0xBF58476D1CE4E5B9)


class Outline(NamedTuple):
    """Where lines end, and hashes of all beginnings of a text.

    Attributes:
        newlines: int32, ascending positions of the newlines.
        hashes: uint64, shape (characters + 1,); entry i is the hash of the first i characters.
        salt: hash of the whole text; part of every key, so that no one can choose lines that all
            begin at one slot of a table.
    """

    newlines: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    salt: np.uint64


@kernel
def outline(
    code_points: npt.NDArray[np.int32],
    newlines: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
) -> Outline:
    """Fill the scratch arrays, which have room for the text, and cut them to size.

    The hash is a polynomial in GOLDEN modulo 2^64 over scrambled characters.
    """
    found = 0
    state = np.uint64(0)
    hashes[0] = state
    for position in range(code_points.size):
        value = code_points[position]
        scrambled = (np.uint64(value) + np.uint64(1)) * _SCRAMBLE
        state = state * GOLDEN + (scrambled ^ (scrambled >> np.uint64(29)))
        hashes[position + 1] = state
        newlines[found] = position
        found += value == _NEWLINE
    return Outline(newlines[:found], hashes, mix64(state))


@kernel
def trim(flags: npt.NDArray[np.uint16], begin: int, end: int) -> tuple[int, int]:
    """Beginning and end of a stretch without the white space around it."""
    while begin < end and flags[begin] & SPACE:
        begin += 1
    while end > begin and flags[end - 1] & SPACE:
        end -= 1
    return begin, end


@kernel
def stretch_key(text: Outline, begin: int, end: int) -> np.uint64:
    """Hash of the text from `begin` to before `end`, never 0; only good within this text."""
    power, factor, left = np.uint64(1), GOLDEN, end - begin
    while left:
        if left & 1:
            power *= factor
        factor *= factor
        left >>= 1
    state = text.hashes[end] - text.hashes[begin] * power
    return mix64(state ^ text.salt ^ np.uint64(end - begin)) | np.uint64(1)


@kernel
def seen_before(seen: npt.NDArray[np.uint64], key: np.uint64) -> bool:
    """Look a stretch of text up in an open-addressing table, and enter it."""
    slot = find_slot(seen, seen.size - 1, key)
    known: bool = seen[slot] == key
    seen[slot] = key
    return known


@kernel
def count_passages(
    flags: npt.NDArray[np.uint16], text: Outline, row: npt.NDArray[np.float64]
) -> None:
    """Fill the columns of line pieces and paragraphs.

    The pieces are those of datatrove's Gopher repetition filter (Rae et al. 2021, table A1): line
    pieces from the whole text, paragraphs from the trimmed one, compared as they stand.
    """
    pieces, copies, chars = _pieces(text, 0, flags.size, 1)
    row[TEXT.line_pieces] = pieces
    row[TEXT.duplicate_line_pieces] = copies
    row[TEXT.duplicate_line_piece_chars] = chars
    first, end = trim(flags, int(np.int64(0)), flags.size)
    pieces, copies, chars = _pieces(text, first, end, 2)
    row[TEXT.paragraphs] = pieces
    row[TEXT.duplicate_paragraphs] = copies
    row[TEXT.duplicate_paragraph_chars] = chars


@kernel
def _pieces(text: Outline, first: int, end: int, min_newlines: int) -> tuple[int, int, int]:
    """Split at runs of newlines: (pieces, pieces that occurred before, characters of those)."""
    seen = np.zeros(table_size(text.newlines.size + 1), dtype=np.uint64)
    pieces = copies = chars = 0
    begin, number = first, 0
    while number < text.newlines.size and text.newlines[number] < first:
        number += 1
    while True:
        stop, run = end, 0
        while number < text.newlines.size and text.newlines[number] < end:
            stop, run = text.newlines[number], 1
            while (
                number + run < text.newlines.size
                and text.newlines[number + run] == stop + run
                and stop + run < end
            ):
                run += 1
            number += run
            if run >= min_newlines:
                break
            stop, run = end, 0
        pieces += 1
        if seen_before(seen, stretch_key(text, begin, stop)):
            copies += 1
            chars += stop - begin
        if run == 0:
            return pieces, copies, chars
        begin = stop + run
