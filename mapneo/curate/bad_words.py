"""Bad words: the user's own lists, one or more a language, and how often they occur in texts.

mapneo carries none: the released lists have no licence, and were made for addresses, not for text.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import field_validator

from mapneo.core.config import Config
from mapneo.core.errors import InputError
from mapneo.curate.signals import CHARACTER_LANGUAGES
from mapneo.text.buffers import string_view
from mapneo.text.phrases import (
    HITS,
    MAX_PHRASE_CHARS,
    WORDS,
    Phrases,
    count_phrases,
    fold_lengths,
    phrase_list,
)

DICTIONARY_LANGUAGES = ("zh", "yue", "wuu")
"""Languages whose words are jieba's; in others they stand between white space."""

_GZIP_MARK = b"\x1f\x8b"


class BadWordList(Config):
    """A list of bad words and phrases for one language."""

    path: Path
    """Text in UTF-8, an entry a line, gzipped or not; blank lines and `#` comments count for
    nothing."""
    language: str
    """ISO 639 code of the documents that it is meant for."""

    @field_validator("language")
    @classmethod
    def _has_words(cls, value: str) -> str:
        if value in CHARACTER_LANGUAGES and value not in DICTIONARY_LANGUAGES:
            raise ValueError(
                f"words of `{value}` can't be told apart: there is a dictionary for "
                f"{', '.join(DICTIONARY_LANGUAGES)} only, beside languages with spaces"
            )
        return value


class Found(NamedTuple):
    """What a list found in a batch.

    Attributes:
        hits: int64, shape (rows,): occurrences of entries.
        words: int64, shape (rows,): words in all.
    """

    hits: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]


def read_entries(path: Path) -> list[tuple[int, str]]:
    """Line numbers and entries of a list, in order.

    Raises:
        InputError: the file is missing, can't be unpacked, or is not UTF-8 text.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP_MARK):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"can't read the list {path}: {reason}") from error
    return entries_of(data, str(path))


def entries_of(data: bytes, name: str) -> list[tuple[int, str]]:
    """Line numbers and entries of a list's bytes; see `read_entries`."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the list {name} is not UTF-8 text (byte {error.start}): convert it"
        ) from error
    stripped = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def load_bad_words(lists: Sequence[BadWordList]) -> Mapping[str, Phrases]:
    """Lists by language, those of one language as one.

    Raises:
        InputError: a file can't be read or holds no entry, or an entry holds no letter, digit or
            symbol, or too many; names file and line.
    """
    entries: dict[str, list[str]] = {}
    for listed in lists:
        entries.setdefault(listed.language, []).extend(_checked(listed.path))
    return {
        language: phrase_list(words, by_dictionary=language in DICTIONARY_LANGUAGES)
        for language, words in sorted(entries.items())
    }


def _checked(path: Path) -> Iterable[str]:
    found = read_entries(path)
    if not found:
        raise InputError(f"the list {path} holds no entry: fill it or leave it out")
    words = [word for _, word in found]
    for (number, word), chars in zip(found, fold_lengths(words), strict=True):
        if not 0 < chars <= MAX_PHRASE_CHARS:
            raise InputError(
                f"{path}, line {number}: `{word[:40]}` leaves {chars} characters without its "
                f"punctuation, wanted 1 to {MAX_PHRASE_CHARS}: take the line out"
            )
    return words


def find_bad_words(texts: pa.Array | pa.ChunkedArray, phrases: Phrases) -> Found:
    """Entries in texts of one language; a phrase inside a longer one counts beside it."""
    counts = count_phrases(string_view(texts), phrases)
    return Found(counts[:, HITS], counts[:, WORDS])
