"""Stage `measure`: edits, language and signals, computed once and kept beside the text."""

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from mapneo.core.canonical import Json
from mapneo.core.counts import Counts
from mapneo.core.engine import ShardOutcome, Task
from mapneo.core.errors import MapNeoError
from mapneo.core.files import sha256_file
from mapneo.core.stage import Config, Outcome, Reach, Work
from mapneo.core.tables import ERROR_SCHEMA, read_table, write_table
from mapneo.curate.annotation_store import JOINED
from mapneo.curate.compiling import compile_kernels
from mapneo.curate.edits import check_lists, kept_chain
from mapneo.curate.measure import DEFAULT_RULESETS, Signals, as_asked, measure_documents
from mapneo.curate.mixed import is_mixed
from mapneo.curate.rules import measurements_of
from mapneo.curate.scores import ScoresConfig, load_scorers
from mapneo.curate.tally import ORIGIN, add_up, tally
from mapneo.text.buffers import string_view, undecodable_rows
from mapneo.text.walk import is_compiled

_UNFIT = {
    "null_text": "the document's text is null: look at what extracted it",
    "undecodable": "the document's text is not valid UTF-8: look at what extracted it",
}
"""Why a document can't be measured, by kind of error."""


class MeasureConfig(Config):
    """What is measured on documents.

    A recipe measures what `judge.rulesets` need; `profiles` adds what others need, so that
    `mapneo judge` can try them later without reading a text.
    """

    profiles: tuple[str, ...] = Field(default=(), exclude=True)
    """Rulesets that are to be judged later, by name or path ending in `.toml`."""
    measurements: tuple[str, ...] = Field(default_factory=lambda: measurements_of(DEFAULT_RULESETS))
    """What is measured, such as `en:keep+space` (language, edit chain, splitter), or
    `en:keep+space/ngrams` (one family of its signals)."""
    signals: Signals = Field(default="profiles", exclude=True)
    """`all`: every signal of the splitters that are measured, also those that no profile names."""
    edits: tuple[str, ...] = ()
    """Edits of the text that is kept, beside those that are always made; see docs/rules.md."""
    scores: ScoresConfig = ScoresConfig()
    """URL lists and models whose scores rules may use."""

    @model_validator(mode="before")
    @classmethod
    def _add_profiles(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("profiles"):
            return values
        try:
            wanted = {*values.get("measurements", ()), *measurements_of(values["profiles"])}
        except MapNeoError as error:
            raise ValueError(str(error)) from error
        return {**values, "measurements": sorted(wanted)}

    @model_validator(mode="after")
    def _as_asked(self) -> "MeasureConfig":
        # Frozen, and the rest of it is checked: this is the one place that fills it in.
        object.__setattr__(self, "measurements", as_asked(self.measurements, self.signals))
        return self

    @field_validator("edits")
    @classmethod
    def _known_edits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            kept_chain(value)
        except MapNeoError as error:
            raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _lists_of_edits(self) -> "MeasureConfig":
        try:
            check_lists(self.edits, [listed.language for listed in self.scores.bad_words])
        except MapNeoError as error:
            raise ValueError(str(error)) from error
        return self


def with_measurements(values: dict[str, Any], rulesets: Iterable[str]) -> dict[str, Any]:
    """A recipe's tables, as read, in which `measure` measures what `rulesets` need, or more.

    A ruleset that can't be loaded adds nothing here: the table that names it says what is wrong.
    """
    measure = values.get("measure", {})
    if not isinstance(measure, dict):
        return values
    needed: set[str] = set()
    for name in rulesets:
        with suppress(MapNeoError, AttributeError):
            needed.update(measurements_of([name]))
    wanted = sorted({*measure.get("measurements", ()), *needed})
    return {**values, "measure": {**measure, "measurements": wanted}}


def measure_what_is_judged(values: Any) -> Any:
    """A recipe's tables, as read, in which `measure` measures what `judge` needs, or more.

    What is no table stays as it is: validation says what is wrong with it.
    """
    judge = values.get("judge", {}) if isinstance(values, dict) else None
    if not isinstance(judge, dict):
        return values
    return with_measurements(values, judge.get("rulesets", DEFAULT_RULESETS))


@dataclass(frozen=True)
class Measure:
    """Edits text, names its language, and measures every signal."""

    config: MeasureConfig
    name: ClassVar[str] = "measure"
    version: ClassVar[int] = 2
    inputs: ClassVar[tuple[str, ...]] = ("extract",)
    reach: ClassVar[Reach] = "anywhere"

    def outside(self) -> Json:
        """The contents of the lists and models that documents are scored with."""
        found = [
            file
            for path in self.config.scores.files()
            for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
            if file.is_file()
        ]
        return [{"path": str(file), "sha256": sha256_file(file)} for file in found]

    def run(self, work: Work) -> Outcome:
        """Measure every document that extract left."""
        if not is_compiled():
            work.progress.note("compiling the kernels for this machine, once: about twenty seconds")
            compile_kernels(self.config.measurements, os.cpu_count() or 1)
        tasks = [
            Task(shard=Path(file.relative).stem, inputs=(file,))
            for file in work.inputs["extract"].files("documents/*.parquet")
        ]
        records = work.engine.map_shards(tasks, measure_shard, config=self.config, pool="threads")
        facts = [record.facts for record in records]
        unscored = add_up((fact["unscored"] for fact in facts), ("why",))
        return Outcome(
            counts=Counts.total(record.counts for record in records),
            facts={
                "kept": add_up((fact["kept"] for fact in facts), ORIGIN),
                "scripts": add_up((fact["scripts"] for fact in facts), ("language", "script")),
                "mixed": add_up((fact["mixed"] for fact in facts), ("language",)),
                "edits": add_up((fact["edits"] for fact in facts), ("edit",)),
                "unscored": unscored,
                **self._annotation_facts(work, unscored),
            },
        )

    def _annotation_facts(
        self, work: Work, unscored: list[dict[str, Json]]
    ) -> dict[str, list[dict[str, Json]]]:
        """What the files of annotations hold, and how many of their rows no document has."""
        if not self.config.scores.annotations:
            return {}
        totals = [store.totals._asdict() for store in load_scorers(self.config.scores).annotations]
        joined = sum(row["documents"] for row in unscored if row["why"] == JOINED)
        unused = max(0, sum(total["rows"] for total in totals) - joined)
        for total in totals:
            work.progress.note(
                "annotations of {path}: {rows} rows, {duplicates} more with an id that was there "
                "already, {malformed} that can't be read".format(**total)
            )
        work.progress.note(f"annotations: {joined} documents found theirs, {unused} rows unused")
        return {"annotations": [*totals, {"documents": joined, "unused": unused}]}


def measure_shard(task: Task, config: MeasureConfig, output: Path) -> ShardOutcome:
    """Documents with language and edits, their signals, and those whose text is none."""
    arrived = read_table(task.inputs[0].path)
    unfit = _unfit_rows(arrived["text"])
    whole = np.array([row not in unfit for row in range(arrived.num_rows)], dtype=np.bool_)
    measured = measure_documents(
        arrived.filter(pa.array(whole)),
        config.measurements,
        edits=config.edits,
        scores=config.scores,
    )
    documents, signals = measured.documents, measured.signals
    errors = [
        {"doc_id": arrived["doc_id"][row].as_py(), "kind": kind, "message": _UNFIT[kind]}
        for row, kind in unfit.items()
    ]
    tables = {
        "documents": documents,
        "signals": signals,
        "errors": pa.Table.from_pylist(errors, schema=ERROR_SCHEMA),
    }
    for folder, table in tables.items():
        write_table(output / folder / f"{task.shard}.parquet", table)
    return ShardOutcome(
        files=tuple(f"{folder}/{task.shard}.parquet" for folder in tables),
        counts=Counts(
            documents_in=arrived.num_rows,
            kept=documents.num_rows,
            errors=Counter(unfit.values()),
        ),
        facts={
            "kept": tally(signals, ORIGIN),
            "scripts": _script_rows(documents),
            "mixed": _mixed_rows(signals),
            "edits": _edit_rows(documents),
            "unscored": [{"why": why, "documents": n} for why, n in measured.reasons.items()],
        },
    )


def _unfit_rows(texts: pa.ChunkedArray) -> dict[int, str]:
    """Rows that can't be measured, ascending, with the kind of error."""
    kinds = {int(row): "null_text" for row in np.flatnonzero(~string_view(texts).valid)}
    kinds |= {int(row): "undecodable" for row in np.flatnonzero(undecodable_rows(texts))}
    return dict(sorted(kinds.items()))


def _script_rows(documents: pa.Table) -> list[Json]:
    pairs = Counter(zip(*(documents[c].to_pylist() for c in ("language", "script")), strict=True))
    return [
        {"language": language, "script": script, "documents": n}
        for (language, script), n in sorted(pairs.items())
    ]


def _mixed_rows(signals: pa.Table) -> list[Json]:
    """Documents of each language that hold a fair part of a second one."""
    mixed = signals.filter(pa.array(is_mixed(signals["languages"].combine_chunks())))
    return [
        {"language": language, "documents": documents}
        for language, documents in sorted(Counter(mixed["language"].to_pylist()).items())
    ]


def _edit_rows(documents: pa.Table) -> list[Json]:
    touched: Counter[str] = Counter()
    spans: Counter[str] = Counter()
    for edits in documents["edits"].to_pylist():
        names = [edit["edit"] for edit in edits]
        spans.update(names)
        touched.update(set(names))
    return [
        {"edit": name, "documents": touched[name], "spans": spans[name]} for name in sorted(spans)
    ]
