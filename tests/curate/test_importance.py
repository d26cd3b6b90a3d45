import math
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import DataError, InputError
from mapneo.curate.hashed_ngrams import bucket_counts, feature_rows, weight_sums
from mapneo.curate.importance import ImportanceModel, fit_importance
from mapneo.curate.reference import ReferenceModel, area_under_curve, fit_reference
from tests.curate.texts import chinese, english
from tests.text.twins import HAN, fold

MANY_BUCKETS = (1 << 31) - 1


def features(text: str) -> list[tuple[str, ...]]:
    """Slow twin: words of the folded text, an ideograph a word, then pairs of neighbours."""
    words: list[str] = []
    for word in fold(text).split():
        run = ""
        for char in word:
            if HAN.match(char):
                words += [run, char] if run else [char]
                run = ""
            else:
                run += char
        words += [run] if run else []
    return [(word,) for word in words] + list(zip(words, words[1:], strict=False))


TEXTS = st.text("abAÉ 中文字.,\n　ﬁ９", max_size=25)


@settings(deadline=None)  # the first call compiles
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_features_agree_with_the_twin(texts):
    flat, offsets = feature_rows(pa.array(texts), MANY_BUCKETS)
    names: dict[tuple[str, ...], int] = {}
    for row, text in enumerate(texts):
        found = flat[offsets[row] : offsets[row + 1]].tolist()
        assert found == sorted(found)
        expected = features(text)
        assert len(found) == len(expected)
        for feature in set(expected):
            alone = feature_rows(pa.array([" ".join(feature)]), MANY_BUCKETS)[0]
            bucket = names.setdefault(feature, _bucket_of(feature, alone))
            assert found.count(bucket) == expected.count(feature)
    assert len(set(names.values())) == len(names)


def _bucket_of(feature: tuple[str, ...], alone: np.ndarray) -> int:
    """A word alone has one feature; of two words, the one that is neither word's own."""
    if len(feature) == 1:
        assert alone.size == 1
        return int(alone[0])
    words = [int(feature_rows(pa.array([word]), MANY_BUCKETS)[0][0]) for word in feature]
    (pair,) = [bucket for bucket in alone.tolist() if bucket not in words]
    return pair


@settings(deadline=None)
@given(st.lists(TEXTS | st.none(), max_size=4))
def test_counts_and_sums_agree_with_the_features(texts):
    column = pa.array(texts, pa.string())
    flat, offsets = feature_rows(column, 50)
    assert bucket_counts(column, 50).tolist() == np.bincount(flat, minlength=50).tolist()
    weights = np.arange(50, dtype=np.float64) ** 2 - 700.0
    sums, count = weight_sums(column, weights)
    assert count.tolist() == np.diff(offsets).tolist()
    for row in range(len(texts)):
        assert sums[row] == weights[flat[offsets[row] : offsets[row + 1]]].sum()


def test_importance_by_hand():
    model = fit_importance(pa.array(["a a b"]), pa.array(["c", None, "c d"]), buckets=997)
    # Target: a, a, b, a·a, a·b; raw: c, c, d, c·d. Each share has one added per bucket.
    everywhere = math.log(4 + 997) - math.log(5 + 997)
    weights = model.log_weights(pa.array(["a", "b a", "C.", "never", "", None]))
    a, b, c = math.log(3) + everywhere, math.log(2) + everywhere, -math.log(3) + everywhere
    assert weights[:4] == pytest.approx([a, a + b + everywhere, c, everywhere])
    assert np.isnan(weights[4:]).all()


def test_importance_tells_what_it_was_fitted_on():
    target = [english(seed) for seed in range(30)]
    raw = target[:10] + [chinese(seed) for seed in range(30)]
    model = fit_importance(pa.array(target), pa.chunked_array([raw[:5], raw[5:]]))
    weights = model.log_weights(pa.array([english(99), chinese(99)]))
    assert weights[0] > 100
    assert weights[1] < -100


def test_models_survive_saving_and_equal_texts_give_equal_bytes(tmp_path):
    ours = pa.array([english(seed) for seed in range(20)])
    others = pa.array([english(seed, 3) + " zinc" for seed in range(30)])
    for name in ("first", "second"):
        fit_importance(ours, others, provenance="tests").save(tmp_path / f"{name}.importance")
        fit_reference(ours, others, provenance="tests").save(tmp_path / f"{name}.reference")
    for kind in ("importance", "reference"):
        first = (tmp_path / f"first.{kind}").read_bytes()
        assert first == (tmp_path / f"second.{kind}").read_bytes()
    importance = ImportanceModel.load(tmp_path / "first.importance")
    assert importance.provenance == "tests"
    fresh = fit_importance(ours, others)
    assert importance.log_weights(ours).tolist() == fresh.log_weights(ours).tolist()
    reference = ReferenceModel.load(tmp_path / "first.reference")
    trained = fit_reference(ours, others)
    assert reference.heldout_auc == trained.heldout_auc
    assert reference.probabilities(ours).tolist() == trained.probabilities(ours).tolist()
    with pytest.raises(InputError, match="is of kind importance-1, expected reference-1"):
        ReferenceModel.load(tmp_path / "first.importance")


def mixture(share: float, seed: int) -> str:
    """Words of two vocabularies, the first with this share."""
    rng = random.Random(seed)
    return " ".join(
        f"{'left' if rng.random() < share else 'right'}{rng.randrange(40)}" for _ in range(60)
    )


def test_reference_learns_a_real_difference_and_nothing_where_there_is_none():
    texts = {
        share: pa.array([mixture(share, seed + int(1000 * share)) for seed in range(150)])
        for share in (0.4, 0.6)
    }
    model = fit_reference(texts[0.6], texts[0.4])
    # The best possible score is the count of left words: two binomials of 60, AUC 0.986.
    assert 0.93 < model.heldout_auc < 1
    fresh = [pa.array([mixture(share, seed) for seed in range(9000, 9200)]) for share in (0.6, 0.4)]
    right = model.probabilities(fresh[0]) > 0.5, model.probabilities(fresh[1]) < 0.5
    assert np.mean(right) > 0.85
    same = fit_reference(texts[0.6], pa.array([mixture(0.6, seed) for seed in range(5000, 5150)]))
    assert 0.3 < same.heldout_auc < 0.7


def test_class_sizes_do_not_tilt_the_reference():
    few = pa.array([mixture(0.6, seed) for seed in range(60)])
    many = pa.array([mixture(0.4, seed) for seed in range(1000, 1400)])
    model = fit_reference(few, many)
    fresh = [pa.array([mixture(share, seed) for seed in range(7000, 7200)]) for share in (0.6, 0.4)]
    right = model.probabilities(fresh[0]) > 0.5, model.probabilities(fresh[1]) < 0.5
    assert np.mean(right[0]) > 0.7
    assert np.mean(right[1]) > 0.7


def test_reference_without_words_is_not_measured():
    model = fit_reference(pa.array(["a b"]), pa.array(["c d"]))
    assert math.isnan(model.heldout_auc)
    found = model.probabilities(pa.array(["a", None, "", "…", "c", "never"]))
    assert found[0] > 0.5 > found[4]
    assert np.isnan(found[1:4]).all()
    assert model.probabilities(pa.array([], pa.string())).shape == (0,)


@pytest.mark.parametrize("fit", [fit_importance, fit_reference])
def test_sets_without_a_word_are_refused(fit):
    with pytest.raises(DataError, match="have no word"):
        fit(pa.array(["a"]), pa.array(["", None]))
    with pytest.raises(DataError, match="have no word"):
        fit(pa.array([], pa.string()), pa.array(["a"]))


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=12))
def test_area_under_curve_counts_pairs(rows):
    scores = np.array([float(score) for score, _ in rows])
    labels = np.array([label for _, label in rows])
    if labels.all() or not labels.any():
        return
    pairs = [
        (a > b) + 0.5 * (a == b) for a in scores[labels].tolist() for b in scores[~labels].tolist()
    ]
    assert area_under_curve(scores, labels) == pytest.approx(sum(pairs) / len(pairs))
