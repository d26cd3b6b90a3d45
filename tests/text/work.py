"""How many lines of each kernel run on texts of n and of 2n characters, as JSON.

Run with NUMBA_DISABLE_JIT=1, so that kernels are plain Python and can be traced.
"""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np

from mapneo.text.buffers import from_texts, string_view
from mapneo.text.counts import CHARACTERS, DICTIONARY, FOLDED, NORMALISED, SPACE_WORDS
from mapneo.text.hashing import mix64, table_size
from mapneo.text.phrases import count_phrases, phrase_list
from mapneo.text.walk import count_text, count_units, lexicon

SIZE = 72
SPLITTERS = (FOLDED, CHARACTERS, SPACE_WORDS, DICTIONARY, NORMALISED)
PHRASES = ("read more", "更多")

TEXTS: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "one ideograph": lambda n: "中" * n,
    "equal words": lambda n: "ab " * (n // 3),
    "two words in turn": lambda n: "a b " * (n // 4),
    "equal lines": lambda n: "a b\n" * (n // 4),
    "newlines": lambda n: "\n" * n,
    "white space": lambda n: " \t\u3000\r" * (n // 4),
    "lines of blanks": lambda n: " " * (n // 2) + "\n" + " " * (n // 2),
    "unclosed brackets": lambda n: "【" * n,
    "brackets closed late": lambda n: "【" * (n // 2) + "】" * (n // 2),
    "dots": lambda n: "." * n,
    "stops before closers": lambda n: ".)" * (n // 4) + ")" * (n // 2),
    "a stop before closers": lambda n: "a." + ")" * n,
    "lorem": lambda n: "lorem " * (n // 6),
    "lorem without end": lambda n: "lorem ipsu" * (n // 10),
    "read mor": lambda n: "read mor\n" * (n // 9) + "»" * n,
    "marks behind a phrase": lambda n: "read more" + " »" * (n // 2),
    "nested repeats": lambda n: _ruler(n),
    "period of seven": lambda n: "abcdefg" * (n // 7),
    "distinct characters": lambda n: "".join(chr(0x4E00 + k) for k in range(n)),
    "distinct words": lambda n: " ".join(2 * chr(0x4E00 + k) for k in range(n // 3)),
    "combining marks": lambda n: "e" + "\u0301" * n,
    "wide letters": lambda n: "\ufdfa" * (n // 8),
    "characters that hash alike": lambda n: "".join(_alike(n, _as_unit)),
    "lines that hash alike": lambda n: "\n".join(_alike(n // 2, _as_line)),
}


def _ruler(n: int) -> str:
    """Phrases in phrases: a b a c a b a d …"""
    return "".join(chr(ord("a") + ((k & -k).bit_length() - 1) % 26) + " " for k in range(1, n // 2))


def _alike(n: int, hashed: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Distinct ideographs whose unsalted hashes begin at neighbouring slots of a hash table."""
    points = np.arange(0x4E00, 0x9FA5, dtype=np.uint64)
    with np.errstate(over="ignore"):
        slots = (mix64(hashed(points)) | np.uint64(1)) & np.uint64(table_size(n) - 1)
    return list(map(chr, points[np.argsort(slots, kind="stable")][:n].tolist()))


def _as_unit(points: np.ndarray) -> np.ndarray:
    """What is hashed of a character, as `split_characters` does it."""
    return points


def _as_line(points: np.ndarray) -> np.ndarray:
    """What is hashed of a line of one character, as `stretch_key` does it without a salt."""
    scrambled = (points + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    return scrambled ^ (scrambled >> np.uint64(29)) ^ np.uint64(1)


def lines_run(work: Callable[[], object]) -> Counter[str]:
    """Lines of mapneo's own functions that run, by function."""
    counted: Counter[CodeType] = Counter()

    def on_line(frame: FrameType, event: str, _: Any) -> Any:
        counted[frame.f_code] += event == "line"
        return on_line

    def on_call(frame: FrameType, _event: str, _: Any) -> Any:
        return on_line if "/mapneo/text/" in frame.f_code.co_filename else None

    sys.settrace(on_call)
    try:
        work()
    finally:
        sys.settrace(None)
    return Counter({code.co_qualname: n for code, n in counted.items()})


def main() -> None:
    warnings.simplefilter("ignore")
    lexicons = [lexicon(splitter, ["the", "a"]) for splitter in SPLITTERS]
    lists = [phrase_list(["the a", "x" * 9], by_dictionary=way) for way in (False, True)]
    result = {}
    count_text(string_view(from_texts(["x"])), PHRASES)
    for name, text_of in TEXTS.items():
        runs = []
        for size in (SIZE, 2 * SIZE):
            view = string_view(from_texts([text_of(size)]))
            counted = lines_run(lambda: count_text(view, PHRASES))  # noqa: B023
            for words in lexicons:
                counted.update(lines_run(lambda: count_units(view, words)))  # noqa: B023
            for phrases in lists:
                counted.update(lines_run(lambda: count_phrases(view, phrases)))  # noqa: B023
            runs.append(counted)
        result[name] = runs
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
