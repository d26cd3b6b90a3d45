import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.curate.split import Quota, choose_heldout

QUOTA = Quota(frac=0.1, min_documents=3, max_bytes=10_000)


def weights(rows: list[tuple[str, str, str, int]]) -> pa.Table:
    names = ["cluster_id", "language", "category", "bytes"]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def group(language: str, count: int, size: int = 10) -> list[tuple[str, str, str, int]]:
    return [(f"{language}/{n}", language, "web", size) for n in range(count)]


@pytest.mark.parametrize(("count", "held"), [(100, 10), (20, 3), (5, 2), (2, 1), (1, 0)])
def test_share_minimum_and_half_of_a_group(count, held):
    assert len(choose_heldout(weights(group("en", count)), QUOTA, 0)) == held


def test_every_group_gives_some():
    held = choose_heldout(weights(group("en", 50) + group("zh", 8)), QUOTA, 0)
    assert {name[:2] for name in held} == {"en", "zh"}


def test_bytes_are_bounded_and_giants_passed_over():
    rows = [*group("en", 40, 900), ("en/giant", "en", "web", 20_000)]
    quota = Quota(frac=0.5, min_documents=0, max_bytes=5_000)
    held = choose_heldout(weights(rows), quota, 0)
    assert len(held) == 5
    assert "en/giant" not in held


def test_a_cluster_is_held_out_whole_even_if_it_spans_groups():
    rows = group("en", 10) + [("en/1", "zh", "law", 10)] + group("zh", 10)
    held = choose_heldout(weights(rows), Quota(frac=0.5, min_documents=0, max_bytes=10**6), 0)
    assert len(held) == len(set(held)) == 10


@settings(deadline=None)
@given(st.permutations(group("en", 30) + group("zh", 30)))
def test_choice_depends_on_names_alone(rows):
    reference = choose_heldout(weights(group("en", 30) + group("zh", 30)), QUOTA, 7)
    assert choose_heldout(weights(rows), QUOTA, 7) == reference


def test_another_seed_holds_out_others():
    table = weights(group("en", 100))
    assert choose_heldout(table, QUOTA, 1) != choose_heldout(table, QUOTA, 2)
