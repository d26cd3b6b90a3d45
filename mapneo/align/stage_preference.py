"""Stages `preference_<n>`: answers of a policy to new prompts, scored and made into pairs.

Round 0 is scored by the verifier and teaches the reward model; round 1 and later are scored by the
reward model, or by a weighted sum of it and the verifier, and teach the policy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from mapneo.align.config import PreferenceConfig
from mapneo.core.counts import Counts
from mapneo.core.engine import Task
from mapneo.core.errors import DataError
from mapneo.core.stage import InputFile, Outcome, Work


@dataclass(frozen=True)
class Preference:
    """Sample → score → pair. Source: recipe §6.2."""

    config: PreferenceConfig
    number: int
    version: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """`preference_<n>`."""
        return f"preference_{self.number}"

    @property
    def policy(self) -> str:
        """The stage whose model answers: SFT's for rounds 0 and 1, then the round before's."""
        return "sft_2" if self.number < 2 else f"dpo_{self.number - 1}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tokenizer, prompts, policy, and the reward model from round 1 on."""
        reward = ("reward",) if self.number else ()
        return ("tokenizer", "conversations", self.policy, *reward)

    def run(self, work: Work) -> Outcome:
        """Write `samples/<shard>.parquet` and `pairs/<shard>.parquet`.

        Raises:
            DataError: no prompt gave a pair.
        """
        from mapneo.align.preference import preference_task

        records = work.engine.map_shards(
            [self._task(work, shard) for shard in range(self.config.shards)],
            preference_task,
            config=self.config,
            pool="inline",
        )
        counts = Counts.total(record.counts for record in records)
        totals = {
            name: sum(record.facts[name] for record in records)
            for name in ("samples", "pairs", "reference_pairs", "score", "verifiable_reward")
        }
        if not totals["pairs"]:
            raise DataError(
                f"{self.name}: none of {counts.documents_in} prompts gave a pair "
                f"({dict(counts.dropped)}): ask for more prompts in [conversations], more samples "
                f"in [{self.name}], or a higher temperature"
            )
        samples = totals["samples"]
        return Outcome(
            counts=counts,
            facts={
                "samples": samples,
                "pairs": totals["pairs"],
                "reference_pairs": totals["reference_pairs"],
                "mean_score": totals["score"] / samples,
                "mean_verifiable_reward": totals["verifiable_reward"] / samples,
                "policy": self.policy,
                "scorer": records[0].facts["scorer"],
            },
        )

    def _task(self, work: Work, shard: int) -> Task:
        use = "dpo" if self.number else "reward"
        policy = work.inputs[self.policy]
        reward = work.inputs["reward"] if self.number else None
        prompts = work.inputs["conversations"].file(f"conversations/{use}.parquet")
        return Task(
            shard=f"{shard:05d}",
            inputs=(
                work.inputs["tokenizer"].file("tokenizer.model"),
                InputFile(path=prompts.path, relative="prompts.parquet", sha256=prompts.sha256),
                *renamed_below("policy", policy.files("model/*")),
                *(renamed_below("reward", reward.files("model/*")) if reward else ()),
            ),
            payload={
                "shard": shard,
                "seed": work.seed,
                "origin": {
                    "policy": self.policy,
                    "policy_sha256": policy.manifest.facts["weights_sha256"],
                    "reward_sha256": reward.manifest.facts["weights_sha256"] if reward else None,
                },
            },
        )


def renamed_below(prefix: str, files: Iterable[InputFile]) -> tuple[InputFile, ...]:
    """The files under a name of their own, since every model's are called alike."""
    return tuple(
        InputFile(path=file.path, relative=f"{prefix}/{file.relative}", sha256=file.sha256)
        for file in files
    )
