"""Are candidates copies? A join of pairs with what is known of both ends, block by block.

Sketches of all documents need not fit memory: pairs first meet the sketches of their left ends,
travel with them to the block of their right ends, and are compared there. What a task holds is a
block of sketches and the pairs of that block.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.artifact import InputFile
from mapneo.core.config import Config
from mapneo.core.engine import Engine, ShardRecord, Task
from mapneo.core.parts import Partitioned
from mapneo.core.tables import read_table
from mapneo.curate.candidates import CANDIDATE, each_pair_once
from mapneo.curate.keys import fixed_values
from mapneo.curate.minhash import estimated_jaccard
from mapneo.curate.numbering import Numbering, read_block

VERIFIED_SCHEMA = pa.schema(
    [("left", pa.int64()), ("right", pa.int64()), ("similarity", pa.float32())]
)


class VerifyConfig(Config):
    """From which estimated Jaccard similarity two candidates are copies."""

    min_similarity: float


def verify(
    engine: Engine,
    edges: Sequence[ShardRecord],
    key_files: Sequence[InputFile],
    numbering: Numbering,
    config: VerifyConfig,
) -> list[ShardRecord]:
    """Keep the candidate pairs that are similar enough: `work/verified/<block>.parquet`."""
    blocks = numbering.blocks
    known = numbering.as_json()
    asked = engine.partition_keys(
        "work/lefts",
        engine.tasks_after(edges, known),
        by_left,
        config=config,
        partitions=blocks,
    )
    joined = engine.reduce_partitions(
        "work/joined",
        join_left,
        config=config,
        keys=asked,
        partitions=blocks,
        beside=key_files,
        payload=known,
    )
    sent = engine.partition_keys(
        "work/rights",
        engine.tasks_after(joined, known),
        by_right,
        config=config,
        partitions=blocks,
    )
    return engine.reduce_partitions(
        "work/verified",
        compare,
        config=config,
        keys=sent,
        partitions=blocks,
        beside=key_files,
        payload=known,
    )


def by_left(task: Task, config: VerifyConfig) -> Iterator[Partitioned]:
    """Candidate pairs, each to the block of its left end."""
    edges = read_table(task.inputs[0].path)
    pairs = edges.filter(pc.equal(edges["kind"], CANDIDATE)).select(["left", "right"])
    yield Partitioned(pairs, Numbering.of_payload(task.payload).block_of(pairs["left"].to_numpy()))


def join_left(table: pa.Table, task: Task, config: VerifyConfig) -> pa.Table:
    """Pairs, each once, with the sketch of the left end."""
    left, right = each_pair_once(table["left"].to_numpy(), table["right"].to_numpy())
    return pa.table({"left": left, "right": right, "sketch": _sketches(task, left)})


def by_right(task: Task, config: VerifyConfig) -> Iterator[Partitioned]:
    """Pairs with their left sketches, each to the block of its right end."""
    pairs = read_table(task.inputs[0].path)
    numbering = Numbering.of_payload(task.payload)
    yield Partitioned(pairs, numbering.block_of(pairs["right"].to_numpy()))


def compare(table: pa.Table, task: Task, config: VerifyConfig) -> pa.Table:
    """The pairs that are similar enough, sorted."""
    left, right = table["left"].to_numpy(), table["right"].to_numpy()
    similarity = sketch_similarity(table["sketch"], _sketches(task, right))
    holds = similarity >= np.float32(config.min_similarity)
    columns = [column[holds] for column in (left, right, similarity)]
    return pa.table(columns, schema=VERIFIED_SCHEMA).sort_by(
        [("left", "ascending"), ("right", "ascending")]
    )


def sketch_similarity(left: pa.ChunkedArray, right: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    """Estimated Jaccard similarity of paired sketches."""
    return estimated_jaccard(
        fixed_values(left, "u1").astype(np.uint8, copy=False),
        fixed_values(right, "u1").astype(np.uint8, copy=False),
    )


def _sketches(task: Task, documents: npt.NDArray[np.int64]) -> pa.ChunkedArray:
    numbering = Numbering.of_payload(task.payload)
    files = task.inputs[task.payload["parts"] :]
    sketches, first = read_block(files, numbering, task.payload["partition"], "sketch")
    return sketches.take(pa.array(documents - first))
