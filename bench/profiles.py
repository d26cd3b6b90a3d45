"""The demo's documents, as they are before any rule, judged by every profile.

Fires is the share of a profile's documents outside a rule's bounds; alone is the share for which no
other rule of the profile gives a reason to drop. `python -m bench.profiles --samples FOLDER` writes
up to 20 documents a rule for a person to read.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.texts import RUN
from mapneo.core.tables import read_table
from mapneo.curate.measure import measure_documents, signals_table
from mapneo.curate.rules import Rule, Ruleset, load_ruleset, measurements_of

SLOW = ("matrix-released-en", "matrix-released-rpv2")
PROFILES = (
    "tiny-en",
    "matrix-en",
    "matrix-rpv2",
    *SLOW,
    "gopher",
    "c4",
    "c4-any-line",
    "fineweb",
    "tiny-zh",
    "matrix-zh",
    "matrix-released-zh",
    "gopher-zh",
    "fineweb-zh",
    "tiny-code",
)
EVERY = 4
"""The slow profiles judge every fourth document of their language."""
SAMPLES, EXCERPT_CHARS, PART_CHARS = 20, 600, 120
MOST_ALONE = 3


class Pile(NamedTuple):
    """Documents of one language, with what some profiles need to judge them."""

    documents: pa.Table
    signals: pa.Table


class Fires(NamedTuple):
    """Where one rule of a profile fires.

    Attributes:
        rule: the rule.
        values: its signal, NaN where it was not measured, float64, shape (documents,).
        fires: documents outside the bounds, bool, shape (documents,).
        alone: those that no other rule of the profile drops; none if the rule only reports.
    """

    rule: Rule
    values: npt.NDArray[np.float64]
    fires: npt.NDArray[np.bool_]
    alone: npt.NDArray[np.bool_]


@cache
def whole_pile() -> Pile:
    """Everything `extract` left in the demo's run, measured for all profiles but the slow ones.

    Raises:
        SystemExit: there is no finished demo run to take it from.
    """
    files = sorted((RUN / "extract" / "documents").glob("*.parquet"))
    if not files:
        raise SystemExit(f"no documents in {RUN}: run `make demo` first")
    arrived = pa.concat_tables([read_table(file) for file in files]).combine_chunks()
    quick = measurements_of(name for name in PROFILES if name not in SLOW)
    measured = measure_documents(arrived, quick)
    return Pile(measured.documents, measured.signals)


@cache
def pile_of(name: str) -> Pile:
    """The documents that a profile judges; of those of a slow one, every fourth."""
    ruleset, whole = load_ruleset(name), whole_pile()
    mine = np.flatnonzero(np.asarray(pc.equal(whole.documents["language"], ruleset.language)))
    if name not in SLOW:
        rows = pa.array(mine)
        return Pile(whole.documents.take(rows), whole.signals.take(rows))
    documents = whole.documents.take(pa.array(mine[::EVERY]))
    signals, _ = signals_table(documents, ruleset.measurements())
    return Pile(documents, signals)


@cache
def fires_of(name: str) -> tuple[Fires, ...]:
    """What each rule of a profile says of its documents."""
    ruleset, pile = load_ruleset(name), pile_of(name)
    values = [_values(pile.signals, ruleset, rule) for rule in ruleset.rules]
    fires = [rule.fails(known) for rule, known in zip(ruleset.rules, values, strict=True)]
    reasons = np.zeros(pile.signals.num_rows, dtype=np.int64)
    for rule, mine in zip(ruleset.rules, fires, strict=True):
        reasons += mine & (not rule.report_only)
    return tuple(
        Fires(rule, known, mine, mine & (reasons == 1) & (not rule.report_only))
        for rule, known, mine in zip(ruleset.rules, values, fires, strict=True)
    )


def _values(signals: pa.Table, ruleset: Ruleset, rule: Rule) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = signals[ruleset.column(rule)].to_numpy().astype(np.float64)
    return values


def measure() -> list[dict[str, Any]]:
    """A row a profile: documents, how many are kept, and the rules that drop most alone."""
    rows = []
    for name in PROFILES:
        found = fires_of(name)
        dropped = np.zeros(pile_of(name).signals.num_rows, dtype=np.bool_)
        for fires in found:
            dropped |= fires.fires & (not fires.rule.report_only)
        most = sorted(found, key=lambda fires: -np.count_nonzero(fires.alone))[:MOST_ALONE]
        rows.append(
            {
                "profile": name,
                "documents": dropped.size,
                "taken": f"every {EVERY}th" if name in SLOW else "all",
                "kept_percent": _percent(~dropped),
                "rules": len(found),
                "that_fire": sum(bool(fires.fires.any()) for fires in found),
                "never_measured": sum(bool(np.isnan(fires.values).all()) for fires in found),
                "most_alone_percent": [
                    f"{fires.rule.id} {_percent(fires.alone)}"
                    for fires in most
                    if fires.alone.any()
                ],
            }
        )
    return rows


def rule_rows() -> list[dict[str, Any]]:
    """A row for every rule of a profile that fires at least once."""
    return [
        {
            "profile": name,
            "rule": fires.rule.id,
            "fires_percent": _percent(fires.fires),
            "alone_percent": _percent(fires.alone),
            "drops": "reports" if fires.rule.report_only else "drops",
            "not_measured_percent": _percent(np.isnan(fires.values)),
        }
        for name in PROFILES
        for fires in fires_of(name)
        if fires.fires.any()
    ]


def _percent(chosen: npt.NDArray[np.bool_]) -> float:
    return round(100 * float(chosen.mean()), 2)


def samples(name: str, fires: Fires) -> Iterator[str]:
    """Up to SAMPLES documents outside a rule's bounds, as paragraphs to read.

    Those whose id has the smallest digest: a document that many rules drop is then the sample of
    many, and need be read once.
    """
    documents, rule = pile_of(name).documents, fires.rule
    language = load_ruleset(name).language
    names = documents["doc_id"].to_pylist()
    rows = np.flatnonzero(fires.fires).tolist()
    rows.sort(key=lambda row: hashlib.sha256(names[row].encode()).digest())
    for row in rows[:SAMPLES]:
        text, value = documents["text"][row].as_py(), float(fires.values[row])
        bounds = f"min {rule.min}, max {rule.max}"
        title = f"## {names[row]}: {value:.6g} ({rule.signal}, {bounds})"
        part = telling_part(rule.signal, text, language)
        yield "\n".join([title, part, text[:EXCERPT_CHARS], ""])


def telling_part(signal: str, text: str, language: str) -> str:
    """What in a text makes a signal large, where that is quickly said: a line, or nothing."""
    if "curly" in signal and "{" in text:
        at = text.index("{")
        return f"[first bracket: {text[max(0, at - PART_CHARS // 2) :][:PART_CHARS]!r}]"
    if "gram" in signal and "entropy" not in signal:
        units, n = (list(text), 10) if language == "zh" else (text.split(), 5)
        joined = "" if language == "zh" else " "
        grams = Counter(joined.join(units[at : at + n]) for at in range(len(units) - n + 1))
        return f"[most frequent: {_most(grams)}]"
    if "line" in signal or "sentence" in signal:
        lines = Counter(line.strip()[:PART_CHARS] for line in text.split("\n") if line.strip())
        return f"[{sum(lines.values())} lines, most frequent: {_most(lines)}]"
    return ""


def _most(counted: Counter[str]) -> str:
    return "; ".join(f"{times} × {what!r}" for what, times in counted.most_common(MOST_ALONE))


def write_samples(folder: Path) -> None:
    """A file a profile and rule."""
    for name in PROFILES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for fires in fires_of(name):
            text = "\n".join(samples(name, fires))
            if text:
                (folder / name / f"{fires.rule.id}.txt").write_text(text, encoding="utf-8")


def main() -> None:
    """Write samples for reading."""
    parser = argparse.ArgumentParser(prog="bench.profiles", description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="folder to write them to")
    write_samples(parser.parse_args().samples)


if __name__ == "__main__":
    main()
