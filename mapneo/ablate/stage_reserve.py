"""Stage `split` of an ablation: whole sources are held out, with every copy of their text.

A cluster of copies that touches a held-out document is taken out of the pool whole, so that no arm
trains on a text it is measured on, whichever of the copies its rules would keep.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mapneo.ablate.config import HeldoutConfig
from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import DataError
from mapneo.core.stage import Outcome, Reach, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.clusters import CLUSTERS_FOLDER, read_clusters
from mapneo.curate.split import cluster_hash
from mapneo.curate.tally import ORIGIN, add_up, tally, with_bytes

HELDOUT_FILE = "heldout_documents.parquet"
RESERVED_FILE = "reserved.parquet"

_WEIGH, _APPLY = "weigh-", "apply-"
_COLUMNS = ["doc_id", "cluster_id", "language", "text"]
_NAMES = ("doc_id", "group")


@dataclass(frozen=True)
class Reserve:
    """Parts the deduplicated documents into held-out text and what a tokenizer may see.

    It takes the place of `split` in the shared run: `documents/` is the pool without copies,
    `heldout/` the text that all arms are measured on.
    """

    config: HeldoutConfig
    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("dedup",)
    reach: ClassVar[Reach] = "anywhere"

    def run(self, work: Work) -> Outcome:
        """Choose over all shards, then part each shard.

        Raises:
            DataError: a group has too few documents.
        """
        dedup, engine = work.inputs["dedup"], work.engine
        shards = dedup.files("documents/*.parquet")
        weighed = engine.map_shards(
            [Task(shard=_WEIGH + Path(file.relative).stem, inputs=(file,)) for file in shards],
            weigh_shard,
            config=self.config,
            pool="threads",
        )
        weights = tuple(f for record in weighed for f in record.as_inputs(work.output, "weights/"))
        clusters = dedup.files(f"{CLUSTERS_FOLDER}/*.parquet")
        choose = Task(
            shard="choose",
            inputs=(*clusters, *weights),
            payload={"seed": work.seed, "clusters": len(clusters)},
        )
        [chosen] = engine.map_shards([choose], choose_heldout, config=self.config, pool="threads")
        tables = (
            *chosen.as_inputs(work.output, HELDOUT_FILE),
            *chosen.as_inputs(work.output, RESERVED_FILE),
        )
        records = engine.map_shards(
            [Task(shard=_APPLY + Path(f.relative).stem, inputs=(f, *tables)) for f in shards],
            part_shard,
            config=self.config,
            pool="threads",
        )
        facts = {
            name: add_up((record.facts[name] for record in records), ORIGIN)
            for name in ("arrived", "kept", "heldout")
        }
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={**facts, "groups": chosen.facts["groups"]},
        )


def weigh_shard(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Id, cluster, language and bytes of one shard's documents, without their text."""
    name = f"weights/{task.shard.removeprefix(_WEIGH)}.parquet"
    write_table(output / name, with_bytes(read_table(task.inputs[0].path, _COLUMNS)))
    return ShardOutcome(files=(name,))


def choose_heldout(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Write which documents are measured on, and which the pool must not hold.

    Raises:
        DataError: a group has too few documents.
    """
    count = task.payload["clusters"]
    clusters = read_clusters(task.inputs[:count])
    rows = pa.concat_tables(read_table(file.path) for file in task.inputs[count:]).to_pylist()
    grouped = [(row, group_of(row["doc_id"], config)) for row in rows]
    candidates = [{**row, "group": group} for row, group in grouped if group is not None]
    chosen = _chosen(candidates, config, task.payload["seed"])
    _check_groups(config, {row["group"] for row in chosen})
    reserved = {row["doc_id"] for row in candidates} | _touched(clusters, config)
    columns = {name: pa.array([row[name] for row in chosen], pa.string()) for name in _NAMES}
    write_table(output / HELDOUT_FILE, pa.table(columns).sort_by("doc_id"))
    write_table(
        output / RESERVED_FILE, pa.table({"doc_id": pa.array(sorted(reserved), pa.string())})
    )
    sums = add_up([[_sizes(row) for row in chosen]], ("group", "language"))
    return ShardOutcome(files=(HELDOUT_FILE, RESERVED_FILE), facts={"groups": sums})


def group_of(doc_id: str, config: HeldoutConfig) -> str | None:
    """The held-out group that a document belongs to; None for a document of the pool."""
    pairs = zip(config.groups, config.patterns, strict=True)
    return next((group for group, pattern in pairs if fnmatchcase(doc_id, pattern)), None)


def _check_groups(config: HeldoutConfig, found: set[str]) -> None:
    missing = [group for group in config.groups if group not in found]
    if missing:
        raise DataError(
            f"heldout.groups: {', '.join(missing)}: no wanted language has "
            f"{config.min_documents} documents of at most {config.max_bytes} bytes together; "
            "correct the name, lower heldout.min_documents, or see what fetch and extract left"
        )


def _chosen(
    rows: Iterable[dict[str, Json]], config: HeldoutConfig, seed: int
) -> list[dict[str, Json]]:
    """The documents to measure, in the order of their hash.

    One that does not fit into what is left of its group is passed over.
    """
    chosen: dict[tuple[str, str], list[dict[str, Json]]] = {}
    left: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda row: (cluster_hash(row["doc_id"], seed), row["doc_id"])):
        name = row["group"], row["language"]
        if 0 < row["bytes"] <= left.setdefault(name, config.max_bytes):
            left[name] -= row["bytes"]
            chosen.setdefault(name, []).append(row)
    enough = (group for group in chosen.values() if len(group) >= config.min_documents)
    return [row for group in enough for row in group]


def _touched(clusters: pa.Table, config: HeldoutConfig) -> set[str]:
    """All documents of the clusters that hold a held-out document."""
    members = clusters.select(["doc_id", "cluster_id"]).to_pylist()
    touched = {m["cluster_id"] for m in members if group_of(m["doc_id"], config) is not None}
    return {m["doc_id"] for m in members if m["cluster_id"] in touched}


def _sizes(row: dict[str, Json]) -> dict[str, Json]:
    return {
        "group": row["group"],
        "language": row["language"],
        "documents": 1,
        "bytes": row["bytes"],
    }


def part_shard(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Pool and held-out documents of one shard; what is reserved and not chosen is in neither."""
    shard = task.shard.removeprefix(_APPLY)
    documents = read_table(task.inputs[0].path)
    heldout = is_among(documents, task.inputs[1].path)
    reserved = is_among(documents, task.inputs[2].path)
    parts = {
        "documents": documents.filter(pc.invert(reserved)),
        "heldout": documents.filter(heldout),
    }
    for folder, table in parts.items():
        write_table(output / folder / f"{shard}.parquet", table)
    kept = sum(table.num_rows for table in parts.values())
    dropped = Counter({"reserved": documents.num_rows - kept})
    return ShardOutcome(
        files=tuple(f"{folder}/{shard}.parquet" for folder in parts),
        counts=Counts(documents_in=documents.num_rows, kept=kept, dropped=+dropped),
        facts={
            "arrived": tally(with_bytes(documents), ORIGIN),
            "kept": tally(with_bytes(parts["documents"]), ORIGIN),
            "heldout": tally(with_bytes(parts["heldout"]), ORIGIN),
        },
    )


def is_among(documents: pa.Table, names: Path) -> pa.ChunkedArray:
    """Which rows of `documents` have an id that the table at `names` lists."""
    ids: Sequence[str] = read_table(names, ["doc_id"])["doc_id"].combine_chunks()
    return pc.is_in(documents["doc_id"], ids)
