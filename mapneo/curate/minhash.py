"""MinHash signatures and their LSH bands.

A shingle is `width` consecutive units of the folded text (characters, or words with every
ideograph a word). Each of `permutations` functions x → a·x + b mod 2^32 gives the least value
over all shingles; two texts agree in a value with a probability close to their Jaccard
similarity. A band is `rows` consecutive values; texts that agree in a whole band are candidates,
with probability 1 − (1 − s^rows)^bands.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from mapneo.text.folding import character_units, composed_view, fold_room, fold_text, word_units
from mapneo.text.hashing import GOLDEN, chain64, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import CharTables, char_tables
from mapneo.text.utf8 import decode_utf8

Preset = Literal["map_neo", "words"]
UNIT_CHARACTERS, UNIT_WORDS = 0, 1

_NOTHING = 0xFFFFFFFF
_BLOCK = 1024
_SEED = 0x6D61706E656F  # "mapneo"


class MinHashSetting(NamedTuple):
    """How signatures are made and compared.

    Attributes:
        unit: UNIT_CHARACTERS or UNIT_WORDS.
        width: units per shingle.
        permutations: values per signature.
        bands: bands per signature.
        rows: values per band; `bands * rows <= permutations`.
    """

    unit: int
    width: int
    permutations: int
    bands: int
    rows: int

    def candidate_probability(self, jaccard: float) -> float:
        """Chance that two texts of a true similarity share at least one band."""
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


PRESETS: Mapping[Preset, MinHashSetting] = {
    "map_neo": MinHashSetting(UNIT_CHARACTERS, 13, 128, 9, 13),
    "words": MinHashSetting(UNIT_WORDS, 5, 112, 14, 8),
}
"""MAP-Neo's setting (Matrix, both languages), and the field's (FineWeb: 5 words, 14 × 8)."""


class Permutations(NamedTuple):
    """Multipliers (odd) and offsets, uint32, shape (permutations,)."""

    multipliers: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.uint32]


def permutations(count: int) -> Permutations:
    """The first `count` permutations; the same on every machine."""
    digests = [xxhash.xxh3_64_intdigest(k.to_bytes(8, "little"), seed=_SEED) for k in range(count)]
    values = np.array(digests, dtype=np.uint64)
    result = Permutations(
        (values >> np.uint64(32)).astype(np.uint32) | np.uint32(1), values.astype(np.uint32)
    )
    for array in result:
        array.setflags(write=False)
    return result


def signatures(
    texts: pa.Array | pa.ChunkedArray, setting: MinHashSetting
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """MinHash signatures of a column of texts.

    Returns:
        uint32, shape (rows, permutations), and int32, shape (rows,): how many shingles. A text
        with no shingle has a signature of all ones, which must not be compared.
    """
    tables = char_tables()
    view = composed_view(texts, tables)
    found = np.full((view.valid.size, setting.permutations), _NOTHING, dtype=np.uint32)
    chosen = permutations(setting.permutations)
    shape = (setting.unit, setting.width)
    return found, _sign_rows(view.data, view.offsets, tables, shape, chosen, found)


def band_keys(found: npt.NDArray[np.uint32], setting: MinHashSetting) -> npt.NDArray[np.uint64]:
    """64-bit key of every band: uint64, shape (rows, bands); bands never share keys by design."""
    keys = np.empty((len(found), setting.bands), dtype=np.uint64)
    _hash_bands(np.ascontiguousarray(found), setting.rows, keys)
    return keys


def estimated_jaccard(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.float32]:
    """Share of equal values of paired signatures, both of shape (pairs, permutations)."""
    shares: npt.NDArray[np.float32] = (left == right).mean(axis=1, dtype=np.float32)
    return shares


@kernel
def _sign_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    shape: tuple[int, int],
    chosen: Permutations,
    found: npt.NDArray[np.uint32],
) -> npt.NDArray[np.int32]:
    """Fill `found`, shape (rows, permutations). Returns the shingles of each row."""
    unit, width = shape
    shingles = np.zeros(found.shape[0], dtype=np.int32)
    longest = 1
    for row in range(shingles.size):
        longest = max(longest, offsets[row + 1] - offsets[row])
    code_points = np.empty(longest, dtype=np.int32)
    for row in range(shingles.size):
        chars = decode_utf8(data, offsets[row], offsets[row + 1], code_points)
        folded = np.empty(fold_room(code_points[:chars], tables), dtype=np.int32)
        length = fold_text(code_points[:chars], tables, folded)
        units = np.empty(length, dtype=np.uint64)
        if unit == UNIT_CHARACTERS:
            count = character_units(folded[:length], units)
        else:
            count = word_units(folded[:length], tables, units)
        shingles[row] = max(0, count - width + 1)
        _sign(units[:count], width, chosen, found[row])
    return shingles


@kernel
def _sign(
    units: npt.NDArray[np.uint64],
    width: int,
    chosen: Permutations,
    signature: npt.NDArray[np.uint32],
) -> None:
    """Lower `signature` to the least value of each permutation over all shingles."""
    base = GOLDEN
    oldest = np.uint64(1)
    for _ in range(width - 1):
        oldest = oldest * base
    state = np.uint64(0)
    block = np.empty(_BLOCK, dtype=np.uint32)
    filled = 0
    for position in range(units.size):
        if position >= width:
            state = state - units[position - width] * oldest
        state = state * base + units[position]
        if position < width - 1:
            continue
        block[filled] = np.uint32(mix64(state) >> np.uint64(32))
        filled += 1
        if filled == _BLOCK:
            _lower(block, chosen, signature)
            filled = 0
    _lower(block[:filled], chosen, signature)


@kernel
def _lower(
    block: npt.NDArray[np.uint32], chosen: Permutations, signature: npt.NDArray[np.uint32]
) -> None:
    # The inner loop runs over shingles, not permutations, keeps one minimum, and casts after each
    # step to 32 bits: only so does the compiler use the widest vectors (measured: 12 times faster).
    for index in range(signature.size):
        multiplier, offset = chosen.multipliers[index], chosen.offsets[index]
        least = signature[index]
        for position in range(block.size):
            value = np.uint32(np.uint32(multiplier * block[position]) + offset)
            if value < least:
                least = value
        signature[index] = least


@kernel
def _hash_bands(found: npt.NDArray[np.uint32], rows: int, keys: npt.NDArray[np.uint64]) -> None:
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            state = np.uint64(band)
            for index in range(band * rows, band * rows + rows):
                state = chain64(state, np.uint64(found[document, index]))
            keys[document, band] = mix64(state)
