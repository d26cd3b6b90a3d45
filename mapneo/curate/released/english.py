r"""Measures of the released English filter (profile `en`), rule by rule as it computes them.

Many measure something else than their name says; each name's definition in `status.toml` says
what. For comparison only: `matrix-en` measures what was meant.
"""

import math
import re
import string
import unicodedata
from collections.abc import Mapping

from mapneo.curate.released.lists import NO_LISTS, Lists
from mapneo.curate.released.tokens import (
    bullet_line_frac,
    counted_sentences,
    duplicate_ngram_frac,
    ellipsis_runs,
    entropy_nats,
    hash_runs,
    ratio,
    sentences,
    stop_words,
    tokens,
    top_ngram_frac,
    without_punctuation,
)

_NOT_STOP_WORD_TEXT = re.compile(r"[^\w\s'\\]")
_PUNCTUATION = frozenset(string.punctuation)
_SYMBOLS = ("#", "...", "…")


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
        url: not used; the profile's URL rule is switched off.
        annotations: not used; this profile computes everything from the text.
        language_score: likeliest language's probability, newlines deleted, whatever the language.
        lists: bad words, if the user has them.

    Returns:
        Signal → value, NaN = not measured. A value is infinite where the released code divides
        by zero, which drops the document.
    """
    return {
        **_gopher(text),
        "released_en_lang_score": language_score,
        **_lines_and_marks(text),
        **_words(text),
        **sentence_measures(text, "en"),
        **token_measures(text, "en", lists),
        **{f"released_en_top_{n}gram_char_frac": top_ngram_frac(text, n) for n in (2, 3, 4)},
        **{
            f"released_en_dup_{n}gram_char_frac": duplicate_ngram_frac(text, n)
            for n in range(5, 11)
        },
    }


def sentence_measures(text: str, profile: str) -> dict[str, float]:
    """Punkt sentences, and how many end in exactly "read more" without an inner newline."""
    found = sentences(text)
    more = sum("\n" not in s and s.lower().endswith("read more") for s in found)
    return {
        f"released_{profile}_sentence_count_sentences": len(found),
        f"released_{profile}_read_more_sentence_frac": ratio(more, len(found)),
    }


def token_measures(text: str, profile: str, lists: Lists) -> dict[str, float]:
    """Punctuation, and kinds of NLTK tokens per *character* that is no punctuation, as released."""
    found = tokens(text)
    chars = len(without_punctuation(text))
    bad = math.nan
    if lists.bad_words is not None:
        bad = sum(token in lists.bad_words for token in found)
    return {
        f"released_{profile}_punctuation_chars": sum(char in _PUNCTUATION for char in text),
        f"released_{profile}_non_alpha_token_ratio_per_char": _or_drop(
            sum(not token.isalpha() for token in found), chars
        ),
        f"released_{profile}_digit_token_ratio_per_char": _or_drop(
            sum(token.isdigit() for token in found), chars
        ),
        f"released_{profile}_bad_word_tokens": bad,
    }


def _gopher(text: str) -> dict[str, float]:
    found = tokens(unicodedata.normalize("NFKC", text))
    words = text.split()
    distinct = set(_NOT_STOP_WORD_TEXT.sub("", text).lower().split()) & stop_words()
    no_letter = sum(not any(char.isalpha() for char in word) for word in words)
    symbols = sum(text.count(symbol) for symbol in _SYMBOLS)
    return {
        "released_en_nonempty_chars": len(text),
        # Without a token the released code fails, which drops the document: 0 fails the rule.
        "released_en_mean_word_length_chars": sum(map(len, found)) / max(len(found), 1),
        "released_en_ellipsis_density_per_char": ratio(ellipsis_runs(text), len(text)),
        "released_en_bullet_line_frac": bullet_line_frac(text),
        "released_en_no_alpha_word_density_per_char": ratio(no_letter, len(text)),
        "released_en_stop_word_distinct_words": len(distinct),
        "released_en_symbol_word_ratio_per_token": ratio(symbols, len(found)),
        "released_en_word_count_tokens": len(found),
    }


def _lines_and_marks(text: str) -> dict[str, float]:
    normal = unicodedata.normalize("NFKC", text)
    packed = text.strip().translate(dict.fromkeys(map(ord, " \n\t")))
    return {
        "released_en_nonspace_chars": len(packed),
        "released_en_line_count_lines": len(text.split("\n")),
        "released_en_curly_bracket_ratio_per_char": ratio(
            text.count("{") + text.count("}"), len(text)
        ),
        "released_en_lorem_ipsum_ratio_per_char": ratio(
            normal.lower().count("lorem ipsum"), len(normal)
        ),
        "released_en_counted_sentences": counted_sentences(normal),
        "released_en_hash_run_density_per_char": ratio(hash_runs(text), len(text)),
    }


def _words(text: str) -> dict[str, float]:
    words = text.split()
    shouted = sum(word.isalpha() and word.isupper() for word in words)
    return {
        "released_en_all_caps_word_frac": ratio(shouted, len(words)),
        "released_en_unique_word_frac": ratio(len(set(words)), len(words)),
        "released_en_unigram_entropy_nats": entropy_nats(words),
    }


def _or_drop(numerator: int, denominator: int) -> float:
    """Their quotient; infinite over 0, where the released code fails and drops the document."""
    return numerator / denominator if denominator else math.inf
