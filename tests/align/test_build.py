import json
import re
from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.align import passages
from mapneo.align.build import Item, arithmetic_items, chosen, conversation, use_of
from mapneo.align.forms import verify
from mapneo.align.harvest import harvest
from mapneo.core.tables import write_table
from tests.golden.pages import sentences

SEED = 11


def document(number, text, **changes):
    row = {
        "doc_id": f"s/{number}",
        "cluster_id": f"s/{number}",
        "source": "s",
        "category": "web",
        "language": "en",
        "text": text,
        "licence": "MIT",
        "publish": "text",
        "meta": "{}",
    }
    return {**row, **changes}


def harvested(tmp_path, *documents, is_heldout=False):
    write_table(tmp_path / "a.parquet", pa.Table.from_pylist(list(documents)))
    found = harvest(tmp_path / "a.parquet", is_heldout=is_heldout, max_bytes=200, seed=SEED)
    return list(found)


@pytest.mark.parametrize("heldout", ["operands", "wording"])
def test_what_is_held_out_serves_no_other_use_in_either_language(heldout):
    uses = defaultdict(set)
    for language in ("en", "zh"):
        for item in arithmetic_items(language, 40, heldout):
            pair = frozenset(re.findall(r"\d+", item.question))
            about = item.key if heldout == "wording" else (pair, "+" in item.key)
            uses[about].add(use_of(item, SEED))
    assert all(len(found) == 1 for found in uses.values())
    assert set.union(*uses.values()) == {"sft_1", "sft_2", "reward", "dpo", "heldout"}


def test_sums_are_right():
    for item in arithmetic_items("en", 12, "operands"):
        numbers = [int(part) for part in re.findall(r"\d+", item.question)]
        a, b = map(int, item.key.replace("+", "-").split("-"))
        assert sorted(numbers) == sorted([a, b])
        assert int(item.answer) == (a + b if "+" in item.key else a - b)


@pytest.mark.parametrize("kind", ["foundation", "chat"])
def test_the_reference_answer_passes_the_verifier_and_is_the_same_every_time(kind):
    for item in list(arithmetic_items("zh", 5, "operands")):
        made = conversation(item, kind, SEED)
        assert verify(made.answer, made.reference, made.form).success
        assert made == conversation(item, kind, SEED)
        assert [m.role for m in made.messages if m.role != "system"] == ["user", "assistant"] * (
            len(made.messages) // 2
        )


def test_heldout_documents_serve_nothing_else(tmp_path):
    page = "A title\n\n" + "\n".join(sentences("en")[:40])
    for item in harvested(tmp_path, document(1, page), is_heldout=True):
        assert use_of(item, SEED) == "heldout"
    for item in harvested(tmp_path, document(1, page)):
        assert use_of(item, SEED) != "heldout"


def test_a_document_that_may_not_be_shown_offers_nothing(tmp_path):
    page = "A title\n\n" + "\n".join(sentences("en")[:40])
    assert harvested(tmp_path, document(1, page))
    assert not harvested(tmp_path, document(1, page, publish="ids"))
    assert not harvested(tmp_path, document(1, page, language="de"))


def test_what_is_harvested_stands_in_the_document(tmp_path):
    law = (
        "中华人民共和国测试法\n第一章 总则\n第一条　为了测试，制定本法。\n第二条　测试应当真实。\n"
    )
    answer = "Because short waves scatter most. Or so."
    faq = f"Questions\n\n## 3. Why does the sky look blue?\n\n{answer}\n"
    law_items = harvested(tmp_path, document(1, law, language="zh", category="law", source="laws"))
    articles = {item.answer for item in law_items if item.skill == "article"}
    assert articles == {"为了测试，制定本法。", "测试应当真实。"}
    [asked] = [item for item in harvested(tmp_path, document(2, faq)) if item.skill == "faq"]
    assert asked.question == "Why does the sky look blue?"
    assert asked.answer == answer
    titled = document(3, "x\n" + sentences("en")[0], meta=json.dumps({"title": "ls — Manual"}))
    definitions = [i for i in harvested(tmp_path, titled) if i.skill == "definition"]
    assert [i.answer for i in definitions] == [sentences("en")[0]]


@given(st.text(max_size=400), st.sampled_from(["en", "zh"]))
def test_any_text_is_survived_and_passages_keep_their_size(text, language):
    lines = passages.prose_lines(text, language)
    assert len(lines) == len(text.splitlines())
    for passage in passages.passages(lines, language, 80):
        assert 0 < len(passage.encode()) <= 81
    list(passages.questions(text, lines, language, 80))
    list(passages.articles(text, 80))
    passages.definition(document(1, text, language=language), lines, 80)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=40, unique=True))
def test_choosing_from_parts_first_chooses_the_same(pairs):
    items = [
        Item(
            key=f"{source}{number}",
            skill="word",
            language="en",
            question=str(number),
            answer="x",
            is_verified=True,
            source=source,
        )
        for source, number in pairs
    ]
    halves = items[::2], items[1::2]
    parts = [
        item
        for half in halves
        for source in "abc"
        for item in chosen((i for i in half if i.source == source), 5, SEED)
    ]
    assert chosen(parts, 5, SEED) == chosen(items, 5, SEED)


def test_choice_is_even_over_sources():
    items = [
        Item(
            key=f"{source}{n}",
            skill="origin",
            language="en",
            question=f"{source}{n}",
            answer=source,
            is_verified=True,
            source=source,
        )
        for source, count in (("many", 500), ("few", 20), ("rare", 3))
        for n in range(count)
    ]
    found = [item.source for item in chosen(items, 23, SEED)]
    assert {name: found.count(name) for name in set(found)} == {"many": 10, "few": 10, "rare": 3}
