"""Named changes to text: the registry, the chains, and how they are applied and recorded.

Text that is *kept* passes through the three keep edits and those that a recipe adds; what they
change is recorded as spans of the text as it was extracted. Text for *measuring* passes through
the chain that a profile names; nothing of that is recorded or kept.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import ConfigError
from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.curate.edit_list import NO_BAD_WORDS, BadWords, EditRule, edit_rules
from mapneo.curate.edit_spans import (
    Edit,
    apply_spans,
    compose,
    shift_offset,
    shift_offsets,
    to_edits,
)
from mapneo.curate.released_edits import RELEASED_ZH_EDITS

__all__ = [
    "CHAINS",
    "EDITS",
    "KEEP_EDITS",
    "Edit",
    "EditRule",
    "chain_texts",
    "check_lists",
    "edit_documents",
    "edit_text",
    "kept_chain",
    "shift_offset",
]

KEEP_EDITS = ("strip_bom", "normalise_newlines", "strip_control")
"""The edits of all kept text, in order."""

EDITS: Mapping[str, EditRule] = MappingProxyType({rule.name: rule for rule in edit_rules()})
"""Every edit by its name."""

CHAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "keep": (),
        "c4": ("c4_lines",),
        "zh_lines": (
            "zh_line_terminal_punctuation",
            "zh_line_javascript",
            "zh_line_word_count_min",
            "zh_line_lorem_ipsum",
        ),
        "links": ("strip_links",),
        "released_zh": tuple(RELEASED_ZH_EDITS),
    }
)
"""What a measuring profile may name: edits, in order, of the text as it is kept."""


def edit_text(text: str, names: Iterable[str] = KEEP_EDITS) -> tuple[str, list[Edit]]:
    """Apply edits one after the other.

    Returns:
        The new text, and the edits as spans of `text`, ascending and disjoint.

    Raises:
        ConfigError: there is no edit of that name.
    """
    made: list[Edit] = []
    for rule in map(_rule, names):
        text, made = _step(rule, text, made)
    return text, made


def kept_chain(names: Iterable[str]) -> tuple[str, ...]:
    """The edits of kept text: the keep edits and `names`, each once, in the order applied.

    The keep edits come first, but for an edit that needs what they delete: mojibake is made of
    control characters among others.

    Raises:
        ConfigError: there is no such edit, or it is for measuring only.
    """
    wanted = [name for name in dict.fromkeys(names) if name not in KEEP_EDITS]
    for name in wanted:
        if not _rule(name).is_for_kept_text:
            raise ConfigError(
                f"Edit {name!r} is for measuring only and can't be applied to kept text. "
                "Take it out of the recipe's `edits`."
            )
    early = [name for name in wanted if EDITS[name].is_before_keep_edits]
    return (*early, *KEEP_EDITS, *(name for name in wanted if name not in early))


def edit_documents(
    documents: pa.Table, names: Iterable[str] = KEEP_EDITS, bad_words: BadWords = NO_BAD_WORDS
) -> pa.Table:
    """Apply the edits of kept text to `text`, record them in `edits`, move `origins` along.

    Args:
        documents: a table with DOCUMENT_SCHEMA; spans that it records already stay, and new ones
            are recorded beside them, as spans of the same original text.
        names: edits beside the keep edits, which are always applied. An edit leaves documents
            alone whose category it skips.
        bad_words: the user's lists, for edits that need one.

    Raises:
        ConfigError: a name is unknown or for measuring only, or an edit's list is not there.
    """
    rules = _with_lists(kept_chain(names), bad_words)
    column = _as_array(documents["text"])
    texts: dict[int, str] = {}
    made: dict[int, list[Edit]] = {}
    for rule, row in _suspects(column, rules, documents["category"].to_pylist()):
        text = texts.get(row)
        text = str(column[row].as_py()) if text is None else text
        texts[row], made[row] = _step(rule, text, made.get(row, []))
    changed = [row for row in sorted(made) if made[row]]
    if not changed:
        return documents
    columns = {name: documents[name].to_pylist() for name in ("edits", "origins")}
    for row in changed:
        recorded = [Edit(**edit) for edit in columns["edits"][row] or []]
        before = str(column[row].as_py()).encode()
        columns["edits"][row] = [e._asdict() for e in compose(recorded, before, made[row])]
        columns["origins"][row] = _moved_origins(columns["origins"][row] or [], made[row])
    edited = _replaced(column, {row: texts[row] for row in changed})
    arrays = {
        name: pa.array(values, DOCUMENT_SCHEMA.field(name).type) for name, values in columns.items()
    }
    for name, array in {"text": edited, **arrays}.items():
        position = documents.schema.get_field_index(name)
        documents = documents.set_column(position, DOCUMENT_SCHEMA.field(name), array)
    return documents


def check_lists(names: Iterable[str], languages: Container[str]) -> None:
    """Make sure that edits have the lists that they need.

    Args:
        names: edits.
        languages: those that a bad-word list was given for.

    Raises:
        ConfigError: one has none.
    """
    for name in names:
        needed = EDITS[name].bad_words_of
        if needed and needed not in languages:
            raise ConfigError(
                f"Edit {name!r} needs a list of bad words for `{needed}`: name one under "
                "`measure.scores.bad_words`, or take the edit out."
            )


def _with_lists(names: Sequence[str], bad_words: BadWords) -> list[EditRule]:
    check_lists(names, bad_words)
    rules = {rule.name: rule for rule in edit_rules(bad_words)} if bad_words else EDITS
    return [rules[name] for name in names]


def _moved_origins(
    origins: Sequence[Mapping[str, Any]], edits: Sequence[Edit]
) -> list[dict[str, Any]]:
    starts, ends = (
        shift_offsets([origin[key] for origin in origins], edits)
        for key in ("start_byte", "end_byte")
    )
    return [
        {**origin, "start_byte": start, "end_byte": end}
        for origin, start, end in zip(origins, starts, ends, strict=True)
    ]


def chain_texts(column: pa.Array | pa.ChunkedArray, chain: str) -> pa.Array:
    """Kept texts as a measuring profile sees them.

    Args:
        column: strings; a null stays null.
        chain: a name in `CHAINS`.

    Returns:
        The edited texts; the array that came in if no text is changed.

    Raises:
        ConfigError: there is no such chain.
    """
    if chain not in CHAINS:
        raise ConfigError(f"There is no edit chain {chain!r}. Known: {', '.join(CHAINS)}.")
    array = _as_array(column)
    texts: dict[int, str] = {}
    for rule, row in _suspects(array, [EDITS[name] for name in CHAINS[chain]]):
        text = texts.get(row)
        text = str(array[row].as_py()) if text is None else text
        spans = list(rule.find(text))
        if spans:
            texts[row] = apply_spans(text, spans)
    return _replaced(array, texts)


def _rule(name: str) -> EditRule:
    if name not in EDITS:
        raise ConfigError(f"There is no edit {name!r}. Known: {', '.join(sorted(EDITS))}.")
    return EDITS[name]


def _step(rule: EditRule, text: str, made: list[Edit]) -> tuple[str, list[Edit]]:
    spans = list(rule.find(text))
    if not spans:
        return text, made
    later = to_edits(rule.name, text, spans)
    if made:
        later = compose(made, text.encode("utf-8", "surrogatepass"), later)
    return apply_spans(text, spans), later


def _suspects(
    column: pa.Array, rules: Sequence[EditRule], categories: Sequence[str] | None = None
) -> Iterable[tuple[EditRule, int]]:
    """Rules in order, each with the rows that it may change.

    A row that an earlier rule may have changed is suspect to all later ones: what they look for
    may only now stand there.
    """
    masks: dict[object, npt.NDArray[np.bool_]] = {}
    seen = np.zeros(len(column), dtype=np.bool_)
    for rule in rules:
        if rule.suspects not in masks:
            masks[rule.suspects] = rule.suspects(column)
        seen |= masks[rule.suspects]
        for row in np.flatnonzero(seen).tolist():
            if categories is None or categories[row] not in rule.skipped_categories:
                yield rule, row


def _as_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # more bytes than one array of strings can hold
        array = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in array.chunks])
    return array


def _replaced(column: pa.Array, texts: Mapping[int, str]) -> pa.Array:
    """The column with some rows replaced; itself if there are none."""
    if not texts:
        return column
    mask = np.zeros(len(column), dtype=np.bool_)
    mask[list(texts)] = True
    rows = sorted(texts)
    return pc.replace_with_mask(
        column, pa.array(mask), pa.array([texts[row] for row in rows], column.type)
    )
