"""HTML to text beside resiliparse, trafilatura and datatrove's step, each called as its docs show.

Quality is F1 over 4-grams of words (of characters where a script has no spaces): on pages whose
main content was marked by hand, and on two manuals that packages hold as HTML and as plain text.
Speed is CPU time of one thread from bytes to text, peers in turn.
"""

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from bench.marked import Marked, manual, marked_pages
from bench.paired import in_turn
from mapneo.sources.documents import BrokenFileError, ReadOptions
from mapneo.sources.html import decoded_page, html_document

_TOKEN = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_]+", re.UNICODE
)
_GRAM = 4
_DECLARED = re.compile(r"(?:charset|encoding)=[\"']?[\w-]+[\"']?", re.IGNORECASE)
_TABLES_OR_MATHS = re.compile(
    rb"<table\b|<math\b|math/tex|katex|MathJax|class=.math", re.IGNORECASE
)
Extractor = Callable[[bytes], str]


def mapneo(data: bytes) -> str:
    """Our reader with its defaults."""
    try:
        return html_document(data, ReadOptions()).text
    except BrokenFileError:
        return ""


def resiliparse(data: bytes) -> str:
    """As in resiliparse's manual: detect the encoding, parse, extract the main content."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse_from_bytes(data, detect_encoding(data))
    return str(extract_plain_text(tree, main_content=True))


def resiliparse_formatted(data: bytes) -> str:
    """The same with line breaks kept."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse_from_bytes(data, detect_encoding(data))
    return str(extract_plain_text(tree, main_content=True, preserve_formatting=True))


def trafilatura(data: bytes) -> str:
    """As in trafilatura's manual."""
    from trafilatura import extract

    return extract(data) or ""


@cache
def _datatrove_step() -> Any:
    from datatrove.pipeline.extractors import Trafilatura

    return Trafilatura()


def datatrove(data: bytes) -> str:
    """The Trafilatura step of datatrove, on text decoded as its WARC reader does."""
    text = data.decode("utf-8", "replace")
    return str(_datatrove_step().extract(text) or "")


WAYS: Mapping[str, Extractor] = {
    "mapneo": mapneo,
    "resiliparse": resiliparse,
    "resiliparse, formatted": resiliparse_formatted,
    "trafilatura": trafilatura,
    "datatrove": datatrove,
}


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """4-grams of the text's tokens, with their counts; one shorter gram of a shorter text."""
    tokens = _TOKEN.findall(text.lower())
    last = max(1, len(tokens) - _GRAM + 1)
    return Counter(tuple(tokens[n : n + _GRAM]) for n in range(last))


def scores(found: str, truth: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the shingles."""
    ours, theirs = shingles(found), shingles(truth)
    hits = sum((ours & theirs).values())
    precision, recall = hits / max(1, ours.total()), hits / max(1, theirs.total())
    return precision, recall, 2 * hits / max(1, ours.total() + theirs.total())


def quality(pages: Sequence[Marked]) -> Iterator[dict[str, Any]]:
    """Mean precision, recall and F1 over marked pages, by kind of page."""
    kinds = {
        "marked pages": pages,
        "marked manuals": [page for page in pages if not page.is_news],
        "marked articles": [page for page in pages if page.is_news],
    }
    for way, extract in WAYS.items():
        for what, chosen in kinds.items():
            found = [scores(extract(page.data), page.truth) for page in chosen]
            mean = [statistics.mean(column) for column in zip(*found, strict=True)]
            yield _row(what, way, len(chosen), *mean)


def manuals() -> Iterator[dict[str, Any]]:
    """The same on whole manuals: all pages' text, one after the other, beside the plain text."""
    for language in ("en", "zh-cn"):
        pages, truth = manual(language)
        for way, extract in WAYS.items():
            text = "\n".join(extract(data) for data in pages)
            yield _row(f"debian-reference {language}", way, len(pages), *scores(text, truth))


def _row(
    what: str, way: str, pages: int, precision: float, recall: float, f1: float
) -> dict[str, Any]:
    return {
        "what": what,
        "way": way,
        "pages": pages,
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "value": round(f1, 4),
    }


def speed(pages: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Megabytes of HTML per CPU second, on all pages and on those without tables and maths."""
    simple = [data for data in pages if not _TABLES_OR_MATHS.search(data)]
    for what, chosen in (("all pages", pages), ("no tables, no maths", simple)):
        ways = {
            way: (lambda extract=extract, chosen=chosen: [extract(data) for data in chosen])
            for way, extract in WAYS.items()
        }
        size = sum(map(len, chosen)) / 1e6
        for row in in_turn(ways, rounds=5, work=size, unit="megabytes"):
            yield {"what": what, "pages": len(chosen), **row}


def charsets() -> Iterator[dict[str, Any]]:
    """Manual pages in other encodings, declaring UTF-8 wrongly or nothing: how many are read right.

    resiliparse's detector is called as in its manual, on the bytes.
    """
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    for language, encodings in (
        ("zh-cn", ("gb18030", "gbk", "utf-16", "utf-16-le")),
        ("zh-tw", ("big5", "big5hkscs", "gb18030", "utf-16")),
    ):
        sources = [data.decode() for data in manual(language)[0]]
        for encoding in encodings:
            for says in ("utf-8", ""):
                texts = [
                    _DECLARED.sub(f'charset="{says}"', text) if says else _DECLARED.sub("", text)
                    for text in sources
                ]
                # What the encoding lacks is left out, so that the rest can be compared.
                packed = [text.encode(encoding, "ignore") for text in texts]
                wanted = [data.decode(encoding) for data in packed]
                ours = [_ours_decodes(data) for data in packed]
                theirs = [bytes_to_str(data, detect_encoding(data)) for data in packed]
                yield {
                    "what": "charset",
                    "manual": f"debian-reference {language}",
                    "encoding": encoding,
                    "says": says or "nothing",
                    "pages": len(packed),
                    "mapneo_right": sum(a == b for a, b in zip(ours, wanted, strict=True)),
                    "resiliparse_right": sum(a == b for a, b in zip(theirs, wanted, strict=True)),
                }


def _ours_decodes(data: bytes) -> str:
    try:
        return decoded_page(data, ReadOptions()).text
    except BrokenFileError:
        return ""


def measure() -> list[dict[str, Any]]:
    """Quality on marked pages and manuals, encodings, then speed on the same pages."""
    pages = marked_pages()
    raw = [page.data for page in pages] + list(manual("en")[0])
    return [*quality(pages), *manuals(), *charsets(), *speed(raw)]
