"""Stage `evaluate`: bits per byte of each model beside n-grams and xz, floors, multiple choice."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import Task
from mapneo.core.errors import ConfigError, DataError
from mapneo.core.files import read_json
from mapneo.core.stage import Artifact, InputFile, Outcome, Work
from mapneo.evaluate.choice_plan import harness_version, run_choice
from mapneo.evaluate.config import (
    PHASE_1,
    PHASE_2,
    ChoiceConfig,
    EvaluateConfig,
    HeldoutConfig,
    part_of,
)


@dataclass(frozen=True)
class Evaluate:
    """Scores held-out documents; the pipeline raises FloorError after the manifest is written.

    `models` names the stages, in pipeline order, whose `model/` folders are scored. The floors are
    about the two phases of pre-training, so both must be among them.
    """

    config: EvaluateConfig
    models: tuple[str, ...] = (PHASE_1, PHASE_2)
    name: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 3

    @property
    def inputs(self) -> tuple[str, ...]:
        """Held-out text, what the models saw, the packs, and the models."""
        return ("fetch", "split", "tokenizer", "encode", "mix", *self.models)

    @property
    def choice_models(self) -> tuple[str, ...]:
        """The models that answer multiple-choice questions.

        Raises:
            ConfigError: the settings name a model that is not evaluated.
        """
        if self.config.choice_models is None:
            return tuple(model for model in self.models if model != PHASE_1)
        for model in self.config.choice_models:
            if model not in self.models:
                raise ConfigError(
                    f"evaluate.choice_models: there is no model {model!r}; "
                    f"evaluated are {', '.join(self.models)}"
                )
        return self.config.choice_models

    def outside(self) -> Json:
        """The version of the harness, so that its coming or going wakes the stage."""
        return {"harness": harness_version(), "choice_models": list(self.choice_models)}

    def run(self, work: Work) -> Outcome:
        """Score with each model, compress, ask the packs' questions, put the numbers together.

        Raises:
            DataError: no document is held out, or a pack can't be read.
        """
        from mapneo.evaluate import tasks

        config, engine = part_of(self.config, HeldoutConfig), work.engine
        heldout = _heldout_files(work)
        documents = tasks.heldout_documents(Task(shard="heldout", inputs=heldout), config)
        if not documents:
            raise DataError("no document is held out: let `split` hold some out, or add documents")
        ngrams = engine.map_shards(
            [_ngram_task(work, heldout)], tasks.score_ngrams, config=config, pool="threads"
        )
        models = engine.map_shards(
            [_model_task(work, heldout, model) for model in self.models],
            tasks.score_model,
            config=config,
            pool="inline",
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
            shard="summary",
            inputs=(_quotas(work), *inputs),
            payload={"seed": work.seed, "models": list(self.models)},
        )
        [summed] = engine.map_shards([summary], tasks.summarise, config=config, pool="threads")
        choice = run_choice(work, part_of(self.config, ChoiceConfig), self.choice_models)
        return Outcome(
            counts=_counts(work.inputs["encode"], len(documents)),
            facts={**ngrams[0].facts, **summed.facts, "models": list(self.models)},
            files=(choice,),
        )


def _quotas(work: Work) -> InputFile:
    return work.inputs["mix"].file("quotas.json")


def _heldout_files(work: Work) -> tuple[InputFile, ...]:
    encode = work.inputs["encode"]
    return (_quotas(work), *encode.files("heldout_index/*"), *encode.files("heldout_tokens/*"))


def _ngram_task(work: Work, heldout: tuple[InputFile, ...]) -> Task:
    tokens = work.inputs["encode"].files("tokens/*")
    phases = {"1": work.inputs[PHASE_1], "2": work.inputs[PHASE_2]}
    skipped = {phase: _skipped(artifact) for phase, artifact in phases.items()}
    return Task(shard="ngrams", inputs=(*heldout, *tokens), payload={"skipped": skipped})


def _skipped(pretrain: Artifact) -> list[int]:
    """Positions that the run left out, as its last checkpoint recorded them."""
    states = [read_json(file.path) for file in pretrain.files("checkpoints/*/state.json")]
    states.sort(key=lambda state: state["step"])
    return list(states[-1]["skipped"]) if states else []


def _model_task(work: Work, heldout: tuple[InputFile, ...], model: str) -> Task:
    return Task(shard=model, inputs=(*heldout, *work.inputs[model].files("model/*")))


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
