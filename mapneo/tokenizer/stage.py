"""Stages `tokenizer` (train, check) and `encode` (documents to tokens)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, ShardRecord, Task
from mapneo.core.errors import DataError
from mapneo.core.files import atomic_file, write_json
from mapneo.core.stage import Artifact, Outcome, Work
from mapneo.tokenizer.check import check_tokenizer
from mapneo.tokenizer.config import EncodeConfig, TokenizerConfig
from mapneo.tokenizer.encode import TokenShard, encode_documents
from mapneo.tokenizer.sample import choose_sample, chosen_texts
from mapneo.tokenizer.tokenizer import MODEL_NAME, Tokenizer
from mapneo.tokenizer.train import train_tokenizer

CHECK_NAME = "check.json"
COMPRESSION_NAME = "compression.json"


@dataclass(frozen=True)
class TrainTokenizer:
    """Trains on the documents of `split`, checks on its held-out documents."""

    config: TokenizerConfig
    name: ClassVar[str] = "tokenizer"
    version: ClassVar[int] = 2
    inputs: ClassVar[tuple[str, ...]] = ("split",)

    def run(self, work: Work) -> Outcome:
        """Train, then check.

        Raises:
            DataError: there is too little text, or text does not survive a round trip.
        """
        split = work.inputs["split"]
        train = Task(
            shard="train",
            inputs=tuple(split.files("documents/*.parquet")),
            payload={"seed": work.seed},
        )
        [trained] = work.engine.map_shards([train], train_task, config=self.config, pool="threads")
        check = Task(
            shard="check",
            inputs=(
                *trained.as_inputs(work.output, MODEL_NAME),
                *split.files("heldout/*.parquet"),
            ),
            payload={"seed": work.seed},
        )
        [checked] = work.engine.map_shards([check], check_task, config=self.config, pool="threads")
        return Outcome(facts={**trained.facts, **checked.facts})


def train_task(task: Task, config: TokenizerConfig, output: Path) -> ShardOutcome:
    """Sample the task's documents and train on them."""
    paths = [file.path for file in task.inputs]
    sample = choose_sample(paths, config, seed=task.payload["seed"])
    model = train_tokenizer(chosen_texts(paths, sample.bytes_of), config)
    with atomic_file(output / MODEL_NAME) as temporary:
        temporary.write_bytes(model)
    return ShardOutcome(
        files=(MODEL_NAME,),
        facts={
            "vocabulary": Tokenizer(model).vocabulary,
            "sample_bytes": sum(share.bytes for share in sample.shares),
            "sample": [asdict(share) for share in sample.shares],
        },
    )


def check_task(task: Task, config: TokenizerConfig, output: Path) -> ShardOutcome:
    """Check the task's first file, a tokenizer, on the held-out documents that follow it.

    Raises:
        DataError: text is lost and the settings do not allow it.
    """
    model, *heldout = [file.path for file in task.inputs]
    check, rows = check_tokenizer(Tokenizer.load(model), heldout, seed=task.payload["seed"])
    write_json(output / CHECK_NAME, check.as_json())
    write_json(output / COMPRESSION_NAME, {"rows": [asdict(row) for row in rows]})
    if not check.is_lossless and not config.allow_lossy:
        first = check.failures[0]
        raise DataError(
            f"the tokenizer loses text: {sum(check.failed.values())} of "
            f"{sum(check.tried.values())} texts do not come back, first in {first.group!r} "
            f"({first.name}): {first.text!r} became {first.decoded!r}; all are in "
            f"{output / CHECK_NAME}; set tokenizer.allow_lossy = true to go on with it"
        )
    return ShardOutcome(
        files=(CHECK_NAME, COMPRESSION_NAME),
        facts={
            "lossless": check.is_lossless,
            "round_trips": sum(check.tried.values()),
            "compression": [asdict(row) for row in rows],
        },
    )


@dataclass(frozen=True)
class Encode:
    """Turns the documents of `split`, training and held-out, into token files."""

    config: EncodeConfig
    name: ClassVar[str] = "encode"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("split", "tokenizer")

    def run(self, work: Work) -> Outcome:
        """Encode shard by shard; threads, as SentencePiece releases the interpreter lock."""
        split, model = work.inputs["split"], work.inputs["tokenizer"]
        tasks = [
            *_encode_tasks(split, model, "documents", ""),
            *_encode_tasks(split, model, "heldout", "heldout_"),
        ]
        records = work.engine.map_shards(tasks, encode_task, config=self.config, pool="threads")
        tokenizer = Tokenizer.load(model.file(MODEL_NAME).path)
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={
                "vocabulary": tokenizer.vocabulary,
                "token_bytes": tokenizer.token_bytes,
                "eod": tokenizer.eod,
                "train": _token_rows(record for record in records if not _is_heldout(record)),
                "heldout": _token_rows(record for record in records if _is_heldout(record)),
            },
        )


def _encode_tasks(split: Artifact, model: Artifact, folder: str, prefix: str) -> list[Task]:
    return [
        Task(
            shard=f"{prefix}{file.path.stem}",
            inputs=(model.file(MODEL_NAME), file),
            payload={"prefix": prefix, "name": file.path.stem},
        )
        for file in split.files(f"{folder}/*.parquet")
    ]


def encode_task(task: Task, config: EncodeConfig, output: Path) -> ShardOutcome:
    """Encode the task's second file with its first, the tokenizer."""
    model, documents = task.inputs
    prefix = task.payload["prefix"]
    shard = TokenShard(
        output=output,
        shard=task.payload["name"],
        tokens_folder=f"{prefix}tokens",
        index_folder=f"{prefix}index",
    )
    encoded = encode_documents(
        documents.path,
        shard,
        Tokenizer.load(model.path),
        batch_documents=config.batch_documents,
    )
    sums = encoded.index.group_by(["language", "category"]).aggregate(
        [("length_tokens", "sum"), ("bytes", "sum"), ("doc_id", "count")]
    )
    tokens = [
        [row["language"], row["category"], *(row[name] for name in _SUMS)]
        for row in sums.to_pylist()
    ]
    documents_in = encoded.index.num_rows
    return ShardOutcome(
        files=encoded.files,
        counts=Counts(documents_in=documents_in, kept=documents_in),
        facts={"heldout": bool(prefix), "tokens": sorted(tokens)},
    )


_SUMS = ("doc_id_count", "bytes_sum", "length_tokens_sum")


def _is_heldout(record: ShardRecord) -> bool:
    return bool(record.facts["heldout"])


def _token_rows(records: Iterable[ShardRecord]) -> list[dict[str, Json]]:
    """Documents, bytes and tokens (EOD included) by language and category."""
    totals: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in _SUMS}
    for record in records:
        for language, category, *numbers in record.facts["tokens"]:
            for name, number in zip(_SUMS, numbers, strict=True):
                totals[name][language, category] += number
    return [
        {
            "language": language,
            "category": category,
            "documents": totals["doc_id_count"][language, category],
            "bytes": totals["bytes_sum"][language, category],
            "tokens": totals["length_tokens_sum"][language, category],
        }
        for language, category in sorted(totals["doc_id_count"])
    ]
