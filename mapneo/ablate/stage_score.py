"""Stage `score`: how well one arm's model of one seed predicts each held-out document."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.ablate.config import ScoreConfig
from mapneo.core.stage import Outcome, Work

SCORES_FILE = "scores.parquet"


@dataclass(frozen=True)
class Score:
    """Surprisal of the held-out documents, which the shared run has encoded for all arms."""

    config: ScoreConfig
    name: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("heldout", "pretrain_1")

    def run(self, work: Work) -> Outcome:
        """Score every held-out document once; writes `scores.parquet`."""
        # Imported here: planning an ablation must not load torch.
        from mapneo.evaluate.scores import write_scores
        from mapneo.model.exchange import load_model
        from mapneo.train.documents import read_heldout
        from mapneo.train.heldout import document_nats

        heldout, training = work.inputs["heldout"], work.inputs["pretrain_1"]
        facts = heldout.manifest.facts
        documents = read_heldout(heldout.directory, facts["token_bytes"], None)
        model = load_model(training.directory / "model")
        nats = document_nats(
            model,
            documents,
            eod=facts["eod"],
            overlap_tokens=int(self.config.overlap_frac * model.config.context_tokens),
        )
        write_scores(work.output / SCORES_FILE, documents, nats)
        return Outcome(files=(SCORES_FILE,))
