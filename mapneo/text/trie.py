"""Words as a double-array trie: one array, one load per character of a walk.

A node lies at `base of its parent + code of its character` and remembers that code, so a step is
an addition, a load and a comparison (Aoe 1989). A node is one int64:

    bits 32-62  base of its children; 0 = none
    bits 16-30  code of its character; 0 = an empty place
    bits  0-15  weight: a number the word was stored with; 0 = a prefix, not a word

Bases are unique, so the code alone tells whose child lies there. The root's base is 0.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mapneo.text.kernel import kernel

MAX_CODE = (1 << 15) - 1
MAX_WEIGHT = (1 << 16) - 1
BASE_SHIFT = 32
CODE_SHIFT = 16


def build_trie(words: Mapping[tuple[int, ...], int], codes: int) -> npt.NDArray[np.int64]:
    """Nodes of a trie of `words`: sequences of codes (1 to `codes`) with weights from 1 on.

    Returns:
        int64, shape (nodes,), long enough that base + any code is inside of it.

    Raises:
        ValueError: more codes or larger weights than a node has room for.
    """
    if codes > MAX_CODE or max(words.values(), default=1) > MAX_WEIGHT:
        raise ValueError(f"a trie takes {MAX_CODE} codes and weights up to {MAX_WEIGHT}")
    # In ascending order, a word shares its longest known prefix with the word before it.
    order = sorted(words)
    letters = np.array([code for word in order for code in word], dtype=np.int32)
    lengths = np.array([len(word) for word in order], dtype=np.int32)
    weights = np.array([words[word] for word in order], dtype=np.int32)
    parents, node_codes, node_weights = _nodes(letters, lengths, weights)
    children = np.argsort(parents, kind="stable")
    counts = np.bincount(parents, minlength=parents.size + 1)
    starts = np.concatenate(([0], np.cumsum(counts)))
    inner = np.flatnonzero(counts[1 : parents.size]) + 1
    # Large families first, while there is room; small ones fill the gaps.
    inner = inner[np.argsort(-counts[inner], kind="stable")]
    return _place(children, starts, inner, node_codes, node_weights, codes)


@kernel
def _nodes(
    letters: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32], weights: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Parent, code and weight of each node, for words in ascending order; node 0 is the root."""
    parents = np.zeros(letters.size + 1, dtype=np.int64)
    codes = np.zeros(letters.size + 1, dtype=np.int64)
    node_weights = np.zeros(letters.size + 1, dtype=np.int64)
    path = np.zeros(lengths.max() + 1 if lengths.size else 1, dtype=np.int64)
    depth = filled = start = 0
    for word in range(lengths.size):
        shared = 0
        while (
            shared < min(depth, lengths[word])
            and codes[path[shared + 1]] == letters[start + shared]
        ):
            shared += 1
        depth = lengths[word]
        for level in range(shared, depth):
            filled += 1
            parents[filled] = path[level]
            codes[filled] = letters[start + level]
            path[level + 1] = filled
        node_weights[path[depth]] = weights[word]
        start += depth
    # The root is nobody's child: it gets a parent behind all nodes.
    parents[0] = filled + 1
    return parents[: filled + 1], codes[: filled + 1], node_weights[: filled + 1]


@kernel
def _place(
    children: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    inner: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
    largest: int,
) -> npt.NDArray[np.int64]:
    """Give each inner node the first base where all its children find an empty place."""
    trie = np.zeros(2 * codes.size + 2 * largest + 2, dtype=np.int64)
    base_taken = np.zeros(trie.size, dtype=np.bool_)
    places = np.zeros(codes.size, dtype=np.int64)
    bases = np.zeros(codes.size, dtype=np.int64)
    for child in children[starts[0] : starts[1]]:
        places[child] = codes[child]
        trie[codes[child]] = codes[child] << CODE_SHIFT | weights[child]
    first_empty = end = search = largest + 1
    previous_size = children.size
    for node in inner:
        family = children[starts[node] : starts[node + 1]]
        lowest = codes[family[0]]
        while trie[first_empty] != 0:
            first_empty += 1
        # Where a family found no place, others of its size find none: only families of half the
        # size search from the first gap again. Without this, building takes ten times as long.
        if 2 * family.size <= previous_size:
            previous_size = family.size
            search = first_empty
        base = max(search - lowest, 1) - 1
        is_placed = False
        while not is_placed:
            base += 1
            if base + largest + 1 >= trie.size:
                trie = np.concatenate((trie, np.zeros_like(trie)))
                base_taken = np.concatenate((base_taken, np.zeros_like(base_taken)))
            is_placed = not base_taken[base] and _is_free(trie, base, family, codes)
        search = base + lowest
        base_taken[base] = True
        bases[node] = base
        for child in family:
            places[child] = base + codes[child]
            trie[places[child]] = codes[child] << CODE_SHIFT | weights[child]
            end = max(end, places[child] + 1)
    # A family may be placed before its parent, so bases go in last.
    for node in inner:
        trie[places[node]] |= bases[node] << BASE_SHIFT
    return trie[: end + largest].copy()


@kernel
def _is_free(
    trie: npt.NDArray[np.int64],
    base: int,
    family: npt.NDArray[np.int64],
    codes: npt.NDArray[np.int64],
) -> bool:
    free = 0
    while free < family.size and trie[base + codes[family[free]]] == 0:
        free += 1
    return free == family.size
