"""Surprisal of each held-out document under each model: one table, however it was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.errors import DataError
from mapneo.core.tables import read_table, write_table
from mapneo.evaluate.ngram import NgramModel
from mapneo.evaluate.statistics import Floats, Ints
from mapneo.train.documents import HeldoutDocument

NGRAM_ORDERS = {"unigram": 1, "bigram": 2, "five_gram": 5}
"""The baselines that are scored like models, and the longest n-gram of each."""

_COLUMNS = ("doc_id", "language", "category", "bytes")


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Held-out documents in one order, and (documents,) nats of each under each model."""

    doc_ids: tuple[str, ...]
    languages: npt.NDArray[np.str_]
    categories: npt.NDArray[np.str_]
    bytes: Ints
    nats: dict[str, Floats]

    def groups(self) -> list[tuple[str, str]]:
        """Languages and categories there are, sorted."""
        pairs = zip(self.languages.tolist(), self.categories.tolist(), strict=True)
        return sorted(set(pairs))

    def where(self, language: str, category: str | None = None) -> npt.NDArray[np.bool_]:
        """(documents,) whether a document is of this language, and category if one is given."""
        chosen: npt.NDArray[np.bool_] = self.languages == language
        return chosen if category is None else chosen & (self.categories == category)


def write_scores(path: Path, documents: Sequence[HeldoutDocument], nats: Floats) -> None:
    """Write one model's surprisal of `documents`."""
    columns = {name: [getattr(document, name) for document in documents] for name in _COLUMNS}
    write_table(path, pa.table({**columns, "nats": pa.array(nats, pa.float64())}))


def read_scores(paths: dict[str, Path]) -> Scores:
    """Join the models' tables.

    Raises:
        DataError: the tables are not about the same documents, or there is none.
    """
    tables = {model: read_table(path) for model, path in paths.items()}
    first = next(iter(tables.values()))
    for model, table in tables.items():
        if not table["doc_id"].equals(first["doc_id"]):
            raise DataError(f"{paths[model]} is about other documents: run evaluate again")
    if first.num_rows == 0:
        raise DataError("there are no held-out documents to score: let `split` hold some out")
    return Scores(
        doc_ids=tuple(first["doc_id"].to_pylist()),
        languages=np.array(first["language"].to_pylist()),
        categories=np.array(first["category"].to_pylist()),
        bytes=first["bytes"].to_numpy(),
        nats={model: table["nats"].to_numpy() for model, table in tables.items()},
    )


def ngram_nats(model: NgramModel, documents: Sequence[HeldoutDocument], *, eod: int) -> Floats:
    """(documents,) nats of each document's tokens after an EOD, as the trained model is scored."""
    lengths = np.array([len(document.tokens) + 1 for document in documents])
    ends = np.cumsum(lengths)
    tokens = np.empty(int(ends[-1]), dtype=np.int64)
    starts = np.zeros(len(tokens), dtype=np.bool_)
    for document, end, length in zip(documents, ends, lengths, strict=True):
        tokens[end - length] = eod
        starts[end - length] = True
        tokens[end - length + 1 : end] = document.tokens
    total: Floats = np.add.reduceat(model.nats(tokens, starts), ends - lengths)
    return total
