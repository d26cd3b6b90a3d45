"""Signals of the demo's rules in one pass, beside datatrove's Gopher quality and repetition."""

from typing import Any

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

from bench.paired import in_turn
from bench.texts import documents, megabytes
from mapneo.curate.signals import count_texts, signal_values
from mapneo.text.buffers import string_view

LANGUAGES = {"en": "eng", "zh": "zho"}


def with_datatrove(texts: list[str], language: str) -> None:
    """Both filters as shipped, with their own word and sentence splitters."""
    quality = GopherQualityFilter(language=LANGUAGES[language])
    repetition = GopherRepetitionFilter(language=LANGUAGES[language])
    for number, text in enumerate(texts):
        document = Document(text=text, id=str(number))
        quality.filter(document)
        repetition.filter(document)


def with_mapneo(column: pa.Array, language: str) -> None:
    """All counts of all signals, no early exit."""
    languages = [language] * len(column)
    signal_values(count_texts(string_view(column), languages), languages)


def measure() -> list[dict[str, Any]]:
    """Rows for English and Chinese. The two do not measure the same set of signals."""
    rows = []
    for language in LANGUAGES:
        texts = documents(language, 1_500_000)
        column = pa.array(texts)
        ways = {
            "mapneo": lambda c=column, lang=language: with_mapneo(c, lang),
            "datatrove": lambda t=texts, lang=language: with_datatrove(t, lang),
        }
        for row in in_turn(ways, rounds=5, work=megabytes(texts), unit="megabytes"):
            rows.append({"language": language, **row})
    return rows
