import numpy as np
import pyarrow as pa
import pytest

from mapneo.curate.language import detect_language, detect_languages
from mapneo.curate.scripts import scripts
from mapneo.curate.signals import count_texts
from mapneo.text.buffers import from_texts, string_view
from tests.curate.texts import chinese, english

ENGLISH = english(1)
CHINESE = chinese(1)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        ("Der Hund läuft durch den Garten und bellt die Katze an.", "de"),
        ("這個軟體的說明書還沒有翻譯成中文，請聯絡我們。", "zh"),
        (ENGLISH.replace(". ", ".\n"), "en"),
    ],
)
def test_languages_are_told_apart(text, label):
    assert detect_language(text)[0] == label
    assert 0.5 < detect_language(text)[1] <= 1


@pytest.mark.parametrize("text", ["", "   ", "123 456", "😀😀", "\x00"])
def test_text_without_letters_has_no_language(text):
    assert detect_language(text) == ("und", 0.0)


def test_only_the_head_is_looked_at():
    assert detect_language(ENGLISH[:400] * 3 + CHINESE * 50)[0] == "en"


def test_code_is_a_language_by_category():
    labels, scores = detect_languages(
        pa.array(["def f(): pass", ENGLISH]), pa.array(["code", "web"])
    )
    assert labels == ["code", "en"]
    assert scores.dtype == np.float32
    assert scores[0] == 1


def script(text: str, language: str) -> str:
    return scripts([language], count_texts(string_view(from_texts([text])), [language]))[0]


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
