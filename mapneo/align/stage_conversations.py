"""Stage `conversations`: questions and answers made by rule from the documents."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from mapneo.align.build import (
    Item,
    arithmetic_items,
    chosen,
    conversation,
    small_talk,
    use_of,
)
from mapneo.align.config import ConversationsConfig
from mapneo.align.conversations import USES, Conversation, Kind, Use, write_conversations
from mapneo.align.harvest import harvest
from mapneo.align.phrases import LANGUAGES
from mapneo.core.canonical import Json
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.stage import Outcome, Work
from mapneo.core.tables import read_table, write_table

_TYPES = {"is_verified": pa.bool_(), "is_heldout": pa.bool_()}
ITEM_SCHEMA = pa.schema(
    [pa.field(each.name, _TYPES.get(each.name, pa.string())) for each in fields(Item)]
)
KINDS: dict[Use, tuple[Kind, ...]] = {
    "sft_1": ("foundation",),
    "sft_2": ("chat",),
    "reward": ("foundation", "chat"),
    "dpo": ("foundation", "chat"),
    "heldout": ("foundation", "chat"),
}


@dataclass(frozen=True)
class Conversations:
    """Harvests each shard of the split, then chooses over all of them."""

    config: ConversationsConfig
    name: ClassVar[str] = "conversations"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("split",)

    def run(self, work: Work) -> Outcome:
        """Write `items/<shard>.parquet` and `conversations/<use>.parquet`."""
        split = work.inputs["split"]
        tasks = [
            Task(
                shard=f"{folder}-{file.path.stem}",
                inputs=(file,),
                payload={"is_heldout": folder == "heldout", "seed": work.seed},
            )
            for folder in ("documents", "heldout")
            for file in split.files(f"{folder}/*.parquet")
        ]
        harvested = work.engine.map_shards(
            tasks, harvest_task, config=self.config, pool="processes"
        )
        items = [file for record in harvested for file in record.as_inputs(work.output, "items/")]
        choice = Task(shard="choose", inputs=tuple(items), payload={"seed": work.seed})
        [record] = work.engine.map_shards([choice], choose_task, config=self.config, pool="threads")
        return Outcome(facts=record.facts)


def harvest_task(task: Task, config: ConversationsConfig, output: Path) -> ShardOutcome:
    """The items of one shard that could be chosen, whatever the other shards hold."""
    seed = task.payload["seed"]
    found = harvest(
        task.inputs[0].path,
        is_heldout=task.payload["is_heldout"],
        max_bytes=config.max_passage_bytes,
        seed=seed,
    )
    groups = _by_group(found, seed)
    groups = {group: items for group, items in groups.items() if group[1] in config.skills}
    kept = [
        item
        for group, items in sorted(groups.items())
        for source in sorted({item.source for item in items})
        for item in chosen(
            (item for item in items if item.source == source), _limit(config, *group), seed
        )
    ]
    name = f"items/{task.shard}.parquet"
    write_table(
        output / name, pa.Table.from_pylist([asdict(item) for item in kept], schema=ITEM_SCHEMA)
    )
    return ShardOutcome(files=(name,), facts={"items": len(kept)})


def choose_task(task: Task, config: ConversationsConfig, output: Path) -> ShardOutcome:
    """Choose items within the limits and turn them into conversations."""
    seed = task.payload["seed"]
    items = [Item(**row) for file in task.inputs for row in read_table(file.path).to_pylist()]
    items = _without_single_source(items)
    for language in LANGUAGES if "arithmetic" in config.skills else ():
        items += arithmetic_items(language, config.max_number, config.arithmetic_heldout)
    made: dict[Use, list[Conversation]] = {use: [] for use in USES}
    made["sft_2"] += small_talk()
    for (use, skill, language), group in sorted(_by_group(items, seed).items()):
        limit = _limit(config, use, skill, language)
        picked = chosen(group, limit, seed)
        times = repeats(use, skill, len(picked), limit)
        for place, item in enumerate(picked * times):
            if place >= limit:
                break
            kinds = KINDS[use] if item.is_verified else ("foundation",)
            repeat = place // len(picked)
            made[use] += [conversation(item, kind, seed, repeat) for kind in kinds]
    files = []
    for use, conversations in made.items():
        files.append(f"conversations/{use}.parquet")
        write_conversations(output / files[-1], _unique(conversations))
    return ShardOutcome(files=tuple(files), facts={"conversations": _rows(made)})


def _by_group(items: Iterable[Item], seed: int) -> dict[tuple[Use, str, str], list[Item]]:
    groups: dict[tuple[Use, str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[use_of(item, seed), item.skill, item.language].append(item)
    return groups


def repeats(use: Use, skill: str, items: int, limit: int) -> int:
    """How often items are gone through: facts of arithmetic until the training rows are full."""
    is_practice = skill == "arithmetic" and use != "heldout"
    return -(-limit // items) if is_practice and items else 1


def _limit(config: ConversationsConfig, use: Use, skill: str, language: str) -> int:
    if use == "sft_1":
        return config.arithmetic_rows if skill == "arithmetic" else config.foundation_rows
    if use == "sft_2":
        return config.chat_rows
    return config.heldout_prompts if use == "heldout" else config.prompts


def _without_single_source(items: list[Item]) -> list[Item]:
    """Asking where a passage comes from is no question if its language has one source only."""
    sources: dict[str, set[str]] = defaultdict(set)
    for item in items:
        sources[item.language].add(item.source)
    return [each for each in items if each.skill != "origin" or len(sources[each.language]) > 1]


def _unique(conversations: list[Conversation]) -> list[Conversation]:
    """One of each id: two documents may offer the same question with the same answer."""
    return list({each.conversation_id: each for each in conversations}.values())


def _rows(made: dict[Use, list[Conversation]]) -> list[dict[str, Json]]:
    counts = Counter(
        (use, each.kind, each.skill, each.language)
        for use, conversations in made.items()
        for each in _unique(conversations)
    )
    names = ("use", "kind", "skill", "language")
    return [
        {**dict(zip(names, key, strict=True)), "conversations": number}
        for key, number in sorted(counts.items())
    ]
