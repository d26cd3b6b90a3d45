import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.errors import DataError
from mapneo.core.tables import write_table
from mapneo.tokenizer import SampleWeight, TokenizerConfig
from mapneo.tokenizer.apportion import apportion
from mapneo.tokenizer.sample import choose_sample, chosen_texts, take_by_hash
from mapneo.tokenizer.train import cut

from .documents import SCHEMA, row

SHARES = st.lists(
    st.tuples(st.floats(0, 1e6, allow_subnormal=False), st.integers(0, 1000)), min_size=1
)


@given(SHARES, st.floats(0, 1))
def test_shares_add_up_and_stay_under_their_caps(shares, filled):
    weights, caps = [w for w, _ in shares], [c for _, c in shares]
    total = int(filled * sum(c for w, c in shares if w > 0))
    given_ = apportion(total, weights, caps)
    assert sum(given_) == total
    assert all(0 <= g <= c for g, c in zip(given_, caps, strict=True))
    assert all(g == 0 for g, w in zip(given_, weights, strict=True) if w == 0)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 500))
def test_without_caps_each_share_is_its_ideal_rounded_up_or_down(weights, total):
    for share, weight in zip(
        apportion(total, weights, [total] * len(weights)), weights, strict=True
    ):
        assert abs(share - total * weight / sum(weights)) < 1


def test_hand_worked_shares():
    assert apportion(10, [1, 1, 1], [10, 10, 10]) == [4, 3, 3]
    assert apportion(10, [1, 1, 2], [10, 10, 3]) == [4, 3, 3]
    assert apportion(10, [6, 3, 1], [2, 10, 10]) == [2, 6, 2]
    assert apportion(0, [1, 2], [3, 3]) == [0, 0]


def test_more_than_there_is_names_both_numbers():
    with pytest.raises(DataError, match="11 asked for, but only 10 are there"):
        apportion(11, [1, 1, 0], [5, 5, 5])


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(4, 40))
def test_cutting_loses_nothing_and_keeps_the_bound(text, max_bytes):
    runs = list(cut(text, max_bytes))
    assert "".join(runs) == text
    assert all(0 < len(run.encode()) <= max_bytes for run in runs)


def test_cuts_fall_on_line_ends_where_lines_are_short():
    assert list(cut("aa\nbb\ncc\n", 6)) == ["aa\nbb\n", "cc\n"]


def test_the_budget_is_spent_to_the_byte_in_hash_order():
    documents = [(f"d{n}", 10) for n in range(20)] + [("empty", 0)]
    taken = take_by_hash(documents, 95, seed=3)
    assert sum(taken.values()) == 95
    assert sorted(taken.values()) == [5] + [10] * 9
    assert "empty" not in taken
    assert taken == take_by_hash(reversed(documents), 95, seed=3)
    assert taken.keys() != take_by_hash(documents, 95, seed=4).keys()
    assert set(take_by_hash(documents, 55, seed=3)) < set(taken)


@pytest.fixture
def shards(tmp_path):
    rows = [row(f"a/{n}", "en", "web", "wörd " * 100) for n in range(20)]
    rows += [row(f"b/{n}", "code", "code", "\tx\n" * 100) for n in range(20)]
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, part in zip(paths, (rows[:25], rows[25:]), strict=True):
        write_table(path, pa.Table.from_pylist(part, schema=SCHEMA))
    return paths


def test_weights_multiply_natural_shares(shards):
    config = TokenizerConfig(
        max_sample_bytes=5000, weights=(SampleWeight(language="code", weight=4.0),)
    )
    code, english = choose_sample(shards, config, seed=1).shares
    assert (code.language, english.language) == ("code", "en")
    # 6,000 bytes of code at weight 4 against 12,000 of English at weight 1.
    assert (code.bytes, english.bytes) == (3333, 1667)


def test_a_small_share_gives_what_it_has_and_the_others_fill_up(shards):
    config = TokenizerConfig(
        max_sample_bytes=15_000, weights=(SampleWeight(category="code", weight=100.0),)
    )
    code, english = choose_sample(shards, config, seed=1).shares
    assert (code.bytes, english.bytes) == (6000, 9000)


def test_the_sample_is_the_same_for_any_split_into_shards(shards, tmp_path):
    config = TokenizerConfig(max_sample_bytes=4000)
    one = choose_sample(shards, config, seed=1)
    assert one == choose_sample(shards[::-1], config, seed=1)


def test_chosen_texts_are_the_chosen_bytes_in_whole_characters(shards):
    sample = choose_sample(shards, TokenizerConfig(max_sample_bytes=4001), seed=1)
    texts = list(chosen_texts(shards, sample.bytes_of))
    assert len(texts) == len(sample.bytes_of)
    assert 4001 - 3 < sum(len(text.encode()) for text in texts) <= 4001
    assert all(("wörd " * 100).startswith(text) or text.startswith("\tx\n") for text in texts)


def test_weight_zero_everywhere_is_an_error(shards):
    config = TokenizerConfig(weights=(SampleWeight(weight=0.0),))
    with pytest.raises(DataError, match="no text to train a tokenizer on"):
        choose_sample(shards, config, seed=1)
