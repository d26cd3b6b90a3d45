"""Stage `compare`: what each arm kept, how often it read it, and how well its models predict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mapneo.ablate.config import CompareConfig
from mapneo.ablate.stage_reserve import HELDOUT_FILE
from mapneo.ablate.stage_score import SCORES_FILE
from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.files import read_json, write_json
from mapneo.core.stage import Artifact, Outcome, Work
from mapneo.mix.stage import PLAN_NAME

RESULT_FILE = "ablation.json"
ARM_STAGES = ("judge", "dedup", "encode")
SEED_STAGES = ("mix", "pretrain_1", "score")


def seed_folder(seed: int) -> str:
    """Folder of one training below its arm's."""
    return f"seed-{seed}"


@dataclass(frozen=True)
class Compare:
    """Puts the arms side by side in `ablation.json`."""

    config: CompareConfig
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    name: ClassVar[str] = "compare"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """The pool, the held-out text, and `ARM/STAGE` and `ARM/seed-N/STAGE` of every arm."""
        names = [f"{arm}/{stage}" for arm in self.arms for stage in ARM_STAGES]
        for arm in self.arms:
            names += [f"{arm}/{seed_folder(n)}/{s}" for n in self.seeds for s in SEED_STAGES]
        return ("pool", "split", *names)

    def run(self, work: Work) -> Outcome:
        """Write the comparison.

        Raises:
            DataError: the arms were not trained on equally many tokens.
        """
        # Imported here: planning an ablation needs no statistics.
        from mapneo.ablate.comparison import comparison_rows, read_measured

        scores = {
            arm: [
                work.inputs[f"{arm}/{seed_folder(seed)}/score"].file(SCORES_FILE).path
                for seed in self.seeds
            ]
            for arm in self.arms
        }
        measured = read_measured(scores, work.inputs["split"].file(HELDOUT_FILE).path)
        rows = comparison_rows(
            measured, self.config.reference, seed=work.seed, resamples=self.config.resamples
        )
        result = {
            "reference": self.config.reference,
            "seeds": list(self.seeds),
            "train_tokens": self._equal_tokens(work.inputs),
            "arms": [row for arm in self.arms for row in _arm_rows(arm, self.seeds, work.inputs)],
            "rows": rows,
        }
        write_json(work.output / RESULT_FILE, result)
        return Outcome(files=(RESULT_FILE,))

    def _equal_tokens(self, inputs: Mapping[str, Artifact]) -> int:
        tokens = {
            name: artifact.manifest.facts["tokens"]
            for name, artifact in inputs.items()
            if name.endswith("/pretrain_1")
        }
        if len(set(tokens.values())) != 1:
            raise DataError(
                "the arms were not trained on equally many tokens: "
                + ", ".join(f"{name} {number}" for name, number in sorted(tokens.items()))
            )
        return int(next(iter(tokens.values())))


def _arm_rows(
    arm: str, seeds: tuple[int, ...], inputs: Mapping[str, Artifact]
) -> list[dict[str, Json]]:
    """By language: the pool, what rules and dedup left of it, and how often that was read."""
    facts = {stage: inputs[f"{arm}/{stage}"].manifest.facts for stage in ARM_STAGES}
    pool = inputs["pool"].manifest.facts["kept"]
    # Every seed has the same quotas; only which windows they are filled with differs.
    plan = read_json(inputs[f"{arm}/{seed_folder(seeds[0])}/mix"].file(PLAN_NAME).path)["rows"]
    unique, trained = _sum(facts["encode"]["train"], "tokens"), _sum(plan, "tokens")
    counted = {"pool": pool, "judged": facts["judge"]["kept"], "kept": facts["dedup"]["kept"]}
    rows = []
    for language in sorted(_sum(pool, "documents")):
        row: dict[str, Json] = {"arm": arm, "language": language}
        for name, tally in counted.items():
            row |= {
                f"{name}_{unit}": _sum(tally, unit)[language] for unit in ("documents", "bytes")
            }
        row |= {"unique_tokens": unique[language], "trained_tokens": trained[language]}
        row["epochs"] = trained[language] / unique[language] if unique[language] else 0.0
        rows.append(row)
    return rows


def _sum(rows: Iterable[Mapping[str, Json]], column: str) -> Counter[str]:
    """Sums of a column by language."""
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["language"]] += row[column]
    return totals
