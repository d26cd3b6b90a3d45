r"""Measures of the released Chinese filter (profile `zh`), rule by rule as it computes them.

The text is first changed by four edits (`curate.released_edits`), then most rules see its NFKC
form. No repetition rule is in force as released, so none is measured here.
"""

import math
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from mapneo.core.errors import MapNeoError
from mapneo.curate.released.lists import NO_LISTS, Lists
from mapneo.curate.released.tokens import (
    all_lines,
    bullet_line_frac,
    ellipsis_runs,
    entropy_nats,
    hash_runs,
    ratio,
    without_punctuation,
)
from mapneo.curate.released_edits import released_text

_SENTENCE_END = re.compile(r"[.!…?;\"]+")
_READ_MORE = ("readmore", "展开", "更多", "。。。")
_PUNCTUATION = frozenset(string.punctuation + "…")


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
        text: the document as it was, before the edits.
        url: its address, an empty string if it has none; None means the record has no such field,
            which drops it as soon as there is a list to look the address up in.
        annotations: not used; this profile computes everything from the text.
        language_score: likeliest language's probability for the *edited* text, newlines deleted.
        lists: UT1 URLs, if the user has them.

    Returns:
        Signal → value, NaN = not measured.
    """
    changed = released_text(text)
    normal = unicodedata.normalize("NFKC", changed)
    plain = without_punctuation(normal)
    original = unicodedata.normalize("NFKC", text)
    chars = len(normal)
    lines = all_lines(normal)
    pieces = [piece for piece in _SENTENCE_END.split(changed) if piece.strip()]
    more = sum(line.endswith(_READ_MORE) for line in lines)
    return {
        "released_zh_bracket_char_frac": ratio(_bracketed_chars(original), len(original)),
        "released_zh_url_blacklist_hits": _url_hits(url, lists),
        "released_zh_sentence_count_sentences": len(pieces),
        "released_zh_char_count_chars": chars,
        "released_zh_mean_word_length_chars": _mean_word_length(plain),
        "released_zh_hash_run_density_per_char": ratio(hash_runs(normal), chars),
        "released_zh_ellipsis_density_per_char": ratio(ellipsis_runs(normal), chars),
        "released_zh_digit_char_frac": ratio(sum(c.isdigit() for c in plain), len(plain)),
        "released_zh_read_more_line_frac": ratio(more, len(lines)),
        "released_zh_bullet_line_frac": bullet_line_frac(normal),
        "released_zh_punctuation_per_char": ratio(sum(c in _PUNCTUATION for c in normal), chars),
        "released_zh_unique_char_frac": ratio(len(set(normal)), chars),
        "released_zh_unigram_entropy_nats": entropy_nats(normal),
        "released_zh_lang_score": language_score,
    }


def _bracketed_chars(text: str) -> int:
    """Characters between `【` and the next `】` of the same line, the marks excluded."""
    total = 0
    start = text.find("【")
    while start >= 0:
        end = text.find("】", start)
        if end < 0:
            break
        newline = text.find("\n", start, end)
        if newline < 0:
            total += end - start - 1
        start = text.find("【", end if newline < 0 else newline)
    return total


def _url_hits(url: str | None, lists: Lists) -> float:
    if lists.url_prefixes is None:
        return math.nan
    return float(url is None or lists.has_url(url))


def _mean_word_length(plain: str) -> float:
    # Without a word the released code fails, which drops the document: 0 fails the rule.
    words = [word for word in _cut()(plain) if word.strip()]
    return sum(map(len, words)) / max(len(words), 1)


@cache
def _cut() -> Callable[[str], Iterable[str]]:
    """Accurate mode of jieba with its hidden Markov model on."""
    try:
        import jieba
    except ImportError as error:
        raise MapNeoError(
            "matrix-released-zh counts jieba words: install it with `pip install "
            "'mapneo[released]'`"
        ) from error
    jieba.setLogLevel("WARNING")  # it announces its dictionary on standard error
    cut: Callable[[str], Iterable[str]] = jieba.cut
    return cut
