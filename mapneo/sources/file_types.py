"""The reader and file type of a file by its name."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mapneo.sources.streams import PACKED_SUFFIXES

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FileType:
    """How files of a suffix or name are read, and what they are."""

    reader: str
    name: str


@cache
def file_types() -> Mapping[str, FileType]:
    """File types by suffix (lower case, without its dot), or by `/` and a whole name."""
    text = files("mapneo.sources").joinpath("file_types.toml").read_text(encoding="utf-8")
    return {
        ending: FileType(reader=reader, name=name)
        for reader, types in tomllib.loads(text).items()
        for name, endings in types.items()
        for ending in endings
    }


def file_type(name: str) -> FileType | None:
    """The type of a file by its name, looking through `.gz`, `.zst`; None if it is not known."""
    base = name.lower().rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    if f".{suffix}" in PACKED_SUFFIXES and dot:
        base = stem
        suffix = base.rpartition(".")[2]
    known = file_types()
    return known.get(f"/{base}") or (known.get(suffix) if suffix != base else None)
