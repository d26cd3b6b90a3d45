import doctest
import subprocess
import sys

import pytest
import sentencepiece as spm
from hypothesis import given, settings
from hypothesis import strategies as st

import mapneo.tokenizer
from mapneo.core.errors import DataError, ManifestError
from mapneo.tokenizer import Tokenizer, TokenizerConfig, check_tokenizer, train_tokenizer
from mapneo.tokenizer.check import CASES, random_texts

from .documents import documents

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@settings(max_examples=300)
@given(text=ANY_TEXT)
def test_decoding_gives_back_any_text(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("group", CASES)
def test_decoding_gives_back_the_hard_cases(tokenizer, group):
    texts = list(CASES[group])
    ids = tokenizer.encode_batch(texts)
    assert tokenizer.decode_batch(ids) == texts
    assert [tokenizer.decode(sequence) for sequence in ids] == texts


def test_text_can_not_write_control_ids(tokenizer):
    for text in ("<s>", "</s>", "<unk>", "a</s>b"):
        assert min(tokenizer.encode(text)) > 2


def test_control_ids_are_the_papers(tokenizer):
    assert [tokenizer.piece(token) for token in range(3)] == ["<unk>", "<s>", "</s>"]
    turns = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    assert [tokenizer.piece(token) for token in range(3, 7)] == turns
    assert [tokenizer.control(piece) for piece in turns] == [3, 4, 5, 6]
    assert tokenizer.piece(7) == "<0x00>"
    assert tokenizer.eod == 2


def test_each_digit_is_a_token(tokenizer):
    assert tokenizer.decode_batch([[i] for i in tokenizer.encode("20485")]) == list("20485")


def test_whitespace_pieces_make_indentation_cheap(tokenizer):
    assert len(tokenizer.encode(" " * 8)) == 1
    assert len(tokenizer.encode("\t")) == 1
    assert len(tokenizer.encode("\n")) == 1


def test_the_papers_setting_spends_a_token_per_blank():
    texts = [item["text"] for rows in documents().values() for item in rows]
    config = TokenizerConfig(vocabulary=1200, whitespace_pieces=False)
    assert len(Tokenizer(train_tokenizer(texts, config)).encode(" " * 8)) == 8


def test_training_twice_gives_the_same_bytes_in_another_process(model_bytes):
    script = (
        "import hashlib; from mapneo.tokenizer import train_tokenizer;"
        "from tests.tokenizer.conftest import SMALL; from tests.tokenizer.documents import *;"
        "texts = [item['text'] for rows in documents().values() for item in rows];"
        "print(hashlib.sha256(train_tokenizer(texts, SMALL)).hexdigest())"
    )
    import hashlib

    again = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == hashlib.sha256(model_bytes).hexdigest()


def test_the_model_names_no_file(model_bytes):
    assert b"/tmp" not in model_bytes
    assert b".model" not in model_bytes


def test_the_exported_model_is_plain_sentencepiece(tokenizer, model_bytes):
    peer = spm.SentencePieceProcessor(model_proto=model_bytes)
    for rows in documents().values():
        for item in rows[:5]:
            assert peer.encode(item["text"]) == tokenizer.encode(item["text"])


def test_too_little_text_for_the_vocabulary_says_how_much_it_yields():
    with pytest.raises(DataError, match=r"vocabulary of 5000 pieces: it yields \d+"):
        train_tokenizer(["hello world\n"] * 3, TokenizerConfig(vocabulary=5000))


def test_too_many_characters_for_the_vocabulary_says_how_many():
    texts = [chr(0x4E00 + n) * 3 for n in range(1000)]
    with pytest.raises(DataError, match=r"set tokenizer.vocabulary to more than 1\d\d\d"):
        train_tokenizer(texts, TokenizerConfig(vocabulary=600))


def test_text_longer_than_a_sentence_is_cut_not_left_out():
    config = TokenizerConfig(vocabulary=270, max_sentence_bytes=256)
    assert len(Tokenizer(train_tokenizer(["ab ab\n" * 900], config)).encode("ab")) == 1


def test_no_text_is_an_error():
    with pytest.raises(DataError, match="no text"):
        train_tokenizer([], TokenizerConfig(vocabulary=500))


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "x.model").write_bytes(b"nonsense")
    with pytest.raises(ManifestError, match=r"x\.model is not a SentencePiece model"):
        Tokenizer.load(tmp_path / "x.model")
    with pytest.raises(ManifestError, match="run the stage tokenizer"):
        Tokenizer.load(tmp_path / "absent.model")


def test_a_lone_surrogate_is_refused(tokenizer):
    with pytest.raises(DataError, match="lone surrogate"):
        tokenizer.encode("x\udfff")


def test_the_check_finds_what_collapsed_whitespace_loses():
    texts = [item["text"] for rows in documents().values() for item in rows]
    config = TokenizerConfig(vocabulary=1200, collapse_whitespace=True)
    check, _ = check_tokenizer(Tokenizer(train_tokenizer(texts, config)), [], seed=1)
    assert not check.is_lossless
    assert "indented code" in check.failed
    assert "digits" not in check.failed
    first = next(f for f in check.failures if f.group == "indented code")
    assert "        return" in first.text
    assert "        return" not in first.decoded


@pytest.mark.parametrize("whitespace_pieces", [True, False])
def test_training_text_without_any_space_still_gives_spaces_back(whitespace_pieces):
    rows = [item for shard in documents().values() for item in shard]
    texts = [row["text"].replace(" ", "") for row in rows if row["language"] == "zh"]
    config = TokenizerConfig(vocabulary=1200, whitespace_pieces=whitespace_pieces)
    check, _ = check_tokenizer(Tokenizer(train_tokenizer(texts, config)), [], seed=1)
    assert check.is_lossless, check.failures


def test_random_texts_follow_the_seed():
    one, two, other = (list(random_texts(seed, 30)) for seed in (1, 1, 2))
    assert one == two != other
    assert all(len(text.encode()) for text in one)


def test_the_example_of_the_package_runs():
    result = doctest.testmod(mapneo.tokenizer)
    assert result.attempted
    assert not result.failed
