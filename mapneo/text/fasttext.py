"""A fastText classifier inside kernels: features of a stretch of text, and its best label.

The same sums as fastText 0.9.2's `predict` (words and their character n-grams, hierarchical
softmax), without the GIL, without a Python string per document, and open at the seam: features
are sums, so a document can be judged by parts and as a whole in one pass.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import find_slot, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import NOT_UPPER, SPACE, UPPER
from mapneo.text.utf8 import decode_multibyte

_FNV32_START, _FNV32_PRIME = np.uint32(2166136261), np.uint32(16777619)
_FNV64_START, _FNV64_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_WORD_START, _WORD_END = np.uint8(ord("<")), np.uint8(ord(">"))
_ASCII = 0x80
LOWERABLE = 0x800
"""Code points below it (one or two bytes) may be read as small letters."""
_SMOOTHING = 1e-5
_MOSTLY_UPPER = 0.8


class FastTextModel(NamedTuple):
    """A classifier over words and their character n-grams.

    Attributes:
        rows: float32, shape (words + kept buckets, dimension); input vectors, unpacked.
        word_hashes: uint64, open addressing, a power of two long; 0 is an empty slot.
        word_rows: int32, beside `word_hashes`.
        bucket_rows: int32, shape (buckets before pruning,); row of a bucket, -1 if pruned.
        bucket_bits: uint8, one bit per bucket that was kept: small enough for the inner cache.
        end_row: row of the end-of-line token, -1 if the model has none.
        min_chars: shortest n-gram.
        max_chars: longest n-gram.
        output: float32, shape (labels - 1, dimension); inner nodes of the label tree.
        children: int32, shape (labels - 1, 2); an inner node before this one, or ~label.
            The last node is the root.
    """

    rows: npt.NDArray[np.float32]
    word_hashes: npt.NDArray[np.uint64]
    word_rows: npt.NDArray[np.int32]
    bucket_rows: npt.NDArray[np.int32]
    bucket_bits: npt.NDArray[np.uint8]
    end_row: int
    min_chars: int
    max_chars: int
    output: npt.NDArray[np.float32]
    children: npt.NDArray[np.int32]


class Identifier(NamedTuple):
    """What kernels need to name the language of a stretch of text.

    Attributes:
        model: the classifier.
        flags: uint16, flags by code point (`CharTables.flags`).
        lower: int32, shape (0x800,); small letter of a code point where it takes as many bytes.
        is_han: bool, shape (labels,); languages written with ideographs.
        chinese: label of Chinese.
        japanese: label of Japanese.
    """

    model: FastTextModel
    flags: npt.NDArray[np.uint16]
    lower: npt.NDArray[np.int32]
    is_han: npt.NDArray[np.bool_]
    chinese: int
    japanese: int


class Scratch(NamedTuple):
    """Room to work in, made once per batch by `scratch_for`.

    Attributes:
        word: uint8, at least two longer than the longest text.
        sums: float32, shape (dimension,).
        nodes: float64, shape (labels - 1,).
        odds: float64, shape (labels,).
    """

    word: npt.NDArray[np.uint8]
    sums: npt.NDArray[np.float32]
    nodes: npt.NDArray[np.float64]
    odds: npt.NDArray[np.float64]


def scratch_for(known: Identifier, offsets: npt.NDArray[np.int64]) -> Scratch:
    """Room for texts with these offsets."""
    longest = int(np.diff(offsets).max(initial=0))
    nodes, dimension = known.model.output.shape
    return Scratch(
        np.empty(longest + 2, dtype=np.uint8),
        np.empty(dimension, dtype=np.float32),
        np.empty(nodes, dtype=np.float64),
        np.empty(nodes + 1, dtype=np.float64),
    )


@kernel
def word_hash(word: npt.NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """Hash of the bytes of a word, never 0 (FNV-1a, then mixed)."""
    state = _FNV64_START
    for position in range(start, end):
        state = (state ^ np.uint64(word[position])) * _FNV64_PRIME
    state = mix64(state)
    return state if state != np.uint64(0) else np.uint64(1)


@kernel
def add_features(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    known: Identifier,
    word: npt.NDArray[np.uint8],
    sums: npt.NDArray[np.float32],
) -> int:
    """Add the input vectors of all words of `data[start:end]` to `sums`.

    Words are divided by white space and NUL. Text mostly in capitals is read in small letters, as
    the model knows few words in capitals.

    Args:
        data: UTF-8.
        start: first byte.
        end: byte after the last.
        known: the classifier and its tables.
        word: scratch, at least `end - start + 2` long.
        sums: float32, shape (dimension,).

    Returns:
        How many vectors were added.
    """
    is_shouted = _is_shouted(data, start, end, known.flags)
    features = 0
    filled = 1
    word[0] = _WORD_START
    position = start
    while position < end:
        first = np.int32(data[position])
        code_point, size = first, 1
        if first >= _ASCII:
            code_point, size = decode_multibyte(data, position, end, first)
        if known.flags[code_point] & SPACE or code_point == 0:
            if filled > 1:
                features += _add_word(word, filled, known.model, sums)
                filled = 1
        elif is_shouted and code_point < LOWERABLE:
            filled = _put(word, filled, known.lower[code_point], size)
        else:
            for step in range(size):
                word[filled + step] = data[position + step]
            filled += size
        position += size
    if filled > 1:
        features += _add_word(word, filled, known.model, sums)
    return features


@kernel
def _is_shouted(
    data: npt.NDArray[np.uint8], start: int, end: int, flags: npt.NDArray[np.uint16]
) -> bool:
    """Whether more than 80 % of the letters that have a case are capitals."""
    upper = cased = 0
    position = start
    while position < end:
        first = np.int32(data[position])
        code_point, size = first, 1
        if first >= _ASCII:
            code_point, size = decode_multibyte(data, position, end, first)
        flag = flags[code_point]
        upper += flag & UPPER != 0
        cased += flag & (UPPER | NOT_UPPER) != 0
        position += size
    return upper > _MOSTLY_UPPER * cased


@kernel
def _put(word: npt.NDArray[np.uint8], filled: int, code_point: np.int32, size: int) -> int:
    if size == 1:
        word[filled] = np.uint8(code_point)
    else:
        word[filled] = np.uint8(0xC0 | code_point >> 6)
        word[filled + 1] = np.uint8(0x80 | code_point & 0x3F)
    return filled + size


@kernel
def _add_word(
    word: npt.NDArray[np.uint8],
    filled: int,
    model: FastTextModel,
    sums: npt.NDArray[np.float32],
) -> int:
    """Add the vectors of a word that stands at `word[1:filled]`, and of its n-grams."""
    features = 0
    value = word_hash(word, 1, filled)
    slot = find_slot(model.word_hashes, model.word_hashes.size - 1, value)
    row = model.word_rows[slot]
    if row >= 0:
        if row == model.end_row:
            return 0
        _add_row(model.rows, row, sums)
        features += 1
    word[filled] = _WORD_END
    size = filled + 1
    buckets = np.uint32(model.bucket_rows.size)
    for start in range(size):
        if word[start] & 0xC0 == _ASCII:
            continue
        hashed = _FNV32_START
        position = start
        for chars in range(1, model.max_chars + 1):
            if position >= size:
                break
            hashed = _step(hashed, word[position])
            position += 1
            while position < size and word[position] & 0xC0 == _ASCII:
                hashed = _step(hashed, word[position])
                position += 1
            if chars < model.min_chars:
                continue
            bucket = hashed % buckets
            if model.bucket_bits[bucket >> 3] >> (bucket & 7) & 1:
                _add_row(model.rows, model.bucket_rows[bucket], sums)
                features += 1
    return features


@kernel
def _step(hashed: np.uint32, byte: np.uint8) -> np.uint32:
    """FNV-1a as fastText has it: the byte is a signed char."""
    return np.uint32((hashed ^ np.uint32(np.int8(byte))) * _FNV32_PRIME)


@kernel
def _add_row(rows: npt.NDArray[np.float32], row: int, sums: npt.NDArray[np.float32]) -> None:
    for column in range(sums.size):
        sums[column] += rows[row, column]


@kernel
def label_odds(
    sums: npt.NDArray[np.float32],
    features: int,
    model: FastTextModel,
    nodes: npt.NDArray[np.float64],
    odds: npt.NDArray[np.float64],
) -> None:
    """Probability of every label for a line with these features.

    Args:
        sums: float32, shape (dimension,), without the end-of-line token; is not changed.
        features: how many vectors they are the sum of.
        model: the classifier.
        nodes: scratch, float64, shape (labels - 1,).
        odds: float64, shape (labels,), filled. As fastText smooths each step down the
            tree, a probability can be a little over 1. All 0 if there is no vector at all.
    """
    count = features + (model.end_row >= 0)
    if count == 0:
        odds[:] = 0.0
        return
    root = nodes.size - 1
    nodes[root] = 1.0
    for node in range(root, -1, -1):
        score = 0.0
        for column in range(sums.size):
            value = sums[column]
            if model.end_row >= 0:
                value += model.rows[model.end_row, column]
            score += model.output[node, column] * (value / count)
        to_right = 1.0 / (1.0 + np.exp(-score))
        for side in range(2):
            chance = to_right if side else 1.0 - to_right
            here = nodes[node] * (chance + _SMOOTHING)
            child = model.children[node, side]
            if child >= 0:
                nodes[child] = here
            else:
                odds[~child] = here
