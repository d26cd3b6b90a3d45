"""Which window a sample shows: exact quotas, whole epochs, an inverse, the same for any world."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.errors import ManifestError
from mapneo.mix import TokenFile
from mapneo.train.data import TokenWindows
from mapneo.train.windows import Order, Window, step_of, step_samples
from tests.train.micro import bucket, quotas_of

LANGUAGES = ("en", "zh", "code")


@st.composite
def orders(draw, max_skips=5):
    """One to three buckets of odd sizes, quotas below and above one epoch, some skips."""
    buckets = [
        bucket(language=language, tokens=draw(st.integers(17, 700)), quota=draw(st.integers(1, 90)))
        for language in LANGUAGES[: draw(st.integers(1, 3))]
    ]
    quotas = quotas_of(*buckets, seed=draw(st.integers(0, 99)))
    positions = st.integers(0, quotas.phases[0].windows - 1)
    skipped = draw(st.sets(positions, max_size=max_skips))
    return Order(quotas, 1, tuple(sorted(skipped)))


@given(orders(max_skips=0))
def test_quotas_are_drawn_exactly_and_each_epoch_shows_every_window_once(order):
    drawn = [order.locate(sample) for sample in range(order.samples)]
    for number, entry in enumerate(order.buckets):
        mine = [window for window in drawn if window.bucket == number]
        assert len(mine) == entry.quota_windows
        by_epoch = Counter(window.epoch for window in mine)
        full, rest = divmod(entry.quota_windows, entry.windows_available)
        expected = dict.fromkeys(range(full), entry.windows_available)
        assert by_epoch == expected | ({full: rest} if rest else {})
        assert len({(window.epoch, window.window) for window in mine}) == len(mine)
        assert all(0 <= window.window < entry.windows_available for window in mine)


@given(orders())
def test_inverse_names_exactly_the_samples_that_show_a_window(order):
    shown = {}
    for sample in range(order.samples):
        window = order.locate(sample)
        shown.setdefault((window.bucket, window.window), []).append(sample)
    for number, entry in enumerate(order.buckets):
        for window in range(entry.windows_available):
            assert order.samples_of(number, window) == shown.get((number, window), [])


@given(orders())
def test_skipping_leaves_the_order_of_the_others(order):
    whole = Order(order.quotas, 1)
    kept = [whole.locate(p) for p in range(whole.samples) if p not in order.skipped]
    assert [order.locate(sample) for sample in range(order.samples)] == kept


@given(orders())
def test_many_at_once_equal_one_by_one(order):
    samples = range(order.samples)
    assert order.locate_many(samples) == [order.locate(sample) for sample in samples]


@pytest.mark.parametrize("world", [1, 2, 4, 8])
def test_all_ranks_together_see_the_same_batch_in_the_same_order(world):
    steps = [
        [s for rank in range(world) for s in step_samples(step, 8, rank=rank, world=world)]
        for step in (1, 2, 3)
    ]
    assert [sample for step in steps for sample in step] == list(range(24))
    assert [step_of(sample, 8) for sample in range(24)] == [1] * 8 + [2] * 8 + [3] * 8


def test_a_batch_that_ranks_cannot_share_is_refused():
    with pytest.raises(ValueError, match="evenly"):
        step_samples(1, 8, world=3)


def test_a_corpus_of_4_5_trillion_tokens_does_not_overflow():
    seq_len, tokens = 1024, 4_500_000_000_000
    big = bucket(tokens=tokens, quota=2 * tokens // seq_len, seq_len=seq_len)
    small = bucket(language="zh", tokens=5000, quota=9, seq_len=seq_len)
    order = Order(quotas_of(big, small, seq_len=seq_len), 1, (5, 2**33))
    assert order.samples > 2**33
    samples = [0, 4, 5, 2**32 + 1, 2**33 - 1, order.samples - 1]
    for sample, window in zip(samples, order.locate_many(samples), strict=True):
        assert window == order.locate(sample)
        assert sample in order.samples_of(window.bucket, window.window)


def test_order_changes_with_seed_and_phase():
    one = bucket(tokens=5000, quota=100)
    orders = [
        Order(quotas_of(one, seed=seed, phase=phase), phase)
        for seed, phase in ((1, 1), (2, 1), (1, 2))
    ]
    first = [tuple(order.locate(sample).window for sample in range(20)) for order in orders]
    assert len(set(first)) == 3


@pytest.mark.parametrize("skipped", [(3, 3), (4, 2), (-1,), (64,)])
def test_impossible_skip_lists_are_refused(skipped):
    with pytest.raises(ValueError, match="skipped"):
        Order(quotas_of(bucket(quota=64)), 1, skipped)


def test_samples_and_windows_outside_are_refused():
    order = Order(quotas_of(bucket(quota=64)), 1)
    with pytest.raises(IndexError):
        order.locate(64)
    with pytest.raises(IndexError):
        order.samples_of(0, 10_000)


def test_quotas_that_promise_more_than_the_files_hold_are_refused():
    files = (TokenFile(file="x.bin", tokens=40),)
    with pytest.raises(ManifestError, match="hold 2"):
        Order(quotas_of(bucket(tokens=900, files=files)), 1)
    with pytest.raises(ManifestError, match="no phase 2"):
        Order(quotas_of(bucket()), 2)


@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=6).filter(lambda n: sum(n) > 17),
    token_bytes=st.sampled_from([2, 4]),
)
def test_windows_are_read_as_if_files_were_one(tmp_path_factory, lengths, token_bytes):
    root = tmp_path_factory.mktemp("tokens")
    whole = np.arange(sum(lengths))
    files, start = [], 0
    for number, length in enumerate(lengths):
        part = whole[start : start + length]
        part.astype(f"<u{token_bytes}").tofile(root / f"{number}.bin")
        files.append(TokenFile(file=f"{number}.bin", tokens=length))
        start += length
    quotas = quotas_of(bucket(tokens=sum(lengths), quota=3, files=tuple(files)))
    quotas = type(quotas)(**{**vars(quotas), "token_bytes": token_bytes})
    order = Order(quotas, 1)
    tokens = TokenWindows(root, order)
    windows = [
        Window(bucket=0, epoch=0, window=n) for n in range(order.buckets[0].windows_available)
    ]
    for window, row in zip(windows, tokens.batch(windows).tolist(), strict=True):
        first = window.window * 16
        assert row == list(range(first, first + 17))
        pieces = tokens.extents(window)
        assert sum(piece.end_token - piece.start_token for piece in pieces) == 17


def test_a_token_file_of_another_size_is_refused(tmp_path):
    (tmp_path / "tokens").mkdir()
    order = Order(quotas_of(bucket(tokens=900)), 1)
    with pytest.raises(ManifestError, match="missing"):
        TokenWindows(tmp_path, order)
    (tmp_path / "tokens/a.en.web.bin").write_bytes(b"\0" * 1799)
    with pytest.raises(ManifestError, match="1799 bytes"):
        TokenWindows(tmp_path, order)
