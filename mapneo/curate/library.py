"""Measure, judge and dedup as plain functions on Arrow tables, without a run."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.core.errors import DataError
from mapneo.core.tables import DOCUMENT_SCHEMA
from mapneo.curate.candidates import CANDIDATE, edge_table, record_table
from mapneo.curate.clusters import CLUSTER_SCHEMA, clusters_of
from mapneo.curate.components import roots_of
from mapneo.curate.keys import document_keys
from mapneo.curate.measure import DEFAULT_RULESETS, measure_documents
from mapneo.curate.minhash_setting import PRESETS, MinHashSetting, Preset
from mapneo.curate.priority import LONGEST, Preference, priorities
from mapneo.curate.rules import Bounds, load_rulesets, measurements_of
from mapneo.curate.verdicts import judge_signals
from mapneo.curate.verify import sketch_similarity
from mapneo.text.buffers import from_texts, undecodable_rows
from mapneo.text.unionfind import components

_DEFAULTS = {"source": "memory", "category": "other", "licence": "unknown", "publish": "never"}


def as_documents(given: pa.Table | Iterable[str]) -> pa.Table:
    """Make a table with DOCUMENT_SCHEMA from texts, or from a table with at least `text`.

    Missing columns are filled: doc_id is `memory/<row>`, category `other`.

    Raises:
        DataError: there is no column `text`, or two, or it holds no strings; a value is null that
            a document needs; or one is not valid UTF-8. The message names row and doc_id.
    """
    if isinstance(given, str):
        raise DataError("one string was given where texts are expected: put it into a list")
    table = given if isinstance(given, pa.Table) else pa.table({"text": from_texts(given)})
    names = table.schema.names
    if "text" not in names:
        raise DataError(f"the table has no column `text`, only {', '.join(names)}")
    twice = sorted({name for name in DOCUMENT_SCHEMA.names if names.count(name) > 1})
    if twice:
        raise DataError(f"the table has two columns `{twice[0]}`: drop one of them")
    columns = {field.name: _column(table, field) for field in DOCUMENT_SCHEMA}
    for field in DOCUMENT_SCHEMA:
        _check_values(field, columns)
    return pa.table(columns, schema=DOCUMENT_SCHEMA)


def measure(
    given: pa.Table | Iterable[str], profiles: Sequence[str] = DEFAULT_RULESETS
) -> pa.Table:
    """Signals of texts: one row a document, one column a signal, null where not measured.

    What is measured is what the named profiles need. Columns are those of
    `signals/<shard>.parquet` in docs/formats.md, such as `word_count_words@keep+folded`.

    Raises:
        DataError: as for `as_documents`.
        ConfigError: a profile is unknown.
    """
    return measure_documents(as_documents(given), measurements_of(profiles)).signals


def judge(
    signals: pa.Table,
    rulesets: Sequence[str] = DEFAULT_RULESETS,
    overrides: Mapping[str, Bounds] | None = None,
) -> pa.Table:
    """Verdicts over a table that `measure` gave: keep, or the first failing rule and why.

    Columns are those of `verdicts/<shard>.parquet` in docs/formats.md.

    Raises:
        ConfigError: a ruleset or the rule of an override is unknown.
    """
    return judge_signals(signals, load_rulesets(rulesets, overrides or {}))


def dedup(
    given: pa.Table | Iterable[str],
    *,
    minhash: Preset | MinHashSetting = "map_neo",
    min_similarity: float = 0.8,
    prefer: Sequence[Preference] = LONGEST,
) -> pa.Table:
    """Clusters of copies among documents: doc_id, cluster_id (the survivor), kind, similarity.

    Only clusters of two or more are listed; columns are those of `clusters/` in docs/formats.md.
    What the stage does shard by shard is done here in memory.

    Raises:
        DataError: as for `as_documents`, or a doc_id occurs twice.
        ConfigError: copies are preferred by a signal, which plain documents have not.
    """
    documents = as_documents(given)
    if pc.count_distinct(documents["doc_id"]).as_py() < documents.num_rows:
        raise DataError("a doc_id occurs twice: give every document its own")
    setting = minhash if isinstance(minhash, MinHashSetting) else PRESETS[minhash]
    keys = document_keys(documents, priorities(documents, None, prefer), setting)
    edges = edge_table(record_table(keys))
    left, right = edges["left"].to_numpy(), edges["right"].to_numpy()
    similar = sketch_similarity(
        keys["sketch"].take(pa.array(left)), keys["sketch"].take(pa.array(right))
    )
    holds = (edges["kind"].to_numpy() != CANDIDATE) | (similar >= np.float32(min_similarity))
    roots = roots_of(components(keys.num_rows, left[holds], right[holds]))
    members = keys.take(roots["document"])
    for name in roots.schema.names:
        members = members.append_column(name, roots[name])
    return clusters_of(members).select(CLUSTER_SCHEMA.names)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    rows = table.num_rows
    if field.name in table.schema.names:
        if field.name == "text" and not _holds_strings(table["text"].type):
            raise DataError(
                f"column 'text' holds {table['text'].type}, expected strings: cast it first"
            )
        try:
            # Strings that are not UTF-8 are found later, with their row.
            as_they_are = pc.CastOptions(field.type, allow_invalid_utf8=True)
            return table[field.name].cast(options=as_they_are)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"column {field.name!r} can't be read as {field.type}: {error}"
            ) from error
    if field.name == "doc_id":
        return pa.array([f"memory/{row}" for row in range(rows)], pa.string())
    if pa.types.is_list(field.type):
        return pa.array([[]] * rows, field.type)
    default = _DEFAULTS.get(field.name, None if field.nullable else "")
    return pa.repeat(pa.scalar(default, field.type), rows)


def _holds_strings(kind: pa.DataType) -> bool:
    """Strings of any layout, bytes that may be UTF-8, or nothing but nulls."""
    types = pa.types
    inner = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(test(inner) for test in (*tests, types.is_binary, types.is_large_binary))


def _check_values(field: pa.Field, columns: Mapping[str, pa.ChunkedArray | pa.Array]) -> None:
    """Refuse nulls that a document can't have, and strings that are not UTF-8."""
    column = columns[field.name]
    if not field.nullable and column.null_count:
        row = pc.indices_nonzero(pc.is_null(column))[0].as_py()
        what = "is null: filter such rows out first"
    elif pa.types.is_string(field.type) and (broken := undecodable_rows(column)).any():
        row = int(np.argmax(broken))
        what = "is not valid UTF-8: decode it with errors='replace', or filter such rows out first"
    else:
        return
    name = "" if field.name == "doc_id" else f" (doc_id {columns['doc_id'][row].as_py()!r})"
    raise DataError(f"the {field.name} of row {row}{name} {what}")
