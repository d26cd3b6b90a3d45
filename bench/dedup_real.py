"""Near-duplicates in real manuals: three guides that differ by architecture, two releases of one.

Packages come from Debian by mapneo's own fetch code and stay in its cache. Each page is one
document, read by mapneo's HTML reader, and beside it by resiliparse's plain main-content call. The
figures to meet were measured before this code was written, with other code, on pages of at least
200 characters: MinHash of 128 values in 16 bands of 8, Jaccard >= 0.7, shingles of 5 words (in
Chinese sets of 6 characters).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text

from mapneo.core.cache import cache_directory
from mapneo.curate import dedup
from mapneo.curate.minhash_setting import MinHashSetting
from mapneo.sources.decode import decode
from mapneo.sources.documents import BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.fetch import fetch_source
from mapneo.sources.html import read_html
from mapneo.sources.package import Package

MIN_CHARS = 200
MIN_SIMILARITY = 0.7
WITHIN_POINTS = 3.0
WORDS = MinHashSetting(unit="words", width=5, permutations=128, bands=16, rows=8)
CHARACTERS = MinHashSetting(unit="characters", width=6, permutations=128, bands=16, rows=8)

_HELP = "usr/share/libreoffice/help"


@dataclass(frozen=True)
class RealSet:
    """Packages that are one set, how they are shingled, and the figures to meet (percent)."""

    name: str
    folders: dict[str, str]
    setting: MinHashSetting
    documents: int
    exact: float
    near: float


SETS = (
    RealSet(
        "installation-guide amd64 + arm64 + i386",
        {
            f"installation-guide-{port}": f"usr/share/doc/installation-guide-{port}"
            for port in ("amd64", "arm64", "i386")
        },
        WORDS, 4696, 40.3, 60.5,
    ),
    RealSet(
        "llvm-16-doc + llvm-19-doc",
        {f"llvm-{n}-doc": f"usr/share/doc/llvm-{n}-doc" for n in (16, 19)},
        WORDS, 874, 45.9, 62.5,
    ),
    RealSet(
        "libreoffice-help en-us + en-gb",
        {
            "libreoffice-help-en-us": f"{_HELP}/en-US",
            "libreoffice-help-en-gb": f"{_HELP}/en-GB",
        },
        WORDS, 4584, 16.8, 45.6,
    ),
    RealSet(
        "linux-doc-6.1",
        {"linux-doc-6.1": "usr/share/doc/linux-doc-6.1/html"},
        WORDS, 2920, 0.0, 1.0,
    ),
    RealSet(
        "apache2-doc",
        {"apache2-doc": "usr/share/doc/apache2-doc/manual"},
        WORDS, 825, 0.0, 0.8,
    ),
    RealSet(
        "rapidjson-doc", {"rapidjson-doc": "usr/share/doc/rapidjson-doc"},
        WORDS, 318, 7.2, 16.4,
    ),
    RealSet(
        "debian-handbook", {"debian-handbook": "usr/share/doc/debian-handbook/html"},
        WORDS, 3302, 15.7, 45.6,
    ),
    RealSet(
        "gimp-help-en + gimp-help-zh-cn",
        {
            "gimp-help-en": "usr/share/gimp/2.0/help/en",
            "gimp-help-zh-cn": "usr/share/gimp/2.0/help/zh_CN",
        },
        WORDS, 1362, 5.4, 42.2,
    ),
    RealSet(
        "libreoffice-help zh-cn + zh-tw",
        {
            "libreoffice-help-zh-cn": f"{_HELP}/zh-CN",
            "libreoffice-help-zh-tw": f"{_HELP}/zh-TW",
        },
        CHARACTERS, 3864, 2.2, 10.2,
    ),
)  # fmt: skip


def pages(name: str, root: str) -> tuple[str, list[Path]]:
    """Version of a Debian package and its HTML pages below a folder, in order of path."""
    package = Package(
        name=name,
        ecosystem="apt",
        package=name,
        root=root,
        include=("*.html", "*.html.gz"),
        licence="see the package",
        publish="never",
        language="any",
    )
    unpacked = fetch_source(package, cache_directory(None))
    return unpacked.version, [unpacked.folder / file.path for file in unpacked.files]


def by_our_reader(path: Path) -> str:
    """Text of a page as the stage extract has it; empty if it has none."""
    options = ReadOptions()
    try:
        read = list(read_html(RawFile(path=path, relative=path.name), options))
    except BrokenFileError:
        return ""
    return "".join(item.text for item in read if isinstance(item, Extracted))


def by_resiliparse(path: Path) -> str:
    """Main content as resiliparse's one call gives it."""
    options = ReadOptions()
    try:
        page = decode(path.read_bytes()[: options.max_document_bytes], 1.0)
    except BrokenFileError:
        return ""
    return str(extract_plain_text(page.text, main_content=True))


OURS = "mapneo's reader"
READERS: dict[str, Callable[[Path], str]] = {
    OURS: by_our_reader,
    "resiliparse alone": by_resiliparse,
}


def _percent(part: float, whole: int) -> float:
    return round(100 * part / max(whole, 1), 1)


def row_of(each: RealSet, files: list[Path], reader: str) -> dict[str, Any]:
    """Shares of a set that are exact copies and near ones, and how far off the figures they are."""
    texts = [text for text in map(READERS[reader], files) if len(text) >= MIN_CHARS]
    digests = Counter(hashlib.md5(text.encode()).digest() for text in texts)
    ids = [f"{number:06d}" for number in range(len(texts))]
    found = dedup(
        pa.table({"doc_id": ids, "text": texts}),
        minhash=each.setting,
        min_similarity=MIN_SIMILARITY,
    )
    clusters = Counter(found["cluster_id"].to_pylist())
    near = _percent(found.num_rows - len(clusters), len(texts))
    return {
        "set": each.name,
        "read_by": reader,
        "pages": len(files),
        "documents": len(texts),
        "exact_percent": _percent(len(texts) - len(digests), len(texts)),
        "near_percent": near,
        "largest_cluster": max(clusters.values(), default=1),
        "figure_documents": each.documents,
        "figure_exact_percent": each.exact,
        "figure_near_percent": each.near,
    }


def measure() -> Iterator[dict[str, Any]]:
    """A row per set and reader, with the packages' versions; only our reader's can fail."""
    for each in SETS:
        versions, files = {}, []
        for name, root in each.folders.items():
            versions[name], found = pages(name, root)
            files += found
        for reader in READERS:
            row = row_of(each, files, reader)
            if reader == OURS:
                exact = abs(row["exact_percent"] - each.exact) <= WITHIN_POINTS
                row["passed"] = exact and abs(row["near_percent"] - each.near) <= WITHIN_POINTS
            yield {**row, "versions": versions}
