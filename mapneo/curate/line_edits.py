"""Edits that take whole lines out: C4's, and the line rules of the Chinese Matrix filter.

The released Chinese filter defines its line rules and never calls them; here they do what their
names say. The list of its bad-word rule is the user's.
"""

import re
from collections.abc import Callable, Iterator

from mapneo.curate.edit_spans import Span
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.c4 import c4_line_table
from mapneo.text.citations import citations_of
from mapneo.text.phrases import HITS, Phrases, count_phrases

_LINE = re.compile(r"[^\n]++\n?|\n")
_JAVASCRIPT = re.compile("javascript", re.IGNORECASE | re.ASCII)
_LOREM_IPSUM = re.compile("lorem ipsum", re.IGNORECASE | re.ASCII)
_CLOSERS = "\"'”’」』）)】》]"
_TERMINALS = ".!?。！？…｡．"
_HAN_RUN_OR_WORD = re.compile(
    r"(?P<han>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    r"|[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
HAN_CHARS_PER_WORD = 2
MIN_LINE_WORDS = 3


def find_c4_lines(text: str) -> Iterator[Span]:
    """All that C4 takes out of a page: lines, their indents, citations.

    Kept lines are joined by one LF. A line with "lorem ipsum" or a curly bracket stays: dropping
    the page is a matter of rules.
    """
    kept, citations = c4_line_table(text)
    cited = iter(citations.tolist())
    citation = next(cited, None)
    done = 0
    for number, (start, end) in enumerate(kept.tolist()):
        while citation and citation[0] < start:
            citation = next(cited, None)
        if number == 0:
            # The page is stripped again at the end, when its first citations are gone.
            while text[start].isspace() or (citation and citation[0] == start):
                if citation and citation[0] == start:
                    start = citation[1]
                    citation = next(cited, None)
                else:
                    start += 1
        yield from _gap(text, done, start, "\n" if number else "")
        while citation and citation[0] < end:
            yield Span(*citation)
            citation = next(cited, None)
        done = end
    yield from _gap(text, done, len(text), "")


def _gap(text: str, start: int, end: int, replacement: str) -> Iterator[Span]:
    if text[start:end] != replacement:
        yield Span(start, end, replacement)


def find_citations(text: str) -> Iterator[Span]:
    """Wikipedia's citation marks."""
    return (Span(start, end) for start, end in citations_of(text))


def find_lines_without_terminal(text: str) -> Iterator[Span]:
    """Lines that end in no mark of a sentence's end; closing quotes and brackets may follow it."""
    return _lines_where(text, lambda line: not line.rstrip(_CLOSERS).endswith(tuple(_TERMINALS)))


def find_javascript_lines(text: str) -> Iterator[Span]:
    """Lines with "javascript" in any case."""
    return _lines_where(text, lambda line: _JAVASCRIPT.search(line) is not None)


def find_lorem_ipsum_lines(text: str) -> Iterator[Span]:
    """Lines with "lorem ipsum" in any case."""
    return _lines_where(text, lambda line: _LOREM_IPSUM.search(line) is not None)


def find_short_lines(text: str) -> Iterator[Span]:
    """Lines of fewer than three words."""
    return _lines_where(text, lambda line: about_words(line) < MIN_LINE_WORDS)


def find_bad_word_lines(text: str, phrases: Phrases) -> Iterator[Span]:
    """Lines with an entry of a list, as whole words of the list's kind."""
    lines = [line for line in (match.group().strip() for match in _LINE.finditer(text)) if line]
    hits = count_phrases(string_view(from_texts(lines)), phrases)[:, HITS]
    bad = {line for line, count in zip(lines, hits.tolist(), strict=True) if count}
    return _lines_where(text, bad.__contains__)


def about_words(line: str) -> int:
    """Words of a line without a dictionary: two ideographs make one, as do letters and digits."""
    words = 0
    for match in _HAN_RUN_OR_WORD.finditer(line):
        chars = len(match["han"] or "")
        words += -(-chars // HAN_CHARS_PER_WORD) if chars else 1
    return words


def _lines_where(text: str, is_removed: Callable[[str], bool]) -> Iterator[Span]:
    """Spans of lines, with their LF, that are to go; blank lines part paragraphs and stay."""
    start = end = 0
    for match in _LINE.finditer(text):
        line = match.group().strip()
        if not line or not is_removed(line):
            continue
        if match.start() > end:
            if end > start:
                yield Span(start, end)
            start = match.start()
        end = match.end()
    if end > start:
        yield Span(start, end)
