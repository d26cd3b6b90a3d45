import importlib.util
import math
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from mapneo.core.errors import ConfigError, InputError
from mapneo.curate import perplexity
from mapneo.curate.perplexity import (
    PerplexityModel,
    bucket_ordinals,
    check_models,
    normalise_line,
    percentile_bounds,
    perplexities,
)

# A trigram model; not every history has every continuation, so that back-off is used.
ARPA = """\\data\\
ngram 1=7
ngram 2=5
ngram 3=2

\\1-grams:
-2.0\t<unk>
0\t<s>\t-0.5
-1.0\t</s>
-0.7\tthe\t-0.3
-0.9\tcat\t-0.4
-1.1\tsat\t-0.2
-1.3\t0.0\t-0.1

\\2-grams:
-0.4\t<s> the\t-0.25
-0.3\tthe cat\t-0.15
-0.6\tcat sat\t-0.05
-0.2\tsat </s>
-0.8\t0.0 cat\t-0.35

\\3-grams:
-0.1\t<s> the cat
-0.15\tthe cat sat

\\end\\
"""


class SlowModel:
    """An ARPA file as dictionaries, and back-off by its definition."""

    def __init__(self, path: str) -> None:
        self.grams: dict[tuple[str, ...], tuple[float, float]] = {}
        for line in Path(path).read_text().splitlines():
            fields = line.split("\t")
            if len(fields) > 1:
                back_off = float(fields[2]) if len(fields) > 2 else 0.0
                self.grams[tuple(fields[1].split())] = (float(fields[0]), back_off)
        self.order = max(map(len, self.grams))

    def log10(self, history: tuple[str, ...], word: str) -> float:
        if (*history, word) in self.grams:
            return self.grams[(*history, word)][0]
        if not history:
            return self.grams[("<unk>",)][0]
        back_off = self.grams[history][1] if history in self.grams else 0.0
        return back_off + self.log10(history[1:], word)

    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float:
        assert bos
        assert eos
        words = ["<s>", *sentence.split(), "</s>"]
        words = [word if (word,) in self.grams else "<unk>" for word in words]
        return sum(
            self.log10(tuple(words[max(0, k - self.order + 1) : k]), words[k])
            for k in range(1, len(words))
        )


@pytest.fixture
def setting(tmp_path, monkeypatch) -> PerplexityModel:
    """A setting whose model the slow reader scores, so that kenlm need not be installed."""
    path = tmp_path / "tiny.arpa"
    path.write_text(ARPA)
    monkeypatch.setitem(sys.modules, "kenlm", types.SimpleNamespace(Model=SlowModel))
    perplexity.load_kenlm.cache_clear()
    yield PerplexityModel(language="en", model=path)
    perplexity.load_kenlm.cache_clear()


def test_perplexity_by_hand(setting):
    # <s> the cat sat </s>: -0.4, -0.1, -0.15, then (cat sat </s>): back-off -0.05 and -0.2.
    found = perplexities(pa.array(["The cat  sat"]), setting)
    assert found[0] == pytest.approx(10 ** ((0.4 + 0.1 + 0.15 + 0.25) / 4))


def test_every_line_ends_a_sentence_and_blank_lines_do_not_count(setting):
    one, two, blank = perplexities(
        pa.array(["the cat sat", "the cat sat\nthe cat sat", "the cat sat\n\n \nthe cat sat\n"]),
        setting,
    )
    assert one == pytest.approx(two)
    assert two == blank
    fused = perplexities(pa.array(["the cat satthe cat sat"]), setting)[0]
    assert fused > 2 * two


def test_nothing_to_score_is_not_measured(setting):
    assert np.isnan(perplexities(pa.array([None, "", " \n\t\x00"]), setting)).all()


@pytest.mark.skipif(
    importlib.util.find_spec("kenlm") is None, reason="the optional package kenlm is not installed"
)
@pytest.mark.parametrize("text", ["the cat sat", "sat the", "7.5 cat sat", "a b\nthe cat", "x"])
def test_kenlm_agrees_with_the_definition(tmp_path, text):
    path = tmp_path / "tiny.arpa"
    path.write_text(ARPA)
    slow = SlowModel(str(path))
    log10 = sum(slow.score(normalise_line(line)) for line in text.split("\n"))
    words = len(text.split()) + text.count("\n") + 1
    found = perplexities(pa.array([text]), PerplexityModel(language="en", model=path))[0]
    assert found == pytest.approx(10 ** (-log10 / words), rel=1e-5)


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("  Ünïcode ÉTÉ 2024\t- №5 ", "unicode ete 0000 - №0"),
        ("他说：“好！”（真的）。", '他说:"好!"(真的).'),
        ("１２３ full-width digits ٣", "000 full-width digits 0"),
        ("wait… what—no", "wait... what - no"),
        ("a\x00b\x85c", "abc"),
        ("한국어 й", "한국어 и"),
    ],
)
def test_lines_are_normalised(line, normal):
    assert normalise_line(line) == normal


@given(st.text(max_size=30))
def test_normal_lines_stay_as_they_are(line):
    once = normalise_line(line).strip()
    again = normalise_line(once)
    assert normalise_line(again) == again
    assert not any(c.isdecimal() and c != "0" for c in again)


def test_buckets_and_percentiles():
    values = np.array([10.0, 20.0, 30.0, 40.0, 50.0, math.nan, 60.0, 70.0, 80.0, 90.0, 100.0])
    low, high = percentile_bounds(values)
    buckets = bucket_ordinals(values, low, high)
    assert np.nansum(buckets == 0) == 3
    assert np.nansum(buckets == 1) == 3
    assert np.nansum(buckets == 2) == 4
    assert math.isnan(buckets[5])
    assert bucket_ordinals(np.array([5.0]), 5.0, 5.0).tolist() == [0.0]
    with pytest.raises(ConfigError, match="head_max"):
        bucket_ordinals(values, 5.0, 4.0)
    with pytest.raises(ConfigError, match="no document"):
        percentile_bounds(np.array([math.nan]))


def test_missing_package_and_files_say_what_to_do(tmp_path, monkeypatch, setting):
    with pytest.raises(InputError, match=r"none\.arpa is missing"):
        check_models([PerplexityModel(language="en", model=tmp_path / "none.arpa")])
    with pytest.raises(ConfigError, match="both"):
        check_models([setting.model_copy(update={"head_max": 3.0})])
    pieces = setting.model_copy(update={"sentencepiece": tmp_path / "none.model"})
    with pytest.raises(InputError, match=r"none\.model is missing"):
        check_models([pieces])
    (tmp_path / "broken.model").write_bytes(b"not a model")
    pieces = setting.model_copy(update={"sentencepiece": tmp_path / "broken.model"})
    with pytest.raises(InputError, match="SentencePiece can't read"):
        check_models([pieces])
    perplexity.load_kenlm.cache_clear()
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ConfigError, match=r"mapneo\[perplexity\]"):
        check_models([setting])


def test_sentencepiece_cuts_lines_before_they_are_scored(setting, tmp_path):
    prefix = tmp_path / "pieces"
    SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat", "a cat and the hat"] * 20),
        model_prefix=str(prefix),
        vocab_size=16,
        minloglevel=2,
    )
    model = Path(f"{prefix}.model")
    pieces = SentencePieceProcessor(model_file=str(model)).EncodeAsPieces("the cat")
    found = perplexities(pa.array(["THE cat"]), setting.model_copy(update={"sentencepiece": model}))
    log10 = SlowModel(str(setting.model)).score(" ".join(pieces))
    assert len(pieces) > 2
    assert found[0] == pytest.approx(10 ** (-log10 / (len(pieces) + 1)))
