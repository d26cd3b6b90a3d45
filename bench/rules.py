"""Signals and verdicts of whole profiles beside datatrove's filters, and where our time goes.

MB are 10^6 bytes of UTF-8; CPU seconds are of one thread. "same words" means that datatrove splits
by white space, as our profiles `gopher` and `fineweb` do, and cuts sentences with one short regular
expression; "as shipped" that it uses its own tokenizers.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
)
from datatrove.utils.text import split_into_words

from bench.agreement import documents_of, with_words
from bench.paired import in_turn
from bench.result import spread
from bench.texts import documents, megabytes
from mapneo.curate.edits import edit_documents
from mapneo.curate.language import detect_languages
from mapneo.curate.measure import plan_of
from mapneo.curate.mixed import language_mixes
from mapneo.curate.origins import c4_columns
from mapneo.curate.rules import Ruleset, load_ruleset, measurements_of
from mapneo.curate.score_list import SCORE_SIGNALS
from mapneo.curate.signal_list import Family
from mapneo.curate.signals import (
    ALL_FAMILIES,
    Counts,
    splitter_lexicon,
    text_counts,
    text_signals,
    unit_counts,
    word_signals,
)
from mapneo.curate.verdicts import judge_signals
from mapneo.text.buffers import string_view

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
BYTES = 4_000_000
ROUNDS = 5
PROFILES = {
    "en": ("matrix-en", "gopher", "fineweb"),
    "zh": ("matrix-zh",),
}
LANGUAGES = {"en": "eng", "zh": "zho"}


def families_of(language: str) -> dict[str, frozenset[Family]]:
    """By splitter, which families of signals the profiles of a language name."""
    counted = plan_of(measurements_of(PROFILES[language])).counted["keep"]
    return {splitter: asked.families for splitter, asked in counted.items() if splitter}


def signals_of(table: pa.Table, language: str, *, c4: bool, every_signal: bool = False) -> pa.Table:
    """Signals measured from the text: those that the profiles of a language name, or every one."""
    view = string_view(table["text"])
    counts = text_counts(view)
    columns: dict[str, Any] = dict(text_signals(counts, "keep"))
    for splitter, named in families_of(language).items():
        families = ALL_FAMILIES if every_signal else named
        both: Counts = {**counts, **unit_counts(view, splitter, families)}
        columns |= word_signals(both, "keep", splitter, families)
    if c4:
        columns |= c4_columns(table, closing_mark=False)
    made = pa.table({name: pa.array(values) for name, values in columns.items()})
    for name in ("doc_id", "source", "category", "language", "language_score"):
        made = made.append_column(name, table[name])
    empty = pa.nulls(table.num_rows, pa.float64())
    sizes = pa.array(counts["bytes"]).cast(pa.int64())
    for score in SCORE_SIGNALS:  # nobody gave a list or a model
        made = made.append_column(score.name, empty)
    return made.append_column("bytes", sizes)


def rulesets(language: str, *, c4: bool) -> list[Ruleset]:
    """The profiles that are judged by."""
    names = (*PROFILES[language], "c4-any-line") if c4 else PROFILES[language]
    return [load_ruleset(name) for name in names]


def with_mapneo(
    table: pa.Table,
    language: str,
    chosen: list[Ruleset],
    *,
    c4: bool,
    every_signal: bool = False,
) -> pa.Table:
    """Signals and verdicts: every rule, no early exit."""
    measured = signals_of(table, language, c4=c4, every_signal=every_signal)
    return judge_signals(measured, chosen)


def with_datatrove(texts: list[str], language: str, *, c4: bool) -> None:
    """The same filters, each on every document; a filter ends at its first failing rule."""
    code = LANGUAGES[language]
    filters: list[Any] = [
        GopherRepetitionFilter(language=code),
        GopherQualityFilter(language=code),
        FineWebQualityFilter(language=code),
    ]
    if c4:
        filters.append(C4QualityFilter(filter_no_terminal_punct=False))
    for number, text in enumerate(texts):
        for each in filters:
            each.filter(Document(text=text, id=str(number)))


def compared(language: str, *, c4: bool) -> list[dict[str, Any]]:
    """Ours and datatrove's, in turn."""
    texts = documents(language, BYTES)
    table = documents_of(texts, language)
    chosen = rulesets(language, c4=c4)
    if language == "en":
        with_words(str.split)
        c4_filters.split_into_sentences = lambda line, _language: _SENTENCE_END.split(line)
    else:
        with_words(lambda text: split_into_words(text, LANGUAGES["zh"]))
    ways: dict[str, Callable[[], object]] = {
        "mapneo": lambda: with_mapneo(table, language, chosen, c4=c4),
        "datatrove": lambda: with_datatrove(texts, language, c4=c4),
        "mapneo, every signal": lambda: with_mapneo(
            table, language, chosen, c4=c4, every_signal=True
        ),
    }
    words = "same words" if language == "en" else "datatrove as shipped"
    profiles = " + ".join(ruleset.name for ruleset in chosen)
    work = megabytes(texts)
    return [
        {"language": language, "profiles": profiles, "words": words, **row}
        for row in in_turn(ways, rounds=ROUNDS, work=work, unit="megabytes")
    ]


def parts(language: str) -> list[dict[str, Any]]:
    """Each step of measure and judge alone, then all together."""
    texts = documents(language, BYTES)
    table = documents_of(texts, language)
    nothing = pa.array([[]] * len(texts), pa.list_(pa.null()))
    rows = table.append_column("edits", nothing).append_column("origins", nothing)
    view = string_view(table["text"])
    chosen = rulesets(language, c4=False)
    signals = signals_of(table, language, c4=False)
    families = families_of(language)
    for splitter in families:
        splitter_lexicon(splitter)
    ways: dict[str, Callable[[], object]] = {
        "edits": lambda: edit_documents(rows),
        "language": lambda: detect_languages(table["text"], table["category"]),
        "languages of parts": lambda: language_mixes(table["text"], table["category"]),
        "counts of the text": lambda: text_counts(view),
        **{
            f"words: {splitter}": lambda splitter=splitter, named=named: unit_counts(
                view, splitter, named
            )
            for splitter, named in families.items()
        },
        "verdicts": lambda: judge_signals(signals, chosen),
        "signals and verdicts": lambda: with_mapneo(table, language, chosen, c4=False),
    }
    return [
        {"language": language, "profiles": "steps", "words": "", **row}
        for row in in_turn(ways, rounds=ROUNDS, work=megabytes(texts), unit="megabytes")
    ]


def threads(language: str) -> dict[str, Any]:
    """Wall seconds of two threads on half the documents each, against one on all."""
    texts = documents(language, 4 * BYTES)
    chosen = rulesets(language, c4=False)
    whole = documents_of(texts, language)
    halves = [whole.take(list(range(first, len(texts), 2))) for first in (0, 1)]

    def run(tables: list[pa.Table]) -> float:
        start = time.perf_counter()
        with ThreadPoolExecutor(len(tables)) as pool:
            list(pool.map(lambda t: with_mapneo(t, language, chosen, c4=False), tables))
        return time.perf_counter() - start

    run([whole])
    run(halves)
    ratios = [run([whole]) / run(halves) for _ in range(ROUNDS)]
    return {
        "language": language,
        "profiles": " + ".join(ruleset.name for ruleset in chosen),
        "words": "",
        "way": "two threads, wall, against one",
        "times_faster": spread(ratios),
    }


def measure() -> list[dict[str, Any]]:
    """Rows for both languages."""
    return [
        *compared("en", c4=False),
        *compared("en", c4=True),
        *compared("zh", c4=False),
        *parts("en"),
        *parts("zh"),
        threads("en"),
        threads("zh"),
    ]
