"""Passages: similar sentences and exact substrings, ours, by definition, and by peers.

`released` is MAP-Neo's similar-line algorithm written plainly: all pairs, whole matrices. `naive`
is a dict of all windows. pydivsufsort (`pip install pydivsufsort`) makes the suffix array and LCP
array of the same bytes, which is only the first half of the work. text-dedup finds substrings
through a Rust program that it does not bring along; it has no row.
"""

import hashlib
import importlib.util
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.paired import in_turn
from bench.texts import documents, megabytes
from mapneo.core.artifact import InputFile
from mapneo.core.engine import Engine, Task
from mapneo.core.executor import LocalExecutor
from mapneo.core.tables import write_table
from mapneo.curate.passages_config import PassagesConfig
from mapneo.curate.passages_dedup import find_passages
from mapneo.curate.repeated_units import unit_keys
from mapneo.curate.similar_lines import similar_marks
from mapneo.text.pieces import find_pieces
from mapneo.text.similar import SHORT_CHARS
from mapneo.text.unicode import char_tables

SHARE = 0.1
WINDOW_CHARS = 50
SHARDS = 4
CONFIG = PassagesConfig(paragraphs=False, similar_lines=True)
SUBSTRINGS = PassagesConfig(paragraphs=False, substrings=True)
UNITS = PassagesConfig(paragraphs=True, lines=True)


def pieces(text: str) -> list[str]:
    """The sentences that ours compares, as strings."""
    points = np.array(list(map(ord, text)), dtype=np.int32)
    begins, ends = np.empty(points.size, dtype=np.int32), np.empty(points.size, dtype=np.int32)
    found = find_pieces(points, char_tables().flags[points], begins, ends)
    return [text[begins[n] : ends[n]] for n in range(found)]


def released(texts: list[str]) -> None:
    """MAP-Neo's way: length, characters, then the whole matrix, for all pairs."""
    for text in texts:
        some = pieces(text)
        removed: list[int] = []
        for first, one in enumerate(some):
            if first in removed:
                continue
            for later in range(first + 1, len(some)):
                if later not in removed and _is_like(one, some[later]):
                    removed.append(later)


def _is_like(one: str, other: str) -> bool:
    longer = max(len(one), len(other))
    if abs(len(one) - len(other)) / longer >= max(0.3, SHARE):
        return False
    mine, its = Counter(one), Counter(other)
    if (mine & its).total() / (mine | its).total() < 1 / 3:
        return False
    matrix = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row in range(len(one) + 1):
        for column in range(len(other) + 1):
            if row == 0 or column == 0:
                matrix[row][column] = row + column
            else:
                matrix[row][column] = min(
                    matrix[row - 1][column] + 1,
                    matrix[row][column - 1] + 1,
                    matrix[row - 1][column - 1] + (one[row - 1] != other[column - 1]),
                )
    limit = 0 if min(len(one), len(other)) <= SHORT_CHARS else SHARE * longer
    return matrix[-1][-1] <= limit


def with_rapidfuzz(texts: list[str]) -> None:
    """All pairs that stay, by rapidfuzz's distance with a limit."""
    from rapidfuzz.distance import Levenshtein

    for text in texts:
        kept: list[str] = []
        for piece in pieces(text):
            for other in kept:
                short = min(len(piece), len(other)) <= SHORT_CHARS
                limit = 0 if short else int(SHARE * max(len(piece), len(other)))
                if Levenshtein.distance(piece, other, score_cutoff=limit) <= limit:
                    break
            else:
                kept.append(piece)


def naive_substrings(texts: list[str]) -> None:
    """A dict of all windows, and the characters under those seen before."""
    first: dict[str, int] = {}
    for number, text in enumerate(texts):
        marked = bytearray(len(text))
        for begin in range(len(text) - WINDOW_CHARS + 1):
            if first.setdefault(text[begin : begin + WINDOW_CHARS], number) != number:
                marked[begin : begin + WINDOW_CHARS] = b"\1" * WINDOW_CHARS


def with_suffix_array(texts: list[str]) -> None:
    """Suffix array and LCP array of all texts, parted by a zero byte."""
    from pydivsufsort import divsufsort, kasai

    data = np.frombuffer(bytearray("\0".join(texts).encode()), dtype=np.uint8)
    kasai(data, divsufsort(data))


def find_in(texts: list[str], config: PassagesConfig) -> None:
    """Ours, from Parquet shards to Parquet spans, in one thread."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = []
        for number in range(SHARDS):
            some = texts[number::SHARDS]
            ids = [f"{n * SHARDS + number:09}" for n in range(len(some))]
            columns = {"doc_id": ids, "text": some, "priority": pa.array([0] * len(some))}
            path = Path(folder) / f"{number}.parquet"
            write_table(path, pa.table(columns))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            file = InputFile(path=path, relative=path.name, sha256=digest)
            tasks.append(Task(shard=str(number), inputs=(file,)))
        engine = Engine(output=Path(folder) / "out", stage_key="bench", executor=LocalExecutor(1))
        find_passages(engine, tasks, config, 4)


def template_page() -> str:
    """A page of 50 sentences of the same words in another order, about ten thousand characters.

    None is like another, and no count of characters tells them apart: every pair is measured.
    """
    sentence = (
        "all members of our club wish every guest from near and far a pleasant evening in the "
        "great hall where music and dance will begin at eight sharp while tickets for later shows "
        "are still on sale next door"
    )
    words = sentence.split()
    made = []
    for number in range(50):
        order = sorted(range(len(words)), key=lambda n: (n + 1) * (number + 2) % 53)
        made.append(" ".join(words[n] for n in order) + ".")
    return " ".join(made)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def measure() -> list[dict[str, Any]]:
    """Rows for a page of templates, and for real documents in both languages."""
    rows = []
    for language, size, texts in (
        ("en", "a page of 50 template sentences", [template_page()]),
        ("en", "documents up to 2,000 characters", _short("en")),
        ("zh", "documents up to 2,000 characters", _short("zh")),
    ):
        column = pa.array(texts)
        ranks = np.arange(len(texts))
        ways: dict[str, Callable[[], object]] = {
            "mapneo": lambda column=column, ranks=ranks: similar_marks(column, ranks, CONFIG),
            "released": lambda texts=texts: released(texts),
        }
        if _has("rapidfuzz"):
            ways["rapidfuzz, all pairs"] = lambda texts=texts: with_rapidfuzz(texts)
        for row in in_turn(ways, rounds=3, work=megabytes(texts), unit="megabytes"):
            rows.append({"kind": "similar sentences", "language": language, "texts": size, **row})
    for language in ("en", "zh"):
        texts = documents(language, 20_000_000)
        column, ranks = pa.chunked_array([pa.array(texts)]), np.arange(len(texts))
        ways = {
            "mapneo": lambda texts=texts: find_in(texts, SUBSTRINGS),
            "naive": lambda texts=texts: naive_substrings(texts),
        }
        if _has("pydivsufsort"):
            ways["pydivsufsort, both arrays"] = lambda texts=texts: with_suffix_array(texts)
        for row in in_turn(ways, rounds=3, work=megabytes(texts), unit="megabytes"):
            rows.append({"kind": "exact substrings", "language": language, **row})
        ways = {"mapneo": lambda c=column, r=ranks: unit_keys(c, r, UNITS, 4)}
        for row in in_turn(ways, rounds=3, work=megabytes(texts), unit="megabytes"):
            rows.append({"kind": "keys of lines and paragraphs", "language": language, **row})
    return rows


def _short(language: str) -> list[str]:
    return [text for text in documents(language, 2_000_000) if len(text) <= 2000][:12]
