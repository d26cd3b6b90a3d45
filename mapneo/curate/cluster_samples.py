"""A few clusters to look at: the survivor beside its copies, with what differs.

The largest clusters and some drawn by a hash of their name, per language; only documents whose
licence allows text to be shown.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.artifact import InputFile
from mapneo.core.canonical import Json
from mapneo.core.config import Config
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.files import write_json
from mapneo.core.tables import read_batches, read_table
from mapneo.curate.samples import chance

CLUSTER_SAMPLES_FILE = "cluster_samples.json"

_CANDIDATES = 60
"""Clusters of each kind of choice that are looked up before licences and languages are known."""
_SHOWN = 3
"""Clusters per language and kind of choice."""
_COPIES = 3
_MOST_CHARS = 20_000
_EQUAL_CHARS = 60
_PIECES = 40
_UNIT = re.compile(r"[\u3400-\u9fff]|\w+|\s+|.", re.DOTALL)
_COLUMNS = ("doc_id", "source", "language", "publish", "text")


def cluster_sample_task(clusters: Sequence[InputFile], documents: Iterable[InputFile]) -> Task:
    """The one task that writes `cluster_samples.json`."""
    payload = {"clusters": len(clusters), "shown": _SHOWN, "copies": _COPIES}
    return Task(shard="cluster_samples", inputs=(*clusters, *documents), payload=payload)


def write_cluster_samples(task: Task, config: Config, output: Path) -> ShardOutcome:
    """Choose clusters, read their texts, mark differences."""
    count = task.payload["clusters"]
    files, shards = task.inputs[:count], task.inputs[count:]
    members = _members(files, _candidates(files))
    texts = _texts(shards, {row["doc_id"] for rows in members.values() for row in rows})
    chosen: list[dict[str, Json]] = []
    for by_size in (True, False):
        order = sorted(members, key=lambda c: (-members[c][0]["size"] if by_size else 0, chance(c)))
        taken: dict[str, int] = {}
        for cluster in order:
            row = _row(cluster, members[cluster], texts)
            if row is None or any(row["cluster_id"] == other["cluster_id"] for other in chosen):
                continue
            taken[row["language"]] = taken.get(row["language"], 0) + 1
            if taken[row["language"]] <= _SHOWN:
                chosen.append(row)
    chosen.sort(key=lambda row: (row["language"], -row["size"], row["cluster_id"]))
    write_json(output / CLUSTER_SAMPLES_FILE, {"rows": chosen})
    return ShardOutcome(files=(CLUSTER_SAMPLES_FILE,))


def _candidates(files: Sequence[InputFile]) -> set[str]:
    """Names of the largest clusters that hold near copies, and of some others."""
    largest: list[tuple[int, int, str]] = []
    others: list[tuple[int, str]] = []
    for rows in _rows(files):
        names = {(row["cluster_id"], row["size"]) for row in rows if row["kind"] == "minhash"}
        ranked = [(size, -chance(name), name) for name, size in names]
        largest = heapq.nlargest(_CANDIDATES, {*largest, *ranked})
        others = heapq.nsmallest(_CANDIDATES, {*others, *((chance(n), n) for n, _ in names)})
    return {name for _, _, name in largest} | {name for _, name in others}


def _members(files: Sequence[InputFile], names: set[str]) -> dict[str, list[dict[str, Json]]]:
    """The survivor and some copies of each named cluster, near ones first."""
    found: dict[str, list[dict[str, Json]]] = {name: [] for name in sorted(names)}
    for rows in _rows(files, pa.array(sorted(names), pa.string())):
        for row in rows:
            found[row["cluster_id"]].append(row)
    for name, rows in found.items():
        rows.sort(key=lambda r: (r["doc_id"] != name, r["kind"] != "minhash", chance(r["doc_id"])))
        del rows[1 + 4 * _COPIES :]
    return {name: rows for name, rows in found.items() if rows and rows[0]["doc_id"] == name}


def _rows(
    files: Sequence[InputFile], names: pa.Array | None = None
) -> Iterator[list[dict[str, Json]]]:
    for file in files:
        for table in read_batches(file.path):
            wanted = table if names is None else table.filter(pc.is_in(table["cluster_id"], names))
            yield wanted.to_pylist()


def _texts(shards: Sequence[InputFile], names: set[str]) -> dict[str, dict[str, Json]]:
    """Documents by name; documents of earlier runs are not among the shards."""
    found: dict[str, dict[str, Json]] = {}
    wanted = pc.field("doc_id").isin(sorted(names))
    for shard in shards if names else ():
        table = read_table(shard.path, _COLUMNS, where=wanted)
        found.update((row["doc_id"], row) for row in table.to_pylist())
    return found


def _row(
    cluster: str, members: list[dict[str, Json]], texts: dict[str, dict[str, Json]]
) -> dict[str, Json] | None:
    shown = [row for row in members if texts.get(row["doc_id"], {}).get("publish") == "text"]
    if len(shown) < 2 or shown[0]["doc_id"] != cluster:
        return None
    head = texts[cluster]
    copies = [
        {
            "doc_id": row["doc_id"],
            "kind": row["kind"],
            "similarity": row["similarity"],
            "pieces": differences(head["text"], texts[row["doc_id"]]["text"]),
        }
        for row in shown[1 : 1 + _COPIES]
    ]
    size = members[0]["size"]
    return {"cluster_id": cluster, "language": head["language"], "size": size, "copies": copies}


def differences(left: str, right: str) -> list[list[str]]:
    """What two texts share and where they part, as [shared], or [only left, only right].

    Long shared stretches are cut to their ends; so is what comes after many differences.
    """
    a, b = (_UNIT.findall(text[:_MOST_CHARS]) for text in (left, right))
    pieces: list[list[str]] = []
    for op, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=len(a) > 2000).get_opcodes():
        if op == "equal":
            pieces.append([_shortened("".join(a[a0:a1]))])
        else:
            pieces.append([_shortened("".join(a[a0:a1])), _shortened("".join(b[b0:b1]))])
    return pieces if len(pieces) <= _PIECES else [*pieces[:_PIECES], ["…"]]


def _shortened(text: str) -> str:
    if len(text) <= 3 * _EQUAL_CHARS:
        return text
    return f"{text[:_EQUAL_CHARS]} … {text[-_EQUAL_CHARS:]}"
