"""Write the tables of docs/scaling-out.md: what dedup of ten billion documents moves and costs.

`python -m bench.scaling_out` renews; `python -m bench.scaling_out --check` fails if a table is old.
Widths of rows are those of the code; the share of copies, edges and CPU seconds per document are
those of the million in bench/results/dedup.json (`python -m bench.run dedup`), carried over in
proportion.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.result import RESULTS
from mapneo.curate.candidates import EDGE_SCHEMA, RECORD_SCHEMA
from mapneo.curate.keys import keys_schema
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting
from mapneo.curate.stage_dedup import DedupConfig, partitions_of

PAGE = RESULTS.parent.parent / "docs" / "scaling-out.md"
BLOCK = re.compile(r"<!-- table: (?P<name>\w+) -->\n.*?<!-- end -->", re.DOTALL)

DOCUMENTS = 10_000_000_000
DOCUMENTS_PER_SHARD = 1_000_000
MEAN_TEXT_BYTES = 4_000
DOC_ID_BYTES = 40
MEMORY_PER_TASK_MB = 2_000
ROUNDS = 5
"""Large-star and small-star pairs until nothing changes; clusters of copies are no long chains."""
_BATCH_OVERHEAD_BYTES = 317
_FOOTER_BYTES = 24
"""Of an Arrow file, per record batch: header with padding, and its place in the footer."""


class Measured(NamedTuple):
    """Per document of the million: seconds, edges, and members of clusters."""

    text_bytes: float
    cpu_seconds: float
    edge_cpu_seconds: float
    edges: float
    members: float
    dropped: float


class Plan(NamedTuple):
    """Sizes that everything else follows from."""

    setting: MinHashSetting
    shards: int
    partitions: int
    measured: Measured


def plan(preset: str, rows: list[Mapping[str, Any]]) -> Plan:
    """The plan of a preset from the rows of the result."""
    setting = PRESETS[preset]  # type: ignore[index]
    [whole] = [
        row
        for row in rows
        if row["part"] == "whole" and row.get("workers") == 1 and row["preset"] == preset
    ]
    name = "mapneo" if preset == "map_neo" else f"mapneo, {preset}"
    [edges] = [row for row in rows if row["part"] == "keys to edges" and row["way"] == name]
    count = whole["documents"]
    measured = Measured(
        text_bytes=whole["text_bytes"] / count,
        cpu_seconds=whole["cpu_seconds"]["median"] / count,
        edge_cpu_seconds=edges["cpu_seconds"]["median"] / count,
        edges=edges["edges"] / count,
        members=(whole["clusters"] + sum(whole["dropped"].values())) / count,
        dropped=sum(whole["dropped"].values()) / count,
    )
    config = DedupConfig(minhash=setting, memory_per_task_mb=MEMORY_PER_TASK_MB)
    shards = DOCUMENTS // DOCUMENTS_PER_SHARD
    return Plan(setting, shards, partitions_of(DOCUMENTS, config), measured)


def key_bytes(setting: MinHashSetting) -> int:
    """Bytes of a row of keys; bands and sketch are hashes, which no compression makes smaller."""
    widths = [field.type for field in keys_schema(setting)]
    return DOC_ID_BYTES + sum(each.byte_width for each in widths[1:])


def row_bytes(schema: Any) -> int:
    """Bytes of a row of numbers."""
    return sum(field.type.bit_width // 8 for field in schema)


def steps(each: Plan) -> list[tuple[str, float, int, int]]:
    """Step, bytes it writes, tasks, and files that each of its tasks lists."""
    shards, partitions, got = each.shards, each.partitions, each.measured
    sketch = each.setting.permutations
    edges, members = got.edges * DOCUMENTS, got.members * DOCUMENTS
    records = DOCUMENTS * (1 + each.setting.bands) * row_bytes(RECORD_SCHEMA)
    named = 2 * DOC_ID_BYTES + 14 + 4 + 4 + 8 + 8
    overhead = _BATCH_OVERHEAD_BYTES * partitions
    by_shard = _BATCH_OVERHEAD_BYTES * partitions * shards
    turns = 2 * ROUNDS
    star, stars = edges * 16, f"stars, {ROUNDS} rounds"
    member = DOC_ID_BYTES + 48 + sketch
    return [
        ("keys", DOCUMENTS * key_bytes(each.setting), shards, 3),
        ("records", records + shards * overhead, shards, 1),
        ("edges", edges * row_bytes(EDGE_SCHEMA), partitions, shards),
        ("lefts", edges * 16 + partitions * overhead, partitions, 1),
        ("joined", edges * (16 + sketch), partitions, partitions + shards),
        ("rights", edges * (16 + sketch) + partitions * overhead, partitions, 1),
        ("verified", edges * 20, partitions, partitions + shards),
        (f"{stars}: spread", turns * (2 * star + partitions * overhead), turns * partitions, 1),
        (f"{stars}: join", turns * star, turns * partitions, partitions),
        ("roots by shard", members * 16 + by_shard, partitions, 1),
        ("members", members * member + shards * overhead, shards, partitions + 1),
        ("named", members * named, partitions, shards),
        ("clusters", 2 * members * named + partitions * overhead, 2 * partitions, partitions),
        ("named by shard", members * named + by_shard, partitions, 1),
        ("documents", DOCUMENTS * (1 - got.dropped) * MEAN_TEXT_BYTES, shards, partitions + 2),
    ]


def size_table(plans: Mapping[str, Plan]) -> list[list[str]]:
    """Per preset: what is held, moved and asked for."""
    rows = [["", *plans]]
    for head, value in (
        ("documents", lambda p: f"{DOCUMENTS:.0e}"),
        ("shards (of 10^6 documents)", lambda p: f"{p.shards:,}"),
        ("partitions", lambda p: f"{p.partitions:,}"),
        ("memory per task, beside the program (MB)", lambda p: f"{MEMORY_PER_TASK_MB:,}"),
        ("key bytes per document", lambda p: f"{key_bytes(p.setting)}"),
        ("edges per document", lambda p: f"{p.measured.edges:.2f}"),
        ("documents in clusters", lambda p: f"{p.measured.members:.0%}"),
        ("tasks", lambda p: f"{sum(step[2] for step in steps(p)):,}"),
    ):
        rows.append([head, *(value(each) for each in plans.values())])
    return rows


def step_table(plans: Mapping[str, Plan]) -> list[list[str]]:
    """Bytes, tasks and files listed per task of each step, for both presets."""
    heads = [f"{what}, {name}" for name in plans for what in ("GB written", "tasks", "lists files")]
    rows = [["step", *heads]]
    for together in zip(*(steps(each) for each in plans.values()), strict=True):
        row = [together[0][0]]
        for _, size, tasks, listed in together:
            row += [f"{size / 1e9:,.0f}", f"{tasks:,}", f"{listed:,}"]
        rows.append(row)
    return rows


def hour_table(plans: Mapping[str, Plan], rows: list[Mapping[str, Any]]) -> list[list[str]]:
    """Core hours by part, and those of keeping the books apart."""
    rates = {
        key: row[key]
        for row in rows
        if row["part"] == "books"
        for key in row
        if key.endswith("_per_cpu_second")
    }
    out = [["", *plans]]
    columns = [hours(each, rates) for each in plans.values()]
    for head in columns[0]:
        out.append([head, *(f"{column[head]:,.1f}" for column in columns)])
    return out


def hours(each: Plan, rates: Mapping[str, float]) -> dict[str, float]:
    """Hours of one core, by part."""
    got, all_steps = each.measured, steps(each)
    longer = MEAN_TEXT_BYTES / got.text_bytes
    shard_hours = DOCUMENTS * (got.cpu_seconds - got.edge_cpu_seconds) * longer / 3600
    edge_hours = DOCUMENTS * got.edge_cpu_seconds / 3600
    listed = sum(tasks * files for _, _, tasks, files in all_steps)
    tasks = sum(step[2] for step in all_steps)
    written = sum(step[1] for step in all_steps)
    return {
        "core hours: all but edges": shard_hours,
        "core hours: keys to edges": edge_hours,
        "machine hours (32 cores)": (shard_hours + edge_hours) / 32,
        "hours of one core: hashing what is written": written
        / 1e6
        / rates["hashed_megabytes_per_cpu_second"]
        / 3600,
        "hours of one core: fingerprints": listed / rates["listed_files_per_cpu_second"] / 3600,
        "hours of one core: markers": tasks / rates["markers_per_cpu_second"] / 3600,
    }


def reads_table(plans: Mapping[str, Plan]) -> list[list[str]]:
    """Ranges read from Arrow files, and the footers read on the way, by memory per task."""
    rows = [["memory per task (MB)", "preset", "partitions", "ranges read", "TB of footers"]]
    for memory in (128, 500, 2_000, 8_000):
        for name, each in plans.items():
            config = DedupConfig(minhash=each.setting, memory_per_task_mb=memory)
            count = partitions_of(DOCUMENTS, config)
            # Records and members come from shards, the rest from partitions.
            pairs = 2 * each.shards * count + (4 + 2 * ROUNDS) * count**2
            placed = 2 * count * each.shards
            footers = (pairs * count + placed * each.shards) * _FOOTER_BYTES
            ranges, read = f"{pairs + placed:.1e}", f"{footers / 1e12:,.1f}"
            rows.append([f"{memory:,}", name, f"{count:,}", ranges, read])
    return rows


def tables() -> Mapping[str, str]:
    """Markdown by name; before the million is measured, a line that says so."""
    path = RESULTS / "dedup.json"
    if not path.exists():
        missing = f"not yet measured (`bench/results/{path.name}` is missing)"
        return dict.fromkeys(("sizes", "steps", "hours", "reads"), missing)
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    plans = {preset: plan(preset, rows) for preset in PRESETS}
    return {
        "sizes": markdown(size_table(plans)),
        "steps": markdown(step_table(plans)),
        "hours": markdown(hour_table(plans, rows)),
        "reads": markdown(reads_table(plans)),
    }


def markdown(rows: list[list[str]]) -> str:
    """A table; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def main(check: bool) -> int:
    """Fill every table block of the page."""
    old = PAGE.read_text(encoding="utf-8")
    made = tables()
    new = BLOCK.sub(lambda m: f"<!-- table: {m['name']} -->\n{made[m['name']]}\n<!-- end -->", old)
    if check:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
