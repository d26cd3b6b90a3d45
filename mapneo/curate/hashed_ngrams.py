"""Hashed unigrams and bigrams of words: what importance weights and the reference model look at.

Texts are folded as for near duplicates (compatibility form, case, no punctuation). A word stands
between white space; an ideograph is a word of its own. A feature is a hash of a word, or of two
words in order, modulo the number of buckets. Source: Xie et al. 2023 (DSIR), section 4.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.text.folding import composed_view, fold_room, fold_text, word_units
from mapneo.text.hashing import chain64, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import CharTables, char_tables
from mapneo.text.utf8 import decode_utf8


def bucket_counts(texts: pa.Array | pa.ChunkedArray, buckets: int) -> npt.NDArray[np.int64]:
    """How often each bucket occurs in all texts together: int64, shape (buckets,)."""
    counts = np.zeros(buckets, dtype=np.int64)
    tables = char_tables()
    view = composed_view(texts, tables)
    _count_rows(view.data, view.offsets, tables, counts)
    return counts


def weight_sums(
    texts: pa.Array | pa.ChunkedArray, weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sum of the weights of each text's features, repeated ones repeatedly.

    Args:
        texts: strings.
        weights: float64, shape (buckets,).

    Returns:
        float64 and int64, shape (rows,): the sums, and how many features they are of.
    """
    tables = char_tables()
    view = composed_view(texts, tables)
    sums = np.zeros(view.valid.size, dtype=np.float64)
    features = np.zeros(view.valid.size, dtype=np.int64)
    _sum_rows(view.data, view.offsets, tables, weights, sums, features)
    return sums, features


def feature_rows(
    texts: pa.Array | pa.ChunkedArray, buckets: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The buckets of each text's features, ascending, repeated ones repeatedly.

    Returns:
        int32, flat, and int64, shape (rows + 1,): row i is `flat[offsets[i]:offsets[i + 1]]`.
    """
    tables = char_tables()
    view = composed_view(texts, tables)
    offsets = np.zeros(view.valid.size + 1, dtype=np.int64)
    # A feature per unit and per pair of units, a unit per code point at most after folding.
    flat = [
        _features_of_row(view.data, view.offsets[row], view.offsets[row + 1], tables, buckets)
        for row in range(view.valid.size)
    ]
    np.cumsum([part.size for part in flat], out=offsets[1:])
    return np.concatenate([np.zeros(0, np.int32), *flat]), offsets


@kernel
def _units_of_row(
    data: npt.NDArray[np.uint8], start: int, end: int, tables: CharTables
) -> npt.NDArray[np.uint64]:
    code_points = np.empty(end - start, dtype=np.int32)
    chars = decode_utf8(data, start, end, code_points)
    folded = np.empty(fold_room(code_points[:chars], tables), dtype=np.int32)
    length = fold_text(code_points[:chars], tables, folded)
    units = np.empty(length, dtype=np.uint64)
    return units[: word_units(folded[:length], tables, units)]


@kernel
def _bucket(units: npt.NDArray[np.uint64], feature: int, buckets: int) -> int:
    """Bucket of a document's feature: unigrams come first, then bigrams."""
    if feature < units.size:
        key = units[feature]
    else:
        first = feature - units.size
        key = mix64(chain64(chain64(np.uint64(2), units[first]), units[first + 1]))
    return int(key % np.uint64(buckets))


@kernel
def _features(units: npt.NDArray[np.uint64]) -> int:
    return max(0, 2 * units.size - 1)


@kernel
def _features_of_row(
    data: npt.NDArray[np.uint8], start: int, end: int, tables: CharTables, buckets: int
) -> npt.NDArray[np.int32]:
    units = _units_of_row(data, start, end, tables)
    found = np.empty(_features(units), dtype=np.int32)
    for feature in range(found.size):
        found[feature] = _bucket(units, feature, buckets)
    found.sort()
    return found


@kernel
def _count_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    counts: npt.NDArray[np.int64],
) -> None:
    for row in range(offsets.size - 1):
        units = _units_of_row(data, offsets[row], offsets[row + 1], tables)
        for feature in range(_features(units)):
            counts[_bucket(units, feature, counts.size)] += 1


@kernel
def _sum_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    tables: CharTables,
    weights: npt.NDArray[np.float64],
    sums: npt.NDArray[np.float64],
    features: npt.NDArray[np.int64],
) -> None:
    for row in range(offsets.size - 1):
        units = _units_of_row(data, offsets[row], offsets[row + 1], tables)
        features[row] = _features(units)
        for feature in range(features[row]):
            sums[row] += weights[_bucket(units, feature, weights.size)]
