"""Lines and paragraphs that stand in several documents: all but the first are marked.

Map: hash and place of each unit that is long enough. Decide: units with one hash meet in one
partition; those that stand in enough documents are copies of their first.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.curate.exchange import Records, gather, split_by_key
from mapneo.curate.groups import grouped
from mapneo.curate.passage_marks import marks_by_shard
from mapneo.curate.passages_config import LINE, PARAGRAPH, PassagesConfig
from mapneo.text.buffers import string_view
from mapneo.text.kernel import kernel
from mapneo.text.unicode import char_tables
from mapneo.text.units import find_units

UNIT = np.dtype(
    [
        ("key", "<u8"),
        ("check", "<u8"),
        ("rank", "<i8"),
        ("row", "<i4"),
        ("start", "<i4"),
        ("end", "<i4"),
    ]
)


def unit_kinds(config: PassagesConfig) -> dict[str, tuple[int, int]]:
    """Kinds asked for: shortest length in characters, fewest documents."""
    kinds = {}
    if config.paragraphs:
        kinds[PARAGRAPH] = (config.paragraph_min_chars, config.paragraph_min_documents)
    if config.lines:
        kinds[LINE] = (config.line_min_chars, config.line_min_documents)
    return kinds


def unit_keys(
    texts: pa.ChunkedArray, ranks: npt.NDArray[np.int64], config: PassagesConfig, partitions: int
) -> dict[str, Records]:
    """A shard's units, as parts `<kind>-<partition>` with dtype UNIT."""
    parts: dict[str, Records] = {}
    for kind, (min_chars, _) in unit_kinds(config).items():
        units = find_units(
            string_view(texts),
            char_tables(),
            paragraphs=kind == PARAGRAPH,
            min_chars=min_chars,
            folded=config.fold,
        )
        records = np.empty(units.key.size, dtype=UNIT)
        for name, column in zip(units._fields, units, strict=True):
            records[name] = column
        records["rank"] = ranks[units.row]
        parts |= split_by_key(kind, records, units.key, partitions)
    return parts


def decide_units(
    files: Sequence[InputFile], partition: int, config: PassagesConfig
) -> dict[str, Records]:
    """Marks of one partition, as parts `<kind>-<shard>`."""
    parts: dict[str, Records] = {}
    for kind, (_, min_documents) in unit_kinds(config).items():
        units, starts = gather(files, f"{kind}-{partition}")
        order = grouped(units, ("check", "rank", "start"))
        key, check, rank = (
            np.ascontiguousarray(units[name][order]) for name in ("key", "check", "rank")
        )
        heads = _heads(key, check, rank, min_documents)
        copies = np.flatnonzero(heads >= 0)
        places = order[copies]
        sources = units[order[heads[copies]]]
        parts |= marks_by_shard(kind, units[places], sources, places, starts)
    return parts


@kernel
def _heads(
    key: npt.NDArray[np.uint64],
    check: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.int64],
    min_documents: int,
) -> npt.NDArray[np.int64]:
    """For each unit, in order, the first of its kind; -1 for that one, and for those that stay."""
    heads = np.full(key.size, -1, dtype=np.int64)
    begin = 0
    while begin < key.size:
        end, documents = begin + 1, 1
        while end < key.size and key[end] == key[begin] and check[end] == check[begin]:
            documents += rank[end] != rank[end - 1]
            end += 1
        if documents >= min_documents:
            heads[begin + 1 : end] = begin
        begin = end
    return heads
