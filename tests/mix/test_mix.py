import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import mapneo.mix
from mapneo.core.errors import DataError, ManifestError
from mapneo.mix import (
    BucketName,
    MixConfig,
    MixPhase,
    MixRule,
    TokenFile,
    plan_mixture,
    read_quotas,
    windows_available,
)
from mapneo.mix.stage import Mix
from mapneo.tokenizer import EncodeConfig, TokenizerConfig
from mapneo.tokenizer.stage import Encode, TrainTokenizer
from tests.tokenizer.documents import FakeSplit, run_stages

SEQ_LEN = 10


def data(**windows):
    """Buckets `source_language_category` with that many windows of SEQ_LEN."""
    files = {}
    for name, count in windows.items():
        source, language, category = name.split("_")
        bucket = BucketName(source=source, language=language, category=category)
        tokens = count * SEQ_LEN + 1
        halves = (tokens // 2, tokens - tokens // 2)
        files[bucket] = [TokenFile(file=f"{name}-{i}.bin", tokens=t) for i, t in enumerate(halves)]
    return files


def mixture(*phases, **settings):
    return MixConfig(
        seq_len=SEQ_LEN,
        phases=tuple(MixPhase(windows=windows, rules=rules) for windows, rules in phases),
        **settings,
    )


def quotas(plan, phase=1):
    buckets = plan.phases[phase - 1].buckets
    return {(b.source, b.language, b.category): b.quota_windows for b in buckets}


@pytest.mark.parametrize(
    ("tokens", "windows"), [(0, 0), (1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (1001, 100)]
)
def test_a_window_needs_one_token_more_than_it_predicts(tokens, windows):
    assert windows_available(tokens, 10) == windows


def test_weights_share_the_phase_and_sizes_share_the_rule():
    files = data(a_en_web=100, b_en_web=300, c_zh_law=100)
    rules = (MixRule(language="en", weight=3.0), MixRule(language="zh", weight=1.0))
    plan = plan_mixture(mixture((200, rules)), files)
    assert quotas(plan) == {("a", "en", "web"): 38, ("b", "en", "web"): 112, ("c", "zh", "law"): 50}
    assert [b.epochs for b in plan.phases[0].buckets] == [38 / 100, 112 / 300, 0.5]


def test_the_first_matching_rule_takes_a_bucket():
    files = data(a_en_web=100, a_en_math=100)
    rules = (MixRule(category="math", weight=1.0), MixRule(language="en", weight=1.0))
    assert quotas(plan_mixture(mixture((40, rules)), files)) == {
        ("a", "en", "math"): 20,
        ("a", "en", "web"): 20,
    }


def test_what_a_capped_rule_can_not_give_goes_to_the_others_and_is_shown():
    files = data(a_en_web=1000, a_zh_law=10, a_code_code=1000)
    rules = (
        MixRule(language="en", weight=1.0),
        MixRule(language="zh", weight=2.0, max_epochs=1.5),
        MixRule(language="code", weight=1.0),
    )
    plan = plan_mixture(mixture((100, rules)), files)
    assert quotas(plan) == {
        ("a", "code", "code"): 42,
        ("a", "en", "web"): 43,
        ("a", "zh", "law"): 15,
    }
    shares = {entry.language: (entry.asked_frac, entry.given_frac) for entry in plan.rows}
    assert shares == {"en": (0.25, 0.43), "zh": (0.5, 0.15), "code": (0.25, 0.42)}


def test_too_little_data_names_what_each_rule_can_give():
    files = data(a_en_web=100, a_zh_law=10)
    rules = (MixRule(language="en", weight=1.0), MixRule(language="zh", weight=1.0, max_epochs=1.0))
    with pytest.raises(DataError, match=r"asks for 500 windows.*only 410: language=en: 400 .at 4"):
        plan_mixture(mixture((500, rules)), files)


def test_a_missing_source_names_what_is_there():
    rules = (MixRule(source="wiki", weight=1.0), MixRule(weight=1.0))
    with pytest.raises(DataError, match=r"rule `source=wiki` .*there are: a/en/web \(1001 tokens"):
        plan_mixture(mixture((5, rules)), data(a_en_web=100))


def test_a_source_without_one_whole_window_is_missing_too():
    with pytest.raises(DataError, match="no window of data"):
        plan_mixture(mixture((5, (MixRule(weight=1.0),))), data(a_en_web=0))


def test_a_bucket_that_no_rule_takes_is_left_out_and_said():
    files = data(a_en_web=100, a_fr_web=100)
    plan = plan_mixture(mixture((5, (MixRule(language="en", weight=1.0),))), files)
    assert quotas(plan) == {("a", "en", "web"): 5}
    assert plan.warnings == ("phase 1: no rule takes a/fr/web (1001 tokens)",)


def test_epochs_add_up_over_phases_and_too_many_are_said():
    rules = (MixRule(weight=1.0),)
    plan = plan_mixture(mixture((300, rules), (250, rules)), data(a_en_web=100))
    assert [(r.epochs_before, r.epochs) for r in plan.rows] == [(0.0, 3.0), (3.0, 2.5)]
    assert plan.warnings == ("a/en/web is read 5.5 times over all phases (more than 4)",)


BUCKETS = st.dictionaries(
    st.sampled_from(["a_en_web", "b_en_web", "a_zh_law", "b_zh_wiki", "a_code_code"]),
    st.integers(0, 40),
    min_size=1,
)


@given(BUCKETS, st.floats(0.01, 1.0), st.floats(0.3, 3.0), st.floats(0.1, 10))
def test_quotas_add_up_exactly_and_no_bucket_is_read_too_often(windows, filled, epochs, weight):
    files = data(**windows)
    languages = sorted({name.language for name in files})
    rules = tuple(
        MixRule(language=language, weight=weight if i else 1.0, max_epochs=epochs)
        for i, language in enumerate(languages)
    )
    caps = {name: int(epochs * count) for name, count in windows.items()}
    rule_has_data = all(
        any(count for name, count in windows.items() if name.split("_")[1] == language)
        for language in languages
    )
    total = int(filled * sum(caps.values()))
    if not total or not rule_has_data:
        return
    plan = plan_mixture(mixture((total, rules)), files)
    given_ = {"_".join(name): quota for name, quota in quotas(plan).items()}
    assert sum(given_.values()) == total == plan.phases[0].windows
    assert all(0 < quota <= caps[name] for name, quota in given_.items())
    assert sum(entry.given_frac for entry in plan.rows) == pytest.approx(1)
    assert sum(entry.asked_frac for entry in plan.rows) == pytest.approx(1)


def test_two_rules_for_the_same_are_refused():
    rules = (MixRule(language="en", weight=1.0), MixRule(language="en", weight=2.0))
    with pytest.raises(ValidationError, match="phase 1 has two rules for language=en"):
        mixture((5, rules))


def test_the_stage_reads_the_index_and_writes_what_the_trainer_reads(tmp_path):
    config = MixConfig(
        seq_len=32,
        phases=(
            MixPhase(windows=200, rules=(MixRule(weight=1.0),)),
            MixPhase(
                windows=60,
                rules=(MixRule(language="code", weight=2.0), MixRule(weight=1.0)),
            ),
        ),
    )
    tokenizer = TrainTokenizer(TokenizerConfig(vocabulary=1200))
    run = run_stages(tmp_path, [FakeSplit(), tokenizer, Encode(EncodeConfig()), Mix(config)])
    result = read_quotas(tmp_path / "mix/quotas.json")
    assert (result.seq_len, result.seed, result.vocabulary) == (32, 7, 1200)
    assert (result.token_bytes, result.eod) == (2, 2)
    assert [phase.windows for phase in result.phases] == [200, 60]
    for phase in result.phases:
        assert sum(bucket.quota_windows for bucket in phase.buckets) == phase.windows
        for bucket in phase.buckets:
            sizes = [(tmp_path / "encode" / file.file).stat().st_size for file in bucket.files]
            assert sizes == [2 * file.tokens for file in bucket.files]
            assert bucket.windows_available == windows_available(sum(sizes) // 2, 32)
    code = [b.quota_windows for b in result.phases[1].buckets if b.language == "code"]
    assert sum(code) == 40
    plan = json.loads((tmp_path / "mix/plan.json").read_text())
    given_frac = sum(r["given_frac"] for r in plan["rows"] if r["phase"] == 2)
    assert given_frac == pytest.approx(1)
    assert run.artifact("mix").manifest.facts["tokens"] == [6400, 1920]


def test_a_file_that_is_no_table_of_quotas_is_named(tmp_path):
    (tmp_path / "quotas.json").write_text('{"seq_len": 3}')
    with pytest.raises(ManifestError, match=r"quotas\.json is not a table of quotas"):
        read_quotas(tmp_path / "quotas.json")


def test_the_example_of_the_package_runs():
    result = doctest.testmod(mapneo.mix)
    assert result.attempted
    assert not result.failed
