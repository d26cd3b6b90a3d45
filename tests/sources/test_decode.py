import codecs
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.sources.decode import decode
from mapneo.sources.documents import BrokenFileError, RawFile
from mapneo.sources.streams import read_whole

SIMPLE = "第一条 为了保护专利权人的合法权益，鼓励发明创造，提高创新能力，制定本法。\n"
TRADITIONAL = "為了保護專利權人的合法權益，鼓勵發明創造，推動發明創造的應用，提高創新能力。\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLE, "gb18030"),
        (SIMPLE, "gbk"),
        (TRADITIONAL, "big5"),
        (SIMPLE, "utf-8"),
        (SIMPLE, "utf-8-sig"),
        (SIMPLE, "utf-16"),
        (SIMPLE, "utf-16-le"),
        (SIMPLE, "utf-16-be"),
        ("Plain English text, with a line end.\n", "utf-16-le"),
        ("Plain English text, with a line end.\n", "utf-16-be"),
        ("Un café très élégant, déjà vu à la fête de l'été.\n", "cp1252"),
    ],
)
def test_encoding_is_found_without_a_declaration(text, encoding):
    assert decode(text.encode(encoding), 0.0).text == text


@pytest.mark.parametrize("declared", ["utf-8", "iso-8859-1x", "nonsense", "big5"])
def test_wrong_declaration_does_not_spoil_gb18030(declared):
    assert decode(SIMPLE.encode("gb18030"), 0.0, declared).text == SIMPLE


def test_strict_utf8_beats_a_wrong_declaration():
    assert decode(SIMPLE.encode(), 0.0, "gbk").text == SIMPLE


def test_gb2312_label_covers_characters_of_gb18030_only():
    text = "镕基 㐂 𠀀 " + SIMPLE
    assert decode(text.encode("gb18030"), 0.0, "gb2312").text == text


def test_a_few_bad_bytes_are_replaced_and_counted():
    data = SIMPLE.encode() * 100 + b"\xff\xfe" + SIMPLE.encode()
    found = decode(data, 0.001, "utf-8")
    assert found.replaced_chars >= 1
    assert found.text.startswith(SIMPLE)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01", "binary"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8" * 20, "undecodable"),
    ],
)
def test_hopeless_bytes_are_an_error_with_a_kind(data, kind):
    with pytest.raises(BrokenFileError) as caught:
        decode(data, 0.001)
    assert caught.value.kind == kind


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_utf8_always_comes_back(text):
    assert decode(text.encode(), 0.0).text == text


@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_a_named_error(data):
    kind = None
    try:
        decode(data, 0.001).text.encode("utf-8")
    except BrokenFileError as error:
        kind = error.kind
    assert kind in (None, "binary", "undecodable")


def test_reading_a_whole_file_names_what_is_wrong(tmp_path):
    cases = {
        "empty.txt": (b"", "empty_file"),
        "big.txt": (bytes(2000), "too_large"),
        "bomb.txt.gz": (gzip.compress(bytes(10_000_000)), "too_large"),
        "torn.txt.gz": (gzip.compress(b"x" * 50)[:-12], "bad_gzip"),
        "not.txt.gz": (b"plain", "bad_gzip"),
    }
    for name, (data, kind) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BrokenFileError) as caught:
            read_whole(RawFile(path=tmp_path / name, relative=name), 1024)
        assert caught.value.kind == kind, name
    with pytest.raises(BrokenFileError) as caught:
        read_whole(RawFile(path=tmp_path / "missing", relative="missing"), 1024)
    assert caught.value.kind == "unreadable_file"


@pytest.mark.parametrize("encoding", ["gb18030", "euc_jp"])
@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252"])
def test_chinese_declared_as_latin_is_not_read_as_accents(encoding, declared):
    text = (SIMPLE if encoding == "gb18030" else "これは日本語の試験です。東京は首都です。") * 4
    assert decode(text.encode(encoding), 0.0, declared).text == text


def test_big5_declared_as_latin_is_not_read_as_accents():
    text = TRADITIONAL * 4
    assert decode(text.encode("big5"), 0.0, "iso-8859-1").text == text


@pytest.mark.parametrize(
    "text", ["Un café très élégant, déjà vu à la fête de l'été.\n", "Straße über Köln – »nie«.\n"]
)
def test_accents_declared_as_latin_stay_accents(text):
    assert decode(text.encode("cp1252"), 0.0, "iso-8859-1").text == text


def test_english_with_stray_zero_bytes_is_not_read_as_utf16_chinese():
    text = "An English page with a stray zero byte or two in it, as old servers give. " * 40
    data = text.encode().replace(b"zero", b"z\0ro", 2)
    found = decode(data, 0.001)
    assert found.text == text.replace("zero", "z\ufffdro", 2)
    assert found.replaced_chars == 2
    with pytest.raises(BrokenFileError, match="zero bytes"):
        decode(data, 0.0)
