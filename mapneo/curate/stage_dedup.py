"""Stage `dedup`: one copy of each text stays, exact copies and near ones alike.

Map: per shard, the keys of what judge kept. Decide: keys meet in hash partitions and become
edges; edges become clusters. Apply: per shard, survivors are written, copies go to the ledger.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, ShardRecord, Task
from mapneo.core.stage import Config, InputFile, Outcome, Reach, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.candidates import EDGE_SCHEMA, edge_table, key_table
from mapneo.curate.clusters import Keep, find_clusters
from mapneo.curate.keys import Keys, document_keys, keys_schema
from mapneo.curate.minhash import PRESETS, Preset, band_keys
from mapneo.curate.samples import sample_task, write_samples
from mapneo.curate.survivors import apply_clusters, kept_documents
from mapneo.curate.tally import ORIGIN, add_up, tally, with_bytes

CLUSTERS_FILE = "clusters.parquet"

_REASON = ("language", "rule")
_APPLY = "apply-"


class DedupConfig(Config):
    """What counts as a copy, and which copy stays."""

    minhash: Preset = "map_neo"
    """`map_neo`: 13 characters, 9 bands of 13; `words`: 5 words, 14 bands of 8."""
    min_similarity: float = Field(default=0.8, gt=0, le=1)
    """Estimated Jaccard similarity from which two candidates are copies."""
    keep: Keep = "longest"
    """Which copy stays: the `longest`, or the `first` by doc_id."""
    partitions: int = Field(default=4, ge=1, le=4096)
    """Hash partitions of the keys; more need less memory each."""


@dataclass(frozen=True)
class Dedup:
    """Keeps one document of every cluster of copies."""

    config: DedupConfig
    name: ClassVar[str] = "dedup"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("measure", "judge")
    reach: ClassVar[Reach] = "anywhere"

    def run(self, work: Work) -> Outcome:
        """Find keys, edges and clusters, then write what stays."""
        engine, config = work.engine, self.config
        shards = _shard_tasks(work)
        keyed = engine.map_shards(shards, key_shard, config=config, pool="threads")
        key_files = [file for record in keyed for file in record.as_inputs(work.output, "keys/")]
        spread = engine.partition_keys(
            _numbered(keyed, key_files), spread_keys, config=config, partitions=config.partitions
        )
        reduced = engine.reduce_partitions(
            "edges", reduce_keys, config=config, keys=spread, partitions=config.partitions
        )
        edges = [file for record in reduced for file in record.as_inputs(work.output, "edges/")]
        decide = Task(shard="clusters", inputs=(*key_files, *edges))
        [decided] = engine.map_shards([decide], decide_clusters, config=config, pool="threads")
        clusters = tuple(decided.as_inputs(work.output, CLUSTERS_FILE))
        applied = engine.map_shards(
            [Task(shard=_APPLY + t.shard, inputs=(*t.inputs, *clusters)) for t in shards],
            apply_shard,
            config=config,
            pool="threads",
        )
        dropped = [file for r in applied for file in r.as_inputs(work.output, "dropped/")]
        samples = sample_task(dropped, work.inputs["measure"].files("documents/*.parquet"))
        engine.map_shards([samples], write_samples, config=config, pool="threads")
        facts = {
            name: add_up((record.facts[name] for record in applied), keys)
            for name, keys in (("arrived", ORIGIN), ("kept", ORIGIN), ("reasons", _REASON))
        }
        return Outcome(
            counts=Counts.total(record.counts for record in applied),
            facts={**facts, **decided.facts},
        )


def _shard_tasks(work: Work) -> list[Task]:
    """One task per shard: its documents and their verdicts."""
    measured, judged = work.inputs["measure"], work.inputs["judge"]
    tasks = []
    for documents in measured.files("documents/*.parquet"):
        shard = Path(documents.relative).stem
        verdicts = judged.file(f"verdicts/{shard}.parquet")
        tasks.append(Task(shard=shard, inputs=(documents, verdicts)))
    return tasks


def _numbered(keyed: Sequence[ShardRecord], files: Sequence[InputFile]) -> list[Task]:
    """Key tasks that know the number of their first document."""
    tasks, first = [], 0
    for record, file in zip(keyed, files, strict=True):
        tasks.append(Task(shard=record.shard, inputs=(file,), payload={"first": first}))
        first += record.facts["documents"]
    return tasks


def key_shard(task: Task, config: DedupConfig, output: Path) -> ShardOutcome:
    """Exact hash and MinHash signature of every document that judge kept."""
    documents = kept_documents(task.inputs[0].path, task.inputs[1].path, ["doc_id", "text"])
    keys = document_keys(documents, PRESETS[config.minhash])
    name = f"keys/{task.shard}.parquet"
    write_table(output / name, keys)
    return ShardOutcome(files=(name,), facts={"documents": keys.num_rows})


def spread_keys(task: Task, config: DedupConfig) -> pa.Table:
    """The exact key and band keys of one shard's documents."""
    keys = Keys.of_table(read_table(task.inputs[0].path))
    bands = band_keys(keys.signatures, PRESETS[config.minhash])
    return key_table(keys, bands, first=task.payload["first"])


def reduce_keys(table: pa.Table, config: DedupConfig) -> pa.Table:
    """Edges between the documents of one partition."""
    return edge_table(table)


def decide_clusters(task: Task, config: DedupConfig, output: Path) -> ShardOutcome:
    """Verify candidates and name the clusters."""
    keys = _read_all(task, "keys/", keys_schema(PRESETS[config.minhash]))
    edges = _read_all(task, "edges/", EDGE_SCHEMA)
    clusters = find_clusters(
        Keys.of_table(keys), edges, min_similarity=config.min_similarity, keep=config.keep
    )
    write_table(output / CLUSTERS_FILE, clusters)
    heads = clusters.filter(pc.equal(clusters["doc_id"], clusters["cluster_id"]))
    facts = {"clusters": heads.num_rows, "largest_cluster": pc.max(heads["size"]).as_py() or 1}
    return ShardOutcome(files=(CLUSTERS_FILE,), facts=facts)


def _read_all(task: Task, prefix: str, schema: pa.Schema) -> pa.Table:
    tables = [read_table(f.path) for f in task.inputs if f.relative.startswith(prefix)]
    return pa.concat_tables([schema.empty_table(), *tables])


def apply_shard(task: Task, config: DedupConfig, output: Path) -> ShardOutcome:
    """Survivors and copies of one shard."""
    shard = task.shard.removeprefix(_APPLY)
    documents = kept_documents(task.inputs[0].path, task.inputs[1].path)
    clusters = read_table(task.inputs[2].path)
    applied = apply_clusters(documents, clusters, config.min_similarity)
    files = (f"documents/{shard}.parquet", f"dropped/{shard}.parquet")
    write_table(output / files[0], applied.survivors)
    write_table(output / files[1], applied.dropped)
    copies = applied.copies.append_column("rule", applied.dropped["rule"])
    return ShardOutcome(
        files=files,
        counts=Counts(
            documents_in=documents.num_rows,
            kept=applied.survivors.num_rows,
            dropped=Counter(applied.dropped["rule"].to_pylist()),
        ),
        facts={
            "arrived": tally(with_bytes(documents), ORIGIN),
            "kept": tally(with_bytes(applied.survivors), ORIGIN),
            "reasons": tally(with_bytes(copies), _REASON),
        },
    )
