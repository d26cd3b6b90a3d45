"""C4 as datatrove 0.10.1 judges it, beside our kernel and the rules in its order.

datatrove's filter runs as shipped, but for its sentence splitter, which is ours: splitters differ
on purpose, and what is compared is the filter.
"""

from collections import Counter
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter

from bench.texts import documents
from mapneo.curate.edits import chain_texts
from mapneo.text.buffers import string_view
from mapneo.text.c4 import C4_COLUMNS, count_c4
from mapneo.text.sentences import count_sentences
from mapneo.text.unicode import char_tables

MIN_SENTENCES = 5


def compare_c4(texts: list[str]) -> dict[str, int]:
    """Disagreements with datatrove's C4 filter.

    Returns:
        documents, kept and dropped by reason as datatrove has it, and the number of documents
        with another outcome, another first reason, or another text where both keep.
    """
    column = pa.array(texts)
    facts = count_c4(string_view(column))
    edited = chain_texts(column, "c4").to_pylist()
    counts: Counter[str] = Counter(documents=len(texts))
    counts.update(other_outcome=0, other_reason=0, other_text=0)
    with patch("datatrove.pipeline.filters.c4_filters.split_into_sentences", _sentences):
        shipped = C4QualityFilter()
        for text, row, ours in zip(texts, facts, edited, strict=True):
            document = Document(text=text, id="")
            result = shipped.filter(document)
            reason = "kept" if result is True else result[1]
            counts[reason] += 1
            counts["other_outcome"] += (reason == "kept") != (_reason(row) == "kept")
            counts["other_reason"] += reason != _reason(row)
            counts["other_text"] += reason == "kept" and document.text != ours
    return dict(counts)


def _reason(row: Any) -> str:
    if row[C4_COLUMNS.lorem_ipsum_first]:
        return "lorem_ipsum"
    if row[C4_COLUMNS.curly_bracket]:
        return "curly_bracket"
    return "kept" if row[C4_COLUMNS.sentences] >= MIN_SENTENCES else "too_few_sentences"


def _sentences(text: str, language: str) -> range:
    """As many things as the text has sentences: datatrove only counts them."""
    code_points = np.array([ord(char) for char in text], dtype=np.int32)
    return range(int(count_sentences(code_points, char_tables().flags[code_points])))


def measure() -> list[dict[str, Any]]:
    """A row per language of the demo's documents."""
    return [
        {"language": language, **compare_c4(documents(language, 1_000_000_000))}
        for language in ("en", "zh")
    ]
