"""Every edit: name, definition, source, and the function that finds what it changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate import line_edits, redact, released_edits
from mapneo.curate.edit_spans import Span
from mapneo.curate.html_remnants import HTML_TRIGGER, find_html_remnants
from mapneo.curate.keep_edits import (
    find_bom,
    find_controls,
    find_foreign_newlines,
    rows_to_keep_clean,
)
from mapneo.curate.links import LINK_TRIGGER, find_links
from mapneo.curate.redact_phone import PHONE_TRIGGER, find_phones
from mapneo.curate.repair import REPAIR_TRIGGER, find_mojibake
from mapneo.text.phrases import NO_PHRASES, Phrases

_CODE = frozenset(("code",))
_C4 = "Raffel et al. 2020 (T5), section 2.2; datatrove 0.10.1, C4QualityFilter"
_RELEASED = "MAP-NEO's released Chinese filter, for comparison"
_MATRIX = "MAP-NEO's Chinese line rules, with the meaning intended"

BadWords = Mapping[str, Phrases]
"""The user's lists of bad words by language (`mapneo.curate.bad_words`)."""

NO_BAD_WORDS: BadWords = MappingProxyType({})
"""The user has none."""


@dataclass(frozen=True, kw_only=True)
class EditRule:
    """A named change.

    Attributes:
        name: how recipes, profiles and records call it.
        definition: what it changes, in words.
        source: where it comes from.
        find: text to the spans it changes, ascending, disjoint and not empty; its work is linear
            in the length of the text.
        suspects: strings to a mask of the rows that may be changed; quick, and never too few.
        skipped_categories: kept documents of these categories are left alone.
        is_for_kept_text: False for edits that only measuring may use.
        is_before_keep_edits: it needs what the keep edits delete.
        bad_words_of: language of the user's bad-word list that it needs, or empty.
    """

    name: str
    definition: str
    source: str
    find: Callable[[str], Iterable[Span]]
    suspects: Callable[[pa.Array], npt.NDArray[np.bool_]]
    skipped_categories: frozenset[str] = frozenset()
    is_for_kept_text: bool = True
    is_before_keep_edits: bool = False
    bad_words_of: str = ""


def edit_rules(bad_words: BadWords = NO_BAD_WORDS) -> tuple[EditRule, ...]:
    """All edits; those that need a list which is not there find nothing."""
    return (
        *_keep_edits(),
        *_clean_edits(),
        *_line_edits(bad_words),
        *_redactions(),
        *_released_edits(),
    )


def _keep_edits() -> tuple[EditRule, ...]:
    rule = partial(EditRule, source="mapneo", suspects=rows_to_keep_clean)
    return (
        rule(
            name="strip_bom",
            definition="delete a byte-order mark at the start of the text",
            find=find_bom,
        ),
        rule(
            name="normalise_newlines",
            definition="CR LF, CR, and the Unicode line and paragraph separators become LF",
            find=find_foreign_newlines,
        ),
        rule(
            name="strip_control",
            definition="delete C0 and C1 control characters other than LF, CR and tab",
            find=find_controls,
        ),
    )


def _clean_edits() -> tuple[EditRule, ...]:
    return (
        EditRule(
            name="repair_unicode",
            definition="text decoded with the wrong encoding, put right where the bytes are valid "
            "UTF-8 as a whole; quotes, ligatures, width and entities are not touched",
            source="ftfy (Speer 2019), fix_encoding only",
            find=find_mojibake,
            suspects=rows_matching(REPAIR_TRIGGER),
            is_before_keep_edits=True,
        ),
        EditRule(
            name="strip_links",
            definition="delete http, https and www links; closing punctuation and brackets stay",
            source="zh_fix_strip_links of MAP-NEO, with the meaning intended; RFC 3986",
            find=find_links,
            suspects=rows_matching(LINK_TRIGGER),
            skipped_categories=_CODE,
        ),
        EditRule(
            name="strip_html_remnants",
            definition="delete comments, script and style blocks and tags that an extractor left; "
            "decode character references",
            source="HTML Living Standard: element, attribute and reference names",
            find=find_html_remnants,
            suspects=rows_matching(HTML_TRIGGER),
            skipped_categories=_CODE,
        ),
        EditRule(
            name="strip_citations",
            definition="delete [12], [], [edit] and [citation needed]",
            source=_C4,
            find=line_edits.find_citations,
            suspects=rows_matching(r"\["),
            skipped_categories=_CODE,
        ),
    )


def _line_edits(bad_words: BadWords) -> tuple[EditRule, ...]:
    zh_rule = partial(EditRule, source=_MATRIX, suspects=_rows_with_text, skipped_categories=_CODE)
    return (
        EditRule(
            name="c4_lines",
            definition="delete lines with a word over 1,000 characters, without a closing mark, "
            'with fewer than 3 words, with "javascript" or a policy phrase; strip the others and '
            "delete their citations",
            source=_C4,
            find=line_edits.find_c4_lines,
            suspects=_rows_with_text,
            skipped_categories=_CODE,
        ),
        zh_rule(
            name="zh_line_terminal_punctuation",
            definition="delete lines that end in none of . ! ? 。 ！ ？ … (closing quotes and "
            "brackets may follow)",
            find=line_edits.find_lines_without_terminal,
        ),
        zh_rule(
            name="zh_line_javascript",
            definition='delete lines with "javascript" in any case',
            find=line_edits.find_javascript_lines,
            suspects=rows_matching("(?i)javascript"),
        ),
        zh_rule(
            name="zh_line_word_count_min",
            definition="delete lines of fewer than 3 words; two ideographs count as a word",
            find=line_edits.find_short_lines,
        ),
        zh_rule(
            name="zh_line_lorem_ipsum",
            definition='delete lines with "lorem ipsum" in any case',
            find=line_edits.find_lorem_ipsum_lines,
            suspects=rows_matching("(?i)lorem ipsum"),
        ),
        zh_rule(
            name="zh_line_bad_word",
            definition="delete lines with an entry of the user's bad-word list for zh, as whole "
            "dictionary words; needs such a list in `measure.scores.bad_words`",
            find=partial(line_edits.find_bad_word_lines, phrases=bad_words.get("zh", NO_PHRASES)),
            bad_words_of="zh",
        ),
    )


def _redactions() -> tuple[EditRule, ...]:
    return (
        EditRule(
            name="redact_email",
            definition="e-mail addresses become <email>; reserved example domains stay",
            source="RFC 5321, RFC 2606",
            find=redact.find_emails,
            suspects=rows_matching(redact.EMAIL_TRIGGER),
        ),
        EditRule(
            name="redact_ip",
            definition="public IPv4 and IPv6 addresses become <ip>; versions, sections, private "
            "and documentation addresses stay",
            source="RFC 6890 as in Python's ipaddress",
            find=redact.find_ip_addresses,
            suspects=rows_matching(redact.IP_TRIGGER),
        ),
        EditRule(
            name="redact_chinese_id",
            definition="resident identity numbers of 18 characters with a valid province, date and "
            "checksum become <id>",
            source="GB 11643-1999",
            find=redact.find_chinese_ids,
            suspects=rows_matching(redact.CHINESE_ID_TRIGGER),
        ),
        EditRule(
            name="redact_phone",
            definition="telephone numbers (international, Chinese, North American) become <phone>",
            source="numbering plans of the phonenumbers library",
            find=find_phones,
            suspects=rows_matching(PHONE_TRIGGER),
        ),
    )


def _released_edits() -> tuple[EditRule, ...]:
    definitions = {
        "zh_fix_fullwidth": (
            "full-width and CJK marks become ASCII",
            f"[{''.join(released_edits.NARROW)}]",
        ),
        "zh_fix_strip_links": (
            "delete from http(s):// or www. to white space, a comma or an ideograph",
            r"https?://|www\.",
        ),
        "zh_fix_strip_dotted_ids": (
            "delete four or more ASCII labels joined by dots",
            r"[A-Za-z0-9-]\.[A-Za-z0-9-]",
        ),
        "zh_fix_strip_bare_domains": (
            "delete runs of ASCII letters, digits, dots and hyphens that end in a dot and 2-6 "
            "small letters",
            r"[A-Za-z0-9.-]\.[a-z]{2}",
        ),
    }
    return tuple(
        EditRule(
            name=name,
            definition=definitions[name][0],
            source=_RELEASED,
            find=find,
            suspects=rows_matching(definitions[name][1]),
            is_for_kept_text=False,
        )
        for name, find in released_edits.RELEASED_ZH_EDITS.items()
    )


def rows_matching(pattern: str) -> Callable[[pa.Array], npt.NDArray[np.bool_]]:
    """A mask of the rows in which an RE2 pattern is found."""

    def suspects(column: pa.Array) -> npt.NDArray[np.bool_]:
        return _mask(pc.match_substring_regex(column, pattern))

    return suspects


def _rows_with_text(column: pa.Array) -> npt.NDArray[np.bool_]:
    return _mask(pc.greater(pc.binary_length(column), 0))


def _mask(found: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False))
