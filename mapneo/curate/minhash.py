"""MinHash signatures and their LSH bands.

A shingle is `width` consecutive units of the folded text (characters, or words with every
ideograph a word). Each of `permutations` functions x → a·x + b mod 2^32 gives the least value
over all shingles; two texts agree in a value with a probability close to their Jaccard
similarity. A band is `rows` consecutive values; texts that agree in a whole band are candidates,
with probability 1 − (1 − s^rows)^bands.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from mapneo.curate.minhash_setting import MinHashSetting
from mapneo.text.folding import character_units, composed_view, fold_room, fold_text, word_units
from mapneo.text.hashing import GOLDEN, chain64, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import CharTables, char_tables
from mapneo.text.utf8 import decode_utf8
from mapneo.text.variants import simplified_tables

_BLOCK = 1024
_SEED = 0x6D61706E656F  # "mapneo"


class Permutations(NamedTuple):
    """Multipliers (odd) and offsets, uint32 or uint64, shape (permutations,)."""

    multipliers: npt.NDArray[np.unsignedinteger]
    offsets: npt.NDArray[np.unsignedinteger]


def permutations(count: int, bits: int = 32) -> Permutations:
    """The first `count` permutations of 32 or 64 bits; the same on every machine."""
    if bits == 64:
        digests = [_digest(2 * k, _SEED + 1) for k in range(2 * count)]
        values = np.array(digests, dtype=np.uint64)
        result = Permutations(values[:count] | np.uint64(1), values[count:].copy())
    else:
        values = np.array([_digest(k, _SEED) for k in range(count)], dtype=np.uint64)
        result = Permutations(
            (values >> np.uint64(32)).astype(np.uint32) | np.uint32(1), values.astype(np.uint32)
        )
    for array in result:
        array.setflags(write=False)
    return result


def _digest(number: int, seed: int) -> int:
    return xxhash.xxh3_64_intdigest(number.to_bytes(8, "little"), seed=seed)


def signatures(
    texts: pa.Array | pa.ChunkedArray, setting: MinHashSetting
) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int32]]:
    """MinHash signatures of a column of texts.

    Returns:
        uint32 or uint64 (`hash_bits`), shape (rows, permutations), and int32, shape (rows,): how
        many shingles. A text with no shingle has a signature of all ones, which must not be
        compared.
    """
    tables = simplified_tables() if setting.fold_variants else char_tables()
    view = composed_view(texts, tables)
    chosen = permutations(setting.permutations, setting.hash_bits)
    dtype = chosen.offsets.dtype
    found = np.full((view.valid.size, setting.permutations), np.iinfo(dtype).max, dtype=dtype)
    shape = (setting.unit == "characters", setting.width)
    return found, _sign_rows(view.data, view.offsets, tables, shape, chosen, found)


def band_keys(
    found: npt.NDArray[np.unsignedinteger], setting: MinHashSetting
) -> npt.NDArray[np.uint64]:
    """64-bit key of every band: uint64, shape (rows, bands); bands never share keys by design."""
    keys = np.empty((len(found), setting.bands), dtype=np.uint64)
    _hash_bands(np.ascontiguousarray(found), setting.rows, keys)
    return keys


def sketches(found: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.uint8]:
    """The low byte of every value: all that an estimate of similarity needs."""
    return found.astype(np.uint8)


def estimated_jaccard(
    left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Estimated similarity of paired sketches, both of shape (pairs, permutations).

    Bytes of different values agree once in 256 times, which is taken off (b-bit MinHash, Li and
    König 2010).
    """
    found = np.empty(len(left), dtype=np.float32)
    _compare(np.ascontiguousarray(left), np.ascontiguousarray(right), found)
    return found


@kernel
def _compare(
    left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8], found: npt.NDArray[np.float32]
) -> None:
    chance = 1 / 256
    for pair in range(found.size):
        equal = 0
        for index in range(left.shape[1]):
            equal += left[pair, index] == right[pair, index]
        share = equal / left.shape[1]
        found[pair] = max(0.0, (share - chance) / (1 - chance))


@kernel
def _sign_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    shape: tuple[bool, int],
    chosen: Permutations,
    found: npt.NDArray[np.unsignedinteger],
) -> npt.NDArray[np.int32]:
    """Fill `found`, shape (rows, permutations). Returns the shingles of each row."""
    by_character, width = shape
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
        if by_character:
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
    signature: npt.NDArray[np.unsignedinteger],
) -> None:
    """Lower `signature` to the least value of each permutation over all shingles."""
    base = GOLDEN
    oldest = np.uint64(1)
    for _ in range(width - 1):
        oldest = oldest * base
    state = np.uint64(0)
    block = np.empty(_BLOCK, dtype=signature.dtype)
    shift = np.uint64(64 - 8 * signature.itemsize)
    filled = 0
    for position in range(units.size):
        if position >= width:
            state = state - units[position - width] * oldest
        state = state * base + units[position]
        if position < width - 1:
            continue
        block[filled] = mix64(state) >> shift
        filled += 1
        if filled == _BLOCK:
            _lower(block, chosen, signature)
            filled = 0
    _lower(block[:filled], chosen, signature)


@kernel
def _lower(
    block: npt.NDArray[np.unsignedinteger],
    chosen: Permutations,
    signature: npt.NDArray[np.unsignedinteger],
) -> None:
    # The inner loop runs over shingles, not permutations, keeps one minimum, and casts after each
    # step to the values' width: only so does the compiler use the widest vectors (measured: 12
    # times faster with 32 bits).
    narrow = block.dtype.type
    for index in range(signature.size):
        multiplier, offset = chosen.multipliers[index], chosen.offsets[index]
        least = signature[index]
        for position in range(block.size):
            value = narrow(narrow(multiplier * block[position]) + offset)
            if value < least:
                least = value
        signature[index] = least


@kernel
def _hash_bands(
    found: npt.NDArray[np.unsignedinteger], rows: int, keys: npt.NDArray[np.uint64]
) -> None:
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            state = np.uint64(band)
            for index in range(band * rows, band * rows + rows):
                state = chain64(state, np.uint64(found[document, index]))
            keys[document, band] = mix64(state)
