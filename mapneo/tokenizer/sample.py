"""The text a tokenizer is trained on: documents in hash order, weighed by language and category."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mapneo.core.errors import DataError
from mapneo.core.tables import read_table
from mapneo.tokenizer.apportion import apportion
from mapneo.tokenizer.config import TokenizerConfig


@dataclass(frozen=True, kw_only=True)
class SampleShare:
    """What one language and category gives to the sample, for the page."""

    language: str
    category: str
    weight: float
    documents_available: int
    bytes_available: int
    documents: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Which documents, and how many bytes of each; shares in order of language and category."""

    shares: tuple[SampleShare, ...]
    bytes_of: dict[str, int]


def choose_sample(paths: Sequence[Path], config: TokenizerConfig, *, seed: int) -> Sample:
    """Choose documents by the hash of their id until each share has its bytes.

    A share is proportional to weight × bytes available; what a small one can't fill goes to the
    others. The last document of a share is cut.

    Raises:
        DataError: there is no text to train on.
    """
    sizes = _sizes(paths)
    names = sorted(sizes)
    available = [sum(size for _, size in sizes[name]) for name in names]
    weights = [config.weight_of(*name) for name in names]
    there = sum(size for size, weight in zip(available, weights, strict=True) if weight > 0)
    if there == 0:
        raise DataError(
            f"no text to train a tokenizer on: {len(paths)} files with {sum(available)} bytes, "
            "none of them with a sampling weight above 0"
        )
    mass = [weight * size for weight, size in zip(weights, available, strict=True)]
    budgets = apportion(min(config.max_sample_bytes, there), mass, available)
    shares: list[SampleShare] = []
    bytes_of: dict[str, int] = {}
    for name, weight, size, budget in zip(names, weights, available, budgets, strict=True):
        chosen = take_by_hash(sizes[name], budget, seed=seed)
        bytes_of |= chosen
        shares.append(
            SampleShare(
                language=name[0],
                category=name[1],
                weight=weight,
                documents_available=len(sizes[name]),
                bytes_available=size,
                documents=len(chosen),
                bytes=sum(chosen.values()),
            )
        )
    return Sample(shares=tuple(shares), bytes_of=bytes_of)


def _sizes(paths: Sequence[Path]) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """Document ids with their size in bytes, by language and category."""
    sizes: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for path in paths:
        table = read_table(path, columns=["doc_id", "language", "category", "text"])
        lengths = pc.binary_length(table["text"])
        columns = [table[name].to_pylist() for name in ("language", "category", "doc_id")]
        for language, category, doc_id, size in zip(*columns, lengths.to_pylist(), strict=True):
            sizes.setdefault((language, category), []).append((doc_id, size))
    return sizes


def take_by_hash(
    documents: Iterable[tuple[str, int]], budget_bytes: int, *, seed: int
) -> dict[str, int]:
    """Bytes to take of each document (id, size in bytes), by hash of the id, up to a budget.

    Empty documents are passed over; the last one chosen is cut.
    """
    chosen: dict[str, int] = {}
    by_hash = sorted(
        documents, key=lambda item: (xxhash.xxh3_64_intdigest(item[0].encode(), seed), item[0])
    )
    for doc_id, size in by_hash:
        if budget_bytes <= 0:
            break
        if size:
            chosen[doc_id] = min(size, budget_bytes)
            budget_bytes -= size
    return chosen


def chosen_texts(paths: Sequence[Path], bytes_of: Mapping[str, int]) -> Iterator[str]:
    """The first so many bytes, in whole characters, of the chosen documents, in file order."""
    ids = pa.array(bytes_of, pa.string())
    for path in paths:
        table = read_table(path, columns=["doc_id", "text"])
        chosen = table.filter(pc.is_in(table["doc_id"], value_set=ids))
        for doc_id, text in zip(chosen["doc_id"], chosen["text"], strict=True):
            kept = text.as_py().encode()[: bytes_of[doc_id.as_py()]]
            yield kept.decode(errors="ignore")
