import random

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.curate.exact import exact_keys
from mapneo.curate.minhash import (
    band_keys,
    estimated_jaccard,
    permutations,
    signatures,
    sketches,
)
from mapneo.curate.minhash_setting import PRESETS
from tests.curate.texts import chinese, english, near_copy
from tests.text.twins import fold

MAP_NEO, WORDS = PRESETS["map_neo"], PRESETS["words"]


def shingles(text: str, width: int = 13) -> set[str]:
    text = " ".join(fold(text).split())
    return {text[k : k + width] for k in range(len(text) - width + 1)}


def jaccard(a: str, b: str) -> float:
    left, right = shingles(a), shingles(b)
    return len(left & right) / len(left | right)


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    made = []
    for number in range(count):
        text = (english if number % 2 else chinese)(seed + number, 14)
        made.append((text, near_copy(text, number, rng.randint(0, 14))))
    return made


def estimates(found: list[tuple[str, str]]) -> np.ndarray:
    left, _ = signatures(pa.array([a for a, _ in found]), MAP_NEO)
    right, _ = signatures(pa.array([b for _, b in found]), MAP_NEO)
    return estimated_jaccard(sketches(left), sketches(right))


def test_estimates_scatter_around_the_true_jaccard_as_theory_says():
    found = pairs(400, 1)
    truth = np.array([jaccard(a, b) for a, b in found])
    error = estimates(found) - truth
    deviation = np.sqrt(truth * (1 - truth) / MAP_NEO.permutations)
    assert abs(error.mean()) < 0.006
    standard = error[deviation > 0] / deviation[deviation > 0]
    assert 0.85 < standard.std() < 1.15


def test_estimates_are_as_good_as_datasketch():
    found = pairs(60, 1000)
    truth = np.array([jaccard(a, b) for a, b in found])
    theirs = []
    for pair in found:
        hashes = []
        for text in pair:
            signature = MinHash(num_perm=MAP_NEO.permutations)
            signature.update_batch([s.encode() for s in shingles(text)])
            hashes.append(signature)
        theirs.append(hashes[0].jaccard(hashes[1]))
    ours = np.abs(estimates(found) - truth).mean()
    assert ours < 1.25 * np.abs(np.array(theirs) - truth).mean()


def test_candidates_follow_the_curve_of_the_bands():
    found = pairs(1500, 50_000)
    truth = np.array([jaccard(a, b) for a, b in found])
    keys = [
        band_keys(signatures(pa.array([pair[side] for pair in found]), MAP_NEO)[0], MAP_NEO)
        for side in (0, 1)
    ]
    hit = (keys[0] == keys[1]).any(axis=1)
    for low in (0.7, 0.8, 0.9):
        inside = (truth >= low) & (truth < low + 0.1)
        theory = np.mean([MAP_NEO.candidate_probability(s) for s in truth[inside]])
        assert inside.sum() > 50
        assert abs(hit[inside].mean() - theory) < 3 * np.sqrt(0.25 / inside.sum())


@pytest.mark.parametrize(("similarity", "chance"), [(0.7, 0.0839), (0.8, 0.3988), (0.9, 0.9286)])
def test_curve_of_map_neo(similarity, chance):
    assert MAP_NEO.candidate_probability(similarity) == pytest.approx(chance, abs=1e-4)


@pytest.mark.parametrize("setting", [MAP_NEO, WORDS])
def test_width_case_punctuation_and_composition_do_not_count(setting):
    plain = "The café sells tea, bread and 12 sorts of cake every day. 标点符号，不算在内的！" * 2
    other = (
        plain.upper()
        .replace("É", "E\u0301")
        .replace(",", "，")
        .replace(" ", "\n ")
        .replace("1", "１")
    )
    values, counts = signatures(pa.array([plain, other]), setting)
    assert counts[0] > 0
    assert (values[0] == values[1]).all()


def test_shingles_are_counted_and_too_short_texts_have_none():
    texts = ["x" * 12, "x" * 13, "", "! ! ! ! ! ! ! ! !", "a b c d", "a b c d e", "中文也算词"]
    assert signatures(pa.array(texts), MAP_NEO)[1].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert signatures(pa.array(texts), WORDS)[1].tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_signature_is_the_least_value_of_each_permutation():
    """The signature of a union of shingle sets is the element-wise minimum."""
    a, b = english(1), english(2)
    values, _ = signatures(pa.array([a, b]), MAP_NEO)
    seam = a[-12:] + " " + b[:12]
    whole, _ = signatures(pa.array([a + " " + b, seam]), MAP_NEO)
    np.testing.assert_array_equal(whole[0], np.minimum(np.minimum(*values), whole[1]))


MASK = 2**64 - 1


def mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def slow_signature(text: str, width: int = 13) -> list[int]:
    """One shingle at a time, in Python integers."""
    units = [mix(ord(c) + 1) for c in " ".join(fold(text).split())]
    hashes = []
    for start in range(len(units) - width + 1):
        state = 0
        for unit in units[start : start + width]:
            state = (state * 0x9E3779B97F4A7C15 + unit) & MASK
        hashes.append(mix(state) >> 32)
    chosen = permutations(MAP_NEO.permutations)
    pairs_ = zip(chosen.multipliers.tolist(), chosen.offsets.tolist(), strict=True)
    return [min((a * h + b) % 2**32 for h in hashes) for a, b in pairs_]


@pytest.mark.parametrize("text", [english(3, 4), chinese(3, 4), "exactly thirt", "ﬁn—Ａ½ ok " * 3])
def test_signature_equals_the_slow_twin(text):
    assert signatures(pa.array([text]), MAP_NEO)[0][0].tolist() == slow_signature(text)


def test_signatures_are_the_same_in_every_version():
    """Keys are artifacts: an old run's must meet a new run's."""
    values, _ = signatures(pa.array(["The quick brown fox jumps over the lazy dog."]), MAP_NEO)
    keys = band_keys(values, MAP_NEO)
    assert values[0, :3].tolist() == [46924917, 89800744, 21572028]
    assert keys[0, :2].tolist() == [2193987425491419377, 9802333067705992115]


def test_bands_of_equal_values_have_different_keys():
    same = np.full((1, 128), 7, dtype=np.uint32)
    assert len(set(band_keys(same, MAP_NEO)[0].tolist())) == MAP_NEO.bands


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from(" a\n\t中\u3000\u2028\x85\x1cé😀.\u200b")), max_size=4))
def test_exact_keys_are_the_hash_of_the_text_with_single_spaces(texts):
    high, low = exact_keys(pa.array(texts, pa.string()))
    slow = [xxhash.xxh3_128_intdigest(" ".join(text.split()).encode()) for text in texts]
    assert [(a << 64) | b for a, b in zip(high.tolist(), low.tolist(), strict=True)] == slow


def test_exact_keys_even_out_white_space_only():
    high, low = exact_keys(pa.array(["a  b", "a\nb ", "A b", "a. b", "1.1", "11"]))
    assert len(set(zip(high.tolist(), low.tolist(), strict=True))) == 5
    assert (high[0], low[0]) == (high[1], low[1])
