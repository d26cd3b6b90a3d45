import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.curate.edits import edit_documents, edit_text, shift_offset
from tests.curate.builders import documents

NASTY = st.text(
    st.sampled_from("ab中é😀\r\n\t\x00\x0b\x0c\x1b\x7f\x85\x9f\u2028\u2029\ufeff\u00a0"),
    max_size=30,
)


@pytest.mark.parametrize(
    ("text", "kept", "edits"),
    [
        ("plain\ttext\n", "plain\ttext\n", []),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", ["normalise_newlines"] * 3),
        ("\ufeffhead", "head", ["strip_bom"]),
        ("in\ufeffside", "in\ufeffside", []),
        ("a\x00\x1b\x9fb", "ab", ["strip_control"]),
        ("Ｗｉｄｔｈ，“引号” main.py 10.0.0.1", "Ｗｉｄｔｈ，“引号” main.py 10.0.0.1", []),
    ],
)
def test_only_what_no_reader_misses_is_changed(text, kept, edits):
    assert edit_text(text)[0] == kept
    assert [edit.edit for edit in edit_text(text)[1]] == edits


@settings(deadline=None)
@given(NASTY)
def test_recorded_spans_rebuild_the_edited_text(text: str):
    edited, edits = edit_text(text)
    data, pieces, done = text.encode(), [], 0
    for edit in edits:
        assert edit.start_byte >= done
        pieces += [data[done : edit.start_byte], edit.replacement.encode()]
        done = edit.end_byte
    assert b"".join([*pieces, data[done:]]).decode() == edited


@settings(deadline=None)
@given(NASTY)
def test_editing_twice_changes_nothing_more(text: str):
    once = edit_text(text)[0].lstrip("\ufeff")
    assert edit_text(once) == (once, [])


@settings(deadline=None)
@given(NASTY)
def test_offsets_of_untouched_characters_follow_them(text: str):
    edited, edits = edit_text(text)
    new = edited.encode()
    for position, char in enumerate(text):
        start = len(text[:position].encode())
        size = len(char.encode())
        if any(e.start_byte < start + size and start < e.end_byte for e in edits):
            continue
        moved = shift_offset(start, edits)
        assert new[moved : moved + size].decode() == char


@settings(deadline=None)
@given(st.lists(NASTY, min_size=1, max_size=5))
def test_a_table_is_edited_row_by_row(texts: list[str]):
    before = documents([{"doc_id": f"d/{n}", "text": text} for n, text in enumerate(texts)])
    after = edit_documents(before)
    assert after.schema.equals(before.schema)
    assert after["text"].to_pylist() == [edit_text(text)[0] for text in texts]
    assert after["edits"].to_pylist() == [
        [edit._asdict() for edit in edit_text(text)[1]] for text in texts
    ]


def test_origins_move_with_the_text():
    origin = {"start_byte": 4, "end_byte": 7, "page": 3, "box": None}
    table = documents([{"doc_id": "d", "text": "\ufeff\rabc", "origins": [origin]}])
    moved = edit_documents(table)["origins"][0].as_py()
    assert moved == [{**origin, "start_byte": 1, "end_byte": 4}]
