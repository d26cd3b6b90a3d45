"""What a reader gives: documents with where they came from, or broken ones with the reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from pydantic import Field

from mapneo.core.canonical import Json
from mapneo.core.stage import Config
from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.forms import RowForm


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A span of a document's text (bytes of UTF-8) and where it stood.

    `box` is (x0, y0, x1, y1) in points, or None when only the 1-based page is known.
    """

    start_byte: int
    end_byte: int
    page: int
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """A document's text; `row` is None when the file is one document.

    `row` is the position in row files, the byte offset of the record in WARC files. `raw_sha256` is
    that of the row's own bytes, None for a file that is one document. `fetched` (ISO 8601) and
    `licence` are set where the file itself tells them.
    """

    text: str
    row: int | None = None
    url: str | None = None
    raw_sha256: str | None = None
    fetched: str | None = None
    licence: str | None = None
    origins: tuple[Origin, ...] = ()
    meta: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A document that could not be read: a kind to count by, and a sentence."""

    kind: str
    message: str
    row: int | None = None


class BrokenFileError(Exception):
    """A whole file can't be read; a reader raises it, the stage makes an error row of it."""

    def __init__(self, kind: str, message: str) -> None:
        """`kind` is what errors are counted by; `message` says what was wrong."""
        super().__init__(message)
        self.kind = kind


class ReadOptions(Config):
    """What extraction may be told."""

    main_content: bool = True
    """HTML: leave out navigation, headers and footers."""
    html: Literal["resiliparse", "trafilatura"] = "resiliparse"
    """HTML: whose extraction; trafilatura is slower, and comes with `mapneo[trafilatura]`."""
    tables: Literal["text", "markdown"] = "text"
    """HTML: rows of tables as lines with tabs between cells, or as Markdown."""
    code: Literal["text", "fenced"] = "text"
    """HTML: code blocks as they stand, or between Markdown fences with their language."""
    max_document_bytes: int = Field(default=32 << 20, ge=1024)
    """A larger file (row files: a larger row) is an error, not a document."""
    max_replaced_frac: float = Field(default=0.001, ge=0, le=1)
    """Share of characters that may be undecodable (they become U+FFFD) before it is an error."""


RowCut: TypeAlias = JsonRows | SqliteRows | RowForm


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """A file to read, and how its source wants rows cut.

    `path` is a local file, or the address of a remote one as fsspec knows it (`s3://…`); `storage`
    are options of its file system (an endpoint, anonymous access), never credentials.
    """

    path: Path | str
    relative: str
    rows: RowCut | None = None
    storage: Mapping[str, Json] = field(default_factory=dict)


class Reader(Protocol):
    """Reads one file; raises BrokenFileError when nothing of it can be had."""

    def __call__(self, file: RawFile, options: ReadOptions) -> Iterator[Extracted | Broken]:
        """The documents of the file, in order."""
