"""jieba's dictionary and its hidden Markov model as flat tables, built once and kept in the cache.

The data are those of the installed package `jieba`, which is read, never imported: its import
writes to the log and compiles patterns that newer Pythons warn about.
"""

import ast
import contextlib
import importlib.util
import io
import math
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from mapneo.core.cache import cache_directory
from mapneo.core.errors import InputError, StorageError
from mapneo.core.files import atomic_file
from mapneo.text.trie import build_trie

FORMAT = 1
"""Raise it when the tables of the same package change."""

# What jieba cuts by its dictionary (`re_han_default`); every other character stands alone.
HAN_FIRST, HAN_LAST = 0x4E00, 0x9FD5
LATIN = "+#&._%-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

STATES = "BEMS"  # in ascending order, as ties go to the later letter
IMPOSSIBLE = -3.14e100
"""Log probability that jieba gives to what its model has never seen (`MIN_FLOAT`)."""

MAX_WORD_CHARS = 32
_FILES = ("dict.txt", "finalseg/prob_start.py", "finalseg/prob_trans.py", "finalseg/prob_emit.py")
_DIGEST_BYTES = 16


class Dictionary(NamedTuple):
    """Words with log probabilities, and the model that joins characters to unknown words.

    Attributes:
        alphabet: uint16, shape (0x9FD6,); code of a code point from 1 on, frequent ones first;
            0 = never part of a word.
        trie: int64, see `mapneo.text.trie`; weights number the rows of `log_probabilities`.
        log_probabilities: float64; log(frequency) - log(total), exactly as jieba computes it.
            Row 0 is that of a character that is no word.
        start: float64, shape (4,); log probability of the first state, in the order of `STATES`.
        transitions: float64, shape (4, 4); from state, to state.
        emissions: float64, shape (codes + 1, 4); of a character, by state.
    """

    alphabet: npt.NDArray[np.uint16]
    trie: npt.NDArray[np.int64]
    log_probabilities: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]
    transitions: npt.NDArray[np.float64]
    emissions: npt.NDArray[np.float64]


@cache
def jieba_dictionary(cache_folder: Path | None = None) -> Dictionary:
    """The tables of the installed jieba, from the cache if they are there and whole.

    Building takes some seconds, loading a few hundredths of one. If the cache can't be written,
    the tables are built for this process alone.

    Args:
        cache_folder: default: `mapneo.core.cache.cache_directory()`.

    Raises:
        InputError: jieba is not installed, or its data are not in the form of version 0.42.1.
    """
    package = _package_folder()
    state = xxhash.xxh3_128(str(FORMAT).encode())
    for name in _FILES:
        state.update(_read(package / name))
    path = (cache_folder or cache_directory()) / "words" / f"jieba-{state.hexdigest()}.npz"
    tables = _load(path)
    if tables is None:
        tables = build_dictionary(package)
        with contextlib.suppress(StorageError, OSError):  # a read-only home is no reason to stop
            _store(path, tables)
    for table in tables:
        table.setflags(write=False)
    return tables


@cache
def no_dictionary() -> Dictionary:
    """Empty tables of the same types, for kernels that may have to do without."""
    nothing, square = np.zeros(0), np.zeros((0, 4))
    tables = Dictionary(
        np.zeros(0, np.uint16), np.zeros(0, np.int64), nothing, nothing, square, square
    )
    for table in tables:
        table.setflags(write=False)
    return tables


def build_dictionary(package: Path) -> Dictionary:
    """Build the tables from the data files in jieba's folder.

    Raises:
        InputError: a file is missing or has another form than in version 0.42.1.
    """
    try:
        frequencies, total = _parse_words(_read(package / _FILES[0]))
        start, transitions, emissions = (_parse_model(_read(package / name)) for name in _FILES[1:])
        codes = _assign_codes(frequencies)
        log_total = math.log(total)
        distinct = sorted(set(frequencies.values()))
        weights = {frequency: row for row, frequency in enumerate(distinct, start=1)}
        words = {
            tuple(codes[c] for c in word): weights[frequency]
            for word, frequency in frequencies.items()
            if frequency and all(c in codes for c in word)
        }
        if max(map(len, words)) > MAX_WORD_CHARS:
            raise ValueError(f"a word has more than {MAX_WORD_CHARS} characters")
        alphabet = np.zeros(HAN_LAST + 1, dtype=np.uint16)
        for char, code in codes.items():
            alphabet[ord(char)] = code
        emitted = np.full((len(codes) + 1, len(STATES)), IMPOSSIBLE)
        for column, state in enumerate(STATES):
            for char, log_probability in emissions[state].items():
                if char in codes:
                    emitted[codes[char], column] = log_probability
        return Dictionary(
            alphabet=alphabet,
            trie=build_trie(words, len(codes)),
            log_probabilities=np.array(
                [math.log(frequency or 1) - log_total for frequency in (0, *distinct)]
            ),
            start=np.array([start[state] for state in STATES]),
            transitions=np.array(
                [[transitions[a].get(b, IMPOSSIBLE) for b in STATES] for a in STATES]
            ),
            emissions=emitted,
        )
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise InputError(
            f"{package}: its data are not those of jieba 0.42.1 ({error}): install that version"
        ) from error


def _package_folder() -> Path:
    spec = importlib.util.find_spec("jieba")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("Chinese words need the package jieba: install jieba==0.42.1")
    return Path(spec.submodule_search_locations[0])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror}): install jieba==0.42.1 again"
        ) from error


def _parse_words(data: bytes) -> tuple[dict[str, int], int]:
    """Frequency by word, and the sum over all lines; a repeated word counts twice in the sum."""
    frequencies: dict[str, int] = {}
    total = 0
    for line in data.splitlines():
        word, frequency = line.strip().decode().split(" ")[:2]
        frequencies[word] = int(frequency)
        total += int(frequency)
    return frequencies, total


def _parse_model(data: bytes) -> dict[str, dict[str, float]]:
    """The literal after `P=` in one of the model's modules."""
    assignment = ast.parse(data).body[-1]
    if not isinstance(assignment, ast.Assign):
        raise ValueError("a module of the model does not end in an assignment")
    model: dict[str, dict[str, float]] = ast.literal_eval(assignment.value)
    return model


def _assign_codes(frequencies: dict[str, int]) -> dict[str, int]:
    """Codes from 1 on, frequent characters first: what is used together lies together."""
    uses: Counter[str] = Counter()
    for word, frequency in frequencies.items():
        for char in word:
            uses[char] += frequency
    alphabet = [*LATIN, *map(chr, range(HAN_FIRST, HAN_LAST + 1))]
    alphabet.sort(key=lambda char: (-uses[char], char))
    return {char: code for code, char in enumerate(alphabet, start=1)}


def _load(path: Path) -> Dictionary | None:
    """The tables in a file; None if it is not there or is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if xxhash.xxh3_128_digest(data) != digest:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Dictionary(**{name: arrays[name] for name in Dictionary._fields})


def _store(path: Path, tables: Dictionary) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **tables._asdict())
    data = buffer.getvalue()
    with atomic_file(path) as temporary:
        temporary.write_bytes(xxhash.xxh3_128_digest(data) + data)
