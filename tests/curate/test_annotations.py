import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.curate.annotations import ANNOTATIONS, read_annotations

SIGNALS = {
    "ccnet_bucket": [[0, 900, "middle"]],
    "ccnet_perplexity": [[0, 900, 351.5]],
    "ccnet_language_score": [[0, 900, 0.97]],
    "ccnet_length": [[0, 900, 900.0]],
    "ccnet_nlines": [[0, 900, 12]],
    "rps_doc_books_importance": [[0, 900, -310.25]],
    "rps_doc_openwebtext_importance": [[0, 900, -99.5]],
    "rps_doc_wikipedia_importance": [[0, 900, 4.5]],
    "rps_doc_ml_wikiref_score": [[0, 900, 0.125]],
    "rps_doc_ml_palm_score": [[0, 900, 0.5]],
    "rps_doc_ut1_blacklist": [[0, 900, 0]],
    "rps_doc_ldnoobw_words": [[0, 900, 2.0]],
}
EXPECTED = {
    "ccnet_bucket_ordinal": 1.0,
    "ccnet_perplexity": 351.5,
    "ccnet_language_score": 0.97,
    "ccnet_length_chars": 900.0,
    "ccnet_line_count_lines": 12.0,
    "books_importance_log_weight": -310.25,
    "openwebtext_importance_log_weight": -99.5,
    "wikipedia_importance_log_weight": 4.5,
    "wikipedia_reference_prob": 0.125,
    "palm_quality_prob": 0.5,
    "ut1_annotated_hits": 1.0,
    "block_list_count_words": 2.0,
}


def read(*metas: object) -> tuple[dict[str, list[float]], dict[str, int]]:
    texts = [meta if isinstance(meta, str | None) else json.dumps(meta) for meta in metas]
    values, reasons = read_annotations(pa.array(texts, pa.string()))
    return {name: column.tolist() for name, column in values.items()}, reasons


@pytest.mark.parametrize(
    "meta",
    [
        {"quality_signals": SIGNALS},
        {"quality_signals": json.dumps(SIGNALS), "title": "t"},
        SIGNALS,
        {key: spans[0][2] for key, spans in SIGNALS.items()},
    ],
)
def test_all_forms_give_all_signals(meta):
    values, reasons = read({}, meta, None)
    assert reasons == {}
    assert set(values) == set(EXPECTED) == set(ANNOTATIONS)
    for name, expected in EXPECTED.items():
        assert values[name][1] == expected
        assert math.isnan(values[name][0])
        assert math.isnan(values[name][2])


@pytest.mark.parametrize(
    ("bucket", "ordinal"),
    [("head", 0), ("middle", 1), ("tail", 2), (0, 0), (1.0, 1), (2, 2), ([[0, 5, 2]], 2)],
)
def test_buckets_as_words_or_numbers(bucket, ordinal):
    values, reasons = read({"quality_signals": {"ccnet_bucket": bucket}})
    assert values["ccnet_bucket_ordinal"] == [ordinal]
    assert reasons == {}


def test_the_first_value_is_the_document_s():
    spans = [[0, 5, 10.0], [5, 9, 99.0]]
    assert read({"ccnet_perplexity": spans})[0]["ccnet_perplexity"] == [10.0]


def test_a_domain_in_no_category_has_no_hit_and_category_0_is_one():
    metas = [{"rps_doc_ut1_blacklist": [[0, 9, value]]} for value in (None, 0, 7.0)]
    assert read(*metas)[0]["ut1_annotated_hits"] == [0.0, 1.0, 1.0]


def test_null_and_empty_spans_are_not_measured_and_not_malformed():
    values, reasons = read({"rps_doc_ml_palm_score": [[0, 9, None]]}, {"ccnet_perplexity": []})
    assert math.isnan(values["palm_quality_prob"][0])
    assert math.isnan(values["ccnet_perplexity"][1])
    assert reasons == {}


@pytest.mark.parametrize(
    "value",
    ["high", "12", True, {}, [1.0], [[0, 1]], [["0", 1, "x"]], [[0, 1, [2]]], 10**400],
)
def test_malformed_is_counted_and_leaves_the_others(value):
    values, reasons = read({"quality_signals": {**SIGNALS, "ccnet_perplexity": value}})
    assert reasons == {"ccnet_perplexity:malformed": 1}
    assert math.isnan(values["ccnet_perplexity"][0])
    assert values["palm_quality_prob"] == [0.5]


@pytest.mark.parametrize("bucket", ["Head", "", 3, -1, 0.5, False])
def test_unknown_buckets_are_malformed(bucket):
    assert read({"ccnet_bucket": bucket})[1] == {"ccnet_bucket_ordinal:malformed": 1}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none(number):
    values, reasons = read(f'{{"ccnet_perplexity": [[0, 1, {number}]]}}')
    assert reasons == {"ccnet_perplexity:malformed": 1}
    assert math.isnan(values["ccnet_perplexity"][0])


def test_rows_that_are_no_object():
    deep = '{"ccnet_x": ' + "[" * 100_000
    assert read('["ccnet_"]', '{"ccnet_', deep)[1] == {"meta:malformed": 3}
    wrong = {"quality_signals": [1], "ccnet_perplexity": 5.0}
    values, reasons = read(wrong, {"quality_signals": "{rps_doc_"})
    assert reasons == {"quality_signals:malformed": 2}
    assert values["ccnet_perplexity"][0] == 5.0


def test_ccnet_rows_are_known_by_their_mark():
    row = {"perplexity": 200.0, "bucket": "head", "language_score": 0.9, "length": 5, "nlines": 1}
    values, _ = read(row, {**row, "cc_segment": "crawl-data/x"})
    assert np.isnan([column[0] for column in values.values()]).all()
    assert values["ccnet_perplexity"][1] == 200.0
    assert values["ccnet_bucket_ordinal"][1] == 0.0
    assert values["ccnet_line_count_lines"][1] == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SIGNALS, "quality_signals", "cc_segment"]), JSON))
def test_any_json_is_a_number_or_not_measured(meta):
    values, reasons = read(meta)
    assert all(math.isnan(v) or math.isfinite(v) for column in values.values() for v in column)
    assert all(count == 1 for count in reasons.values())
