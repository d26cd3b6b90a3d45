"""From edges to components: each document that has a copy gets the number of its component.

In memory by union-find on a flat array; beyond it by alternating large-star and small-star rounds
over partitions (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond"), each
partition first contracted by union-find. Both name a component by its smallest document.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.artifact import InputFile
from mapneo.core.config import Config
from mapneo.core.engine import Engine, ShardOutcome, ShardRecord, Task
from mapneo.core.errors import DataError
from mapneo.core.parts import Partitioned
from mapneo.core.tables import read_table, write_table
from mapneo.curate.candidates import EXACT, each_pair_once
from mapneo.text.unionfind import flatten, join, local_forest

ROOT_SCHEMA = pa.schema([("document", pa.int64()), ("root", pa.int64())])
_STAR_SCHEMA = pa.schema([("node", pa.int64()), ("near", pa.int64())])
_MOST_ROUNDS = 100
"""Rounds grow with the logarithm of the longest chain; so many mean a defect, not a chain."""


class ComponentsConfig(Config):
    """How components are found; neither setting changes them."""

    documents: int
    partitions: int


def in_memory(
    engine: Engine, edges: Sequence[InputFile], documents: int, blocks: int
) -> list[ShardRecord]:
    """All components in one task: `work/roots/<block>.parquet`; 9 bytes per document."""
    task = Task(shard="work/roots-all", inputs=tuple(edges))
    config = ComponentsConfig(documents=documents, partitions=blocks)
    return engine.map_shards([task], join_all, config=config, pool="threads")


def join_all(task: Task, config: ComponentsConfig, output: Path) -> ShardOutcome:
    """Union-find over all edges, one file at a time; roots by block of documents."""
    parent = np.arange(config.documents, dtype=np.int64)
    for file in task.inputs:
        join(parent, *_ends(file))
    flatten(parent)
    names, rows = [], 0
    for number, roots in enumerate(roots_of(parent, config.partitions)):
        names.append(f"work/roots/{number:05d}.parquet")
        write_table(output / names[-1], roots)
        rows += roots.num_rows
    return ShardOutcome(files=tuple(names), facts={"rows": rows})


def by_rounds(
    engine: Engine, edges: Sequence[InputFile], documents: int, partitions: int
) -> list[ShardRecord]:
    """Components when not even 8 bytes per document fit: `work/stars-<n>/<partition>.parquet`.

    A task holds one partition of the edges. Raises DataError if the rounds do not end.
    """
    config = ComponentsConfig(documents=documents, partitions=partitions)
    tasks = [Task(shard=f"{number:05d}", inputs=(file,)) for number, file in enumerate(edges)]
    before = None
    for number in range(_MOST_ROUNDS):
        records = _round(engine, f"work/large-{number}", tasks, star_edges, large_star, config)
        tasks = engine.tasks_after(records)
        records = _round(engine, f"work/small-{number}", tasks, low_edges, small_star, config)
        tasks = engine.tasks_after(records)
        now = [file.sha256 for record in records for file in record.as_inputs(engine.output)]
        if now == before:
            return engine.reduce_partitions(
                "work/roots",
                star_roots,
                config=config,
                keys=engine.partition_keys(
                    "work/rooted", tasks, rooted, config=config, partitions=partitions
                ),
                partitions=partitions,
            )
        before = now
    raise DataError(
        f"components did not settle within {_MOST_ROUNDS} rounds: give dedup more "
        "memory_per_task_mb, so that they are found in memory"
    )


def _round(
    engine: Engine,
    name: str,
    tasks: Sequence[Task],
    spread: Callable[[Task, ComponentsConfig], Iterator[Partitioned]],
    star: Callable[[pa.Table, Task, ComponentsConfig], pa.Table],
    config: ComponentsConfig,
) -> list[ShardRecord]:
    partitions = config.partitions
    keys = engine.partition_keys(
        f"{name}-keys", tasks, spread, config=config, partitions=partitions
    )
    return engine.reduce_partitions(name, star, config=config, keys=keys, partitions=partitions)


def star_edges(task: Task, config: ComponentsConfig) -> Iterator[Partitioned]:
    """A spanning forest of one file's edges, each edge from both of its ends."""
    for file in task.inputs:
        node, root = local_forest(*_ends(file))
        yield _spread(np.concatenate([node, root]), np.concatenate([root, node]), config)


def low_edges(task: Task, config: ComponentsConfig) -> Iterator[Partitioned]:
    """Edges from their larger end."""
    for file in task.inputs:
        left, right = _ends(file)
        yield _spread(np.maximum(left, right), np.minimum(left, right), config)


def rooted(task: Task, config: ComponentsConfig) -> Iterator[Partitioned]:
    """Stars at rest: every node with its root, the roots themselves included."""
    for file in task.inputs:
        left, right = _ends(file)
        root = np.minimum(left, right)
        node = np.maximum(left, right)
        yield _spread(np.concatenate([node, root]), np.concatenate([root, root]), config)


def large_star(table: pa.Table, task: Task, config: ComponentsConfig) -> pa.Table:
    """Larger neighbours of a node are linked to the smallest of all, the node included."""
    node, near, least = _neighbours(table)
    larger = near > node
    return _star_table(near[larger], least[larger])


def small_star(table: pa.Table, task: Task, config: ComponentsConfig) -> pa.Table:
    """A node and its smaller neighbours are linked to the smallest of them."""
    node, near, least = _neighbours(table)
    return _star_table(np.concatenate([node, near]), np.concatenate([least, least]))


def star_roots(table: pa.Table, task: Task, config: ComponentsConfig) -> pa.Table:
    """Each node and its root, once, in order."""
    node, near, _ = _neighbours(table)
    return pa.table([node, near], schema=ROOT_SCHEMA)


def _neighbours(
    table: pa.Table,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Node, neighbour (each pair once), and the smallest of the node and all its neighbours."""
    node, near = each_pair_once(table["node"].to_numpy(), table["near"].to_numpy())
    starts = np.flatnonzero(np.diff(node, prepend=-1))
    counts = np.diff(np.append(starts, node.size))
    least = np.repeat(np.minimum(node[starts], near[starts]), counts)
    return node, near, least


def _star_table(node: npt.NDArray[np.int64], near: npt.NDArray[np.int64]) -> pa.Table:
    keep = node != near
    table = pa.table([node[keep], near[keep]], schema=_STAR_SCHEMA)
    return (
        table.group_by(["node", "near"], use_threads=False)
        .aggregate([])
        .sort_by([("node", "ascending"), ("near", "ascending")])
    )


def _spread(
    node: npt.NDArray[np.int64], near: npt.NDArray[np.int64], config: ComponentsConfig
) -> Partitioned:
    return Partitioned(pa.table([node, near], schema=_STAR_SCHEMA), node % config.partitions)


def _ends(file: InputFile) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Both ends of the edges of a file that hold: exact ones, verified ones, or stars."""
    table = read_table(file.path)
    if "node" in table.schema.names:
        return table["node"].to_numpy(), table["near"].to_numpy()
    left, right = table["left"].to_numpy(), table["right"].to_numpy()
    if "kind" in table.schema.names:
        holds = table["kind"].to_numpy() == EXACT
        left, right = left[holds], right[holds]
    return left, right


def roots_of(parent: npt.NDArray[np.int64], blocks: int = 1) -> Iterator[pa.Table]:
    """Documents that are not alone, with their roots, in order: a table per block of documents."""
    length = max(1, -(-parent.size // blocks))
    limits = [slice(block * length, (block + 1) * length) for block in range(blocks)]
    # Whole columns of the size of `parent` would take three times its memory.
    is_root = np.zeros(parent.size, dtype=np.bool_)
    for block in limits:
        is_root[parent[block][_moved(parent, block)]] = True
    for block in limits:
        found = np.flatnonzero(_moved(parent, block) | is_root[block])
        yield pa.table([found + block.start, parent[block][found]], schema=ROOT_SCHEMA)


def _moved(parent: npt.NDArray[np.int64], block: slice) -> npt.NDArray[np.bool_]:
    """Which documents of a block are not their own root."""
    part = parent[block]
    return np.asarray(part != np.arange(block.start, block.start + part.size))
