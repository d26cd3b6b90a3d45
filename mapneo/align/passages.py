"""What a document offers to ask about: passages, sentences, a definition, articles, FAQ entries.

All rules are general ones over lines and sentence marks; a document that offers nothing gives
nothing.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

_HAN = re.compile("[\u3400-\u9fff]+")
_LETTER = re.compile(r"[^\W\d_]+")
_MARKUP = re.compile(r"^\s*([#>|*=~`+\-:.<{\[\\/]|\d+[.)]|•)|[|{}<>\\`]|::|--|==|__")
_SENTENCE = {
    "en": re.compile(r"[A-Z][A-Za-z',\- ]{15,120}[.!?]"),
    "zh": re.compile("[\u3400-\u9fff]{5,24}(?=[，。；！？])"),
}
_SENTENCE_END = {"en": re.compile(r"(?<=[.!?]\s)"), "zh": re.compile("(?<=[。；！？])")}
_ARTICLE = re.compile(
    r"^(第[一二三四五六七八九十百千零〇]+条(?:之[一二三四五六七八九十]+)?)[\u3000 ](.+)$"
)
_TITLE_TAIL = re.compile(r"\s+[—|–]\s.*$|\s-\s.*$")
_QUESTION = re.compile(r"^[#=•\s]*(?:\d+[.、\d]*\s*)?(?:[QＱ问][:：.]\s*)?(\w.{7,120}?[?？])\s*$")
_ANSWER = re.compile(r"^[AＡ答][:：]\s*")

_STOP = re.compile(r"[.!?](?=\s|$)|[。！？]|$")

MAX_TITLE_CHARS = 40


def prose_lines(text: str, language: str) -> list[str]:
    """Lines that look like running text of the language, stripped; a gap is an empty string."""
    lines = [line.strip() for line in text.splitlines()]
    return [line if is_prose(line, language) else "" for line in lines]


def is_prose(line: str, language: str) -> bool:
    """Whether a stripped line looks like running text: no list, table, code or heading."""
    if len(line) < (10 if language == "zh" else 30) or _MARKUP.search(line):
        return False
    runs = (_HAN if language == "zh" else _LETTER).findall(line)
    return sum(map(len, runs)) >= 0.6 * len(line)


def passages(lines: Sequence[str], language: str, max_bytes: int) -> Iterator[str]:
    """Runs of neighbouring prose of a quarter of `max_bytes` to `max_bytes` UTF-8 bytes.

    A line that is too long is cut at the ends of its sentences.
    """
    run: list[str] = []
    size = 0
    for piece in _pieces(lines, language, max_bytes):
        length = len(piece.encode())
        if not piece or size + length > max_bytes:
            if size >= max_bytes // 4:
                yield "".join(run).strip()
            run, size = [], 0
        if piece and length <= max_bytes:
            run.append(piece)
            size += length
    if size >= max_bytes // 4:
        yield "".join(run).strip()


def _pieces(lines: Sequence[str], language: str, max_bytes: int) -> Iterator[str]:
    for line in lines:
        if len(line.encode()) <= max_bytes:
            yield f"{line}\n" if line else ""
        else:
            yield from _SENTENCE_END[language].split(line)


def sentences(lines: Sequence[str], language: str) -> list[str]:
    """Short plain sentences (Chinese: clauses of Han characters only)."""
    return [found for line in lines for found in _SENTENCE[language].findall(line)]


def words(sentence: str, language: str) -> list[str]:
    """Words of an English sentence without its marks; characters of a Chinese one."""
    if language == "zh":
        return list(sentence)
    return re.findall(r"[A-Za-z'\-]+", sentence)


def title(document: dict[str, Any]) -> str | None:
    """Short title of a document: from its metadata, else its first line."""
    text: str = document["text"]
    stated = json.loads(document["meta"]).get("title")
    first = next((line for line in text.splitlines() if line.strip(" =#-*~\t")), "")
    name = _TITLE_TAIL.sub("", str(stated or first)).strip(" #=\t")
    if not 2 <= len(name) <= MAX_TITLE_CHARS or _MARKUP.search(name):
        return None
    return name


def definition(
    document: dict[str, Any], lines: Sequence[str], max_bytes: int
) -> tuple[str, str] | None:
    """Title, and the first line of prose after it, cut at a sentence's end."""
    name = title(document)
    if name is None:
        return None
    place = next((n for n, line in enumerate(lines[1:12], 1) if line and line != name), None)
    if place is None:
        return None
    shortened = first_sentences(_paragraph(lines, place, document["language"]), max_bytes)
    return None if shortened is None else (name, shortened)


def articles(text: str, max_bytes: int) -> Iterator[tuple[str, str, str]]:
    """Law, number and text of each article of a Chinese statute whose first line is its name."""
    lines = text.splitlines()
    law = lines[0].strip() if lines else ""
    if not 2 <= len(law) <= MAX_TITLE_CHARS:
        return
    for line in lines[1:]:
        if (found := _ARTICLE.match(line)) and len(found[2].encode()) <= max_bytes:
            yield f"《{law}》", found[1], found[2].strip()


def questions(
    text: str, lines: Sequence[str], language: str, max_bytes: int
) -> Iterator[tuple[str, str]]:
    """Headings that ask, each with the first prose below it."""
    asked: str | None = None
    for place, line in enumerate(text.splitlines()):
        if (line.rstrip().endswith(("?", "？"))) and (found := _QUESTION.match(line)):
            asked = found[1]
        elif asked and lines[place]:
            answer = first_sentences(_paragraph(lines, place, language), max_bytes)
            if answer is not None:
                yield asked, answer
            asked = None


def _paragraph(lines: Sequence[str], place: int, language: str) -> str:
    """Prose from line `place` to the next gap, hard line breaks undone."""
    run = list(takewhile(bool, lines[place : place + 8]))
    return _ANSWER.sub("", ("" if language == "zh" else " ").join(run))


def first_sentences(text: str, max_bytes: int) -> str | None:
    """As many whole sentences from the start as fit, or None if the first does not."""
    end = size = 0
    for found in _STOP.finditer(text):
        size += len(text[end : found.end()].encode())
        if size > max_bytes:
            break
        end = found.end()
    return text[:end].strip() or None
