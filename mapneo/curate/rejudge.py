"""Judge a finished run again under other rules, without reading its texts or changing the run.

The changed rules are tried on stored signals, the others are taken from stored verdicts
(`mapneo.curate.flips`). Only the texts of the few documents that are to be shown are read.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add
from pathlib import Path

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError, ManifestError
from mapneo.core.files import read_json
from mapneo.core.manifest import Manifest, read_manifest
from mapneo.core.recipe import validate
from mapneo.core.runner import Run
from mapneo.curate.changes import Book, Change, Entry
from mapneo.curate.flip_samples import (
    Candidate,
    Shard,
    candidates,
    choose_samples,
    read_samples,
)
from mapneo.curate.flips import Fires, ShardFlips, shard_flips
from mapneo.curate.measure import is_measured
from mapneo.curate.patch import as_toml
from mapneo.curate.rules import Ruleset
from mapneo.curate.stage_judge import HISTOGRAMS_FILE, Judge, JudgeConfig
from mapneo.curate.tally import add_up
from mapneo.curate.wish import Wish, check_exempt, command, wished

_GROUP = ("direction", "language", "category", "source", "rule_before", "rule_after")
NOT_RECOMPUTED = (
    "Only verdicts were judged again: dedup and all later stages of the run still hold what the "
    "old verdicts gave."
)


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """What changes, added up over all shards.

    Attributes:
        config: the settings of stage judge that the wish amounts to.
        ignored: settings of the run that name rules which the wished rulesets do not have.
        command: what judges the run again for good.
        languages: rows of language: documents, bytes, kept before and after.
        flips: rows of direction (`mapneo.curate.flips.DIRECTIONS`), language, category, source,
            rule_before, rule_after (null: kept), documents, bytes, tokens (estimated; null where
            the run has encoded no text of the language).
        rules: rows of language and rule: changed, report_only, documents of the language; fired,
            alone, reported before and after (null where the rule is not there); not_measured.
        samples: documents whose verdict changes, with both verdicts and an excerpt.
    """

    config: JudgeConfig
    ignored: tuple[str, ...]
    command: str
    languages: Sequence[Mapping[str, Json]]
    flips: Sequence[Mapping[str, Json]]
    rules: Sequence[Mapping[str, Json]]
    samples: Sequence[Mapping[str, Json]] = field(default=())

    @property
    def patch(self) -> str:
        """The whole table `[judge]` as TOML, to stand in a recipe instead of its own."""
        return as_toml(self.config)

    def by(self, *keys: str) -> list[dict[str, Json]]:
        """`flips` added up by some of its keys, or by `rule`: the one that drops, or dropped."""
        rows = [
            {"tokens": 0, **{name: row[name] for name in ("documents", "bytes")}}
            | {"tokens": row["tokens"] or 0}
            | {key: _dropping(row) if key == "rule" else row[key] for key in keys}
            for row in self.flips
        ]
        return add_up([rows], keys)

    def as_json(self) -> dict[str, Json]:
        """Plain form for `--json`."""
        return {
            "documents": sum(row["documents"] for row in self.languages),
            "languages": list(self.languages),
            "flips": list(self.flips),
            "rules": list(self.rules),
            "samples": list(self.samples),
            "ignored_settings": list(self.ignored),
            "patch": self.patch,
            "not_recomputed": NOT_RECOMPUTED,
            "command": self.command,
        }


def _dropping(row: Mapping[str, Json]) -> Json:
    return row["rule_before"] if row["rule_after"] is None else row["rule_after"]


def rejudge(directory: Path, wish: Wish, *, samples: int = 0) -> Rejudged:
    """Compare the verdicts of a finished run with those under other rules.

    Args:
        directory: the run's folder.
        wish: what is to be different.
        samples: at most this many documents per direction are shown, the same in each run.

    Raises:
        ConfigError: the wish names what there is not.
        DataError: a wished ruleset needs what was not measured.
        ManifestError: the run was not judged, or is not as it was then.
    """
    judged, measured = _finished(directory)
    before = validate(JudgeConfig, judged.config, f"{directory}/judge")
    _check_current(directory, judged, before)
    after, ignored = wished(before, wish)
    rulesets = after.rules()
    _check_measured(rulesets, measured)
    check_exempt(wish, {row["source"] for row in judged.facts["arrived"]})
    change = Change(Book.of(before.rules(), before.sources), Book.of(rulesets, after.sources))
    shards = _shards(directory, judged, measured)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(partial(_judge_again, change=change, samples=samples), shards))
        chosen = choose_samples((some for _, some in found), samples)
        shown = read_samples(shards, chosen, rulesets, after.sources, pool)
    flips = [flipped for flipped, _ in found]
    return Rejudged(
        config=after,
        ignored=ignored,
        command=command(wish, after, ignored),
        languages=add_up((shard.languages for shard in flips), ("language",)),
        flips=_flip_rows(flips, _tokens_per_byte(directory)),
        rules=_rule_rows(change, flips, _not_measured(directory)),
        samples=shown,
    )


def _finished(directory: Path) -> tuple[Manifest, Manifest]:
    found = []
    for stage in ("judge", "measure"):
        manifest = read_manifest(directory / stage)
        if manifest is None:
            raise ManifestError(
                f"{directory} has no finished stage {stage}: give a run's folder, or run its "
                "recipe first"
            )
        found.append(manifest)
    return found[0], found[1]


def _check_current(directory: Path, judged: Manifest, config: JudgeConfig) -> None:
    step = Run(directory=directory, seed=judged.seed, workers=1).step(Judge(config))
    if step.state != "done":
        raise ManifestError(
            f"the stage judge of {directory} is not up to date ({'; '.join(step.reasons)}): run "
            "the recipe again first, then compare"
        )


def _check_measured(rulesets: Sequence[Ruleset], measured: Manifest) -> None:
    have = set(measured.config["measurements"])
    for ruleset in rulesets:
        missing = [what for what in ruleset.measurements() if not is_measured(what, have)]
        if missing:
            raise DataError(
                f"ruleset {ruleset.name} needs {', '.join(missing)}, which this run did not "
                f'measure: add it to the recipe (measure.profiles = ["{ruleset.name}"]) and run '
                "the recipe until measure and judge are done"
            )


def _shards(directory: Path, judged: Manifest, measured: Manifest) -> list[Shard]:
    shards = []
    for name in sorted(judged.outputs):
        folder, _, file = name.partition("/")
        if folder != "verdicts":
            continue
        if not {f"signals/{file}", f"documents/{file}"} <= set(measured.outputs):
            raise ManifestError(f"{directory}/measure has no signals/{file}: run measure again")
        shards.append(
            Shard(
                verdicts=directory / "judge" / name,
                signals=directory / "measure/signals" / file,
                documents=directory / "measure/documents" / file,
            )
        )
    return shards


def _judge_again(shard: Shard, change: Change, samples: int) -> tuple[ShardFlips, list[Candidate]]:
    flips = shard_flips(shard.verdicts, shard.signals, change)
    return flips, candidates(shard, flips, samples)


Rates = Mapping[tuple[str, str | None], float]
"""Tokens per byte by language and category (None: all categories)."""


def _tokens_per_byte(directory: Path) -> Rates:
    """What the run's own tokenizer made of the text that it encoded; empty before that."""
    encoded = read_manifest(directory / "encode")
    if encoded is None:
        return {}
    rows = encoded.facts["train"]
    whole = [{**row, "category": None} for row in add_up([_numbers(rows)], ("language",))]
    return {
        (row["language"], row["category"]): row["tokens"] / row["bytes"]
        for row in (*rows, *whole)
        if row["bytes"]
    }


def _numbers(rows: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    return [{name: row[name] for name in ("language", "tokens", "bytes")} for row in rows]


def _flip_rows(flips: Sequence[ShardFlips], rates: Rates) -> list[dict[str, Json]]:
    # A kept document's rule is null, which does not sort among names.
    parts = [[{**row, **_as_text(row)} for row in shard.groups] for shard in flips]
    rows = add_up(parts, _GROUP)
    for row in rows:
        row |= {name: row[name] or None for name in ("rule_before", "rule_after")}
        everywhere = rates.get((row["language"], None))
        rate = rates.get((row["language"], row["category"]), everywhere)
        row["tokens"] = None if rate is None else round(rate * row["bytes"])
    return rows


def _as_text(row: Mapping[str, Json]) -> dict[str, Json]:
    return {name: row[name] or "" for name in ("rule_before", "rule_after")}


def _not_measured(directory: Path) -> dict[tuple[str, str], int]:
    rows = read_json(directory / "judge" / HISTOGRAMS_FILE)["rows"]
    return {(row["language"], row["rule"]): row["not_measured"] for row in rows}


def _rule_rows(
    change: Change, flips: Sequence[ShardFlips], known: Mapping[tuple[str, str], int]
) -> list[dict[str, Json]]:
    """Rows of rules in the order after, then those that are gone."""
    before = reduce(add, (shard.before for shard in flips))
    after = reduce(add, (shard.after for shard in flips))
    tried = {label for label, _ in change.tried}
    documents: Counter[str] = Counter()
    for shard in flips:
        for part in shard.languages:
            documents[str(part["language"])] += int(part["documents"])
    rows = []
    for language, rule in dict.fromkeys((*change.after.labels, *change.before.labels)):
        old = change.before.labels.get((language, rule))
        new = change.after.labels.get((language, rule))
        measured_now = new is not None and new in tried
        missing = int(after.not_measured[new]) if measured_now else known[language, rule]
        rows.append(
            {
                "language": language,
                "rule": rule,
                "changed": measured_now or new is None,
                "report_only": _entry(change, old, new).only_reports,
                "documents": documents[language],
                **_side_of(before, old, "before"),
                **_side_of(after, new, "after"),
                "not_measured": missing,
            }
        )
    return rows


def _entry(change: Change, old: int | None, new: int | None) -> Entry:
    """The rule as it stands after, or as it stood if it is gone."""
    if new is not None:
        return change.after.entries[new - 1]
    assert old is not None
    return change.before.entries[old - 1]


def _side_of(fires: Fires, label: int | None, when: str) -> dict[str, Json]:
    """How often a rule fires, alone, and in vain because it only reports; null if not there."""
    return {
        f"{name}_{when}": None if label is None else int(getattr(fires, name)[label])
        for name in ("fired", "alone", "reported")
    }
