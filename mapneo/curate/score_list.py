"""The table of scores: signals that need a model, an outside list, or a source's annotations."""

from typing import Literal, NamedTuple

_CCNET = "Wenzek et al. 2020 (CCNet)"
_RPV2 = "RedPajama-V2 quality signals"
_DSIR = "Xie et al. 2023 (DSIR), section 4"


class ScoreRow(NamedTuple):
    """One row of the table.

    Attributes:
        name: of the column, with its unit.
        definition: what the number is.
        source: who defined it.
        scale: how its histogram is drawn.
    """

    name: str
    definition: str
    source: str
    scale: Literal["log", "linear", "frac"]


def _importance(target: str, of: str) -> ScoreRow:
    return ScoreRow(
        f"{target}_importance_log_weight",
        f"sum over hashed words and word pairs of log(p in {of} / p in raw text), nats",
        _DSIR,
        "linear",
    )


SCORE_SIGNALS = (
    ScoreRow("url_list_hits", "categories of the URL lists that hold the document's URL: its "
             "domain, a domain above it, its page or a page above it", "UT1 lists, squidGuard "
             "reading", "log"),
    ScoreRow("listed_link_count_links", "links in the text that the URL lists hold, by domain, "
             "page or a page above it", "UT1 lists, squidGuard reading", "log"),
    ScoreRow("bad_words_per_1000_words", "entries of the user's bad-word list of the document's "
             "language, as whole folded words (Chinese: jieba's) or runs of them, per 1,000 words",
             "MAP-Neo, Matrix filters, with the meaning intended", "linear"),
    ScoreRow("ccnet_bucket_ordinal", "perplexity bucket: 0 head, 1 middle, 2 tail; annotation, or "
             "the KenLM model's perplexity under its two bounds", _CCNET, "linear"),
    ScoreRow("ccnet_perplexity", "perplexity of the normalised lines under an n-gram model; "
             "annotation, or a KenLM model", _CCNET, "log"),
    ScoreRow("ccnet_language_score", "probability of the language; annotation", _CCNET, "frac"),
    ScoreRow("ccnet_length_chars", "characters that CCNet left; annotation", _CCNET, "log"),
    ScoreRow("ccnet_line_count_lines", "lines that CCNet left; annotation", _CCNET, "log"),
    _importance("books", "books"),
    _importance("openwebtext", "OpenWebText"),
    _importance("wikipedia", "Wikipedia"),
    _importance("target", "the user's target texts"),
    ScoreRow("wikipedia_reference_prob", "probability of being a page that Wikipedia refers to; "
             "annotation, or a trained classifier", _RPV2, "frac"),
    ScoreRow("palm_quality_prob", "probability of being like Wikipedia, books and OpenWebText; "
             "annotation, or a trained classifier", _RPV2, "frac"),
    ScoreRow("target_reference_prob", "probability of being like the user's reference texts; a "
             "trained classifier", "own", "frac"),
    ScoreRow("block_list_count_words", "word sequences of the LDNOOBW list; annotation, or of the "
             "user's bad-word list", _RPV2, "log"),
    ScoreRow("ut1_annotated_hits", "1 if the domain is in any UT1 category, white ones included, "
             "else 0; annotation", _RPV2, "linear"),
)  # fmt: skip
"""All scores, in column order. Each is null (not measured) unless its list, model or annotation is
there; where a document has an annotation, it stands before a model's value."""
