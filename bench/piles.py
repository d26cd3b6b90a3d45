"""A pile of documents with planted copies, as the stage before dedup leaves it, in shards.

Documents are made of sentences of the demo's own documents (`make demo` first), drawn with a
fixed seed; a stated share are copies of earlier ones, exact or with words replaced.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from bench.texts import documents
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Config, Outcome, Stage, Work
from mapneo.core.tables import write_table
from mapneo.curate import as_documents

_SENTENCE = re.compile(r"[^.!?。！？\n]{12,}[.!?。！？]+")
_POOL_BYTES = 6_000_000
_REACH = 4000
"""A copy is of one of so many documents before it in its shard."""


class PileConfig(Config):
    """How much is made."""

    documents: int
    shards: int = 64
    mean_bytes: int = 731
    exact_share: float = 0.1
    near_share: float = 0.2


@cache
def sentences(language: str) -> list[str]:
    """Different sentences of the demo's documents."""
    texts = documents(language, _POOL_BYTES)
    return sorted({match.strip() for text in texts for match in _SENTENCE.findall(text)})


def texts_of(config: PileConfig, shard: int, pools: list[list[str]]) -> Iterator[tuple[str, str]]:
    """Language and text of each document of a shard."""
    rng = random.Random(shard)
    made: list[tuple[str, str]] = []
    for _ in range(config.documents // config.shards):
        chance = rng.random()
        if made and chance < config.exact_share + config.near_share:
            language, text = made[-rng.randint(1, min(len(made), _REACH))]
            if chance >= config.exact_share:
                text = replaced(text, rng, 1 + int(8 * rng.random()))
        else:
            language = rng.choice(("en", "zh"))
            pool, parts, size = pools[language == "zh"], [], 0
            wanted = config.mean_bytes * rng.uniform(0.4, 1.6)
            while size < wanted:
                parts.append(rng.choice(pool))
                size += len(parts[-1].encode()) + 1
            text = (" " if language == "en" else "").join(parts)
        made.append((language, text))
        yield language, text


def replaced(text: str, rng: random.Random, times: int) -> str:
    """A text with some stretches of three characters replaced."""
    letters = list(text)
    for _ in range(times):
        place = rng.randrange(len(letters))
        letters[place : place + 3] = "qzx"
    return "".join(letters)


def make_shard(task: Task, config: PileConfig, output: Path) -> ShardOutcome:
    """Documents of one shard, with a verdict of keep for each."""
    pools = [sentences("en"), sentences("zh")]
    number = task.payload["number"]
    rows = list(texts_of(config, number, pools))
    table = pa.table(
        {
            "doc_id": [f"pile-{number % 4}/{number:03d}/{row:07d}" for row in range(len(rows))],
            "source": [f"pile-{number % 4}"] * len(rows),
            "language": [language for language, _ in rows],
            "text": [text for _, text in rows],
        }
    )
    name = f"{task.shard}.parquet"
    write_table(output / "documents" / name, as_documents(table))
    ids = table.select(["doc_id"])
    write_table(output / "signals" / name, ids)
    keep = pa.array(["keep"] * len(rows))
    write_table(output / "verdicts" / name, ids.append_column("verdict", keep))
    files = tuple(f"{folder}/{name}" for folder in ("documents", "signals", "verdicts"))
    return ShardOutcome(files=files, counts=Counts(documents_in=len(rows), kept=len(rows)))


@dataclass(frozen=True)
class Pile:
    """Stands where measure and judge stand."""

    config: PileConfig
    name: ClassVar[str] = "pile"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, work: Work) -> Outcome:
        """Make all shards."""
        tasks = [
            Task(shard=f"pile-{number:03d}", payload={"number": number})
            for number in range(self.config.shards)
        ]
        made = work.engine.map_shards(tasks, make_shard, config=self.config, pool="processes")
        return Outcome(counts=Counts.total(record.counts for record in made))


def make_pile(directory: Path, config: PileConfig, *, workers: int = 2) -> Run:
    """A run directory in which `pile` is done."""
    run = Run(directory=directory, seed=0, workers=workers)
    stages: list[Stage] = [Pile(config)]
    list(run.execute(stages, progress=lambda step: QuietProgress()))
    return run


def dedup_run(pile: Run, directory: Path, *, workers: int) -> Run:
    """A run that reads the pile as its stages measure and judge."""
    artifact = pile.artifact("pile")
    given = {"measure": artifact, "judge": artifact}
    return Run(directory=directory, seed=0, workers=workers, given=given)
