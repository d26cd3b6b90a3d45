"""Stage `dedup`: one copy of each text stays, exact copies and near ones alike.

Map: per shard, the keys of what judge kept. Decide: keys meet in hash partitions and become
edges; similar ones hold and become clusters. Apply: per shard, survivors are written, copies go
to the ledger.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field, field_validator

from mapneo.core.canonical import Json
from mapneo.core.config import Place
from mapneo.core.counts import Counts
from mapneo.core.engine import Engine, ShardOutcome, ShardRecord, Task
from mapneo.core.stage import Config, InputFile, Outcome, Reach, Work
from mapneo.core.tables import count_rows, table_writer, write_table
from mapneo.curate.candidates import find_edges
from mapneo.curate.cluster_samples import cluster_sample_task, write_cluster_samples
from mapneo.curate.clusters import clusters_in, find_clusters, place_clusters, write_clusters
from mapneo.curate.components import by_rounds, in_memory
from mapneo.curate.earlier import KEYS_FOLDER, check_comparable, describe_earlier, earlier_keys
from mapneo.curate.keys import document_keys, keys_schema
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting, as_setting
from mapneo.curate.numbering import Numbering
from mapneo.curate.priority import LONGEST, Preference, check_room, priorities
from mapneo.curate.samples import sample_task, write_samples
from mapneo.curate.survivors import (
    PAIR,
    apply_clusters,
    kept_batches,
    kept_documents,
    source_of,
)
from mapneo.curate.tally import ORIGIN, add_up, tally, with_bytes
from mapneo.curate.verify import VerifyConfig, verify

_REASON = ("language", "rule")
_APPLY = "apply-"
_KEY_COLUMNS = ("doc_id", "source", "fetched", "text")
_BYTES_PER_NODE = 8
_BYTES_PER_RECORD = 75
"""A record of 25 bytes: as read, as one array per column, and what is shared once more, sorted."""
_SKETCH_COPIES = 4
"""A block's sketches as read and taken, and those that travel with the pairs."""


class DedupConfig(Config):
    """What counts as a copy, and which copy stays."""

    minhash: Annotated[MinHashSetting, BeforeValidator(as_setting)] = PRESETS["map_neo"]
    """A preset (`map_neo`: 13 characters, 9 bands of 13; `words`: 5 words, 14 bands of 8), or
    unit, width, permutations, bands, rows, hash_bits, fold_variants."""
    min_similarity: float = Field(default=0.8, gt=0, le=1)
    """Estimated Jaccard similarity from which two candidates are copies."""
    prefer: tuple[Preference, ...] = LONGEST
    """Which copy stays, in order of weight; ties go to the smallest doc_id."""
    against: tuple[Place, ...] = ()
    """Earlier runs: what is a copy of a document there is dropped here; no text there is read."""
    partitions: int | None = Field(default=None, ge=1, le=4096)
    """Hash partitions of the keys; left out, as many as `memory_per_task_mb` asks for."""
    memory_per_task_mb: int = Field(default=128, ge=16)
    """What one task of the decide step may take (10^6 bytes) beside the program itself."""

    @field_validator("prefer")
    @classmethod
    def _fits(cls, value: tuple[Preference, ...]) -> tuple[Preference, ...]:
        check_room(value)
        return value


class KeyConfig(Config):
    """What keys depend on."""

    minhash: MinHashSetting
    prefer: tuple[Preference, ...]


class ApplyConfig(Config):
    """What the ledger names as bound."""

    min_similarity: float


@dataclass(frozen=True)
class Dedup:
    """Keeps one document of every cluster of copies."""

    config: DedupConfig
    name: ClassVar[str] = "dedup"
    version: ClassVar[int] = 2
    inputs: ClassVar[tuple[str, ...]] = ("measure", "judge")
    reach: ClassVar[Reach] = "anywhere"

    def outside(self) -> Json:
        """The keys of earlier runs."""
        return describe_earlier(self.config.against) if self.config.against else None

    def run(self, work: Work) -> Outcome:
        """Find keys, edges and clusters, then write what stays."""
        engine, config = work.engine, self.config
        shards = _shard_tasks(work)
        old = earlier_keys(config.against)
        check_comparable(old, config.minhash)
        keyed = engine.map_shards(
            [Task(shard=t.shard, inputs=t.inputs) for t in shards],
            key_shard,
            config=KeyConfig(minhash=config.minhash, prefer=config.prefer),
            pool="threads",
        )
        new = [file for r in keyed for file in r.as_inputs(work.output, f"{KEYS_FOLDER}/")]
        numbering = number_documents(old, new, config)
        named = _decide(engine, [*old, *new], numbering, config)
        written = write_clusters(engine, named, numbering)
        members = place_clusters(engine, named, [*old, *new], numbering)
        applied = engine.map_shards(
            [
                Task(
                    shard=_APPLY + task.shard,
                    inputs=(*task.inputs[:2], *members),
                    payload={"file": len(old) + number},
                )
                for number, task in enumerate(shards)
            ],
            apply_shard,
            config=ApplyConfig(min_similarity=config.min_similarity),
            pool="threads",
        )
        return _outcome(work, applied, written)


def _decide(
    engine: Engine, files: Sequence[InputFile], numbering: Numbering, config: DedupConfig
) -> list[ShardRecord]:
    """From keys to clusters: who shares a key, who of them is similar, who hangs together."""
    edges = find_edges(engine, files, numbering)
    similar = verify(
        engine, edges, files, numbering, VerifyConfig(min_similarity=config.min_similarity)
    )
    held = [file for record in (*edges, *similar) for file in record.as_inputs(engine.output)]
    if _BYTES_PER_NODE * numbering.documents <= config.memory_per_task_mb * 1_000_000:
        roots = in_memory(engine, held, numbering.documents)
    else:
        roots = by_rounds(engine, held, numbering.documents, numbering.blocks)
    return find_clusters(engine, roots, files, numbering)


def _outcome(work: Work, applied: Sequence[ShardRecord], written: Sequence[ShardRecord]) -> Outcome:
    dropped = [file for r in applied for file in r.as_inputs(work.output, "dropped/")]
    documents = work.inputs["measure"].files("documents/*.parquet")
    samples = sample_task(dropped, documents)
    work.engine.map_shards([samples], write_samples, config=Config(), pool="threads")
    clusters = [file for record in written for file in record.as_inputs(work.output)]
    samples = cluster_sample_task(clusters, documents)
    work.engine.map_shards([samples], write_cluster_samples, config=Config(), pool="threads")
    facts = {
        name: add_up((record.facts[name] for record in applied), keys)
        for name, keys in (
            ("arrived", ORIGIN),
            ("kept", ORIGIN),
            ("reasons", _REASON),
            ("pairs", PAIR),
        )
    }
    sizes: Counter[int] = Counter()
    for record in applied:
        sizes.update(dict(record.facts["sizes"]))
    return Outcome(
        counts=Counts.total(record.counts for record in applied),
        facts={
            **facts,
            "clusters": sizes.total(),
            "largest_cluster": max(sizes, default=1),
            "cluster_sizes": sorted(sizes.items()),
        },
    )


def _shard_tasks(work: Work) -> list[Task]:
    """One task per shard, in order of name: its documents, their verdicts, their signals."""
    measured, judged = work.inputs["measure"], work.inputs["judge"]
    tasks = []
    for documents in measured.files("documents/*.parquet"):
        shard = Path(documents.relative).stem
        verdicts = judged.file(f"verdicts/{shard}.parquet")
        signals = measured.file(f"signals/{shard}.parquet")
        tasks.append(Task(shard=shard, inputs=(documents, verdicts, signals)))
    return sorted(tasks, key=lambda task: task.shard)


def number_documents(
    old: Sequence[InputFile], new: Sequence[InputFile], config: DedupConfig
) -> Numbering:
    """Number the documents of all key files, and choose how many partitions they need."""
    counts = [count_rows(file.path) for file in (*old, *new)]
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    partitions = config.partitions or _partitions(int(starts[-1]), config)
    return Numbering(starts, int(starts[len(old)]), partitions)


def _partitions(documents: int, config: DedupConfig) -> int:
    """So many that a partition of the records, with the copies that sorting makes, fits a task."""
    setting = config.minhash
    records = documents * (1 + setting.bands) * _BYTES_PER_RECORD
    sketches = documents * setting.permutations * _SKETCH_COPIES
    return max(1, -(-max(records, sketches) // (config.memory_per_task_mb * 1_000_000)))


def key_shard(task: Task, config: KeyConfig, output: Path) -> ShardOutcome:
    """Keys of every document that judge kept, a row group at a time."""
    name = f"{KEYS_FOLDER}/{task.shard}.parquet"
    wants_signals = any(preference.is_signal for preference in config.prefer)
    documents, verdicts, signals = (file.path for file in task.inputs)
    rows = 0
    with table_writer(output / name, keys_schema(config.minhash)) as write:
        for texts, measured in kept_batches(
            documents, verdicts, signals if wants_signals else None, _KEY_COLUMNS
        ):
            priority = priorities(texts, measured, config.prefer)
            write(document_keys(texts, priority, config.minhash))
            rows += texts.num_rows
    return ShardOutcome(files=(name,), facts={"documents": rows})


def apply_shard(task: Task, config: ApplyConfig, output: Path) -> ShardOutcome:
    """Survivors and copies of one shard."""
    shard = task.shard.removeprefix(_APPLY)
    documents = kept_documents(task.inputs[0].path, task.inputs[1].path)
    clusters = clusters_in(task.inputs[2:], task.payload["file"])
    applied = apply_clusters(documents, clusters, config.min_similarity)
    files = (f"documents/{shard}.parquet", f"dropped/{shard}.parquet")
    write_table(output / files[0], applied.survivors)
    write_table(output / files[1], applied.dropped)
    copies = with_bytes(applied.copies).append_column("rule", applied.dropped["rule"])
    pairs = copies.append_column("survivor_source", source_of(applied.dropped["survivor"]))
    sizes = Counter(applied.survivors["cluster_size"].to_pylist())
    del sizes[1]
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
            "reasons": tally(copies, _REASON),
            "pairs": tally(pairs, PAIR),
            "sizes": sorted(sizes.items()),
        },
    )
