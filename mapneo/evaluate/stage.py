"""Stage `evaluate`: bits per byte of both phases' models beside n-grams and xz, and the floors."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.core.counts import Counts
from mapneo.core.engine import Task
from mapneo.core.errors import DataError
from mapneo.core.files import read_json
from mapneo.core.stage import Artifact, InputFile, Outcome, Work
from mapneo.evaluate.config import EvaluateConfig


@dataclass(frozen=True)
class Evaluate:
    """Scores held-out documents; the pipeline raises FloorError after the manifest is written."""

    config: EvaluateConfig
    name: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("split", "encode", "mix", "pretrain_1", "pretrain_2")

    def run(self, work: Work) -> Outcome:
        """Score with each model, compress, then put the numbers together.

        Raises:
            DataError: no document is held out.
        """
        from mapneo.evaluate import tasks

        config, engine = self.config, work.engine
        heldout = _heldout_files(work)
        documents = tasks.heldout_documents(Task(shard="heldout", inputs=heldout), config)
        if not documents:
            raise DataError("no document is held out: let `split` hold some out, or add documents")
        ngrams = engine.map_shards(
            [_ngram_task(work, heldout)], tasks.score_ngrams, config=config, pool="threads"
        )
        models = engine.map_shards(
            [_model_task(work, heldout, phase) for phase in (1, 2)],
            tasks.score_model,
            config=config,
            pool="threads",
        )
        groups = sorted({(document.language, document.category) for document in documents})
        compressed = engine.map_shards(
            [_compress_task(work, heldout, *group) for group in groups],
            tasks.compress_group,
            config=config,
            pool="threads",
        )
        measured = [*ngrams, *models, *compressed]
        inputs = [file for record in measured for file in record.as_inputs(work.output, "")]
        summary = Task(
            shard="summary", inputs=(_quotas(work), *inputs), payload={"seed": work.seed}
        )
        [summed] = engine.map_shards([summary], tasks.summarise, config=config, pool="threads")
        return Outcome(
            counts=_counts(work.inputs["encode"], len(documents)),
            facts={**ngrams[0].facts, **summed.facts},
        )


def _quotas(work: Work) -> InputFile:
    return work.inputs["mix"].file("quotas.json")


def _heldout_files(work: Work) -> tuple[InputFile, ...]:
    encode = work.inputs["encode"]
    return (_quotas(work), *encode.files("heldout_index/*"), *encode.files("heldout_tokens/*"))


def _ngram_task(work: Work, heldout: tuple[InputFile, ...]) -> Task:
    tokens = work.inputs["encode"].files("tokens/*")
    skipped = {str(phase): _skipped(work.inputs[f"pretrain_{phase}"]) for phase in (1, 2)}
    return Task(shard="ngrams", inputs=(*heldout, *tokens), payload={"skipped": skipped})


def _skipped(pretrain: Artifact) -> list[int]:
    """Positions that the run left out, as its last checkpoint recorded them."""
    states = [read_json(file.path) for file in pretrain.files("checkpoints/*/state.json")]
    states.sort(key=lambda state: state["step"])
    return list(states[-1]["skipped"]) if states else []


def _model_task(work: Work, heldout: tuple[InputFile, ...], phase: int) -> Task:
    model = work.inputs[f"pretrain_{phase}"].files("model/*")
    return Task(shard=f"model_phase_{phase}", inputs=(*heldout, *model))


def _compress_task(
    work: Work, heldout: tuple[InputFile, ...], language: str, category: str
) -> Task:
    split, encode = work.inputs["split"], work.inputs["encode"]
    texts = [*split.files("documents/*"), *split.files("heldout/*")]
    return Task(
        shard=f"compress-{language}.{category}",
        inputs=(*heldout, *encode.files("index/*"), *texts),
        payload={"language": language, "category": category, "seed": work.seed},
    )


def _counts(encode: Artifact, scored: int) -> Counts:
    heldout = sum(row["documents"] for row in encode.manifest.facts["heldout"])
    return Counts(documents_in=heldout, kept=scored, dropped={"not_scored": heldout - scored})
