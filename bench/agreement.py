"""Are our numbers and verdicts those of datatrove 0.10.1, given the same words and sentences?

datatrove's own functions run on the words of our splitters (white-space words for English, jieba's
for Chinese), in place of its own tokenizers, which are another question.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import (
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters import gopher_repetition_filter as repetition
from datatrove.utils import text as datatrove_text

from bench.agreement_c4 import compare_c4
from bench.chinese import chinese_documents
from bench.texts import RUN, documents
from mapneo.curate.edits import edit_text
from mapneo.curate.measure import signals_table
from mapneo.curate.rules import Bounds, Ruleset, load_ruleset
from mapneo.curate.verdicts import judge_signals
from mapneo.text.segment import cut

MOST_DOCUMENTS = 6000

Words = Callable[[str], list[str]]

SPLITTERS: dict[str, tuple[str, Words]] = {
    "en": ("space", str.split),
    "zh": ("dictionary", lambda text: [word for word in cut(text) if not word.isspace()]),
}

REASONS = {
    ("gopher_dup_paragraph_frac", "max"): "dup_para_frac",
    ("gopher_dup_paragraph_char_frac", "max"): "dup_para_char_frac",
    ("gopher_dup_line_frac", "max"): "dup_line_frac",
    ("gopher_dup_line_char_frac", "max"): "dup_line_char_frac",
    **{(f"gopher_top_{n}gram", "max"): f"top_{n}_gram" for n in (2, 3, 4)},
    **{(f"gopher_dup_{n}gram", "max"): f"duplicated_{n}_n_grams" for n in range(5, 11)},
    ("gopher_word_count", "min"): "gopher_short_doc",
    ("gopher_word_count", "max"): "gopher_long_doc",
    ("gopher_mean_word_length", "min"): "gopher_below_avg_threshold",
    ("gopher_mean_word_length", "max"): "gopher_above_avg_threshold",
    ("gopher_hashes", "max"): "gopher_too_many_hashes",
    ("gopher_ellipses", "max"): "gopher_too_many_ellipsis",
    ("gopher_bullet_lines", "max"): "gopher_too_many_bullets",
    ("gopher_ellipsis_lines", "max"): "gopher_too_many_end_ellipsis",
    ("gopher_letter_words", "min"): "gopher_below_alpha_threshold",
    ("gopher_stop_words", "min"): "gopher_enough_stop_words",
    ("fineweb_line_punctuation", "min"): "line_punct_ratio",
    ("fineweb_short_lines", "max"): "short_line_ratio",
    ("fineweb_char_duplicates", "max"): "char_dup_ratio",
    ("fineweb_new_lines", "max"): "list_ratio",
}
"""Our rule and side → datatrove's reason."""


def with_words(words: Words) -> None:
    """Let datatrove's filters split texts by `words`."""
    for module in ("gopher_quality_filter", "gopher_repetition_filter", "fineweb_quality_filter"):
        loaded = __import__(f"datatrove.pipeline.filters.{module}", fromlist=["split_into_words"])
        loaded.split_into_words = lambda text, _language: words(text)


def rulesets(language: str) -> dict[str, tuple[Ruleset, Any]]:
    """Our rules and datatrove's filter, by name; Chinese has no English stop words."""
    ending = "" if language == "en" else f"-{language}"
    gopher, fineweb = load_ruleset(f"gopher{ending}"), load_ruleset(f"fineweb{ending}")
    # datatrove has one set of bounds for all languages.
    bounds = {rule.id: Bounds(min=rule.min, max=rule.max) for rule in load_ruleset("gopher").rules}
    same = tuple(rule.with_bounds(bounds[rule.id]) for rule in gopher.rules)
    gopher = gopher.model_copy(update={"rules": same})
    cut_at = next(n for n, rule in enumerate(gopher.rules) if rule.id == "gopher_word_count")
    min_stop_words = 2 if language == "en" else None
    return {
        "gopher repetition": (
            gopher.model_copy(update={"rules": gopher.rules[:cut_at]}),
            GopherRepetitionFilter(),
        ),
        "gopher quality": (
            gopher.model_copy(update={"rules": gopher.rules[cut_at:]}),
            GopherQualityFilter(min_stop_words=min_stop_words),
        ),
        "fineweb": (fineweb, FineWebQualityFilter()),
    }


def documents_of(texts: Sequence[str], language: str) -> pa.Table:
    """The columns that `signals_table` reads."""
    return pa.table(
        {
            "doc_id": [f"{language}/{n}" for n in range(len(texts))],
            "source": ["proof"] * len(texts),
            "category": ["web"] * len(texts),
            "language": [language] * len(texts),
            "language_score": pa.array([1.0] * len(texts), pa.float32()),
            "text": pa.array(texts, pa.large_string()),
        }
    )


def compare(texts: Sequence[str], language: str) -> list[dict[str, Any]]:
    """One row a filter: documents, and how many differ in verdict, first reason, or a statistic."""
    splitter, words = SPLITTERS[language]
    with_words(words)
    sets = rulesets(language)
    wanted = sorted({what for ruleset, _ in sets.values() for what in ruleset.measurements()})
    signals, _ = signals_table(documents_of(texts, language), tuple(wanted))
    rows = []
    for name, (ruleset, theirs) in sets.items():
        verdicts = judge_signals(signals, [ruleset]).to_pylist()
        differs: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for text, verdict in zip(texts, verdicts, strict=True):
            found = theirs.filter(Document(text=text, id=verdict["doc_id"]))
            reason = None if found is True else found[1]
            ours = REASONS.get((verdict["rule"], verdict["side"]))
            reasons[reason or "kept"] += 1
            differs["verdict"] += (reason is None) != (ours is None)
            differs["first reason"] += reason != ours
            if reason != ours:
                differs["explained"] += ours == _with_words_apart(theirs, text)
        rows.append(
            {
                "language": language,
                "filter": name,
                "words": splitter,
                "documents": len(texts),
                "dropped": len(texts) - reasons["kept"],
                "reasons_seen": len(reasons) - (reasons["kept"] > 0),
                "verdicts_that_differ": differs["verdict"],
                "first_reasons_that_differ": differs["first reason"],
                "of_those_by_joined_keys": differs["explained"],
            }
        )
    return [*rows, *compare_statistics(texts, language, signals)]


def compare_statistics(
    texts: Sequence[str], language: str, signals: pa.Table
) -> list[dict[str, Any]]:
    """One row a group of raw statistics: how many values differ, and how many of those why.

    Explained is what differs because datatrove joins the words of an n-gram without a separator.
    """
    splitter, words = SPLITTERS[language]
    copies: Counter[str] = Counter()
    tops: Counter[str] = Counter()
    duplicates: Counter[str] = Counter()
    for number, text in enumerate(texts):
        found = words(text)
        for ours, value in passage_statistics(text).items():
            copies["compared"] += 1
            copies["differ"] += signals[ours][number].as_py() != value
        for n in (2, 3, 4):
            grams = repetition.get_n_grams(found, n)
            value = repetition.find_top_duplicate(grams) / len(text) if grams else 0.0
            ours = f"spaced_top_{n}gram_chars_per_char@keep+{splitter}"
            tops["compared"] += 1
            tops["differ"] += signals[ours][number].as_py() != value
        for n in range(5, 11):
            value = repetition.find_all_duplicate(found, n) / len(text)
            got = signals[f"greedy_dup_{n}gram_chars_per_char@keep+{splitter}"][number].as_py()
            duplicates["compared"] += 1
            if got != value:
                duplicates["differ"] += 1
                duplicates["explained"] += got == sum(_greedy(found, n)) / len(text)
    groups = {"lines, paragraphs": copies, "top n-grams": tops, "duplicate n-grams": duplicates}
    return [
        {
            "language": language,
            "filter": f"statistics: {name}",
            "words": splitter,
            "documents": len(texts),
            "values_compared": counts["compared"],
            "values_that_differ": counts["differ"],
            "of_those_by_joined_keys": counts["explained"],
        }
        for name, counts in groups.items()
    ]


def _with_words_apart(theirs: Any, text: str) -> str | None:
    """The filter's reason if its n-gram keys kept the words apart."""
    shipped = repetition.find_all_duplicate
    repetition.find_all_duplicate = lambda words, n: sum(_greedy(words, n))
    try:
        found = theirs.filter(Document(text=text, id=""))
    finally:
        repetition.find_all_duplicate = shipped
    return None if found is True else str(found[1])


def _greedy(words: Sequence[str], n: int) -> list[int]:
    """Characters of n-grams met before, their words kept apart: the definition, spelled out."""
    met: set[tuple[str, ...]] = set()
    chars, position = [], 0
    while position + n <= len(words):
        gram = tuple(words[position : position + n])
        if gram in met:
            chars.append(sum(map(len, gram)))
        position += n if gram in met else 1
        met.add(gram)
    return chars


def passage_statistics(text: str) -> dict[str, float]:
    """Datatrove's statistics of lines and paragraphs, under our names."""
    theirs = GopherRepetitionFilter()
    paragraphs = theirs.paragraph_exp.split(text.strip())
    pieces = theirs._line_splitter.split(text)
    lines = [line for line in text.split("\n") if line.strip()]
    paragraph_copies = repetition.find_duplicates(paragraphs)
    piece_copies = repetition.find_duplicates(pieces)
    ends = tuple(datatrove_text.TERMINAL_PUNCTUATION)
    return {
        "dup_paragraph_frac@keep": paragraph_copies[0] / len(paragraphs),
        "dup_paragraph_char_frac@keep": paragraph_copies[1] / len(text),
        "dup_line_piece_frac@keep": piece_copies[0] / len(pieces),
        "dup_line_piece_char_frac@keep": piece_copies[1] / len(text),
        "terminal_line_frac@keep": sum(line.endswith(ends) for line in lines) / len(lines),
        "short_line_frac@keep": sum(len(line) <= 30 for line in lines) / len(lines),
        "exact_dup_line_char_frac@keep": repetition.find_duplicates(lines)[1]
        / len(text.replace("\n", "")),
    }


def english_documents() -> list[str]:
    """English texts of the demo, and whole pages of the ablation's pool, in file order.

    Raises:
        SystemExit: one of the two runs has not been made.
    """
    pool = RUN.parent / "ablate-profiles" / "shared" / "measure" / "documents"
    if not pool.is_dir():
        raise SystemExit("no pool: run `mapneo ablate recipes/ablate/profiles.toml` first")
    texts = documents("en", 1_000_000_000)
    for file in sorted(pool.glob("*.parquet")):
        table = pq.read_table(file, columns=["text", "language"])
        texts += table.filter(pc.equal(table["language"], "en"))["text"].to_pylist()
    return [text for text in texts if text.strip()][:MOST_DOCUMENTS]


def measure() -> list[dict[str, Any]]:
    """Rows for both languages, C4 for English."""
    rows: list[dict[str, Any]] = []
    for language, texts in (("en", english_documents()), ("zh", kept_chinese())):
        rows += compare(texts, language)
        found = compare_c4(texts) if language == "en" else {}
        if found:
            rows.append(
                {
                    "language": language,
                    "filter": "c4",
                    "words": "space",
                    "documents": found["documents"],
                    "dropped": found["documents"] - found.get("kept", 0),
                    "verdicts_that_differ": found["other_outcome"],
                    "first_reasons_that_differ": found["other_reason"],
                    "texts_that_differ": found["other_text"],
                }
            )
    return rows


def kept_chinese() -> list[str]:
    """Chinese documents, simplified and traditional, as measure keeps them."""
    return [text for text in (edit_text(t)[0] for t in chinese_documents()) if text.strip()]
