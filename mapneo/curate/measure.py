"""From documents to edited documents and a row of signals for each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.curate.edits import edit_documents
from mapneo.curate.language import detect_languages
from mapneo.curate.scripts import scripts
from mapneo.curate.signals import count_texts, profile_of, signal_values, signals
from mapneo.text.buffers import string_view
from mapneo.text.counts import COLUMNS

SIGNALS_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("language_score", pa.float32(), nullable=False),
        pa.field("profile", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("chars", pa.int64(), nullable=False),
        *(pa.field(name, pa.float64()) for name in signals()),
    ]
)
"""Columns of a signals table; see docs/formats.md."""


def measure_documents(documents: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Edit documents, find their language and script, and measure their signals.

    Args:
        documents: a table with DOCUMENT_SCHEMA and no null text.

    Returns:
        The documents with language, score, script and edits filled, and a table with
        SIGNALS_SCHEMA, both in the order given.
    """
    documents = edit_documents(documents)
    languages, scores = detect_languages(documents["text"], documents["category"])
    counts = count_texts(string_view(documents["text"]), languages)
    found = {
        "language": pa.array(languages, pa.string()),
        "language_score": pa.array(scores, pa.float32()),
        "script": pa.array(scripts(languages, counts), pa.string()),
    }
    for name, column in found.items():
        position = documents.schema.get_field_index(name)
        documents = documents.set_column(position, DOCUMENT_SCHEMA.field(name), column)
    return documents, signals_table(documents, counts)


def signals_table(documents: pa.Table, counts: npt.NDArray[np.float64]) -> pa.Table:
    """The signals of documents whose raw counts are known, with SIGNALS_SCHEMA."""
    languages: Sequence[str] = documents["language"].to_pylist()
    columns = {
        name: documents[name] for name in SIGNALS_SCHEMA.names if name in documents.schema.names
    }
    columns["profile"] = pa.array([profile_of(code) for code in languages], pa.string())
    for name in ("bytes", "chars"):
        columns[name] = pa.array(counts[:, getattr(COLUMNS, name)].astype(np.int64))
    for name, values in signal_values(counts, languages).items():
        columns[name] = pa.array(values, pa.float64(), mask=np.isnan(values))
    return pa.table([columns[name] for name in SIGNALS_SCHEMA.names], schema=SIGNALS_SCHEMA)
