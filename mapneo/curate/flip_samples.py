"""A few of the documents whose verdict changes, with both verdicts and the beginning of the text.

Only documents whose licence lets them be shown; only the row groups that hold them are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from mapneo.core.canonical import Json
from mapneo.core.errors import DataError
from mapneo.core.tables import read_rows, read_table
from mapneo.curate.flips import DIRECTIONS, ShardFlips
from mapneo.curate.rules import Ruleset
from mapneo.curate.samples import chance, excerpts
from mapneo.curate.verdicts import COPIED, SourceRules, judge_signals

FLIPS = (0, 1)
"""Places in DIRECTIONS of those that are shown: into and out of what is kept."""

_ORIGIN = ("doc_id", "source", "category", "language")
_VERDICT = ("rule", "signal", "side", "value", "bound", "failed_rules", "reported_rules")


class Shard(NamedTuple):
    """The files of one shard, whose rows are the same documents in the same order."""

    verdicts: Path
    signals: Path
    documents: Path


class Candidate(NamedTuple):
    """A document that may be shown, in the order of choice."""

    direction: int
    chance: int
    doc_id: str
    documents: Path
    row: int


def candidates(shard: Shard, flips: ShardFlips, most: int) -> list[Candidate]:
    """The first documents of each direction in one shard that may be shown."""
    if not most or not flips.rows.size:
        return []
    table = read_table(shard.documents, ["doc_id", "publish"], dictionaries=["publish"])
    may_show = pc.equal(table["publish"], "text").to_numpy()[flips.rows]
    rows, directions = flips.rows[may_show], flips.directions[may_show]
    names = table["doc_id"].take(rows).to_pylist()
    ranks = np.fromiter(map(chance, names), dtype=np.uint64, count=len(names))
    chosen = []
    for direction in FLIPS:
        mine = np.flatnonzero(directions == direction)
        for n in mine[np.argsort(ranks[mine], kind="stable")][:most].tolist():
            rank, row = int(ranks[n]), int(rows[n])
            chosen.append(Candidate(direction, rank, names[n], shard.documents, row))
    return chosen


def choose_samples(parts: Iterable[Sequence[Candidate]], most: int) -> list[Candidate]:
    """The first of all shards: at most `most` per direction, in order."""
    taken: dict[int, int] = defaultdict(int)
    chosen = []
    for candidate in sorted(candidate for part in parts for candidate in part):
        if taken[candidate.direction] < most:
            taken[candidate.direction] += 1
            chosen.append(candidate)
    return chosen


def read_samples(
    shards: Sequence[Shard],
    chosen: Sequence[Candidate],
    rulesets: Sequence[Ruleset],
    sources: Mapping[str, SourceRules],
    pool: Executor,
) -> list[dict[str, Json]]:
    """Rows of direction, origin, `before` and `after` (verdicts), excerpt, in the order chosen.

    Raises:
        DataError: the stage judge would not give the verdict that was found: a defect in mapneo.
    """
    mine = [[c for c in chosen if c.documents == shard.documents] for shard in shards]
    work = [(shard, some) for shard, some in zip(shards, mine, strict=True) if some]
    read = pool.map(lambda item: _read(item[0], item[1], rulesets, sources), work)
    found: dict[Candidate, dict[str, Json]] = {}
    for (_, some), rows in zip(work, read, strict=True):
        found |= zip(some, rows, strict=True)
    return [found[candidate] for candidate in chosen]


def _read(
    shard: Shard,
    mine: Sequence[Candidate],
    rulesets: Sequence[Ruleset],
    sources: Mapping[str, SourceRules],
) -> list[dict[str, Json]]:
    places = [candidate.row for candidate in mine]
    texts = read_rows(shard.documents, places, ["text"])
    before = read_rows(shard.verdicts, places, [*_ORIGIN, *_VERDICT]).to_pylist()
    columns = {ruleset.column(rule) for ruleset in rulesets for rule in ruleset.rules}
    signals = read_rows(shard.signals, places, [*COPIED, *sorted(columns)])
    after = judge_signals(signals, rulesets, sources).to_pylist()
    rows: list[dict[str, Json]] = []
    for candidate, old, new, excerpt in zip(
        mine, before, after, excerpts(texts["text"]), strict=True
    ):
        direction = DIRECTIONS[candidate.direction]
        _check(candidate, direction, old, new)
        rows.append(
            {
                "direction": direction,
                **{name: old[name] for name in _ORIGIN},
                "before": {name: old[name] for name in _VERDICT},
                "after": {name: new[name] for name in _VERDICT},
                "excerpt": excerpt,
            }
        )
    return rows


def _check(
    candidate: Candidate, direction: str, old: Mapping[str, Json], new: Mapping[str, Json]
) -> None:
    now = ("dropped", "keep")[candidate.direction]
    if (old["doc_id"], new["doc_id"], new["verdict"]) != (candidate.doc_id,) * 2 + (now,):
        raise DataError(
            f"{candidate.doc_id} ({direction}): the stage judge would give {new['verdict']} "
            f"({new['rule']}); this is a defect in mapneo, please report it"
        )
