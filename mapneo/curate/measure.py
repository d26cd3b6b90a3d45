"""From documents to edited documents and a row of signals for each.

What is measured is a list of *measurements*, such as `en:keep` (English, edit chain `keep`, the
signals of text and sentences) and `en:keep+space` (the signals of a word splitter), which profiles
ask for. Columns that a document's language has no measurement for are null.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.curate.annotation_store import join_annotations
from mapneo.curate.edit_list import NO_BAD_WORDS
from mapneo.curate.edits import CHAINS, chain_texts, edit_documents
from mapneo.curate.gauges import ORIGINS, SCORES, gauge_names
from mapneo.curate.language import detect_languages
from mapneo.curate.mixed import MIX_TYPE, language_mixes, second_shares
from mapneo.curate.origins import gauge_documents
from mapneo.curate.rules import measurements_of
from mapneo.curate.scores import Scorers, ScoresConfig, load_scorers
from mapneo.curate.scripts import scripts
from mapneo.curate.signal_list import SPLITTERS
from mapneo.curate.signals import (
    Counts,
    column_names,
    text_counts,
    text_signals,
    unit_counts,
    word_signals,
)
from mapneo.text.buffers import string_view

DEFAULT_RULESETS = ("tiny-en", "tiny-zh", "tiny-code")

KEPT = "keep"
"""The edit chain that changes nothing: the text as it is kept."""

_IDENTITY = (
    pa.field("doc_id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("category", pa.string(), nullable=False),
    pa.field("language", pa.string(), nullable=False),
    pa.field("language_score", pa.float32(), nullable=False),
    pa.field("second_language_frac", pa.float64(), nullable=False),
    pa.field("languages", MIX_TYPE, nullable=False),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("chars", pa.int64(), nullable=False),
    pa.field("url_category", pa.string()),
)


def as_measurement(name: str) -> str:
    """Check the name of a measurement, such as `en:keep+space`.

    Returns:
        The name.

    Raises:
        ValueError: there is no such edit chain or splitter.
    """
    language, colon, what = name.partition(":")
    chain, _, splitter = what.partition("+")
    is_counted = chain in CHAINS and splitter in ("", *SPLITTERS)
    if not (language and colon and (is_counted or what in ORIGINS)):
        raise ValueError(
            f"`{name}` is no measurement: write language:chain or language:chain+splitter, with a "
            f"chain of {', '.join(CHAINS)} and a splitter of {', '.join(SPLITTERS)}; or "
            f"language:origin, with an origin of {', '.join(ORIGINS)}"
        )
    return name


class Plan(NamedTuple):
    """Measurements in order.

    Attributes:
        counted: edit chain → word splitter (None: text and sentences) → languages.
        gauged: origin (`mapneo.curate.gauges.ORIGINS`) → languages.
    """

    counted: dict[str, dict[str | None, frozenset[str]]]
    gauged: dict[str, frozenset[str]]


@cache
def plan_of(measurements: tuple[str, ...]) -> Plan:
    """Order measurements by edit chain and splitter, or by origin."""
    plan = Plan({KEPT: {None: frozenset()}}, {})
    for measurement in sorted(measurements):
        language, _, what = measurement.partition(":")
        if what in ORIGINS:
            plan.gauged[what] = plan.gauged.get(what, frozenset()) | {language}
            continue
        chain, _, splitter = what.partition("+")
        chosen = plan.counted.setdefault(chain, {None: frozenset()})
        key = splitter or None
        chosen[key] = chosen.get(key, frozenset()) | {language}
    return plan


@cache
def signals_schema(measurements: tuple[str, ...]) -> pa.Schema:
    """Columns of a signals table; see docs/formats.md."""
    plan = plan_of(measurements)
    names: list[str] = []
    for chain, splitters in plan.counted.items():
        for splitter in splitters:
            names += column_names(chain, splitter)
    for origin in plan.gauged:
        names += gauge_names(origin)
    return pa.schema([*_IDENTITY, *(pa.field(name, pa.float64()) for name in names)])


class Measured(NamedTuple):
    """What measuring gives.

    Attributes:
        documents: with language, score, script and edits filled.
        signals: a row a document, with `signals_schema`.
        reasons: why scores are missing, counted (`mapneo.curate.scores.Scored.reasons`).
    """

    documents: pa.Table
    signals: pa.Table
    reasons: dict[str, int]


def measure_documents(
    documents: pa.Table,
    measurements: tuple[str, ...] | None = None,
    *,
    edits: tuple[str, ...] = (),
    scores: ScoresConfig | None = None,
) -> Measured:
    """Edit documents, find their language and script, and measure their signals.

    Args:
        documents: a table with DOCUMENT_SCHEMA and no null text.
        measurements: what to measure; left out, what the default rulesets need.
        edits: edits of the kept text beside the keep edits, in order.
        scores: lists and models to score with.
    """
    wanted = measurements_of(DEFAULT_RULESETS) if measurements is None else measurements
    bad_words = load_scorers(scores or ScoresConfig()).bad_words if edits else NO_BAD_WORDS
    documents = edit_documents(documents, edits, bad_words)
    languages, probabilities = detect_languages(documents["text"], documents["category"])
    counts = text_counts(string_view(documents["text"]))
    found = {
        "language": pa.array(languages, pa.string()),
        "language_score": pa.array(probabilities, pa.float32()),
        "script": pa.array(scripts(languages, counts), pa.string()),
    }
    for name, column in found.items():
        position = documents.schema.get_field_index(name)
        documents = documents.set_column(position, DOCUMENT_SCHEMA.field(name), column)
    return Measured(documents, *signals_table(documents, wanted, counts, scores))


def signals_table(
    documents: pa.Table,
    measurements: tuple[str, ...],
    counts: Counts | None = None,
    scores: ScoresConfig | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """The signals of documents that are edited and whose language is named already.

    `counts` are the raw counts of the text, if they are known. Returns `Measured.signals` and
    `Measured.reasons`.
    """
    if counts is None:
        counts = text_counts(string_view(documents["text"]))
    plan, schema = plan_of(measurements), signals_schema(measurements)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: documents[name] for name in schema.names if name in documents.schema.names
    }
    for name in ("bytes", "chars"):
        columns[name] = pa.array(counts[name].astype(np.int64))
    mixes = language_mixes(documents["text"], documents["category"])
    columns["languages"] = mixes
    columns["second_language_frac"] = pa.array(second_shares(mixes))
    columns["url_category"] = pa.nulls(documents.num_rows, pa.string())
    languages = np.asarray(documents["language"].to_pylist(), dtype=object)
    for chain in plan.counted:
        columns |= _counted(documents["text"], languages, chain, plan, counts)
    reasons: dict[str, int] = {}
    if plan.gauged:
        scorers = load_scorers(scores or ScoresConfig())
        gauged, reasons = _gauged(documents, languages, plan.gauged, scorers)
        columns |= gauged
    table = pa.table([columns[name] for name in schema.names], schema=schema)
    return table, reasons


def _gauged(
    documents: pa.Table,
    languages: npt.NDArray[np.object_],
    origins: Mapping[str, frozenset[str]],
    scorers: Scorers,
) -> tuple[dict[str, pa.Array], dict[str, int]]:
    """Columns of what is no count, and why values are missing."""
    columns: dict[str, pa.Array] = {}
    reasons: Counter[str] = Counter()
    if scorers.annotations:
        joined = join_annotations(documents, scorers.annotations)
        position = documents.schema.get_field_index("meta")
        documents = documents.set_column(position, DOCUMENT_SCHEMA.field("meta"), joined.meta)
        reasons.update(joined.reasons)
    for origin, mine in origins.items():
        rows = _rows(languages, mine)
        gauged = gauge_documents(origin, documents.take(pa.array(rows)), scorers)
        columns |= _spread(gauged.columns, rows, len(languages))
        reasons.update(gauged.reasons)
        if origin == SCORES:
            places = np.full(len(languages), -1)
            places[rows] = np.arange(len(rows))
            taken = pa.array(places, mask=places < 0)
            columns["url_category"] = gauged.url_category.take(taken)
    return columns, dict(sorted(reasons.items()))


def _counted(
    texts: pa.ChunkedArray,
    languages: npt.NDArray[np.object_],
    chain: str,
    plan: Plan,
    counts: Counts,
) -> dict[str, pa.Array]:
    """Columns of one edit chain."""
    splitters = plan.counted[chain]
    of_chain, known = np.arange(len(languages)), counts
    if chain != KEPT:
        of_chain = _rows(languages, frozenset().union(*splitters.values()))
        texts = chain_texts(texts.take(pa.array(of_chain)), chain)
        known = text_counts(string_view(texts))
    columns = _spread(text_signals(known, chain), of_chain, len(languages))
    for splitter, mine in splitters.items():
        if splitter is None:
            continue
        rows = _rows(languages, mine)
        among = np.searchsorted(of_chain, rows)
        both = {name: values[among] for name, values in known.items()}
        both |= unit_counts(string_view(texts.take(pa.array(among))), splitter)
        columns |= _spread(word_signals(both, chain, splitter), rows, len(languages))
    return columns


def _rows(languages: npt.NDArray[np.object_], wanted: frozenset[str]) -> npt.NDArray[np.int64]:
    return np.flatnonzero([code in wanted for code in languages]).astype(np.int64)


def _spread(values: Counts, rows: npt.NDArray[np.int64], total: int) -> dict[str, pa.Array]:
    """Columns of all documents from values of some of them; the others are null."""
    columns = {}
    for name, some in values.items():
        spread = np.full(total, np.nan)
        spread[rows] = some
        columns[name] = pa.array(spread, pa.float64(), mask=np.isnan(spread))
    return columns
