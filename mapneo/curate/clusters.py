"""From components to clusters of copies, each with its one survivor."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mapneo.core.artifact import InputFile
from mapneo.core.config import Config
from mapneo.core.engine import Engine, ShardRecord, Task
from mapneo.core.parts import Partitioned, read_part
from mapneo.core.tables import read_table
from mapneo.curate.candidates import changes
from mapneo.curate.numbering import Numbering
from mapneo.curate.verify import sketch_similarity

EXACT_RULE, MINHASH_RULE = "exact_document", "minhash"
CLUSTERS_FOLDER = "clusters"

CLUSTER_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
"""Columns of `clusters/<partition>.parquet`; see docs/formats.md."""

_KEY_COLUMNS = ["doc_id", "exact_high", "exact_low", "sketch", "bytes", "priority"]


class ClusterConfig(Config):
    """Nothing of the recipe: priorities stand in the keys."""


def find_clusters(
    engine: Engine,
    roots: Sequence[ShardRecord],
    key_files: Sequence[InputFile],
    numbering: Numbering,
) -> list[ShardRecord]:
    """Gather the members of each component and name its survivor: `work/named/<block>.parquet`.

    A row is a member, in CLUSTER_SCHEMA and with its number (`document`).
    """
    config, known = ClusterConfig(), numbering.as_json()
    placed = engine.partition_keys(
        "work/placed",
        engine.tasks_after(roots, known),
        by_file,
        config=config,
        partitions=len(key_files),
    )
    parts = [file for record in placed for file in record.as_inputs(engine.output)]
    tasks = [
        Task(shard=f"{number:05d}", inputs=(file, *parts), payload={**known, "file": number})
        for number, file in enumerate(key_files)
    ]
    members = engine.partition_keys(
        "work/members", tasks, by_component, config=config, partitions=numbering.blocks
    )
    return engine.reduce_partitions(
        "work/named",
        name_survivors,
        config=config,
        keys=members,
        partitions=numbering.blocks,
        payload=known,
    )


def write_clusters(
    engine: Engine, named: Sequence[ShardRecord], numbering: Numbering
) -> list[ShardRecord]:
    """The clusters for all who ask later: `clusters/<hash of the cluster id>.parquet`."""
    config = ClusterConfig()
    spread = engine.partition_keys(
        "work/by_name",
        engine.tasks_after(named),
        by_name,
        config=config,
        partitions=numbering.blocks,
    )
    return engine.reduce_partitions(
        CLUSTERS_FOLDER, as_clusters, config=config, keys=spread, partitions=numbering.blocks
    )


def place_clusters(
    engine: Engine,
    named: Sequence[ShardRecord],
    key_files: Sequence[InputFile],
    numbering: Numbering,
) -> list[InputFile]:
    """The same rows by key file, for `clusters_in`."""
    placed = engine.partition_keys(
        "work/by_shard",
        engine.tasks_after(named, numbering.as_json()),
        by_file,
        config=ClusterConfig(),
        partitions=len(key_files),
    )
    return [file for record in placed for file in record.as_inputs(engine.output)]


def clusters_in(placed: Sequence[InputFile], file: int) -> pa.Table:
    """Cluster rows of the documents in one key file, in CLUSTER_SCHEMA."""
    parts = [read_part(part.path, file).select(CLUSTER_SCHEMA.names) for part in placed]
    return pa.concat_tables(
        [CLUSTER_SCHEMA.empty_table(), *(p.cast(CLUSTER_SCHEMA) for p in parts)]
    )


def read_clusters(files: Sequence[InputFile]) -> pa.Table:
    """All clusters of a finished stage, sorted by doc_id; files of `clusters/`."""
    tables = [read_table(file.path) for file in files]
    return pa.concat_tables([CLUSTER_SCHEMA.empty_table(), *tables]).sort_by("doc_id")


def by_name(task: Task, config: ClusterConfig) -> Iterator[Partitioned]:
    """Members, each to the partition of its cluster's name."""
    table = read_table(task.inputs[0].path, CLUSTER_SCHEMA.names)
    names = table["cluster_id"].combine_chunks().dictionary_encode()
    hashes = [xxhash.xxh3_64_intdigest(name.encode()) for name in names.dictionary.to_pylist()]
    places = np.array([value % task.payload["partitions"] for value in hashes], dtype=np.int64)
    yield Partitioned(table, places[names.indices.to_numpy()])


def as_clusters(table: pa.Table, task: Task, config: ClusterConfig) -> pa.Table:
    """One partition of the clusters, sorted by doc_id."""
    return table.sort_by("doc_id").cast(CLUSTER_SCHEMA)


def by_file(task: Task, config: ClusterConfig) -> Iterator[Partitioned]:
    """Rows with a `document`, each to the key file that the document is in."""
    table = read_table(task.inputs[0].path)
    numbering = Numbering.of_payload(task.payload)
    yield Partitioned(table, numbering.file_of(table["document"].to_numpy()))


def by_component(task: Task, config: ClusterConfig) -> Iterator[Partitioned]:
    """The members in one key file with what decides about them, each to its component's block."""
    numbering, file = Numbering.of_payload(task.payload), task.payload["file"]
    parts = [read_part(part.path, file) for part in task.inputs[1:]]
    if not parts:
        return
    roots = pa.concat_tables(parts).sort_by("document")
    rows = roots["document"].to_numpy() - numbering.starts[file]
    keys = read_table(task.inputs[0].path, _KEY_COLUMNS).take(pa.array(rows))
    for name in roots.schema.names:
        keys = keys.append_column(name, roots[name])
    yield Partitioned(keys, numbering.block_of(roots["root"].to_numpy()))


def name_survivors(table: pa.Table, task: Task, config: ClusterConfig) -> pa.Table:
    """Clusters of one block of components, sorted by doc_id."""
    return clusters_of(table, Numbering.of_payload(task.payload).old)


def clusters_of(members: pa.Table, old: int = 0) -> pa.Table:
    """Clusters, each named by its survivor: the smallest (earlier run, priority, doc_id).

    Args:
        members: columns document, root, and of the key tables doc_id, exact_high, exact_low,
            sketch, bytes, priority; all members of each component.
        old: documents numbered below it are of an earlier run.

    Returns:
        CLUSTER_SCHEMA and `document`, sorted by doc_id.
    """
    is_new = pa.array(members["document"].to_numpy() >= old)
    order = pc.sort_indices(
        members.append_column("is_new", is_new),
        [(name, "ascending") for name in ("root", "is_new", "priority", "doc_id")],
    )
    members = members.take(order)
    starts = np.flatnonzero(changes(members["root"].to_numpy()))
    sizes = np.diff(np.append(starts, members.num_rows))
    heads = members.take(pa.array(np.repeat(starts, sizes)))
    equal = _equal(members, heads, "exact_high") & _equal(members, heads, "exact_low")
    similarity = np.where(
        equal, np.float32(1), sketch_similarity(members["sketch"], heads["sketch"])
    )
    columns = [
        members["doc_id"],
        heads["doc_id"],
        pa.array(np.where(equal, EXACT_RULE, MINHASH_RULE), pa.string()),
        pa.array(similarity, pa.float32()),
        pa.array(np.repeat(sizes, sizes), pa.int32()),
        members["bytes"],
    ]
    named = pa.table(columns, schema=CLUSTER_SCHEMA)
    return named.append_column("document", members["document"]).sort_by("doc_id")


def _equal(left: pa.Table, right: pa.Table, column: str) -> npt.NDArray[np.bool_]:
    return np.asarray(left[column].to_numpy() == right[column].to_numpy())
