"""Stage `judge`: rules over stored signals; a changed bound is judged again in seconds."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from mapneo.core.canonical import Json, digest
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, ShardRecord, Task
from mapneo.core.errors import MapNeoError
from mapneo.core.files import write_json
from mapneo.core.stage import Config, Outcome, Reach, Work
from mapneo.core.tables import read_table, write_table
from mapneo.curate.histograms import add_histograms, histogram_rows
from mapneo.curate.measure import DEFAULT_RULESETS
from mapneo.curate.rules import Bounds, Ruleset, check_rules_known, load_rulesets
from mapneo.curate.samples import sample_task, write_samples
from mapneo.curate.tally import ORIGIN, add_up, tally
from mapneo.curate.verdicts import SourceRules, judge_signals

HISTOGRAMS_FILE = "histograms.json"

_REASON = ("language", "rule")
_NO_FIRE = {"fired": 0, "alone": 0, "reported": 0}


class JudgeConfig(Config):
    """Which rules judge which language."""

    rulesets: tuple[str, ...] = Field(default=DEFAULT_RULESETS, min_length=1)
    """Names, or paths ending in `.toml`; several of one language judge one after the other, and
    documents in a language without any are dropped."""
    overrides: Mapping[str, Bounds] = {}
    """New bounds by rule id, such as `en_word_count_min = { min = 30 }`."""
    sources: Mapping[str, SourceRules] = {}
    """What is different for the documents of a source, by its name or a pattern such as
    `books-*`: `gutenberg = { exempt = ["en_word_count_max"] }`. Of several that say something of
    a rule, a full name counts before a pattern and a longer pattern before a shorter."""

    @model_validator(mode="after")
    def _check(self) -> "JudgeConfig":
        try:
            rulesets = self.rules()
            for name, own in self.sources.items():
                ids = (*own.exempt, *own.overrides)
                check_rules_known(rulesets, ids, f"sources.{name}")
        except MapNeoError as error:
            raise ValueError(str(error)) from error
        return self

    def rules(self) -> tuple[Ruleset, ...]:
        """The rulesets with their overrides.

        Raises:
            MapNeoError: a ruleset or an override is wrong.
        """
        return load_rulesets(self.rulesets, self.overrides)


@dataclass(frozen=True)
class Judge:
    """Gives every document a verdict."""

    config: JudgeConfig
    name: ClassVar[str] = "judge"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("measure",)
    reach: ClassVar[Reach] = "anywhere"

    def outside(self) -> Json:
        """The rules themselves: a ruleset may be a file of the user's."""
        return digest([ruleset.model_dump(mode="json") for ruleset in self.config.rules()])

    def run(self, work: Work) -> Outcome:
        """Judge all signals, then add up reasons, histograms and samples."""
        measured = work.inputs["measure"]
        rules = self.outside()
        tasks = [
            Task(shard=Path(file.relative).stem, inputs=(file,), payload={"rules": rules})
            for file in measured.files("signals/*.parquet")
        ]
        records = work.engine.map_shards(tasks, judge_shard, config=self.config, pool="threads")
        verdicts = [file for r in records for file in r.as_inputs(work.output, "verdicts/")]
        samples = sample_task(verdicts, measured.files("documents/*.parquet"))
        work.engine.map_shards([samples], write_samples, config=self.config, pool="threads")
        histograms = add_histograms([record.facts["histograms"] for record in records])
        write_json(work.output / HISTOGRAMS_FILE, {"rows": histograms})
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={**_added_facts(records), "not_measured": _not_measured(histograms)},
            files=(HISTOGRAMS_FILE,),
        )


def judge_shard(task: Task, config: JudgeConfig, output: Path) -> ShardOutcome:
    """Verdicts of one shard."""
    rulesets = config.rules()
    signals = read_table(task.inputs[0].path)
    verdicts = judge_signals(signals, rulesets, config.sources)
    name = f"verdicts/{task.shard}.parquet"
    write_table(output / name, verdicts)
    kept = verdicts.filter(pc.equal(verdicts["verdict"], "keep"))
    dropped = Counter(rule for rule in verdicts["rule"].to_pylist() if rule is not None)
    return ShardOutcome(
        files=(name,),
        counts=Counts(documents_in=verdicts.num_rows, kept=kept.num_rows, dropped=dropped),
        facts={
            "arrived": tally(verdicts, ORIGIN),
            "kept": tally(kept, ORIGIN),
            "reasons": _reasons(verdicts),
            "histograms": histogram_rows(signals, rulesets),
        },
    )


def _reasons(verdicts: pa.Table) -> list[dict[str, Json]]:
    """Documents and bytes by first failing rule, and how often a rule fires, alone, in vain.

    A rule that only reports fires too, but drops nothing and is not the only one to drop.
    """
    dropped = verdicts.filter(pc.equal(verdicts["verdict"], "dropped"))
    first = [{**_NO_FIRE, **row} for row in tally(dropped, _REASON)]
    failing = _fires(dropped, "failed_rules", alone=True)
    reporting = _fires(verdicts, "reported_rules", alone=False)
    return add_up([first, failing, reporting], _REASON)


def _fires(verdicts: pa.Table, column: str, *, alone: bool) -> Iterator[dict[str, Json]]:
    """How often each rule stands in a column of lists, and how often alone in its list."""
    lists = verdicts[column].combine_chunks()
    parents = verdicts.take(pc.list_parent_indices(lists))
    fired = pa.table(
        {
            "language": parents["language"],
            "rule": pc.list_flatten(lists),
            "alone": pc.cast(pc.equal(pc.list_value_length(parents[column]), 1), "int64"),
        }
    )
    counted = fired.group_by(list(_REASON)).aggregate([("alone", "sum"), ([], "count_all")])
    for row in counted.to_pylist():
        fires = row["count_all"]
        yield {
            "language": row["language"],
            "rule": row["rule"],
            "documents": 0,
            "bytes": 0,
            "fired": fires,
            "alone": row["alone_sum"] if alone else 0,
            "reported": 0 if alone else fires,
        }


def _not_measured(histograms: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Per rule, of how many documents its signal is not known, so that it says nothing of them."""
    return [
        {
            "language": row["language"],
            "rule": row["rule"],
            "signal": row["signal"],
            "documents": row["not_measured"],
        }
        for row in histograms
        if row["not_measured"]
    ]


def _added_facts(records: Sequence[ShardRecord]) -> dict[str, Json]:
    return {
        "arrived": add_up((record.facts["arrived"] for record in records), ORIGIN),
        "kept": add_up((record.facts["kept"] for record in records), ORIGIN),
        "reasons": add_up((record.facts["reasons"] for record in records), _REASON),
    }
