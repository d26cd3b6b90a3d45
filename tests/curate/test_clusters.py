import itertools
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import DataError
from mapneo.curate import dedup
from mapneo.curate.candidates import CANDIDATE, EXACT, RECORD_SCHEMA, edge_table, record_table
from mapneo.curate.keys import document_keys
from mapneo.curate.minhash_setting import PRESETS
from tests.curate.texts import chinese, english, near_copy


def clusters(texts: dict[str, str], **settings_: object) -> list[dict]:
    table = pa.table({"doc_id": list(texts), "text": list(texts.values())})
    return dedup(table, **settings_).to_pylist()


@pytest.mark.parametrize("make", [english, chinese])
def test_planted_copies_are_found_and_unrelated_texts_left_alone(make):
    texts = {f"d/{n:02d}": make(n) for n in range(20)}
    texts["d/50"] = near_copy(texts["d/03"], 1, 1)
    texts["d/51"] = texts["d/07"].replace(" ", "  ") + " "
    found = {row["doc_id"]: row for row in clusters(texts)}
    assert set(found) == {"d/03", "d/50", "d/07", "d/51"}
    assert found["d/50"]["kind"] == "minhash"
    assert 0.8 <= found["d/50"]["similarity"] < 1
    assert found["d/51"]["cluster_id"] == found["d/07"]["cluster_id"] == "d/51" or make is chinese
    assert found["d/07"]["similarity"] == 1
    assert all(row["size"] == 2 for row in found.values())


def test_the_longest_stays_or_the_first_and_ties_go_to_the_smaller_name():
    long = english(1) + " One more word."
    texts = {"b": english(1), "c": long, "a": english(1)}
    assert {row["cluster_id"] for row in clusters(texts)} == {"c"}
    assert {row["cluster_id"] for row in clusters(texts, prefer=())} == {"a"}
    assert {row["cluster_id"] for row in clusters({"b": "same", "a": "same"})} == {"a"}


def test_too_short_to_shingle_means_exact_only():
    texts = {"a": "1.1", "b": "11", "c": "1.1 ", "d": "!", "e": "?"}
    assert [(row["doc_id"], row["kind"]) for row in clusters(texts)] == [
        ("a", "exact_document"),
        ("c", "exact_document"),
    ]


def test_candidates_below_the_bound_are_not_copies():
    texts = {"a": english(1), "b": near_copy(english(1), 3, 8)}
    [_, row] = clusters(texts, min_similarity=0.5)
    assert 0.5 < row["similarity"] < 0.95
    assert clusters(texts, min_similarity=0.99) == []


def test_many_equal_pages_cost_one_edge_each():
    copies = 3000
    names = [f"{n:05d}" for n in range(copies)]
    table = pa.table({"doc_id": names, "text": [english(1)] * copies})
    keys = document_keys(table, np.zeros(copies, np.int64), PRESETS["map_neo"])
    assert edge_table(record_table(keys)).num_rows == copies - 1
    assert dedup(table)["size"][0].as_py() == copies


def key_rows(rows: list[tuple[int, int, int, int]]) -> pa.Table:
    """(key, kind, text, document) rows."""
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    key, kind, text, document = columns
    return pa.table([key, kind, text, document], schema=RECORD_SCHEMA)


def reachable(edges: pa.Table, documents: int) -> set[tuple[int, int]]:
    linked = np.eye(documents, dtype=bool)
    for left, right in zip(edges["left"].to_pylist(), edges["right"].to_pylist(), strict=True):
        linked[left, right] = linked[right, left] = True
    for middle in range(documents):
        linked |= np.outer(linked[:, middle], linked[middle])
    return {(a, b) for a, b in itertools.combinations(range(documents), 2) if linked[a, b]}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12), st.randoms()
)
def test_edges_join_just_what_shares_a_key(documents, rng):
    """Each document has one text and one band; naive components over shared texts and bands."""
    text_band = {}
    rows = []
    for number, (text, band) in enumerate(documents):
        band = text_band.setdefault(text, band)
        rows += [(text + 100, EXACT, text, number), (band, CANDIDATE, text, number)]
    naive = pa.table(
        [pa.array([[a, b][side] for a, b in naive_pairs(rows)], pa.int64()) for side in (0, 1)],
        names=["left", "right"],
    )
    edges = edge_table(key_rows(rows))
    assert reachable(edges, len(documents)) == reachable(naive, len(documents))
    rng.shuffle(rows)
    assert edge_table(key_rows(rows)).equals(edges)


def naive_pairs(rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int]]:
    return [
        (a[3], b[3]) for a, b in itertools.combinations(rows, 2) if a[:2] == b[:2] and a[3] != b[3]
    ]


def test_a_large_group_is_linked_without_all_pairs():
    rows = [(1, CANDIDATE, number, number) for number in range(200)]
    edges = edge_table(key_rows(rows))
    assert edges.num_rows == 2 * 200 - 3
    assert len(reachable(edges, 200)) == 200 * 199 // 2


def test_no_documents_have_no_clusters():
    assert edge_table(key_rows([])).num_rows == 0
    assert dedup([]).num_rows == 0
    assert dedup(["alone"]).num_rows == 0


def test_shuffled_documents_give_the_same_clusters():
    rng = random.Random(3)
    texts = {f"d/{n:03d}": near_copy(english(n % 15, 8), n, n % 6) for n in range(60)}
    expected = clusters(texts)
    for _ in range(3):
        names = list(texts)
        rng.shuffle(names)
        assert clusters({name: texts[name] for name in names}) == expected


def test_a_name_given_twice_is_refused():
    with pytest.raises(DataError, match="twice"):
        dedup(pa.table({"doc_id": ["a", "a"], "text": ["x", "y"]}))
