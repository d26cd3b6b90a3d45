"""Quality signals that a source brought along: RedPajama-V2's annotations, read from `meta`.

An annotation is a list of spans, [[start, end, value], …], of which the first value is that of the
document; a bare value is read as well. They stand under `quality_signals` (an object, or one
written as a JSON string), or directly in the row. CCNet's own columns (`perplexity`, `bucket`, …)
are read from rows that have CCNet's mark `cc_segment`. Files that lie beside the documents are
joined to `meta` first (`mapneo.curate.annotation_store`).

What is not there is not measured. What is there and can't be read is not measured either, and is
counted.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.canonical import Json

SIGNALS_KEY = "quality_signals"
"""Where RedPajama-V2 keeps a document's signals."""

BULLETS_KEY = "rps_lines_start_with_bulletpoint"
"""The one signal whose values are summed over lines; of all others the first value counts."""

_CCNET_MARK = "cc_segment"
_BUCKETS = {"head": 0.0, "middle": 1.0, "tail": 2.0}


class _Unreadable(ValueError):
    """An annotation that is there and does not have the form it should."""


class Annotation(NamedTuple):
    """How one signal is read.

    Attributes:
        key: its name in RedPajama-V2.
        read: from the document's value (not null) to the number; raises _Unreadable.
        ccnet: its column in CCNet's own rows, or None.
        null: what a value of null means; NaN = not measured.
    """

    key: str
    read: Callable[[Json], float]
    ccnet: str | None = None
    null: float = math.nan


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unreadable
    try:
        number = float(value)
    except OverflowError as error:
        raise _Unreadable from error
    if not math.isfinite(number):
        raise _Unreadable
    return number


def _bucket(value: Json) -> float:
    number = _BUCKETS.get(value) if isinstance(value, str) else _number(value)
    if number not in _BUCKETS.values():
        raise _Unreadable
    assert number is not None
    return number


def _one_hit(value: Json) -> float:
    # The value is the number of a set of categories. Set 0 is a set like others, not "none".
    _number(value)
    return 1.0


ANNOTATIONS: Mapping[str, Annotation] = {
    "ccnet_bucket_ordinal": Annotation("ccnet_bucket", _bucket, "bucket"),
    "ccnet_perplexity": Annotation("ccnet_perplexity", _number, "perplexity"),
    "ccnet_language_score": Annotation("ccnet_language_score", _number, "language_score"),
    "ccnet_length_chars": Annotation("ccnet_length", _number, "length"),
    "ccnet_line_count_lines": Annotation("ccnet_nlines", _number, "nlines"),
    "books_importance_log_weight": Annotation("rps_doc_books_importance", _number),
    "openwebtext_importance_log_weight": Annotation("rps_doc_openwebtext_importance", _number),
    "wikipedia_importance_log_weight": Annotation("rps_doc_wikipedia_importance", _number),
    "wikipedia_reference_prob": Annotation("rps_doc_ml_wikiref_score", _number),
    "palm_quality_prob": Annotation("rps_doc_ml_palm_score", _number),
    "block_list_count_words": Annotation("rps_doc_ldnoobw_words", _number),
    "ut1_annotated_hits": Annotation("rps_doc_ut1_blacklist", _one_hit, null=0.0),
}
"""Signal → the annotation that it is read from."""


def read_annotations(
    metas: pa.Array | pa.ChunkedArray,
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, int]]:
    """Signals that documents brought along.

    Args:
        metas: strings, the column `meta`: a JSON object each.

    Returns:
        Each signal of `ANNOTATIONS`, float64, shape (rows,), NaN = not measured; and how many
        annotations could not be read, by `<signal>:malformed` (`meta:malformed`: the whole row).
    """
    values = {name: np.full(len(metas), np.nan) for name in ANNOTATIONS}
    reasons: Counter[str] = Counter()
    for row, text in enumerate(metas.to_pylist()):
        if text is None or not _may_hold_any(text):
            continue
        meta = _json_object(text)
        if meta is None:
            reasons["meta:malformed"] += 1
            continue
        signals = meta.get(SIGNALS_KEY, {})
        signals = _json_object(signals) if isinstance(signals, str) else signals
        if not isinstance(signals, dict):
            reasons[f"{SIGNALS_KEY}:malformed"] += 1
            signals = {}
        for name, annotation in ANNOTATIONS.items():
            try:
                values[name][row] = _value(annotation, signals, meta)
            except _Unreadable:
                reasons[f"{name}:malformed"] += 1
    return values, dict(sorted(reasons.items()))


def _may_hold_any(text: str) -> bool:
    # Most rows hold no annotation; three searches are cheaper than to parse them all.
    return _CCNET_MARK in text or "ccnet_" in text or "rps_doc_" in text


def _json_object(text: str) -> dict[str, Json] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _value(annotation: Annotation, signals: Mapping[str, Json], meta: Mapping[str, Json]) -> float:
    if annotation.key in signals:
        value = signals[annotation.key]
    elif annotation.key in meta:
        value = meta[annotation.key]
    elif annotation.ccnet and _CCNET_MARK in meta and annotation.ccnet in meta:
        value = meta[annotation.ccnet]
    else:
        return math.nan
    if isinstance(value, list):
        value = _first(value)
    return annotation.null if value is None else annotation.read(value)


def _first(spans: list[Json]) -> Json:
    """Value of the first span; RedPajama-V2 gives an empty list where a document has no text."""
    if not spans:
        return None
    if not isinstance(spans[0], list) or len(spans[0]) != 3:
        raise _Unreadable
    return spans[0][2]
