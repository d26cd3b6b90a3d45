r"""Measures of the released filter for RedPajama-V2 (profile `rp`): its signals, as annotated.

Where a document carries no annotations, those that need nothing but the text are computed after
RedPajama-V2's public description: *raw words* are NLTK's WordPunct tokens; *normalised* text has
its ASCII punctuation deleted, is lower-cased, white space collapsed, NFD. Perplexity, bucket,
importance, reference score and URL category need models or lists: without annotation they are not
measured. (The released code drops a document that lacks a signal.)
"""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from mapneo.curate.annotations import BULLETS_KEY
from mapneo.curate.released.english import sentence_measures, token_measures
from mapneo.curate.released.lists import NO_LISTS, Lists
from mapneo.curate.released.tokens import (
    counted_sentences,
    entropy_nats,
    ratio,
    stop_words,
    tokens,
)
from mapneo.text.unicode import BULLETS

CATEGORY_SIGNAL = "rps_doc_ut1_blacklist"
"""Annotated as null where the domain is in no list, which means clean."""

_BULLETS = tuple(BULLETS[:10])
_DROP_PUNCTUATION = str.maketrans("", "", string.punctuation)
_RAW_WORD = re.compile(r"\w+|[^\w\s]+")  # NLTK's WordPunctTokenizer
_ASCII_LETTER = re.compile(r"[A-Za-z]")
_ELLIPSIS_GROUPS = re.compile(r"(?:\.\.\.|…)+")
_MANY = 2

_ANNOTATED = {
    "released_rp_ccnet_bucket": "ccnet_bucket",
    "released_rp_perplexity": "ccnet_perplexity",
    "released_rp_books_importance": "rps_doc_books_importance",
    "released_rp_openwebtext_importance": "rps_doc_openwebtext_importance",
    "released_rp_wikiref_score": "rps_doc_ml_wikiref_score",
    "released_rp_url_category": CATEGORY_SIGNAL,
}


class _Text:
    """A text as RedPajama-V2 sees it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def raw_words(self) -> list[str]:
        return _RAW_WORD.findall(self.text)

    @cached_property
    def normal(self) -> str:
        plain = self.text.translate(_DROP_PUNCTUATION).lower()
        return unicodedata.normalize("NFD", " ".join(plain.split()))

    @cached_property
    def words(self) -> list[str]:
        return self.normal.split()

    @cached_property
    def lines(self) -> list[str]:
        found = self.text.split("\n")
        return found if found[-1] else found[:-1]

    def raw_frac(self, holds: Callable[[str], bool]) -> float:
        return ratio(sum(map(holds, self.raw_words)), len(self.raw_words))

    def top_ngram_frac(self, size: int) -> float:
        counts = Counter(_ngrams(self.words, size)).most_common(1)
        if not counts or counts[0][1] < _MANY:
            return 0.0
        ngram, count = counts[0]
        return sum(map(len, ngram)) * count / sum(map(len, self.words))

    def duplicate_ngram_frac(self, size: int) -> float:
        ngrams = _ngrams(self.words, size)
        counts = Counter(ngrams)
        covered = bytearray(len(self.words))
        for start, ngram in enumerate(ngrams):
            if counts[ngram] >= _MANY:
                covered[start : start + size] = b"\x01" * size
        chars = sum(len(word) for word, hit in zip(self.words, covered, strict=True) if hit)
        return chars / max(sum(map(len, self.words)), 1)


def measures(
    text: str,
    *,
    url: str | None,
    annotations: Mapping[str, float],
    language_score: float,
    lists: Lists = NO_LISTS,
) -> dict[str, float]:
    """All measures of the profile.

    Args:
        text: the document.
        url: not used; the URL rule reads the annotated category.
        annotations: RedPajama-V2 signals by name, see `BULLETS_KEY` and `CATEGORY_SIGNAL`.
        language_score: stands in where `ccnet_language_score` is not annotated.
        lists: bad words, if the user has them.

    Returns:
        Signal → value, NaN = not measured.
    """
    seen = _Text(text)
    known = annotations.get
    words = known("rps_doc_word_count", len(seen.words))
    lines = known("ccnet_nlines", len(seen.lines))
    bullets = known(BULLETS_KEY, sum(line.lstrip().startswith(_BULLETS) for line in seen.lines))
    values = {signal: known(name, math.nan) for signal, name in _ANNOTATED.items()}
    for signal, (name, compute) in _COMPUTED.items():
        values[signal] = annotations[name] if name in annotations else compute(seen)
    stops = len(set(tokens(text.lower())) & stop_words())
    sentence = sentence_measures(text, "rp")
    if sentence["released_rp_sentence_count_sentences"] == 0:
        # The rule drops at exactly 1, so no sentence at all is neither here nor there.
        sentence["released_rp_sentence_count_sentences"] = math.nan
    return {
        **values,
        "released_rp_word_count_words": words,
        "released_rp_line_count_lines": lines,
        "released_rp_bullet_line_frac": ratio(bullets, lines),
        "released_rp_lang_score": known("ccnet_language_score", language_score),
        "released_rp_stop_word_distinct_words": min(stops, _MANY),
        "released_rp_ellipsis_density_per_word": ratio(_lone_ellipses(text), words),
        **sentence,
        **token_measures(text, "rp", lists),
    }


def _lone_ellipses(text: str) -> float:
    """`……` and `…` counted, minus a third of the last group's characters of each run.

    Means nothing: three dots count −1, `…` counts 2/3, `……` counts 2 2/3.
    """
    last_groups = ("…" if run[-1] == "…" else "..." for run in _ELLIPSIS_GROUPS.findall(text))
    return text.count("……") + text.count("…") - sum(len(group) / 3 for group in last_groups)


def _ngrams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]


def _ellipsis_line_frac(seen: _Text) -> float:
    ends = sum(line.rstrip().endswith(("...", "…")) for line in seen.lines)
    return ratio(ends, len(seen.lines))


def _symbol_ratio(seen: _Text) -> float:
    symbols = sum(seen.text.count(symbol) for symbol in ("#", "...", "…"))
    return ratio(symbols, len(seen.raw_words))


def _top(size: int) -> Callable[[_Text], float]:
    return lambda seen: seen.top_ngram_frac(size)


def _duplicate(size: int) -> Callable[[_Text], float]:
    return lambda seen: seen.duplicate_ngram_frac(size)


_COMPUTED: dict[str, tuple[str, Callable[[_Text], float]]] = {
    "released_rp_mean_word_length_chars": (
        "rps_doc_mean_word_length",
        lambda seen: ratio(sum(map(len, seen.words)), len(seen.words)),
    ),
    "released_rp_ellipsis_line_frac": ("rps_doc_frac_lines_end_with_ellipsis", _ellipsis_line_frac),
    "released_rp_no_alpha_word_frac": (
        "rps_doc_frac_no_alph_words",
        lambda seen: seen.raw_frac(lambda word: _ASCII_LETTER.search(word) is None),
    ),
    "released_rp_stop_word_frac": (
        "rps_doc_stop_word_fraction",
        lambda seen: seen.raw_frac(stop_words().__contains__),
    ),
    "released_rp_symbol_word_ratio_per_word": ("rps_doc_symbol_to_word_ratio", _symbol_ratio),
    "released_rp_char_count_chars": ("ccnet_length", lambda seen: len(seen.text)),
    "released_rp_curly_bracket_ratio_per_char": (
        "rps_doc_curly_bracket",
        lambda seen: ratio(seen.text.count("{") + seen.text.count("}"), len(seen.text)),
    ),
    "released_rp_lorem_ipsum_ratio_per_char": (
        "rps_doc_lorem_ipsum",
        lambda seen: ratio(seen.normal.count("lorem ipsum"), len(seen.normal)),
    ),
    "released_rp_counted_sentences": (
        "rps_doc_num_sentences",
        lambda seen: counted_sentences(seen.text),
    ),
    "released_rp_all_caps_word_frac": (
        "rps_doc_frac_all_caps_words",
        lambda seen: seen.raw_frac(str.isupper),
    ),
    "released_rp_unique_word_frac": (
        "rps_doc_frac_unique_words",
        lambda seen: ratio(len(set(seen.words)), len(seen.words)),
    ),
    "released_rp_unigram_entropy_nats": (
        "rps_doc_unigram_entropy",
        lambda seen: entropy_nats(seen.words),
    ),
    **{
        f"released_rp_top_{n}gram_char_frac": (f"rps_doc_frac_chars_top_{n}gram", _top(n))
        for n in (2, 3, 4)
    },
    **{
        f"released_rp_dup_{n}gram_char_frac": (f"rps_doc_frac_chars_dupe_{n}grams", _duplicate(n))
        for n in range(5, 11)
    },
}
