"""Passage deduplication as a slow, obvious twin, and what must hold of any result."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.engine import Engine, Task
from mapneo.core.executor import LocalExecutor
from mapneo.core.tables import read_table, write_table
from mapneo.curate.passages_config import SIMILAR_LINE, TOO_LITTLE_LEFT, PassagesConfig
from mapneo.curate.passages_dedup import find_passages


class Document(NamedTuple):
    doc_id: str
    text: str
    priority: int = 0


def ordered(documents: Sequence[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: (document.priority, document.doc_id))


def find(
    folder: Path,
    shards: Sequence[Sequence[Document]],
    config: PassagesConfig,
    *,
    partitions: int = 3,
    workers: int = 1,
) -> pa.Table:
    """Spans of all shards, sorted as one."""
    engine = Engine(
        output=folder / "out", stage_key=["passages", 1], executor=LocalExecutor(workers)
    )
    find_passages(engine, tasks_of(folder, shards), config, partitions)
    files = [folder / f"out/spans/s-{n}.parquet" for n in range(len(shards))]
    keys = ("doc_id", "start_byte", "kind", "end_byte")
    return pa.concat_tables(map(read_table, files)).sort_by([(k, "ascending") for k in keys])


def tasks_of(folder: Path, shards: Sequence[Sequence[Document]]) -> list[Task]:
    tasks = []
    schema = pa.schema([("doc_id", pa.string()), ("text", pa.string()), ("priority", pa.int64())])
    for number, documents in enumerate(shards):
        path = folder / f"in/s-{number}.parquet"
        rows = [document._asdict() for document in documents]
        write_table(path, pa.Table.from_pylist(rows, schema=schema))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        file = InputFile(path=path, relative=f"in/s-{number}.parquet", sha256=digest)
        tasks.append(Task(shard=f"s-{number}", inputs=(file,)))
    return tasks


def covered(spans: pa.Table, kind: str | None = None) -> set[tuple[str, int]]:
    """All (document, byte) that spans cover."""
    rows = spans.to_pylist()
    return {
        (row["doc_id"], place)
        for row in rows
        if row["kind"] != TOO_LITTLE_LEFT and kind in (None, row["kind"])
        for place in range(row["start_byte"], row["end_byte"])
    }


def units_of(text: str, by: str) -> list[str]:
    """Characters; or words with the white space behind them."""
    if by == "characters":
        return list(text)
    return re.findall(r"\s+|[\u4e00-\u9fff]\s*|[^\s\u4e00-\u9fff]+\s*", text)


def expected_substrings(
    documents: Sequence[Document], size: int, by: str, *, within: bool
) -> set[tuple[str, int]]:
    """All bytes under a window that stands earlier, by definition."""
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    marked = set()
    for document in ordered(documents):
        units = units_of(document.text, by)
        places = [0]
        for unit in units:
            places.append(places[-1] + len(unit.encode()))
        for begin in range(len(units) - size + 1):
            window = tuple(units[begin : begin + size])
            doc_id, earlier = first.setdefault(window, (document.doc_id, begin))
            apart = begin - earlier >= size
            if doc_id != document.doc_id or (within and apart):
                marked |= {
                    (document.doc_id, place) for place in range(places[begin], places[begin + size])
                }
    return marked


def expected_units(
    documents: Sequence[Document], kind: str, min_chars: int, min_documents: int
) -> set[tuple[str, str, int]]:
    """(document, unit, which occurrence in it) of every unit that goes."""
    pattern = r"[^\n]+" if kind == "line" else r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+"
    found: dict[str, list[tuple[str, int]]] = {}
    for document in ordered(documents):
        counts: dict[str, int] = {}
        for match in re.finditer(pattern, document.text):
            unit = " ".join(match.group().split())
            if len(unit) >= min_chars and unit:
                found.setdefault(unit, []).append((document.doc_id, counts.get(unit, 0)))
                counts[unit] = counts.get(unit, 0) + 1
    return {
        (doc_id, unit, number)
        for unit, places in found.items()
        if len({doc_id for doc_id, _ in places}) >= min_documents
        for doc_id, number in places[1:]
    }


def assert_every_chain_ends_in_kept_text(
    documents: Sequence[Document], spans: pa.Table, kept: dict[str, str]
) -> None:
    """Follow each exact span to its source, and that to its own, until text that is kept.

    `kept`: the texts that stay, by document.
    """
    texts = {document.doc_id: document.text.encode() for document in documents}
    rank = {document.doc_id: n for n, document in enumerate(ordered(documents))}
    rows = [row for row in spans.to_pylist() if row["kind"] != TOO_LITTLE_LEFT]
    by_document: dict[str, list[dict]] = {}
    for row in rows:
        by_document.setdefault(row["doc_id"], []).append(row)

    def follow(doc_id: str, start: int, end: int) -> None:
        inside = by_document.get(doc_id, [])
        place = start
        while place < end:
            over = [row for row in inside if row["start_byte"] <= place < row["end_byte"]]
            if not over:
                behind = [row["start_byte"] for row in inside if row["start_byte"] > place]
                stop = min([end, *behind])
                rest = texts[doc_id][place:stop].decode("utf-8", "ignore").strip()
                assert not rest or (doc_id in kept and rest in kept[doc_id]), (doc_id, rest)
                place = stop
                continue
            exact = [row for row in over if row["kind"] != SIMILAR_LINE or is_equal(row)]
            assert exact, ("only a like sentence covers it", over)
            place = one_hop(exact[0], place, end)

    def is_equal(row: dict) -> bool:
        own = texts[row["doc_id"]][row["start_byte"] : row["end_byte"]]
        source = texts[row["survivor_doc_id"]]
        return own == source[row["survivor_start_byte"] : row["survivor_end_byte"]]

    def one_hop(row: dict, start: int, end: int) -> int:
        source = (row["survivor_doc_id"], row["survivor_start_byte"], row["survivor_end_byte"])
        assert (rank[source[0]], source[1]) < (rank[row["doc_id"]], row["start_byte"])
        if row["kind"] in ("line", "paragraph"):
            follow(*source)
            return row["end_byte"]
        assert is_equal(row)
        stop = min(end, row["end_byte"])
        lag = source[1] - row["start_byte"]
        follow(source[0], start + lag, stop + lag)
        return stop

    for row in rows:
        if row["kind"] != SIMILAR_LINE and row["doc_id"] in kept:
            one_hop(row, row["start_byte"], row["end_byte"])
