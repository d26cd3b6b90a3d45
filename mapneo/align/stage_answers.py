"""Stage `answers`: every policy on the held-out prompts, from the base model to the last round."""

from dataclasses import dataclass
from typing import ClassVar

from mapneo.align.config import AnswersConfig
from mapneo.align.stage_preference import renamed_below
from mapneo.core.counts import Counts
from mapneo.core.engine import Task
from mapneo.core.stage import InputFile, Outcome, Work

BASE = "pretrain_2"
ANCHOR = "sft_2"


@dataclass(frozen=True)
class AnswersStage:
    """Measures `policies`, stage names in order; the first is the base model."""

    config: AnswersConfig
    policies: tuple[str, ...] = (BASE, "sft_1", ANCHOR, "dpo_1")
    name: ClassVar[str] = "answers"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tokenizer, held-out prompts, reward model, and all policies."""
        return ("tokenizer", "conversations", "reward", *self.policies)

    def run(self, work: Work) -> Outcome:
        """Write answers and losses by policy, then the tables and floors."""
        from mapneo.align.answers import answers_task
        from mapneo.align.summarise import summary_task

        records = work.engine.map_shards(
            [self._task(work, policy) for policy in self.policies],
            answers_task,
            config=self.config,
            pool="inline",
        )
        measured = [file for record in records for file in record.as_inputs(work.output, "")]
        reward = work.inputs["reward"].file("reward.json")
        summary = Task(
            shard="summary",
            inputs=(_heldout(work), reward, *measured),
            payload={"seed": work.seed, "policies": list(self.policies)},
        )
        [summed] = work.engine.map_shards(
            [summary], summary_task, config=self.config, pool="inline"
        )
        return Outcome(counts=Counts.total(record.counts for record in records), facts=summed.facts)

    def _task(self, work: Work, policy: str) -> Task:
        is_chat = policy == ANCHOR or policy.startswith("dpo_")
        anchor = work.inputs[ANCHOR].files("model/*") if is_chat else []
        return Task(
            shard=f"policy-{policy}",
            inputs=(
                work.inputs["tokenizer"].file("tokenizer.model"),
                _heldout(work),
                *renamed_below("policy", work.inputs[policy].files("model/*")),
                *renamed_below("anchor", anchor),
                *renamed_below("reward", work.inputs["reward"].files("model/*")),
            ),
            payload={
                "seed": work.seed,
                "policy": policy,
                "is_base": policy == BASE,
                "is_sampled": is_chat,
            },
        )


def _heldout(work: Work) -> InputFile:
    file = work.inputs["conversations"].file("conversations/heldout.parquet")
    return InputFile(path=file.path, relative="heldout.parquet", sha256=file.sha256)
