"""How compact records travel between shards and partitions: one file per task, one part per reader.

A file is an uncompressed `.npz` of arrays of records. A reader takes its own part out of each
file, without reading the others, so `S` shards and `P` partitions make `S + P` files.
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mapneo.core.artifact import InputFile
from mapneo.core.errors import CorruptFileError
from mapneo.core.files import atomic_file
from mapneo.core.tables import readable
from mapneo.text.partition import by_partition

Records = npt.NDArray[Any]


def write_parts(path: Path, parts: Mapping[str, Records]) -> None:
    """Write named arrays, atomically; equal arrays give equal bytes.

    Raises:
        StorageError: the disk is full, or the folder can't be written.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **dict(parts))


def read_part(path: Path, name: str) -> Records:
    """Read one array of a file of `write_parts`.

    Raises:
        CorruptFileError: the file is damaged, or has no such part.
        ManifestError: the file is missing.
        StorageError: the object store can't be reached, or refuses.
    """
    with readable(path, whole=False) as source:
        try:
            with np.load(source, allow_pickle=False) as archive:
                part: Records = archive[name]
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise CorruptFileError(str(path), f"its part {name} can't be read: {error}") from error
    return part


def gather(files: Sequence[InputFile], name: str) -> tuple[Records, npt.NDArray[np.int64]]:
    """One part of every file, end to end, and where each file's begins; `files` is not empty."""
    parts = [read_part(file.path, name) for file in files]
    starts = np.cumsum([0, *(part.size for part in parts)])
    return np.concatenate(parts), starts


def split_by_key(
    kind: str, records: Records, keys: npt.NDArray[np.uint64], partitions: int
) -> dict[str, Records]:
    """Parts of records by key, named `<kind>-<partition>`; the order inside of a part is kept."""
    order, starts = by_partition(np.ascontiguousarray(keys), partitions)
    sorted_records = records[order]
    return {f"{kind}-{p}": sorted_records[starts[p] : starts[p + 1]] for p in range(partitions)}
