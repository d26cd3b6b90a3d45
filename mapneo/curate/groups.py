"""Records that share a key, in an order that does not depend on how they arrived."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.curate.exchange import Records
from mapneo.text.hashing import append64, find_slot, mix64, salt_keys, table_size
from mapneo.text.kernel import kernel
from mapneo.text.partition import by_partition

_KEYS_AT_A_TIME = 1 << 17  # so that their table stays in the processor's cache


def repeated(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which keys (not 0) occur more than once."""
    found = np.zeros(keys.size, dtype=np.bool_)
    if keys.size:
        _mark_repeated(keys, 1 + keys.size // _KEYS_AT_A_TIME, found)
    return found


@kernel
def _mark_repeated(keys: npt.NDArray[np.uint64], chunks: int, found: npt.NDArray[np.bool_]) -> None:
    order, starts = by_partition(_turned(keys), chunks)
    for chunk in range(chunks):
        places = order[starts[chunk] : starts[chunk + 1]]
        few = keys[places]
        salt_keys(few)
        table = np.zeros(table_size(few.size), dtype=np.uint64)
        twice = np.zeros(table.size, dtype=np.bool_)
        for key in few:
            slot = find_slot(table, table.size - 1, key)
            twice[slot] = table[slot] == key
            table[slot] = key
        for number in range(few.size):
            found[places[number]] = twice[find_slot(table, table.size - 1, few[number])]


@kernel
def _turned(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Keys of one partition have like upper halves; their lower halves are as good."""
    return (keys << np.uint64(32)) | (keys >> np.uint64(32))


class Firsts(NamedTuple):
    """What each record repeats.

    Attributes:
        first: int64, shape (records,); the first record with the same key and content.
        is_mixed: bool, shape (records,); whether there are other contents with the key.
    """

    first: npt.NDArray[np.int64]
    is_mixed: npt.NDArray[np.bool_]


def firsts(
    key: npt.NDArray[np.uint64],
    content: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.int64],
    unit: npt.NDArray[np.int32],
) -> Firsts:
    """Find the first record of each key and content, in the order of rank and unit."""
    found = Firsts(np.zeros(key.size, dtype=np.int64), np.zeros(key.size, dtype=np.bool_))
    _find_firsts(key, content, rank, unit, 1 + key.size // _KEYS_AT_A_TIME, found)
    return found


@kernel
def _find_firsts(
    key: npt.NDArray[np.uint64],
    content: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.int64],
    unit: npt.NDArray[np.int32],
    chunks: int,
    found: Firsts,
) -> None:
    order, starts = by_partition(_turned(key), chunks)
    for chunk in range(chunks):
        places = order[starts[chunk] : starts[chunk + 1]]
        size = table_size(places.size)
        heads, leads = np.full(size, -1, dtype=np.int64), np.full(size, -1, dtype=np.int64)
        is_mixed = np.zeros(size, dtype=np.bool_)
        salt = np.uint64(0)
        for place in places:
            salt = append64(salt, key[place] ^ content[place])
        salt = mix64(salt)
        for place in places:
            slot = _slot(heads, key, content, place, salt, True)
            head = heads[slot]
            if head < 0 or (rank[place], unit[place]) < (rank[head], unit[head]):
                heads[slot] = place
            slot = _slot(leads, key, content, place, salt, False)
            if leads[slot] < 0:
                leads[slot] = place
            is_mixed[slot] |= content[leads[slot]] != content[place]
        for place in places:
            found.first[place] = heads[_slot(heads, key, content, place, salt, True)]
            found.is_mixed[place] = is_mixed[_slot(leads, key, content, place, salt, False)]


@kernel
def _slot(
    table: npt.NDArray[np.int64],
    key: npt.NDArray[np.uint64],
    content: npt.NDArray[np.uint64],
    place: int,
    salt: np.uint64,
    by_content: bool,
) -> int:
    """Slot of the record with the key (and content) of another, or where it would belong."""
    mask = table.size - 1
    value = key[place] ^ salt
    if by_content:
        value = append64(value, content[place])
    slot = int(np.int64(mix64(value) & np.uint64(mask)))
    while table[slot] >= 0:
        other = table[slot]
        if key[other] == key[place] and (not by_content or content[other] == content[place]):
            break
        slot = (slot + 1) & mask
    return slot


def grouped(records: Records, columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Places of the records whose `key` is not alone, by `key` and then by other columns."""
    places = np.flatnonzero(repeated(np.ascontiguousarray(records["key"])))
    some = records[places]
    return places[np.lexsort([some[name] for name in (*reversed(columns), "key")])]
