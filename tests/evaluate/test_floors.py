import numpy as np
import pytest

from mapneo.evaluate.floors import Resampling, quality_floors, up_weighted
from mapneo.evaluate.scores import Scores
from mapneo.mix import Bucket, PhaseQuotas, Quotas

RESAMPLING = Resampling(seed=1, resamples=200)


def phase(number, **shares):
    buckets = []
    for name, quota in shares.items():
        source, language, category = name.split("_")
        buckets.append(
            Bucket(
                source=source,
                language=language,
                category=category,
                files=(),
                tokens=0,
                windows_available=0,
                quota_windows=quota,
                epochs=0.0,
            )
        )
    return PhaseQuotas(phase=number, windows=sum(shares.values()), buckets=tuple(buckets))


def quotas(*phases):
    return Quotas(seq_len=8, seed=1, token_bytes=2, vocabulary=9, eod=2, phases=phases)


MORE_CODE = quotas(
    phase(1, a_en_web=50, b_en_web=10, a_zh_law=20, a_code_code=20),
    phase(2, a_en_web=20, b_en_web=10, a_zh_law=20, a_code_code=40, a_en_math=10),
)


def scores(**nats):
    languages = ["en"] * 20 + ["zh"] * 20 + ["code"] * 20
    categories = ["web"] * 20 + ["law"] * 20 + ["code"] * 20
    jitter = np.random.default_rng(1).normal(0, 5, 60)
    base = {
        "pretrain_1": 110.0,
        "pretrain_2": 100.0,
        "unigram": 200.0,
        "bigram": 150.0,
        "five_gram": 90.0,
    }
    return Scores(
        doc_ids=tuple(f"d{n}" for n in range(60)),
        languages=np.array(languages),
        categories=np.array(categories),
        bytes=np.full(60, 80),
        nats={name: np.full(60, value) + jitter for name, value in (base | nats).items()},
    )


def floors_of(scored, languages=("en", "zh", "code")):
    found = quality_floors(scored, MORE_CODE, RESAMPLING, languages=languages, min_lift=1.1)
    return {floor.name: floor for floor in found}


def test_phase_2_leans_where_its_share_grew_whatever_the_source():
    assert up_weighted(MORE_CODE, 1.1) == [("code", "code"), ("en", "math")]
    assert up_weighted(MORE_CODE, 2.5) == [("en", "math")]
    assert up_weighted(quotas(phase(1, a_en_web=5)), 1.1) == []


def test_a_good_model_passes_and_the_five_gram_is_only_an_aim():
    floors = floors_of(scores())
    assert {name for name, floor in floors.items() if floor.passed} == {
        "below_unigram_en", "below_unigram_zh", "below_unigram_code",
        "below_bigram_en", "below_bigram_zh", "below_bigram_code", "phase_2_below_phase_1",
    }  # fmt: skip
    assert {name for name, floor in floors.items() if floor.kind == "aim"} == {
        "below_five_gram_en", "below_five_gram_zh", "below_five_gram_code",
    }  # fmt: skip


def test_the_value_is_the_upper_end_of_the_paired_difference():
    floor = floors_of(scores())["below_bigram_zh"]
    assert floor.value == pytest.approx(-50 / np.log(2) / 80)
    assert floor.bound == 0
    assert "held-out zh text" in floor.sentence
    assert "difference -0.902" in floor.sentence


def test_a_difference_that_may_be_chance_does_not_pass():
    noise = np.random.default_rng(2).normal(0, 20, 60)
    scored = scores()
    scored.nats["bigram"] = scored.nats["pretrain_2"] + noise + 1
    floors = floors_of(scored)
    assert not floors["below_bigram_en"].passed
    assert floors["below_bigram_en"].value > 0
    assert floors["below_unigram_en"].passed


def test_phase_2_that_made_its_own_domain_worse_is_caught():
    scored = scores()
    scored.nats["pretrain_2"][40:] = scored.nats["pretrain_1"][40:] + 3
    assert not floors_of(scored)["phase_2_below_phase_1"].passed


def test_a_language_without_held_out_text_is_not_passed_and_says_so():
    floor = floors_of(scores(), languages=("fr",))["below_unigram_fr"]
    assert not floor.passed
    assert floor.value is None
    assert floor.sentence == "Not measured: there is no held-out fr text."
