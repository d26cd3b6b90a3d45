import pytest

from mapneo.core.errors import DataError
from mapneo.evaluate.items import OVER_CAP, read_items
from mapneo.evaluate.prompts import PROMPTS
from mapneo.sources.packs import fetch_pack, load_packs
from tests.evaluate.packs import LAWS, LAWS_ROWS, WORDS, WORDS_ROWS


def words():
    return read_items("words", WORDS.name, WORDS.read_bytes(), WORDS_ROWS)


def laws(change=lambda text: text):
    data = change(LAWS.read_bytes().decode()).encode()
    return read_items("laws", LAWS.name, data, LAWS_ROWS)


def test_header_rows_are_dropped_by_name_and_the_others_keep_their_row():
    found = words()
    assert (found.rows, found.dropped) == (8, {"header_row": 1})
    assert [item.item_id for item in found.items] == [f"words:{n}" for n in (0, 1, 3, 4, 5, 6, 7)]
    first = found.items[0]
    assert first.options == ("Run", "Blue", "Seven", "Loud")
    assert (first.letters, first.letters[first.answer]) == ("ABCD", "B")


def test_an_option_that_the_file_lost_leaves_three_and_takes_its_questions_with_it():
    found = laws()
    assert (found.rows, found.dropped) == (5, {"answer_not_in_file": 1})
    first, sentence, quoted, bare = found.items
    assert first.options == ("石头", "苹果", "桌子")
    assert (first.letters, first.letters[first.answer]) == ("ABC", "B")
    assert sentence.options[-1] == "一天有二十四小时。"
    assert quoted.question == "合同成立后，当事人应当怎样做?"
    assert (bare.options[-1], bare.answer) == ("马", 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("桌子。,C", "桌子。,E", r"pack laws: laws\.csv, line 2: field answer is 'E'"),
        ("桌子。,C", "桌子。,", r"laws\.csv, line 2: field answer is empty"),
        (
            "三个,五个",
            "三个,五个,六个,七个",
            r"line 3 has more fields than the first line",
        ),
        ("木头,铁", "木头,", r"line 6: field C is empty"),
        ("?,,石头", "?,木头,石头", r"line 2: field A should be empty"),
        ("桌子。,C", "桌子。", r"line 2: field answer should be text"),
        ('"合同', '"合"同', r"laws\.csv, line 5 is not CSV"),
    ],
)
def test_a_bad_row_names_file_line_and_field(old, new, message):
    with pytest.raises(DataError, match=message):
        laws(lambda text: text.replace(old, new))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", r"words\.jsonl, line 9 is not JSON"),
        (b"[1]", r"words\.jsonl, line 9 is not a JSON object"),
        (b'{"correct_answer": 3}', r"line 9: field correct_answer should be text"),
        (b'{"correct_answer": "A", "answer_a": " "}', r"line 9: field answer_a is empty"),
        (
            b'{"correct_answer": "A", "answer_a": "1", "answer_b": "2", "answer_c": "3",'
            b' "answer_d": "4", "question": "q"}',
            r"line 9: field topic is missing",
        ),
        (b"\xff", r"words\.jsonl is not UTF-8"),
    ],
)
def test_a_bad_line_names_file_line_and_field(line, message):
    with pytest.raises(DataError, match=message):
        read_items("words", WORDS.name, WORDS.read_bytes() + line, WORDS_ROWS)


def test_a_cap_keeps_part_of_what_a_larger_cap_keeps_and_counts_the_rest():
    found = words()
    assert found.capped(None) == found.capped(7) == found
    kept = [{item.item_id for item in found.capped(n).items} for n in range(1, 8)]
    for smaller, larger in zip(kept, kept[1:], strict=False):
        assert smaller < larger
    capped = found.capped(3)
    assert capped.dropped == {"header_row": 1, OVER_CAP: 4}
    assert capped.rows == len(capped.items) + sum(capped.dropped.values())
    assert [i.item_id for i in capped.items] == sorted(i.item_id for i in capped.items)


def test_prompts_are_those_of_mmlu_and_cmmlu():
    assert PROMPTS["en"].text(words().items[0]) == (
        "The following are multiple choice questions (with answers) about plain words.\n\n"
        "Which of these is a colour?\nA. Run\nB. Blue\nC. Seven\nD. Loud\nAnswer:"
    )
    assert PROMPTS["zh"].text(laws().items[0]) == (
        "以下是关于法律知识的单项选择题，请直接给出正确答案的选项。\n\n"
        "下列哪一项是水果?\nA. 石头\nB. 苹果\nC. 桌子\n答案："
    )


@pytest.mark.network
def test_the_real_mmlu_has_its_questions_and_two_header_rows(tmp_path):
    pack = load_packs()["mmlu"]
    data = fetch_pack(pack, tmp_path).read_bytes()
    found = read_items(pack.name, pack.include[0], data, pack.rows)
    assert (len(found.items), found.dropped) == (14_042, {"header_row": 2})
    assert len({item.topic for item in found.items}) == 57
    assert {item.letters for item in found.items} == {"ABCD"}
