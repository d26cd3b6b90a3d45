import doctest
import lzma
import math
import random

import numpy as np
import pytest

import mapneo.evaluate
from mapneo.core.errors import DataError
from mapneo.evaluate import bits_per_byte, bits_per_byte_interval, compress, paired_difference
from mapneo.evaluate.compressors import xz_size
from mapneo.evaluate.statistics import Interval, mean_interval, proportion_interval


def sample(documents=60, seed=0):
    draw = np.random.default_rng(seed)
    sizes = draw.integers(50, 2000, documents)
    rates = draw.normal(1.2, 0.2, documents)
    return sizes * rates * math.log(2), sizes


def test_bits_per_byte_pools_documents():
    nats = np.array([8 * math.log(2), 2 * math.log(2)])
    assert bits_per_byte(nats, np.array([4, 1])) == pytest.approx(2.0)


def test_no_text_is_an_error():
    with pytest.raises(DataError, match="no held-out documents with text"):
        bits_per_byte(np.empty(0), np.empty(0, dtype=int))


def test_the_interval_agrees_with_a_plain_bootstrap():
    nats, sizes = sample()
    ours = bits_per_byte_interval(nats, sizes, seed=1, resamples=4000)
    draw = random.Random(5)
    values = []
    for _ in range(4000):
        chosen = draw.choices(range(len(nats)), k=len(nats))
        values.append(sum(nats[i] for i in chosen) / sum(sizes[i] for i in chosen) / math.log(2))
    low, high = np.quantile(values, [0.025, 0.975])
    assert ours.low < ours.value < ours.high
    assert ours.low == pytest.approx(low, abs=0.01)
    assert ours.high == pytest.approx(high, abs=0.01)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    inside = 0
    for seed in range(200):
        nats, sizes = sample(documents=80, seed=seed)
        interval = bits_per_byte_interval(nats, sizes, seed=seed, resamples=300)
        inside += interval.low <= 1.2 <= interval.high
    assert 0.87 <= inside / 200 <= 0.99


def test_pairing_takes_out_what_makes_a_document_hard():
    nats, sizes = sample()
    better = nats - 0.05 * math.log(2) * sizes
    gain = paired_difference(better, nats, sizes, seed=1, resamples=500)
    assert [gain.value, gain.low, gain.high] == pytest.approx([-0.05] * 3)
    alone = bits_per_byte_interval(nats, sizes, seed=1, resamples=500)
    assert alone.high - alone.low > 0.05


def test_the_seed_decides_the_interval_and_blocks_do_not(monkeypatch):
    nats, sizes = sample()
    one = bits_per_byte_interval(nats, sizes, seed=1, resamples=500)
    assert one != bits_per_byte_interval(nats, sizes, seed=2, resamples=500)
    monkeypatch.setattr("mapneo.evaluate.statistics._CHUNK_NUMBERS", 700)
    assert one == bits_per_byte_interval(nats, sizes, seed=1, resamples=500)


def test_one_document_has_an_interval_of_no_width():
    interval = bits_per_byte_interval(np.array([70.0]), np.array([100]), seed=1, resamples=100)
    assert interval.low == interval.value == interval.high


def test_xz_is_what_the_library_gives_at_its_best_preset():
    data = b"the quick brown fox " * 50 + bytes(range(256))
    assert xz_size(data) == len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def test_priming_with_similar_text_helps_and_random_bytes_do_not():
    words = [f"word{n} " for n in range(300)]
    draw = random.Random(1)
    heldout, similar = ("".join(draw.choices(words, k=3000)).encode() for _ in range(2))
    noise = draw.randbytes(20_000)
    helped, misled = compress(heldout, similar), compress(heldout, noise)
    assert helped.xz_primed_bytes < 0.9 * helped.xz_bytes
    assert misled.xz_primed_bytes > 0.97 * misled.xz_bytes
    assert compress(heldout, heldout).xz_primed_bytes < 0.02 * helped.xz_bytes
    assert helped.bytes == len(heldout)
    assert helped.prime_bytes == len(similar)


def test_the_example_of_the_package_runs():
    result = doctest.testmod(mapneo.evaluate)
    assert result.attempted
    assert not result.failed


def test_a_share_has_wilsons_interval():
    eight = proportion_interval(8, 10)
    assert eight.value == 0.8
    assert eight.low == pytest.approx(0.4902, abs=1e-4)
    assert eight.high == pytest.approx(0.9433, abs=1e-4)
    assert proportion_interval(0, 10).low == 0
    with pytest.raises(DataError, match="no trials"):
        proportion_interval(0, 0)


def test_interval_of_a_mean_is_students():
    values = np.array([0.1, 0.3, 0.2])
    interval = mean_interval(values)
    # By hand: mean 0.2, standard error 0.1/sqrt(3), t of 2 degrees of freedom 4.302653.
    half = 4.302653 * 0.1 / 3**0.5
    assert interval.value == pytest.approx(0.2)
    assert interval.low == pytest.approx(0.2 - half, abs=1e-6)
    assert interval.high == pytest.approx(0.2 + half, abs=1e-6)


def test_interval_of_equal_values_has_no_width_and_of_one_value_is_refused():
    assert mean_interval(np.zeros(3)) == Interval(value=0.0, low=0.0, high=0.0)
    with pytest.raises(DataError, match="two values"):
        mean_interval(np.array([1.0]))
