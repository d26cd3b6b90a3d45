"""Lists of domains and pages by category, compiled once and looked up by the batch.

An entry is a 64-bit hash of its key (`mapneo.curate.url_keys`) and the set of categories that
hold it: 10 bytes. With five million entries the chance that a clean URL of ten keys meets another
one's hash is 3 in 10^12.
"""

import io
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from mapneo.core.canonical import Json, digest
from mapneo.core.errors import ConfigError, InputError
from mapneo.core.files import sha256_file
from mapneo.curate.array_files import read_arrays, write_arrays
from mapneo.curate.url_keys import entry_key, probe_keys
from mapneo.curate.url_sources import (
    DEFAULT_CATEGORIES,
    WHITE_CATEGORIES,
    ListFile,
    UrlListSource,
    list_files,
    one_name,
)

_KIND = "url-lists-1"
_BATCH_ROWS = 1 << 16
_MAX_REJECTED_FRAC = 0.01
_MAX_CATEGORIES = 256


@dataclass(frozen=True)
class UrlLists:
    """Compiled lists.

    Attributes:
        hashes: uint64, shape (entries,), ascending: xxh3-64 of the keys.
        sets: uint16, shape (entries,): row of `members`.
        members: bool, shape (sets, categories): which categories a set holds.
        categories: names, sorted.
        longest_page_chars: length of the longest page key, 0 if there is none.
        rejected: lines that name no host, by list; the lists are used without them.
    """

    hashes: npt.NDArray[np.uint64]
    sets: npt.NDArray[np.uint16]
    members: npt.NDArray[np.bool_]
    categories: tuple[str, ...]
    longest_page_chars: int
    rejected: tuple[tuple[str, int], ...] = ()

    def save(self, path: Path) -> None:
        """Write the lists as one file, atomically; equal lists give equal bytes."""
        meta = {
            "categories": list(self.categories),
            "longest_page_chars": self.longest_page_chars,
            "rejected": [list(row) for row in self.rejected],
        }
        write_arrays(
            path,
            _KIND,
            meta,
            {"hashes": self.hashes, "sets": self.sets, "members": self.members},
        )

    @classmethod
    def load(cls, path: Path) -> "UrlLists":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another kind.
        """
        meta, arrays = read_arrays(path, _KIND)
        return cls(
            **arrays,
            categories=tuple(meta["categories"]),
            longest_page_chars=meta["longest_page_chars"],
            rejected=tuple((name, count) for name, count in meta["rejected"]),
        )


def compile_url_lists(
    sources: Sequence[UrlListSource],
    categories: Sequence[str] | None = None,
    *,
    cache: Path | None = None,
) -> UrlLists:
    """Compile the chosen categories of some sources.

    Args:
        sources: where the lists lie; an entry in several counts once.
        categories: what counts; None for `DEFAULT_CATEGORIES`. Categories that sources name
            themselves count in either case.
        cache: folder of compiled lists, one file named after the contents of its sources; None
            compiles each time.

    Raises:
        ConfigError: a category is a white one, or no source has it; or a list has no category.
        InputError: a list is missing, damaged, or more than one line in a hundred is no URL.
    """
    wanted = _wanted(sources, categories)
    if cache is None:
        return _compile(sources, wanted, strict=categories is not None)
    path = cache / f"{_content_key(sources, wanted)}.npz"
    if path.exists():
        return UrlLists.load(path)
    lists = _compile(sources, wanted, strict=categories is not None)
    lists.save(path)
    return lists


def look_up(
    urls: pa.Array | pa.ChunkedArray, lists: UrlLists
) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Categories that hold the URLs of documents.

    Args:
        urls: strings.
        lists: compiled lists.

    Returns:
        list<string>, sorted, null where there is no URL or it names no host; and how many they
        are: float64, shape (rows,), NaN where null.
    """
    found = np.zeros((len(urls), len(lists.categories)), dtype=np.bool_)
    measured = np.zeros(len(urls), dtype=np.bool_)
    texts = urls.to_pylist()
    for first in range(0, len(texts), _BATCH_ROWS):
        batch = slice(first, first + _BATCH_ROWS)
        _look_up_batch(texts[batch], lists, found[batch], measured[batch])
    counts = found.sum(axis=1)
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    names = pa.array(lists.categories, pa.string()).take(pa.array(np.nonzero(found)[1]))
    column = pa.ListArray.from_arrays(pa.array(offsets), names, mask=pa.array(~measured))
    return column, np.where(measured, counts.astype(np.float64), np.nan)


def _look_up_batch(
    texts: Sequence[str | None],
    lists: UrlLists,
    found: npt.NDArray[np.bool_],
    measured: npt.NDArray[np.bool_],
) -> None:
    hashes, owners = array("Q"), array("q")
    for row, text in enumerate(texts):
        keys = None if text is None else probe_keys(text, lists.longest_page_chars)
        if keys is None:
            continue
        measured[row] = True
        hashes.extend(_hash(key) for key in keys)
        owners.extend([row] * len(keys))
    if not hashes or not lists.hashes.size:
        return
    probes = np.frombuffer(hashes, np.uint64)
    places = np.minimum(np.searchsorted(lists.hashes, probes), lists.hashes.size - 1)
    hits = np.flatnonzero(lists.hashes[places] == probes)
    rows = np.frombuffer(owners, np.int64)[hits]
    np.logical_or.at(found, rows, lists.members[lists.sets[places[hits]]])


def _hash(key: str) -> int:
    return xxhash.xxh3_64_intdigest(key.encode())


def _wanted(sources: Sequence[UrlListSource], categories: Sequence[str] | None) -> tuple[str, ...]:
    named = {one_name(source.category) for source in sources if source.category is not None}
    asked = DEFAULT_CATEGORIES if categories is None else categories
    wanted = tuple(sorted(named | {one_name(name) for name in asked}))
    if white := sorted(WHITE_CATEGORIES.intersection(wanted)):
        raise ConfigError(
            f"URL category {white[0]} lists pages to allow, so it can't count as a hit: "
            "leave it out of the categories"
        )
    if len(wanted) > _MAX_CATEGORIES:
        raise ConfigError(f"{len(wanted)} URL categories are asked for, at most {_MAX_CATEGORIES}")
    return wanted


def _content_key(sources: Sequence[UrlListSource], wanted: tuple[str, ...]) -> str:
    """Names the compiled file by what it is made of: contents, categories, format."""
    rows: list[Json] = []
    for source in sources:
        if source.path.is_file():
            rows.append([source.path.name, source.category, sha256_file(source.path)])
            continue
        rows += [
            [file.category, file.is_page_list, xxhash.xxh3_128_hexdigest(file.read())]
            for file in list_files(source)
            if file.category in wanted
        ]
    return digest([_KIND, list(wanted), rows])


def _compile(
    sources: Sequence[UrlListSource], wanted: tuple[str, ...], *, strict: bool
) -> UrlLists:
    hashes: list[npt.NDArray[np.uint64]] = []
    owners: list[int] = []
    known: set[str] = set()
    rejected: Counter[str] = Counter()
    longest = 0
    for file in (file for source in sources for file in list_files(source)):
        known.add(file.category)
        if file.category in wanted:
            found, longest_here, bad_lines = _read_list(file)
            hashes.append(np.frombuffer(found, np.uint64))
            owners.append(wanted.index(file.category))
            rejected[file.name] += bad_lines
            longest = max(longest, longest_here)
    missing = [name for name in wanted if name not in known]
    if missing and (strict or not owners):
        raise ConfigError(
            f"no URL list has the category {missing[0]}; "
            f"there are {', '.join(sorted(known)) or 'no lists at all'}"
        )
    keys, sets, members = _merge(hashes, owners, len(wanted))
    bad = tuple((name, count) for name, count in sorted(rejected.items()) if count)
    return UrlLists(keys, sets, members, wanted, longest, bad)


def _read_list(file: ListFile) -> tuple["array[int]", int, int]:
    """Hashes, length of the longest page key, and how many lines were no URL."""
    hashes = array("Q")
    longest = lines = bad_lines = first_bad = 0
    for number, raw in enumerate(io.BytesIO(file.read()), 1):
        line = raw.strip()
        if not line or line.startswith(b"#"):
            continue
        lines += 1
        key = _entry(line, file.is_page_list)
        if key is None:
            bad_lines += 1
            first_bad = first_bad or number
            continue
        hashes.append(_hash(key))
        if "/" in key and len(key) > longest:
            longest = len(key)
    if bad_lines > _MAX_REJECTED_FRAC * lines:
        raise InputError(
            f"{file.name}, line {first_bad}: not a domain or URL ({bad_lines} of {lines} lines); "
            "a URL list has one entry a line, in UTF-8: correct the file or leave it out"
        )
    return hashes, longest, bad_lines


def _entry(line: bytes, is_page_list: bool) -> str | None:
    try:
        return entry_key(line.decode("utf-8"), is_page_list=is_page_list)
    except UnicodeDecodeError:
        return None


def _merge(
    hashes: Sequence[npt.NDArray[np.uint64]], owners: Sequence[int], categories: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Distinct hashes, ascending, each with the set of its owners."""
    flat = np.concatenate([np.zeros(0, np.uint64), *hashes])
    owner = np.repeat(np.array(owners, np.uint8), [part.size for part in hashes])
    order = np.lexsort((owner, flat))
    flat, owner = flat[order], owner[order]
    is_first = np.ones(flat.size, np.bool_)
    is_first[1:] = flat[1:] != flat[:-1]
    first = np.flatnonzero(is_first)
    last = np.append(first, flat.size)[1:]
    sets = np.zeros(first.size, np.uint16)
    numbers = {(number,): number for number in range(categories)}
    single = np.flatnonzero(owner[first] == owner[last - 1])
    sets[single] = owner[first[single]]
    for entry in np.flatnonzero(owner[first] != owner[last - 1]):
        held = tuple(np.unique(owner[first[entry] : last[entry]]).tolist())
        sets[entry] = numbers.setdefault(held, len(numbers))
    members = np.zeros((len(numbers), categories), np.bool_)
    for held, number in numbers.items():
        members[number, list(held)] = True
    return flat[first], sets, members
