"""Passages that stand elsewhere: one entry for all kinds of deduplication below the document.

Map: keys of units and anchors per shard; similar sentences, which concern one document only.
Decide: what repeats what, by partition, in one round for lines and paragraphs and three for
substrings. Apply: spans per shard. All kinds look at the same texts and follow the same order
(priority, doc_id, place), so what a span names as its source comes earlier, always, and a chain of
sources ends at text that no span covers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from mapneo.core.artifact import InputFile
from mapneo.core.engine import Engine, ShardOutcome, ShardRecord, Task
from mapneo.curate import passage_steps
from mapneo.curate.document_order import order_documents
from mapneo.curate.passages_config import PassagesConfig
from mapneo.curate.repeated_units import unit_kinds

_Step = Callable[[Task, PassagesConfig, Path], ShardOutcome]


def find_passages(
    engine: Engine, tasks: Sequence[Task], config: PassagesConfig, partitions: int
) -> list[ShardRecord]:
    """Find the passages to cut, as `spans/<shard>.parquet` with SPAN_SCHEMA.

    Args:
        engine: bound to the stage's folder; work files lie below `work/passages/`.
        tasks: one per shard; the first input is a Parquet file with the columns doc_id and text
            (strings), priority (int64; smaller stays). Shards' names differ, doc_ids too.
        config: which kinds, and their settings.
        partitions: how many parts the keys are split into; more need less memory each. The result
            does not depend on it.

    Returns:
        The records of the last step, in the order of `tasks`. Facts of each: `spans` and `bytes`
        by kind, and `too_little_left`, documents that go.

    Raises:
        DataError: a document has no doc_id, text or priority, or two have the same doc_id.
    """
    if not tasks:
        return []
    steps = _Steps(engine, tasks, config, partitions)
    steps.run_once("order", order_documents, [task.inputs[0] for task in tasks])
    steps.map("keys", passage_steps.map_keys)
    has_units = bool(unit_kinds(config)) or config.substrings
    if has_units:
        steps.decide("repeats", passage_steps.decide_repeats, after="keys")
    if config.substrings:
        steps.map("around", passage_steps.map_around, "repeats")
        steps.decide("stretches", passage_steps.decide_stretches, after="around")
        steps.map("windows", passage_steps.map_windows, "stretches")
        steps.decide("ends", passage_steps.decide_ends, after="windows")
    decided = [name for name in ("repeats", "stretches", "ends") if name in steps.files]
    steps.map("drafts", passage_steps.map_drafts, "keys", *decided)
    steps.map("rested", passage_steps.map_rested, "drafts")
    return steps.map("spans", passage_steps.write_spans, "drafts", "rested")


class _Steps:
    """Runs step after step; every file of a step may be read by a later one."""

    def __init__(
        self, engine: Engine, tasks: Sequence[Task], config: PassagesConfig, partitions: int
    ) -> None:
        self.engine, self.tasks, self.config, self.partitions = engine, tasks, config, partitions
        self.files: dict[str, list[InputFile]] = {}

    def run_once(self, step: str, function: _Step, inputs: Sequence[InputFile]) -> None:
        self._run(
            step, [Task(shard=f"{passage_steps.FOLDER}/{step}", inputs=tuple(inputs))], function
        )

    def map(self, step: str, function: _Step, *after: str) -> list[ShardRecord]:
        """One task per shard, which reads its documents and the files of earlier steps."""
        shared = self._inputs("order", *after)
        made = []
        for number, task in enumerate(self.tasks):
            payload = {"shard": task.shard, "number": number, "partitions": self.partitions}
            name = f"{passage_steps.FOLDER}/{step}/{task.shard}"
            made.append(Task(shard=name, inputs=(task.inputs[0], *shared), payload=payload))
        return self._run(step, made, function)

    def decide(self, step: str, function: _Step, *, after: str) -> None:
        """One task per partition, which reads its part of every file of a step."""
        made = [
            Task(
                shard=f"{passage_steps.FOLDER}/{step}/{partition:05d}",
                inputs=tuple(self._inputs(after)),
                payload={"partition": partition},
            )
            for partition in range(self.partitions)
        ]
        self._run(step, made, function)

    def _run(self, step: str, tasks: Sequence[Task], function: _Step) -> list[ShardRecord]:
        records = self.engine.map_shards(tasks, function, config=self.config, pool="threads")
        output = self.engine.output
        self.files[step] = [file for record in records for file in record.as_inputs(output, "")]
        return records

    def _inputs(self, *steps: str) -> list[InputFile]:
        return [file for step in steps for file in self.files[step]]
