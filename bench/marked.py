"""Pages whose main content was marked by hand: where it stands in the page, not what it says.

`labels/main_content.json` holds, per page, its package, path, SHA-256 and spans of the decoded page
(characters). A page is read from the package; the truth is the visible text inside the spans, taken
from the source by Python's own HTML parser, which no extractor here uses.
"""

import gzip
import hashlib
import html
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from mapneo.core.cache import cache_directory
from mapneo.sources.fetch import fetch_archive
from mapneo.sources.package import Package

LABELS = Path(__file__).parent / "labels" / "main_content.json"
_BLOCK = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body br button caption dd details div dl dt fieldset "
        "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol "
        "option p pre section summary table tbody td tfoot th thead title tr ul",
    )
)
_SILENT = frozenset(
    re.findall(r"\w+", "script style noscript template head title svg object iframe")
)
_VOID = frozenset(
    re.findall(r"\w+", "area base br col embed hr img input link meta source track wbr")
)


class Run(NamedTuple):
    """Visible text between two tags: where it stands in the source, and the block it belongs to."""

    start: int
    end: int
    text: str
    block: int
    container: str


class VisibleText(HTMLParser):
    """Runs of visible text of a page, by position."""

    def __init__(self, source: str) -> None:
        """Parses `source`."""
        super().__init__(convert_charrefs=False)
        self._lines = [0, *(found.end() for found in re.finditer("\n", source))]
        self._silent: list[str] = []
        self._open: list[str] = ["body"]
        self._block = 0
        self.runs: list[Run] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens a block, a silence, or neither."""
        if tag in _BLOCK:
            self._block += 1
        if tag in _VOID:
            return
        if tag in _SILENT:
            self._silent.append(tag)
        if tag in _BLOCK:
            names = dict(attrs)
            label = tag + "".join(
                f"{mark}{names[key]}"
                for key, mark in (("id", "#"), ("class", "."))
                if names.get(key)
            )
            self._open.append(label)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself holds nothing; HTML lets only void elements do so."""
        if tag in _VOID or tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Ends a block or a silence."""
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        if tag in _BLOCK:
            self._block += 1
            for place in range(len(self._open) - 1, 0, -1):
                if re.match(rf"{tag}(?![\w-])", self._open[place]):
                    del self._open[place:]
                    break

    def handle_data(self, data: str) -> None:
        """Text as it stands."""
        self._take(data, data)

    def handle_entityref(self, name: str) -> None:
        """A named character."""
        self._take(f"&{name};", html.unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        """A numbered character."""
        self._take(f"&#{name};", html.unescape(f"&#{name};"))

    def _take(self, source: str, text: str) -> None:
        if self._silent or not text:
            return
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        container = " ".join(self._open[-3:])
        self.runs.append(Run(start, start + len(source), text, self._block, container))


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A page, its source as text, and the text of its main content."""

    name: str
    data: bytes
    truth: str

    @property
    def is_news(self) -> bool:
        """Whether it is an article of a site, not a page of a manual."""
        return self.name.startswith(("newspaper4k/", "trafilatura/"))


def visible_text(source: str, spans: Sequence[Sequence[int]]) -> str:
    """Visible text inside spans of the source; blocks are lines."""
    parts: list[str] = []
    last = -1
    for run in VisibleText(source).runs:
        if any(start <= run.start < end for start, end in spans):
            if run.block != last and parts:
                parts.append("\n")
            parts.append(run.text)
            last = run.block
    return "".join(parts)


@cache
def marked_pages() -> Sequence[Marked]:
    """All marked pages that are still what was marked; one that a package changed is left out."""
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    pages = []
    for entry in labels["packages"]:
        package = Package.model_validate(entry["package"])
        wanted = {page["path"]: page for page in entry["pages"]}
        for path, data in _members(package, set(wanted)):
            page = wanted.pop(path)
            if hashlib.sha256(data).hexdigest() != page["sha256"]:
                continue
            source = data.decode(page["encoding"], "replace")
            truth = visible_text(source, page["spans"])
            pages.append(Marked(name=f"{package.name}/{path}", data=data, truth=truth))
    return sorted(pages, key=lambda page: page.name)


def _members(package: Package, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    archive = fetch_archive(package, cache_directory())
    if archive.path.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive.path)]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(data)) as bundle:
            yield from _chosen(bundle, wanted)
    else:
        with tarfile.open(archive.path) as bundle:
            yield from _chosen(bundle, wanted)


def _chosen(bundle: tarfile.TarFile, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    for member in bundle:
        name = member.name.removeprefix("./")
        if name in wanted and member.isreg():
            handle = bundle.extractfile(member)
            assert handle is not None
            yield name, handle.read()


@cache
def manual(language: str) -> tuple[Sequence[bytes], str]:
    """debian-reference in a language: its HTML pages in order, and the same as plain text."""
    package = Package(
        name=f"debian-reference-{language}",
        ecosystem="apt",
        package=f"debian-reference-{language}",
        root="",
        include=("*",),
        licence="GPL-2.0-or-later",
        publish="text",
        language=language[:2],
    )
    folder = "usr/share/debian-reference"
    parts = ("index", "pr01", *(f"ch{number:02d}" for number in range(1, 13)), "apa")
    wanted = [f"{folder}/{part}.{language}.html" for part in parts]
    text = f"{folder}/debian-reference.{language}.txt.gz"
    found = dict(_members(package, {*wanted, text}))
    return [found[path] for path in wanted], gzip.decompress(found[text]).decode()
