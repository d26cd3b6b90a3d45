"""One file for a handful of arrays and a JSON header: compiled lists and fitted models.

An uncompressed `.npz`: numpy writes no clock into it, so equal arrays give equal bytes.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mapneo.core.canonical import Json, canonical
from mapneo.core.errors import InputError
from mapneo.core.files import atomic_file

Arrays = Mapping[str, npt.NDArray[Any]]

_HEADER = "header"


def write_arrays(path: Path, kind: str, meta: Mapping[str, Json], arrays: Arrays) -> None:
    """Write arrays and what is to be known about them, atomically.

    Args:
        path: the file; missing folders are made.
        kind: what the file is, with the version of its format, such as `importance-1`.
        meta: JSON values.
        arrays: by name; dtypes and shapes are kept.

    Raises:
        StorageError: the disk is full, or the folder can't be written.
    """
    header = np.frombuffer(canonical({"kind": kind, "meta": meta}).encode(), np.uint8)
    with atomic_file(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **{_HEADER: header}, **arrays)


def read_arrays(path: Path, kind: str) -> tuple[dict[str, Json], dict[str, npt.NDArray[Any]]]:
    """Read a file of `write_arrays`: its meta and its arrays, which are read-only.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
        found, meta = header["kind"], header["meta"]
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: make it again, or correct its path") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} can't be read as a file of kind {kind} ({error}): make it again"
        ) from error
    if found != kind:
        raise InputError(f"{path} is of kind {found}, expected {kind}: make it again")
    for array in arrays.values():
        array.setflags(write=False)
    return meta, arrays
