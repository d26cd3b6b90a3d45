"""Chinese words, HMM on: our kernel (from UTF-8 to ends of words), ours as strings, and peers.

rjieba joins in if it is installed (`pip install rjieba`); `prove words` counts where peers differ.
"""

import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import jieba
import numpy as np
import pyarrow as pa

from bench.chinese import documents_by_source
from bench.paired import in_turn
from bench.texts import documents, megabytes
from mapneo.text.buffers import StringView, string_view
from mapneo.text.dictionary import Dictionary, jieba_dictionary
from mapneo.text.kernel import kernel
from mapneo.text.segment import cut, segment_words
from mapneo.text.utf8 import decode_utf8


@kernel
def count_words(view: StringView, dictionary: Dictionary) -> int:
    """Number of words in all rows."""
    longest = 1
    for row in range(view.offsets.size - 1):
        longest = max(longest, view.offsets[row + 1] - view.offsets[row])
    code_points = np.empty(longest, dtype=np.int32)
    ends = np.empty(longest, dtype=np.int32)
    words = 0
    for row in range(view.offsets.size - 1):
        start, end = view.offsets[row], view.offsets[row + 1]
        chars = decode_utf8(view.data, start, end, code_points)
        words += segment_words(code_points[:chars], dictionary, ends)
    return words


def peers() -> dict[str, Callable[[str], list[str]]]:
    """Other segmenters that are installed, as functions from a text to its words."""
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    found: dict[str, Callable[[str], list[str]]] = {"jieba": jieba.lcut}
    if importlib.util.find_spec("rjieba"):
        found["rjieba"] = importlib.import_module("rjieba").cut
    return found


def measure() -> list[dict[str, Any]]:
    """Rows per way, on the demo's Chinese documents."""
    texts = documents("zh", 3_000_000)
    view, dictionary = string_view(pa.array(texts)), jieba_dictionary()
    ways: dict[str, Callable[[], object]] = {
        "mapneo": lambda: count_words(view, dictionary),
        "mapneo, strings": lambda: [cut(text) for text in texts],
    }
    for name, segment in peers().items():
        ways[name] = lambda segment=segment: [segment(text) for text in texts]  # type: ignore[misc]
    return in_turn(ways, rounds=5, work=megabytes(texts), unit="megabytes")


def agreement() -> list[dict[str, Any]]:
    """Documents, tokens, and documents that each way cuts otherwise than jieba, by source."""
    expected = peers()["jieba"]
    others = {"mapneo": cut} | {name: way for name, way in peers().items() if name != "jieba"}
    rows = []
    for source, texts in documents_by_source().items():
        wanted = [expected(text) for text in texts]
        row: dict[str, Any] = {
            "source": source,
            "documents": len(texts),
            "megabytes": megabytes(texts),
            "tokens": sum(map(len, wanted)),
        }
        for name, way in others.items():
            pairs = zip(texts, wanted, strict=True)
            row[f"{name}_unequal_documents"] = sum(way(text) != words for text, words in pairs)
        rows.append(row)
    total: dict[str, Any] = {
        key: sum(row[key] for row in rows) for key in rows[0] if key != "source"
    }
    return [*rows, {"source": "all", **total}]
