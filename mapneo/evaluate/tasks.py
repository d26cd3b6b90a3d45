"""The pieces of an evaluation, each resumed by itself: n-grams, models, compressors, summary.

Imported when the stage runs, not before: planning a run must not load torch.
"""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pyarrow.compute as pc

from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.files import read_json, write_json
from mapneo.core.stage import InputFile
from mapneo.core.tables import read_table
from mapneo.evaluate.compressors import Compressed, compress
from mapneo.evaluate.config import HeldoutConfig
from mapneo.evaluate.floors import Resampling, quality_floors
from mapneo.evaluate.ngram import fit_ngrams
from mapneo.evaluate.scores import NGRAM_ORDERS, ngram_nats, read_scores, write_scores
from mapneo.evaluate.seen import seen_windows
from mapneo.evaluate.table import bits_per_byte_rows
from mapneo.mix import Quotas, read_quotas
from mapneo.model.exchange import load_model
from mapneo.tokenizer.sample import chosen_texts, take_by_hash
from mapneo.train.documents import HeldoutDocument, read_heldout
from mapneo.train.heldout import document_nats

ROWS_NAME = "bits_per_byte.json"
FLOORS_NAME = "floors.json"


def score_ngrams(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Fit n-grams on the windows the model saw, and score the held-out documents with them."""
    quotas, encode = _quotas(task), _folder(task, "heldout_index/")
    skipped = {int(phase): tuple(places) for phase, places in task.payload["skipped"].items()}
    seen = seen_windows(encode, quotas, skipped, max_tokens=config.max_ngram_tokens)
    models = fit_ngrams(
        seen.tokens,
        seen.times,
        orders=list(NGRAM_ORDERS.values()),
        vocabulary=quotas.vocabulary,
    )
    documents = _heldout(encode, quotas, config)
    files = []
    for name, order in NGRAM_ORDERS.items():
        nats = ngram_nats(models[order], documents, eod=quotas.eod)
        files.append(f"scores/{name}.parquet")
        write_scores(output / files[-1], documents, nats)
    facts = {
        "ngram_tokens": int(seen.times.sum()) * quotas.seq_len,
        "ngram_windows": len(seen.times),
        "ngrams": models[max(NGRAM_ORDERS.values())].ngrams,
    }
    return ShardOutcome(files=tuple(files), facts=facts)


def score_model(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Score the held-out documents with a trained model, in float32."""
    quotas, encode = _quotas(task), _folder(task, "heldout_index/")
    documents = _heldout(encode, quotas, config)
    model = load_model(_folder(task, "model/") / "model")
    overlap_tokens = int(config.overlap_frac * model.config.context_tokens)
    nats = document_nats(model, documents, eod=quotas.eod, overlap_tokens=overlap_tokens)
    file = f"scores/{task.shard}.parquet"
    write_scores(output / file, documents, nats)
    return ShardOutcome(files=(file,))


def compress_group(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Compress held-out text of one language and category, alone and primed."""
    language, category = task.payload["language"], task.payload["category"]
    heldout = [
        document
        for document in _heldout(_folder(task, "heldout_index/"), _quotas(task), config)
        if (document.language, document.category) == (language, category)
    ]
    texts = {document.doc_id: document.bytes for document in heldout}
    sizes = _training_sizes(task, language, category)
    prime = take_by_hash(sizes.items(), config.max_prime_bytes, seed=task.payload["seed"])
    result = compress(
        _text(_named(task, "heldout/"), texts), _text(_named(task, "documents/"), prime)
    )
    file = f"compression/{language}.{category}.json"
    write_json(output / file, asdict(result))
    return ShardOutcome(files=(file,))


def summarise(task: Task, config: HeldoutConfig, output: Path) -> ShardOutcome:
    """Table and floors from the scores."""
    quotas = _quotas(task)
    files = {file.relative: file.path for file in task.inputs}
    models = (*task.payload["models"], *NGRAM_ORDERS)
    scores = read_scores({model: files[f"scores/{model}.parquet"] for model in models})
    compressed = {
        (language, category): Compressed(
            **read_json(files[f"compression/{language}.{category}.json"])
        )
        for language, category in scores.groups()
    }
    resampling = Resampling(seed=task.payload["seed"], resamples=config.resamples)
    rows = bits_per_byte_rows(scores, compressed, **asdict(resampling))
    floors = quality_floors(
        scores, quotas, resampling, languages=config.languages, min_lift=config.min_lift
    )
    write_json(output / ROWS_NAME, {"rows": rows})
    write_json(output / FLOORS_NAME, {"floors": [asdict(floor) for floor in floors]})
    missed = [floor for floor in floors if floor.kind == "floor" and not floor.passed]
    facts = {
        "floors_passed": not missed,
        "missed": [floor.sentence for floor in missed],
    }
    return ShardOutcome(files=(ROWS_NAME, FLOORS_NAME), facts=facts)


def heldout_documents(task: Task, config: HeldoutConfig) -> list[HeldoutDocument]:
    """The held-out documents that the evaluation scores."""
    return _heldout(_folder(task, "heldout_index/"), _quotas(task), config)


def _heldout(encode: Path, quotas: Quotas, config: HeldoutConfig) -> list[HeldoutDocument]:
    return read_heldout(encode, quotas.token_bytes, config.max_heldout_bytes)


def _quotas(task: Task) -> Quotas:
    [file] = _named(task, "quotas.json")
    return read_quotas(file.path)


def _named(task: Task, prefix: str) -> list[InputFile]:
    return [file for file in task.inputs if file.relative.startswith(prefix)]


def _folder(task: Task, prefix: str) -> Path:
    """Folder of the artifact that the task's files below `prefix` belong to."""
    file = _named(task, prefix)[0]
    return file.path.parents[len(Path(file.relative).parts) - 1]


def _training_sizes(task: Task, language: str, category: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for file in _named(task, "index/"):
        index = read_table(file.path, columns=["doc_id", "language", "category", "bytes"])
        wanted = pc.and_(
            pc.equal(index["language"], language), pc.equal(index["category"], category)
        )
        chosen = index.filter(wanted)
        sizes.update(zip(chosen["doc_id"].to_pylist(), chosen["bytes"].to_pylist(), strict=True))
    return sizes


def _text(files: Iterable[InputFile], bytes_of: dict[str, int]) -> bytes:
    texts = chosen_texts([file.path for file in files], bytes_of)
    return "".join(texts).encode()
