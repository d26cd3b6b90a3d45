"""A million documents judged again from stored signals: one bound changed, with samples, and all.

The signals are those of the demo's documents, repeated under new names, their fractions moved by
up to 0.1 % so that columns do not compress to a few values. The first row is the stage itself.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.result import spread
from bench.texts import RUN
from mapneo.core.counts import Counts
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Outcome, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.measure import DEFAULT_RULESETS, signals_table
from mapneo.curate.rejudge import rejudge
from mapneo.curate.rules import measurements_of
from mapneo.curate.stage_judge import Judge, JudgeConfig
from mapneo.curate.stage_measure import MeasureConfig
from mapneo.curate.wish import Wish

DOCUMENTS, SHARDS, ROUNDS = 1_000_000, 32, 5
OTHERS = ("gopher", "tiny-zh", "tiny-code")
EXCERPT_CHARS = 1000
WAYS = {
    "one bound": (Wish(settings=("en_word_count_min.min=30",)), 0),
    "one bound, 20 samples each way": (Wish(settings=("en_word_count_min.min=30",)), 20),
    "five bounds": (
        Wish(
            settings=(
                "en_word_count_min.min=80",
                "en_nonspace_chars_min.min=300",
                "en_dup_10gram_char_fraction.max=0.2",
                "zh_char_count_min.min=400",
                "code_line_count_min.min=20",
            )
        ),
        0,
    ),
    "another ruleset": (Wish(rulesets=OTHERS), 0),
}


@dataclass(frozen=True)
class Replicated:
    """Stands where measure stands: the demo's documents again and again."""

    config: MeasureConfig
    documents: pa.Table
    signals: pa.Table
    name: ClassVar[str] = "measure"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, work: Work) -> Outcome:
        """Write DOCUMENTS documents in SHARDS shards."""
        files, per_shard = [], DOCUMENTS // SHARDS
        for shard in range(SHARDS):
            chance = np.random.default_rng([work.seed, shard])
            first = shard * per_shard
            rows = pa.array(np.arange(first, first + per_shard) % self.documents.num_rows)
            for folder, table in (("documents", self.documents), ("signals", self.signals)):
                name = f"{folder}/copies-{shard:03d}.parquet"
                write_table(work.output / name, _moved(_renamed(table.take(rows), first), chance))
                files.append(name)
        return Outcome(counts=Counts(documents_in=DOCUMENTS, kept=DOCUMENTS), files=tuple(files))


def _renamed(table: pa.Table, first: int) -> pa.Table:
    numbers = pa.array([f"#{n}" for n in range(first, first + table.num_rows)])
    place = table.schema.get_field_index("doc_id")
    names = pc.binary_join_element_wise(table["doc_id"].combine_chunks(), numbers, "")
    return table.set_column(place, table.schema.field(place), names)


def _moved(table: pa.Table, chance: np.random.Generator) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.type == pa.float64() and not field.name.partition("@")[0].endswith("s"):
            factor = 1 + 1e-3 * (2 * chance.random(table.num_rows) - 1)
            table = table.set_column(place, field, pc.multiply(table[field.name], pa.array(factor)))
    return table


def _source() -> tuple[pa.Table, pa.Table]:
    files = sorted((RUN / "measure" / "documents").glob("*.parquet"))
    if not files:
        raise SystemExit(f"no documents in {RUN}: run `make demo` first")
    documents = pa.concat_tables([read_table(file) for file in files]).combine_chunks()
    signals = signals_table(documents, measurements_of((*DEFAULT_RULESETS, *OTHERS)))
    heads = pc.utf8_slice_codeunits(documents["text"], 0, EXCERPT_CHARS)
    place = documents.schema.get_field_index("text")
    return documents.set_column(place, documents.schema.field(place), heads), signals


def timed(way: Callable[[], object]) -> dict[str, Any]:
    """Wall and CPU seconds (all threads) of ROUNDS calls, after one to warm up."""
    way()
    walls, cpus = [], []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        way()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"seconds": spread(walls), "cpu_seconds": spread(cpus)}


def _command(directory: Path, *words: str) -> list[float]:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mapneo.cli", *words], check=True, capture_output=True
        )
        seconds.append(time.perf_counter() - start)
    return seconds


def measure() -> list[dict[str, Any]]:
    """A row per way: the stage run again, rejudge in this process, and the whole command."""
    documents, signals = _source()
    config = MeasureConfig(profiles=(*DEFAULT_RULESETS, *OTHERS))
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        stages = [Replicated(config, documents, signals), Judge(JudgeConfig())]
        run = Run(directory=directory, seed=1, workers=2)
        steps = list(run.execute(stages, progress=lambda step: QuietProgress()))
        judged = steps[-1].manifest
        assert judged is not None
        rows.append({"way": "stage judge, once", "seconds": judged.seconds})
        for name, (wish, samples) in WAYS.items():
            row = timed(lambda w=wish, n=samples: rejudge(directory, w, samples=n))
            per_second = DOCUMENTS / row["seconds"]["median"]
            rows.append({"way": name, **row, "documents_per_second": per_second})
        words = ("judge", str(directory), "--set", "en_word_count_min.min=30", "--sample", "20")
        rows.append(
            {"way": "the command, 20 samples", "seconds": spread(_command(directory, *words))}
        )
        rows.append(
            {"way": "the command's start", "seconds": spread(_command(directory, "--version"))}
        )
    return [{"documents": DOCUMENTS, **row} for row in rows]
