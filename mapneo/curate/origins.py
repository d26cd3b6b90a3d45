"""Values of the signals that are no formula over raw counts (`mapneo.curate.gauges`)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.curate.gauges import C4, C4_ANY_LINE, C4_FACTS, RELEASED, SCORES
from mapneo.curate.scores import Scorers, score_documents
from mapneo.text.buffers import string_view
from mapneo.text.c4 import C4_COLUMNS, count_c4


class Gauged(NamedTuple):
    """Values of one origin for a batch.

    Attributes:
        columns: name → float64, shape (rows,); NaN = not measured.
        url_category: string; the first category of a URL list that holds the document's URL.
        reasons: why values are missing, counted, where it is not for want of a list or a model.
    """

    columns: dict[str, npt.NDArray[np.float64]]
    url_category: pa.Array
    reasons: dict[str, int]


def gauge_documents(origin: str, documents: pa.Table, scorers: Scorers) -> Gauged:
    """Measure what one origin gives.

    Args:
        origin: one of `mapneo.curate.gauges.ORIGINS`.
        documents: edited documents with DOCUMENT_SCHEMA, languages filled.
        scorers: lists and models, for origin `scores`; lists, for the released ones.
    """
    nowhere = pa.nulls(documents.num_rows, pa.string())
    if origin in (C4, C4_ANY_LINE):
        return Gauged(c4_columns(documents, closing_mark=origin == C4), nowhere, {})
    if origin == SCORES:
        return Gauged(*score_documents(documents, scorers))
    # Imported here because it pulls in what only comparisons with the released code need.
    from mapneo.curate.released.signals import released_signals

    columns = released_signals(RELEASED[origin], documents, scorers.released)
    return Gauged(columns, nowhere, {})


def c4_columns(documents: pa.Table, *, closing_mark: bool) -> dict[str, npt.NDArray[np.float64]]:
    """Facts about C4's rules of documents, by column; `closing_mark` as in `count_c4`."""
    facts = count_c4(string_view(documents["text"]), closing_mark=closing_mark)
    prefix = "c4" if closing_mark else "c4_any_line"
    return {
        f"{prefix}_{ending}": facts[:, getattr(C4_COLUMNS, fact)]
        for ending, (fact, _) in C4_FACTS.items()
    }
