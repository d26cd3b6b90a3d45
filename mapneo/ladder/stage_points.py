"""Stage `points`: every run's N, D and loss on the shared held-out text, in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from mapneo.ablate.stage_score import SCORES_FILE
from mapneo.core.artifact import Artifact
from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.stage import Outcome, Work
from mapneo.core.tables import read_table, write_table
from mapneo.ladder.config import PointsConfig
from mapneo.ladder.plan import PlannedRun
from mapneo.scaling.read import POINTS_FILE
from mapneo.train.documents import HeldoutDocument, read_heldout

RUN_STAGES = ("pretrain_1", "score")


@dataclass(frozen=True)
class PointsStage:
    """Writes `points.parquet`, which `mapneo scaling fit` reads."""

    config: PointsConfig
    runs: tuple[PlannedRun, ...]
    name: ClassVar[str] = "points"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """The held-out text, and `RUN/STAGE` of every run."""
        return ("heldout", *(f"{run.name}/{stage}" for run in self.runs for stage in RUN_STAGES))

    def run(self, work: Work) -> Outcome:
        """Write the table, in the order of the runs.

        Raises:
            DataError: there is no held-out text, a training ended before its last token, or a run
                was measured on other documents.
        """
        heldout = work.inputs["heldout"]
        token_bytes = heldout.manifest.facts["token_bytes"]
        documents = read_heldout(heldout.directory, token_bytes, None)
        if not documents:
            raise DataError("there is no held-out text: raise split.heldout_frac, or add text")
        rows = [
            _row(
                run,
                work.inputs[f"{run.name}/pretrain_1"],
                work.inputs[f"{run.name}/score"],
                documents,
            )
            for run in self.runs
        ]
        write_table(work.output / POINTS_FILE, pa.Table.from_pylist(rows))
        return Outcome(facts={"rows": rows}, files=(POINTS_FILE,))


def _row(
    run: PlannedRun, training: Artifact, score: Artifact, documents: Sequence[HeldoutDocument]
) -> dict[str, Json]:
    facts = training.manifest.facts
    if facts["tokens"] != run.tokens:
        raise DataError(
            f"{training.directory} trained on {facts['tokens']} tokens, not on {run.tokens}"
        )
    path = score.file(SCORES_FILE).path
    table = read_table(path)
    if table["doc_id"].to_pylist() != [document.doc_id for document in documents]:
        raise DataError(f"{path} is about other documents: run the ladder again")
    nats = table["nats"].to_numpy()
    return {
        "run": run.name,
        "parameters_without_embeddings": run.parameters_without_embeddings,
        "parameters_with_embeddings": run.parameters_with_embeddings,
        "tokens": run.tokens,
        "compute": run.compute,
        **_losses(nats, documents),
        "layers": run.shape.layers,
        "hidden": run.shape.hidden,
        "steps": run.steps,
        "batch_tokens": run.windows * run.seq_len,
        "peak": run.peak,
        "flops": run.flops,
    }


def _losses(
    nats: np.ndarray[tuple[int], np.dtype[np.float64]], documents: Sequence[HeldoutDocument]
) -> Mapping[str, float]:
    """Nats per token and bits per byte of all documents together, and of each language."""
    tokens = np.array([len(document.tokens) for document in documents])
    sizes = np.array([document.bytes for document in documents])
    languages = np.array([document.language for document in documents])
    groups = {"": np.ones(len(documents), dtype=np.bool_)}
    groups |= {f"_{name}": languages == name for name in sorted(set(languages.tolist()))}
    losses = {}
    for suffix, chosen in groups.items():
        total = float(nats[chosen].sum())
        losses[f"loss{suffix}"] = total / float(tokens[chosen].sum())
        losses[f"bits_per_byte{suffix}"] = total / np.log(2) / float(sizes[chosen].sum())
    return {name: float(value) for name, value in losses.items()}
