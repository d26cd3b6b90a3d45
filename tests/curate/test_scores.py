import json
import math
import sys
import types

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from mapneo.core.errors import ConfigError, InputError
from mapneo.curate import perplexity
from mapneo.curate.annotations import ANNOTATIONS
from mapneo.curate.importance import fit_importance
from mapneo.curate.reference import fit_reference
from mapneo.curate.score_list import SCORE_SIGNALS
from mapneo.curate.scores import ScoresConfig, load_scorers, score_documents
from mapneo.curate.signals import signals
from tests.curate.texts import chinese, english

NAMES = [row.name for row in SCORE_SIGNALS]


def table(rows: list[dict[str, object]]) -> pa.Table:
    fields = {"text": "", "url": None, "language": "en", "meta": "{}"}
    schema = pa.schema([(name, pa.string()) for name in fields])
    return pa.Table.from_pylist([{**fields, **row} for row in rows], schema=schema)


def test_the_table_of_scores_is_whole():
    assert len(set(NAMES)) == len(NAMES)
    assert set(ANNOTATIONS) <= set(NAMES)
    assert not set(NAMES).intersection(signals())
    assert all(row.definition and row.source for row in SCORE_SIGNALS)


def test_without_settings_only_annotations_are_measured():
    meta = json.dumps({"ccnet_perplexity": [[0, 1, 99.0]], "ccnet_bucket": "blue"})
    documents = table([{"text": "a b", "url": "http://x.org", "meta": meta}, {"text": "c"}])
    scored = score_documents(documents, load_scorers(ScoresConfig()))
    assert list(scored.columns) == NAMES
    for name, values in scored.columns.items():
        assert values.dtype == np.float64
        assert values.shape == (2,)
        assert math.isnan(values[1])
        assert (values[0] == 99.0) if name == "ccnet_perplexity" else math.isnan(values[0])
    assert scored.url_category.to_pylist() == [None, None]
    assert scored.reasons == {"ccnet_bucket_ordinal:malformed": 1}


def test_no_documents():
    scored = score_documents(table([]), load_scorers(ScoresConfig()))
    assert all(values.shape == (0,) for values in scored.columns.values())
    assert scored.reasons == {}


def test_url_lists_in_a_table(tmp_path):
    root = tmp_path / "lists"
    (root / "gambling").mkdir(parents=True)
    (root / "gambling/domains").write_text("bet.com\n")
    (root / "adult").mkdir()
    (root / "adult/domains").write_text("bet.com\n")
    config = ScoresConfig.model_validate({"url_lists": [{"path": str(root)}]})
    urls = ["https://www.bet.com/", "http://fine.org", None, "nowhere"]
    scorers = load_scorers(config, cache=tmp_path / "cache")
    scored = score_documents(table([{"url": url} for url in urls]), scorers)
    hits = scored.columns["url_list_hits"]
    assert hits[:2].tolist() == [2.0, 0.0]
    assert np.isnan(hits[2:]).all()
    assert scored.url_category.to_pylist() == ["adult", None, None, None]
    assert scored.reasons == {"url_list_hits:no_url": 1, "url_list_hits:no_host": 1}
    assert load_scorers(config, cache=tmp_path / "cache") is scorers
    (root / "adult/domains").write_text("fine.org\nbet.com\n")
    changed = score_documents(
        table([{"url": url} for url in urls]), load_scorers(config, cache=tmp_path / "cache")
    )
    assert changed.columns["url_list_hits"][:2].tolist() == [2.0, 1.0]


@pytest.fixture
def models(tmp_path):
    ours, others = (pa.array([make(seed) for seed in range(40)]) for make in (english, chinese))
    fit_importance(ours, others).save(tmp_path / "importance.npz")
    fit_reference(ours, others).save(tmp_path / "reference.npz")
    return tmp_path


def test_models_fill_their_languages_behind_annotations(models):
    config = ScoresConfig.model_validate(
        {
            "importance": [
                {"path": models / "importance.npz", "languages": ["en"]},
                {
                    "path": models / "importance.npz",
                    "signal": "wikipedia_importance_log_weight",
                },
            ],
            "reference": [{"path": models / "reference.npz", "signal": "wikipedia_reference_prob"}],
        }
    )
    meta = json.dumps(
        {"rps_doc_ml_wikiref_score": 0.25, "rps_doc_wikipedia_importance": [[0, 1, -5]]}
    )
    rows = [
        {"text": english(77)},
        {"text": chinese(77), "language": "zh"},
        {"text": english(78), "meta": meta},
        {"text": "…"},
    ]
    scored = score_documents(table(rows), load_scorers(config))
    target = scored.columns["target_importance_log_weight"]
    assert target[0] > 50
    assert math.isnan(target[1])
    assert target[2] > 50
    wikipedia = scored.columns["wikipedia_importance_log_weight"]
    assert wikipedia[0] == target[0]
    assert wikipedia[1] < -50
    assert wikipedia[2] == -5.0
    reference = scored.columns["wikipedia_reference_prob"]
    assert reference[0] > 0.9
    assert reference[1] < 0.1
    assert reference[2] == 0.25
    assert scored.reasons == {
        "target_importance_log_weight:no_word": 1,
        "wikipedia_importance_log_weight:no_word": 1,
        "wikipedia_reference_prob:no_word": 1,
    }


class OneBitPerWord:
    """Stands for a KenLM model: each word and the end of a line have probability 0.1."""

    def __init__(self, path: str) -> None:
        pass

    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float:
        return -(len(sentence.split()) + 1.0)


def test_perplexity_and_buckets_by_language(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", types.SimpleNamespace(Model=OneBitPerWord))
    perplexity.load_kenlm.cache_clear()
    (tmp_path / "en.arpa").touch()
    model = {"language": "en", "model": tmp_path / "en.arpa", "head_max": 9, "middle_max": 11}
    config = ScoresConfig.model_validate({"perplexity": [model]})
    meta = json.dumps({"ccnet_perplexity": 8.0, "ccnet_bucket": "tail"})
    rows = [{"text": "a b"}, {"text": "a", "language": "zh"}, {"text": "a", "meta": meta}, {}]
    scored = score_documents(table(rows), load_scorers(config))
    perplexity.load_kenlm.cache_clear()
    values, buckets = (
        scored.columns[name] for name in ("ccnet_perplexity", "ccnet_bucket_ordinal")
    )
    assert values[[0, 2]].tolist() == [pytest.approx(10.0), 8.0]
    assert buckets[[0, 2]].tolist() == [1.0, 2.0]
    assert np.isnan(values[[1, 3]]).all()
    assert np.isnan(buckets[[1, 3]]).all()
    assert scored.reasons == {"ccnet_perplexity:no_word": 1}


def test_a_changed_model_is_loaded_again(models):
    path = models / "importance.npz"
    config = ScoresConfig.model_validate({"importance": [{"path": path}]})
    documents = table([{"text": english(5)}])
    before = score_documents(documents, load_scorers(config)).columns
    fit_importance(pa.array(["zinc"]), pa.array(["lead"])).save(path)
    after = score_documents(documents, load_scorers(config)).columns
    assert before["target_importance_log_weight"] != after["target_importance_log_weight"]


@pytest.mark.parametrize(
    "languages",
    [((), ()), ((), ("en",)), (("en",), ()), (("en", "zh"), ("zh",))],
)
def test_two_models_for_one_signal_and_language_are_refused(languages):
    rows = [{"path": "m.npz", "languages": list(codes)} for codes in languages]
    with pytest.raises(ValidationError, match="two models give target_reference_prob"):
        ScoresConfig.model_validate({"reference": rows})
    apart = [{"path": "m.npz", "languages": [code]} for code in ("en", "zh")]
    assert len(ScoresConfig.model_validate({"reference": apart}).files()) == 2


def test_wrong_settings_fail_before_any_work(models, tmp_path):
    wrong = {"reference": [{"path": models / "importance.npz"}]}
    with pytest.raises(InputError, match="is of kind importance-1"):
        load_scorers(ScoresConfig.model_validate(wrong))
    with pytest.raises(InputError, match="is missing"):
        load_scorers(ScoresConfig.model_validate({"url_lists": [{"path": tmp_path / "none"}]}))
    white = {"url_lists": [{"path": models}], "url_categories": ["child"]}
    with pytest.raises(ConfigError, match="child"):
        load_scorers(ScoresConfig.model_validate(white))
