"""Reading a quantised fastText classifier (`.ftz`) into flat arrays that kernels can use.

The format is that of fastText 0.9.2 (`FastText::saveModel`): arguments, dictionary with its pruned
n-gram buckets, product-quantised input rows, output rows. Only what lid.176.ftz uses is read:
a supervised model with hierarchical softmax, single words, pruned buckets.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mapneo.core.errors import MapNeoError
from mapneo.text.fasttext import FastTextModel, word_hash
from mapneo.text.hashing import find_slot

_MAGIC, _VERSION = 793712314, 12
_HIERARCHICAL_SOFTMAX, _SUPERVISED = 1, 3
_CENTROIDS = 256
_LABEL = "__label__"
_END = "</s>"
_LOAD = 4
"""Slots of the word table per word."""


class _Bytes:
    """The file, read from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def numbers(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from("<" + form, self.data, self.position)
        self.position += struct.calcsize("<" + form)
        return found

    def array(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        found = np.frombuffer(self.data, dtype, count, self.position)
        self.position += found.nbytes
        return found

    def string(self) -> bytes:
        end = self.data.index(b"\0", self.position)
        found = self.data[self.position : end]
        self.position = end + 1
        return found


def read_model(path: Path) -> tuple[FastTextModel, list[str]]:
    """The model's arrays and its labels (without fastText's prefix), in the order of its leaves.

    Raises:
        MapNeoError: not a quantised fastText classifier, or cut short.
    """
    try:
        return _parse(_Bytes(path.read_bytes()))
    except (OSError, struct.error, ValueError) as error:
        raise MapNeoError(
            f"the fastText model {path} can't be read: {error}. Install its package again."
        ) from error


def _parse(file: _Bytes) -> tuple[FastTextModel, list[str]]:
    if file.numbers("2i") != (_MAGIC, _VERSION):
        raise ValueError("it does not begin as a fastText model, version 12")
    dimension, _, _, _, _, word_ngrams, loss, kind, buckets, shortest, longest, _ = file.numbers(
        "12i"
    )
    file.numbers("d")
    if (word_ngrams, loss, kind) != (1, _HIERARCHICAL_SOFTMAX, _SUPERVISED):
        raise ValueError("it is not a classifier of single words with hierarchical softmax")
    entries, words, labels, _, kept = file.numbers("3i2q")
    names, counts = [], []
    for _ in range(entries):
        names.append(file.string())
        counts.append(file.numbers("qb")[0])
    pairs = file.array("<i4", 2 * kept).reshape(kept, 2)
    rows = _input_rows(file, dimension)
    if file.numbers("?")[0]:
        raise ValueError("its output is quantised")
    outputs, _ = file.numbers("2q")
    output = file.array("<f4", outputs * dimension).reshape(outputs, dimension)
    bucket_rows = np.full(buckets, -1, dtype=np.int32)
    bucket_rows[pairs[:, 0].astype(np.int64)] = pairs[:, 1].astype(np.int32) + words
    word_hashes, word_rows = _word_table(names[:words])
    model = FastTextModel(
        rows=rows,
        word_hashes=word_hashes,
        word_rows=word_rows,
        bucket_rows=bucket_rows,
        bucket_bits=np.packbits(bucket_rows >= 0, bitorder="little"),
        end_row=names.index(_END.encode()) if _END.encode() in names[:words] else -1,
        min_chars=shortest,
        max_chars=longest,
        output=output[: labels - 1].astype(np.float32),
        children=_label_tree(counts[words : words + labels]),
    )
    for array in model:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return model, [name.decode().removeprefix(_LABEL) for name in names[words:]]


def _input_rows(file: _Bytes, dimension: int) -> npt.NDArray[np.float32]:
    """Input vectors from their codes: centroids of each sub-vector, times the row's norm."""
    if not file.numbers("?")[0]:
        raise ValueError("its input is not quantised")
    has_norms, rows, _, size = file.numbers("?2qi")
    codes = file.array("u1", size).reshape(rows, -1)
    centroids, width = _centroids(file)
    if centroids.size != dimension * _CENTROIDS or codes.shape[1] * width != dimension:
        raise ValueError("its quantiser does not divide the vectors evenly")
    table = centroids.reshape(-1, _CENTROIDS, width)
    vectors = table[np.arange(codes.shape[1]), codes].reshape(rows, dimension)
    if has_norms:
        norm_codes = file.array("u1", rows)
        norms, _ = _centroids(file)
        vectors = vectors * norms[norm_codes][:, None]
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _centroids(file: _Bytes) -> tuple[npt.NDArray[np.generic], int]:
    dimension, _, width, _ = file.numbers("4i")
    return file.array("<f4", dimension * _CENTROIDS), width


def _label_tree(counts: list[int]) -> npt.NDArray[np.int32]:
    """The Huffman tree that fastText builds over labels sorted by falling count.

    Inner node i is the i-th made; the last is the root.
    """
    labels = len(counts)
    weights = [*counts, *[10**15] * (labels - 1)]
    leaf, node = labels - 1, labels
    children = np.empty((labels - 1, 2), dtype=np.int32)
    for made in range(labels - 1):
        total = 0
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                child, leaf = leaf, leaf - 1
                children[made, side] = ~child
            else:
                child, node = node, node + 1
                children[made, side] = child - labels
            total += weights[child]
        weights[labels + made] = total
    return children


def _word_table(words: list[bytes]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    size = 1 << (_LOAD * len(words)).bit_length()
    hashes = np.zeros(size, dtype=np.uint64)
    rows = np.full(size, -1, dtype=np.int32)
    for row, word in enumerate(words):
        letters = np.frombuffer(word, dtype=np.uint8).copy()
        value = np.uint64(word_hash(letters, 0, letters.size))
        slot = find_slot(hashes, size - 1, value)
        if hashes[slot]:
            raise ValueError("two of its words have one hash")
        hashes[slot], rows[slot] = value, row
    return hashes, rows
