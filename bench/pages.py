"""Real pages with the language of the folder that their package keeps them in."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mapneo.core.cache import cache_directory
from mapneo.sources.catalogue import Source, load_catalogue, parse_catalogue
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.fetch import fetch_source
from mapneo.sources.file_lists import within_caps
from mapneo.sources.readers import READERS

LABELS = Path(__file__).parent / "labels"
FOLDERS: Mapping[str, str] = {
    "en": "en", "en-US": "en", "zh-cn": "Hans", "zh-CN": "Hans", "zh_CN": "Hans", "zh-TW": "Hant",
}  # fmt: skip
"""Folder of a package in several languages → label."""

LABELLED: Sequence[tuple[str, str, int | None]] = (
    ("linux-command-zh", "Hans", None),
    ("libreoffice-help-zh", "Hans", 800),
    ("debian-reference-zh-cn", "Hans", None),
    ("debian-faq-zh", "Hans", None),
    ("libreoffice-help-zh-tw", "Hant", 500),
    ("debian-reference-zh-tw", "Hant", None),
    ("debian-handbook", "", None),
    ("installation-guide", "", None),
    ("apache-docs", "", None),
    ("libreoffice-help-en", "en", 1000),
    ("debian-reference-en", "en", None),
    ("debian-faq-en", "en", None),
    ("python-docs", "en", None),
)
"""Source, label ("": by folder), at most so many pages (in the order of a hash of their path)."""


class Page(NamedTuple):
    """A page: `<source>/<path>`, its text, its label (en, Hans or Hant)."""

    name: str
    text: str
    label: str


@cache
def sources() -> Mapping[str, Source]:
    """The catalogue, and what only the proofs need."""
    return {
        **load_catalogue(),
        **parse_catalogue((LABELS / "sources.toml").read_text(encoding="utf-8")),
    }


def read_pages(name: str, label: str = "", max_pages: int | None = None) -> list[Page]:
    """Pages of a source with text, by path; without `label` the first folder says it."""
    source = sources()[name]
    unpacked = fetch_source(source, cache_directory())
    pages = []
    for file in within_caps(unpacked.files, max_pages, None):
        raw = RawFile(path=unpacked.folder / file.path, relative=file.path, rows=source.rows)
        try:
            found = list(READERS[source.reader](raw, ReadOptions()))
        except BrokenFileError:
            continue
        mark = label or FOLDERS[file.path.split("/")[0]]
        pages += [
            Page(f"{name}/{file.path}", page.text, mark)
            for page in found
            if isinstance(page, Extracted)
        ]
    return pages


def listed(name: str) -> dict[str, str]:
    """A hand-checked list of pages: name → what stands after it on its line."""
    lines = (LABELS / name).read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {row[0]: row[-1] for row in rows}
