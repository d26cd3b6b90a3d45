import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.core.errors import DataError
from mapneo.tokenizer.lossless import ESCAPE, SPACE_MARK, escape, require_unicode, restore

SPECIAL = st.text(alphabet=st.sampled_from([ESCAPE, SPACE_MARK, "_", "a", " "]))


@given(st.text() | SPECIAL)
def test_restore_undoes_escape(text):
    assert restore(escape(text)) == text


@given(st.text() | SPECIAL)
def test_escaped_text_holds_no_space_mark(text):
    assert SPACE_MARK not in escape(text)


def test_hand_worked_sequences():
    assert escape(f"a{SPACE_MARK}b") == f"a{ESCAPE}_b"
    assert escape(f"{ESCAPE}_") == f"{ESCAPE}{ESCAPE}_"
    assert restore(f"{ESCAPE}{ESCAPE}_") == f"{ESCAPE}_"
    assert restore(f"{ESCAPE}x{ESCAPE}") == f"{ESCAPE}x{ESCAPE}"


def test_ordinary_text_is_the_same_object():
    text = "ordinary 文字 _ text"
    assert escape(text) is text
    assert restore(text) is text


def test_a_lone_surrogate_is_refused_with_its_place():
    with pytest.raises(DataError, match=r"character 2 .*U\+D800"):
        require_unicode("ab\ud800")
