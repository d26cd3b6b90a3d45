"""Keys to edges in this process by one way, with CPU seconds and peak memory, as JSON.

`python -m bench.edges WAY KEYS OUT`. WAY `mapneo` reads the stage's key files and runs the engine's
partition and reduce steps; `polars` and `daft` read the same keys written in long form, a row
(key, document) per key, and do what their users do: group by key, keep groups of two or more, link
each member to the group's first. Every way writes Parquet files of (left, right) to OUT.
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mapneo.core.artifact import InputFile
from mapneo.core.engine import Engine
from mapneo.core.executor import LocalExecutor
from mapneo.core.tables import read_table, write_table
from mapneo.curate.candidates import find_edges, record_table
from mapneo.curate.keys import document_keys, mark_of
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting
from mapneo.curate.stage_dedup import DedupConfig, number_documents


def in_long_form(keys: Path, output: Path) -> None:
    """Write the keys of a folder of key files as rows (key, document), file by file."""
    first = 0
    for file in sorted(keys.glob("*.parquet")):
        table = read_table(file)
        records = record_table(table, first)
        first += table.num_rows
        write_table(output / file.name, records.select(["key", "document"]))


def with_mapneo(keys: Path, output: Path) -> None:
    """Partition and reduce, as the stage does with one worker."""
    files = [
        InputFile(path=path, relative=path.name, sha256=path.name)
        for path in sorted(keys.glob("*.parquet"))
    ]
    mark = mark_of(pq.read_schema(files[0].path)).decode()
    setting = MinHashSetting.model_validate_json(mark.split(" ", 1)[1])
    numbering = number_documents([], files, DedupConfig(minhash=setting))
    engine = Engine(output=output, stage_key="bench", executor=LocalExecutor(1))
    find_edges(engine, files, numbering)


def with_polars(keys: Path, output: Path) -> None:
    """Group by key with the streaming engine."""
    import polars as pl

    members = pl.col("document")
    (
        pl.scan_parquet(keys / "*.parquet")
        .group_by("key")
        .agg(members)
        .filter(members.list.len() > 1)
        .select(left=members.list.min(), right=members)
        .explode("right")
        .filter(pl.col("left") != pl.col("right"))
        .sink_parquet(output / "edges.parquet", mkdir=True, engine="streaming")
    )


def with_daft(keys: Path, output: Path) -> None:
    """Group by key with the native runner."""
    import daft
    from daft import col

    members = (
        daft.read_parquet(f"{keys}/*.parquet")
        .groupby("key")
        .agg(
            col("document").list_agg().alias("right"),
            col("document").min().alias("left"),
            col("document").count().alias("size"),
        )
        .where(col("size") > 1)
        .select("left", "right")
        .explode("right")
    )
    members.where(col("left") != col("right")).write_parquet(str(output))


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "mapneo": with_mapneo,
    "polars": with_polars,
    "daft": with_daft,
}


def main(way: str, keys: Path, output: Path) -> None:
    """Run one way from nothing; kernels are compiled and libraries loaded before."""
    shutil.rmtree(output, ignore_errors=True)
    _warm(way, output.with_name(f"{output.name}-warm"))
    cpu, wall = time.process_time(), time.monotonic()
    WAYS[way](keys, output)
    used = {
        "cpu_seconds": time.process_time() - cpu,
        "seconds": time.monotonic() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    written = [pq.read_metadata(file).num_rows for file in output.rglob("*.parquet")]
    print(json.dumps({**used, "edges": sum(written)}))


def _warm(way: str, folder: Path) -> None:
    """The same job on a handful of documents."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = ["a text that is long enough to have a shingle"] * 2
    documents = pa.table({"doc_id": ["a", "b"], "text": texts})
    keys = document_keys(documents, np.zeros(2, np.int64), PRESETS["map_neo"])
    write_table(folder / "keys" / "a.parquet", keys)
    if way != "mapneo":
        in_long_form(folder / "keys", folder / "long")
    WAYS[way](folder / ("keys" if way == "mapneo" else "long"), folder / "out")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
