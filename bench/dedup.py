"""Near-duplicates as a whole and in parts, beside the peers: one run, in turn, CPU seconds.

(a) A pile of 64,000 documents (English and Chinese, 731 bytes each on average, three in ten are
copies) through the stage, and the same documents, by language, through datatrove's four local
steps, both at 5 words and 14 x 8; then the whole million at both presets. (b) The million's keys
to edges: our partitions beside polars and Daft on the same keys. (c) Connected components beside
scipy and networkit. (d) Peak memory of the whole million. (e) What keeping the
books of a task takes.

Each run is a process of its own with one thread; compiling kernels and loading libraries are not
counted. Piles stay in mapneo's cache.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import networkit
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bench.edges import in_long_form
from bench.paired import in_turn
from bench.piles import PileConfig, make_pile
from bench.result import spread
from mapneo.core.cache import cache_directory
from mapneo.core.canonical import digest
from mapneo.core.files import sha256_file, write_json
from mapneo.core.tables import read_table
from mapneo.text.unionfind import components

SMALL = PileConfig(documents=64_000, shards=16)
MILLION = PileConfig(documents=1_000_000)
ROUNDS = 3
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
_FILES_PER_LANGUAGE = 4
_NODES, _EDGES = 1_000_000, 5_000_000
_EDGES_ONLY = pa.schema([("left", pa.int64()), ("right", pa.int64())])

Ends = npt.NDArray[np.int64]


def pile(config: PileConfig) -> Path:
    """The directory of a pile, made if it is not there."""
    directory = cache_directory(None) / "piles" / str(config.documents)
    make_pile(directory, config)
    return directory


def child(module: str, *words: str | Path) -> dict[str, Any]:
    """Run a module of bench as a process with one thread; what it printed last."""
    command = [sys.executable, "-m", f"bench.{module}", *map(str, words)]
    environment = {**os.environ, **_ONE_THREAD}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def by_language(directory: Path, output: Path) -> dict[str, int]:
    """The pile's documents as plain files, a folder per language; documents in each."""
    files = sorted((directory / "pile" / "documents").glob("*.parquet"))
    columns = ["doc_id", "text", "language"]
    table = pa.concat_tables([pq.read_table(file, columns=columns) for file in files])
    counts = {}
    for language in ("en", "zh"):
        chosen = table.filter(pc.equal(table["language"], language)).select(["doc_id", "text"])
        counts[language] = chosen.num_rows
        length = -(-chosen.num_rows // _FILES_PER_LANGUAGE)
        (output / language).mkdir(parents=True)
        for number in range(_FILES_PER_LANGUAGE):
            part = chosen.slice(number * length, length)
            pq.write_table(part, output / language / f"{number}.parquet", compression="zstd")
    return counts


def whole_rows(folder: Path) -> list[dict[str, Any]]:
    """(a) and (d): the whole of dedup, beside datatrove on the small pile, alone on the million."""
    small, million = pile(SMALL), pile(MILLION)
    documents = by_language(small, folder / "texts")
    words = json.dumps({"minhash": "words"})
    ours, theirs, splits = [], [], []
    for _ in range(ROUNDS):
        ours.append(child("dedup_stage", small, folder / "out", "1", words)["cpu_seconds"])
        runs = [
            child("dedup_datatrove", folder / "texts" / language, folder / "trove", language)
            for language in documents
        ]
        theirs.append(sum(run["cpu_seconds"] for run in runs))
        splits.append({k: round(sum(r["steps"][k] for r in runs), 1) for k in runs[0]["steps"]})
    times = spread([b / a for a, b in zip(ours, theirs, strict=True)])
    rows = [
        {"part": "whole", "way": "mapneo", **_per_document(ours, SMALL), "preset": "words"},
        {
            "part": "whole",
            "way": "datatrove",
            **_per_document(theirs, SMALL),
            "preset": "words",
            "cpu_seconds_by_step": splits[-1],
            "times_the_cpu_of_mapneo": times,
            "passed": times["median"] >= 5,
        },
    ]
    for preset, workers, memory_mb in (
        ("words", 1, 128),
        ("map_neo", 1, 128),
        ("map_neo", 2, 128),
        ("map_neo", 2, 48),
    ):
        settings = json.dumps({"minhash": preset, "memory_per_task_mb": memory_mb})
        run = child("dedup_stage", million, folder / preset, str(workers), settings)
        rows.append(
            {
                "part": "whole",
                "way": "mapneo",
                **_per_document([run["cpu_seconds"]], MILLION),
                "preset": preset,
                "workers": workers,
                "memory_per_task_mb": memory_mb,
                "peak_mb": round(run["peak_mb"]),
                "text_bytes": run["text_bytes"],
                "clusters": run["clusters"],
                "dropped": run["dropped"],
            }
        )
        if workers == 1:
            rows[-1]["passed"] = run["peak_mb"] <= 600
    return rows


def _per_document(seconds: list[float], config: PileConfig) -> dict[str, Any]:
    middle = spread(seconds)
    return {
        "documents": config.documents,
        "cpu_seconds": middle,
        "cpu_microseconds_per_document": round(1e6 * middle["median"] / config.documents, 1),
    }


def edge_rows(folder: Path) -> list[dict[str, Any]]:
    """(b): keys to edges of the million, from the key files that (a) left."""
    keys, words, long = folder / "map_neo/dedup/keys", folder / "words/dedup/keys", folder / "long"
    in_long_form(keys, long)
    nodes = sum(pq.read_metadata(file).num_rows for file in keys.glob("*.parquet"))
    inputs = {"mapneo": keys, "polars": long, "daft": long, "mapneo, words": words}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in inputs}
    for _ in range(ROUNDS):
        for name, source in inputs.items():
            way = name.split(",")[0]
            runs[name].append(child("edges", way, source, folder / f"edges-{name}"))
    joined = {name: _components_of(folder / f"edges-{name}", nodes) for name in inputs}
    rows = []
    for name, measured in runs.items():
        seconds = [run["cpu_seconds"] for run in measured]
        ours = [run["cpu_seconds"] for run in runs["mapneo"]]
        row = {
            "part": "keys to edges",
            "way": name,
            "documents": nodes,
            "cpu_seconds": spread(seconds),
            "peak_mb": round(max(run["peak_mb"] for run in measured)),
            "edges": measured[0]["edges"],
        }
        if name in ("polars", "daft"):
            row["times_the_cpu_of_mapneo"] = spread(
                [b / a for a, b in zip(ours, seconds, strict=True)]
            )
            row["same_components"] = bool((joined[name] == joined["mapneo"]).all())
            row["passed"] = row["same_components"] and row["times_the_cpu_of_mapneo"]["median"] >= 1
        rows.append(row)
    return rows


def _components_of(folder: Path, nodes: int) -> Ends:
    tables = [read_table(file, ["left", "right"]) for file in folder.rglob("*.parquet")]
    edges = pa.concat_tables([table.cast(_EDGES_ONLY) for table in tables])
    return components(nodes, edges["left"].to_numpy(), edges["right"].to_numpy())


def with_scipy(nodes: int, left: Ends, right: Ends) -> None:
    """Components by scipy, from the same arrays."""
    ones = np.ones(left.size, dtype=np.int8)
    matrix = coo_matrix((ones, (left, right)), shape=(nodes, nodes)).tocsr()
    connected_components(matrix, directed=False)


def with_networkit(nodes: int, left: Ends, right: Ends) -> None:
    """Components by networkit, from the same arrays."""
    graph = networkit.GraphFromCoo((left, right), n=nodes)
    networkit.components.ConnectedComponents(graph).run()


def graphs() -> Mapping[str, tuple[int, Ends, Ends]]:
    """Nodes, left and right ends: random edges, and chains with and without an order."""
    draw = np.random.default_rng(5)
    line = np.arange(_EDGES + 1)
    order = draw.permutation(_EDGES)
    names = draw.permutation(_EDGES + 1)
    return {
        "random, 1 M nodes": (_NODES, *draw.integers(0, _NODES, (2, _EDGES))),
        "chain in order": (line.size, line[:-1], line[1:]),
        "chain, edges in random order": (line.size, line[:-1][order], line[1:][order]),
        "chain of random numbers": (line.size, names[:-1], names[1:]),
    }


def component_rows() -> list[dict[str, Any]]:
    """(c): edges per CPU second of one core."""
    networkit.setNumberOfThreads(1)
    ways: dict[str, Callable[[int, Ends, Ends], object]] = {
        "mapneo": components,
        "scipy": with_scipy,
        "networkit": with_networkit,
    }
    rows = []
    for name, graph in graphs().items():
        bound = {way: (lambda f=function, g=graph: f(*g)) for way, function in ways.items()}
        for row in in_turn(bound, rounds=ROUNDS, work=_EDGES / 1e6, unit="million_edges"):
            rate = row["million_edges_per_cpu_second"]
            passed = row["way"] != "mapneo" or rate >= 15
            rows.append({"part": "components", "graph": name, **row, "passed": passed})
    return rows


def book_rows(folder: Path) -> list[dict[str, Any]]:
    """(e): the books of a task: fingerprint, hashes of its files, marker."""
    listed, megabytes, markers = 10_000, 256, 200
    inputs = [[f"work/records/{number:05d}.arrow", f"{number:064x}"] for number in range(listed)]
    big = folder / "bytes"
    big.write_bytes(np.random.default_rng(5).bytes(megabytes * 1_000_000))
    marker = {"shard": "work/edges-00000", "fingerprint": "0" * 32, "files": {}, "facts": {}}

    def write_markers() -> None:
        for number in range(markers):
            write_json(folder / "markers" / f"{number}.json", marker)

    rows = []
    for unit, work, way in (
        ("listed_files", listed, lambda: digest({"inputs": inputs})),
        ("hashed_megabytes", megabytes, lambda: sha256_file(big)),
        ("markers", markers, write_markers),
    ):
        [row] = in_turn({"mapneo": way}, rounds=ROUNDS, work=work, unit=unit)
        rows.append({"part": "books", **{key: row[key] for key in list(row)[:3]}})
    return rows


def measure() -> list[dict[str, Any]]:
    """All rows; where a bar is set, `passed` says whether it was met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = whole_rows(folder)
        rows += edge_rows(folder)
        rows += book_rows(folder)
    return rows + component_rows()
