import re
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import ConfigError
from mapneo.curate import (
    html_remnants,
    keep_edits,
    line_edits,
    links,
    redact,
    redact_phone,
    released_edits,
)
from mapneo.curate.edit_spans import Edit, compose
from mapneo.curate.edits import (
    CHAINS,
    EDITS,
    KEEP_EDITS,
    chain_texts,
    edit_documents,
    edit_text,
    kept_chain,
    shift_offset,
)
from tests.curate.builders import documents

NASTY = st.text(
    st.sampled_from("ab中é😀\r\n\t\x00\x0b\x0c\x1b\x7f\x85\x9f\u2028\u2029\ufeff\u00a0"),
    max_size=30,
)

# What edits look for, so that random texts hit them and their spans meet.
PIECES = [
    "a", "b ", "\n", "\r\n", "\x00", "\x9f", "\u2028", "\ufeff", "é", "中文", "。", "，", "“", "ｗ",
    "http://a.org/", "www.b.com", "x.y.z.w", "main.py", ".", ",", "(", ")", "<b>", "</b>", "<br>",
    '<p class="x">', "<!--", "-->", "<script>", "</script>", "&amp;", "&lt;", "&#39;", "&", ";",
    "Ã©", "â\x80\x99", "ä¸\xadæ–‡", "me@mail.org", "@", "93.184.216.34", "2a00:1450::200e", "138",
    "00138000", "+86 138 0013 8000", "11010519491231002X", "[1]", "[", "javascript", "lorem ipsum",
    "One two three.", "{", "<", ">", '"', "'", " ", "1.2.3.4",
]  # fmt: skip
MIXED = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
CHAIN = st.lists(st.sampled_from(sorted(EDITS)), max_size=6)


def rebuilt(data: bytes, edits: list[Edit]) -> bytes:
    """A text with its recorded edits applied; they must be ascending and disjoint."""
    pieces, done = [], 0
    for edit in edits:
        assert done <= edit.start_byte < edit.end_byte
        pieces += [data[done : edit.start_byte], edit.replacement.encode()]
        done = edit.end_byte
    return b"".join([*pieces, data[done:]])


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
    assert rebuilt(text.encode(), edits).decode() == edited


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


@settings(max_examples=300, deadline=None)
@given(MIXED, CHAIN)
def test_spans_of_a_whole_chain_lead_from_the_original_to_the_last_text(text, names):
    edited, edits = edit_text(text, names)
    assert rebuilt(text.encode(), edits).decode() == edited
    step_by_step = text
    for name in names:
        step_by_step = edit_text(step_by_step, [name])[0]
    assert edited == step_by_step


@st.composite
def some_edits(draw: st.DrawFn, size: int) -> list[Edit]:
    ends = sorted(draw(st.sets(st.integers(0, size), max_size=8)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    return [
        Edit(draw(st.sampled_from("pq")), *pair, draw(st.text("xyz", max_size=3))) for pair in pairs
    ]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_two_steps_compose_to_one(data: st.DataObject):
    text = b"abcdefghijklmnop"
    earlier = data.draw(some_edits(len(text)))
    middle = rebuilt(text, earlier)
    later = data.draw(some_edits(len(middle)))
    both = compose(earlier, middle, later)
    assert rebuilt(text, both) == rebuilt(middle, later)
    assert len(both) <= len(earlier) + len(later)


def test_edits_that_do_not_meet_keep_their_names_and_the_last_names_those_that_do():
    text, edits = edit_text("\ufeffa\x00 http://a.\x00org/b", [*KEEP_EDITS, "strip_links"])
    assert text == "a "
    assert edits == [
        Edit("strip_bom", 0, 3, ""),
        Edit("strip_control", 4, 5, ""),
        Edit("strip_links", 6, 21, ""),
    ]


@settings(max_examples=200, deadline=None)
@given(st.one_of(MIXED, st.text(max_size=30)), st.sampled_from(sorted(EDITS)))
def test_a_row_that_is_no_suspect_would_not_be_changed(text: str, name: str):
    rule = EDITS[name]
    spans = list(rule.find(text))
    assert all(span.start < span.end for span in spans)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    if spans:
        assert rule.suspects(pa.array([text])).tolist() == [True]


@pytest.mark.parametrize("chain", sorted(CHAINS))
def test_a_chain_gives_each_text_what_its_edits_give_it(chain: str):
    column = pa.array(["Plain words, one two.", None, "见http://a.org/b，[1]\n标题", ""])
    wanted = [text and edit_text(text, CHAINS[chain])[0] for text in column.to_pylist()]
    assert chain_texts(column, chain).to_pylist() == wanted
    assert chain_texts(pa.chunked_array([column[:1], column[1:]]), chain).to_pylist() == wanted


@pytest.mark.parametrize("chain", ["keep", "c4", "links", "released_zh"])
def test_an_untouched_column_comes_back_itself(chain: str):
    column = pa.array(["Nothing to do here.", None])
    assert chain_texts(column, chain) is column


def test_more_edits_of_kept_text_are_recorded_beside_the_three():
    rows = [
        {"doc_id": "a", "category": "web", "text": "\ufeff见http://a.org/b，me@mail.org"},
        {"doc_id": "b", "category": "code", "text": "\ufeffhttp://a.org/b"},
    ]
    origin = {"start_byte": 19, "end_byte": 33, "page": None, "box": None}
    table = documents([{**row, "origins": [origin]} for row in rows])
    edited = edit_documents(table, ["strip_links", "redact_email"])
    assert edited["text"].to_pylist() == ["见，<email>", "http://a.org/b"]
    edits = [[Edit(**edit) for edit in row] for row in edited["edits"].to_pylist()]
    for row, found, text in zip(rows, edits, edited["text"].to_pylist(), strict=True):
        assert rebuilt(row["text"].encode(), found).decode() == text
    assert [edit.edit for edit in edits[0]] == ["strip_bom", "strip_links", "redact_email"]
    # The origin begins at the end of the link, and the e-mail address is its middle.
    assert edited["origins"][0].as_py()[0]["start_byte"] == len("见".encode())
    again = edit_documents(edited, ["strip_html_remnants"])
    assert again["edits"].to_pylist() == edited["edits"].to_pylist()


def test_spans_recorded_before_stay_spans_of_the_first_text():
    table = documents([{"doc_id": "d", "text": "\ufeffsee http://a.org/b or me@mail.org"}])
    twice = edit_documents(edit_documents(table, ["strip_links"]), ["redact_email"])
    at_once = edit_documents(table, ["strip_links", "redact_email"])
    assert twice.equals(at_once)


def test_names_are_checked():
    with pytest.raises(ConfigError, match="no edit 'strip_link'"):
        edit_text("x", ["strip_link"])
    with pytest.raises(ConfigError, match="no edit chain 'c5'"):
        chain_texts(pa.array(["x"]), "c5")
    with pytest.raises(ConfigError, match="measuring only"):
        kept_chain(["zh_fix_fullwidth"])
    assert kept_chain(["strip_links", "repair_unicode", "strip_bom"]) == (
        "repair_unicode",
        *KEEP_EDITS,
        "strip_links",
    )
    assert {name for chain in CHAINS.values() for name in chain} <= set(EDITS)
    assert all(rule.definition and rule.source for rule in EDITS.values())


@pytest.mark.parametrize(
    ("name", "text", "edited"),
    [
        ("strip_links", "见http://a.com/b，然后", "见，然后"),
        ("strip_links", "(see http://a.com/x_(y)), ok", "(see ), ok"),
        ("strip_links", "http://a.com,and http://b.org/p,q.html?x=1;y. End", ",and . End"),
        ("strip_links", "<https://x.y/z> [t](http://x/y)more", " [t]()more"),
        (
            "strip_links",
            "http:// and http://{host}/ and www.",
            "http:// and http://{host}/ and www.",
        ),
        ("strip_links", "到www.baidu.com。HTTP://UP.com/?q=中文", "到。中文"),
        ("strip_links", "'http://a/b','x' http://x.y/Hubbert's_peak", "'','x' "),
        ("strip_links", "git+https://a.b/c main.py 1.2.3.4", "git+https://a.b/c main.py 1.2.3.4"),
        ("strip_html_remnants", "a < b and c > d, if (a<b && c>d) x<i>=3", None),
        ("strip_html_remnants", "List<int> Map<String, a> vector<p> std::map<a, b>", None),
        ("strip_html_remnants", "The <table> element, `<br>`, <me@mail.org>, <name>", None),
        ("strip_html_remnants", "&copy=2 &foo; &#0; &#13; &nbsp", None),
        ("strip_html_remnants", "one<br>two<br/>\nthree", "one\ntwo\nthree"),
        ("strip_html_remnants", '<div class="x">hi</div> <b>there</b></p>', "hi there"),
        ("strip_html_remnants", "<script>a<b></script>x<!-- c --><STYLE>y</style >", "x"),
        ("strip_html_remnants", "x<!-- open <script> y", None),
        (
            "strip_html_remnants",
            "x\n```\n<br>\n```\n    <br>\n\t<br>\ny<br>",
            "x\n```\n<br>\n```\n    <br>\n\t<br>\ny",
        ),
        ("strip_html_remnants", "a&nbsp;b &amp;amp; &#39;&#x4e2d;", "a b &amp; '中"),
        ("strip_citations", "So[1] it[citation needed] is[a].", "So it is[a]."),
        (
            "repair_unicode",
            "schÃ¶n “curly” ﬁ ＷＩＤＥ，&amp; ä¸\xadæ–‡",
            "schön “curly” ﬁ ＷＩＤＥ，&amp; 中文",
        ),
        ("repair_unicode", "voilÃ  la\nit’s naïve …… ——“引号”", "voilà la\nit’s naïve …… ——“引号”"),
        ("repair_unicode", "œ. A\x80B ‰ÛÏhi", None),
        (
            "c4_lines",
            " [1] Keep this one. \n\nmenu\n Then[2] keep it!\nend",
            "Keep this one.\nThen keep it!",
        ),
        ("c4_lines", "A {b} c.\nlorem ipsum dolor.", None),
        ("c4_lines", "nothing\nhere", ""),
        (
            "zh_line_terminal_punctuation",
            "标题\n正文。”\n\n又一行\n等等……\n尾",
            "正文。”\n\n等等……\n",
        ),
        ("zh_line_javascript", "请启用JavaScript。\n好", "好"),
        (
            "zh_line_word_count_min",
            "你好\n今天天气很好。\n\na b\nx y 中",
            "今天天气很好。\n\nx y 中",
        ),
        ("zh_line_lorem_ipsum", "x\nLOREM Ipsum\ny", "x\ny"),
        ("zh_fix_fullwidth", "。，！（Ａ１）、《》……“引”", '.,!(Ａ１)、《》……"引"'),
        ("zh_fix_strip_links", "见http://a.b/c,tail www.x中", "见,tail 中"),
        ("zh_fix_strip_dotted_ids", "1.2.3.4 a.b.c x-1.y.z.w.v。", " a.b.c 。"),
        ("zh_fix_strip_bare_domains", "main.py Node.js org.apache.spark.sql end.next", "   "),
        (
            "zh_fix_strip_bare_domains",
            "中a.com a.com中 me@mail.org a.COM -b.net",
            "中a.com a.com中 me@ a.COM -",
        ),
    ],
)
def test_what_each_edit_changes(name: str, text: str, edited: str | None):
    assert edit_text(text, [name])[0] == (text if edited is None else edited)


MODULES = [html_remnants, keep_edits, line_edits, links, redact, redact_phone, released_edits]
HOSTILE = [
    "<", "<!--", "<script>", "<a b=", "<a b='", "<p ", "</p", "<b>", "&", "&a", "&#1", "[", "[1",
    "http://", "www.", "www.a", "http://a.", "http://a/(", "http://a/'", "a@", "a.", "@a.", "a@b.",
    "1.", "1.2.3.4.", "2a00:", ":", "+1 ", "1-", "138", "0", "a", "a-", "a.b.", ".aa", "-", " ",
    "\n", "。", "中", "中a.", "Ã", "Ã©", "â\x80", "{", "\"", "x\n", "...", "lorem", "javascrip",
]  # fmt: skip


class Work:
    """Counts steps of our own loops and characters that a search runs over."""

    def __init__(self) -> None:
        self.steps = 0

    def trace(self, frame, event, argument):
        self.steps += 1
        return self.trace


class CountedText(str):
    """A text whose `find` reports how far it went."""

    work: Work

    def find(self, sub, start=0, end=None):
        place = super().find(sub, start, len(self) if end is None else end)
        self.work.steps += (len(self) if place < 0 else place) - start
        return place


class CountedPattern:
    """A pattern whose searches report how far they went."""

    def __init__(self, pattern: re.Pattern, work: Work) -> None:
        self.pattern, self.work = pattern, work

    def search(self, text, start=0):
        match = self.pattern.search(text, start)
        self.work.steps += (match.end() if match else len(text)) - start
        return match

    def match(self, text, start=0):
        match = self.pattern.match(text, start)
        self.work.steps += match.end() - start if match else 1
        return match

    def finditer(self, text, start=0, end=sys.maxsize):
        self.work.steps += min(end, len(text)) - start
        return self.pattern.finditer(text, start, end)


@pytest.mark.parametrize("name", sorted(EDITS))
def test_work_grows_no_faster_than_the_text(name: str, monkeypatch: pytest.MonkeyPatch):
    # What one match may do inside is the next test's matter.
    work = Work()
    for module in MODULES:
        for attribute, value in list(vars(module).items()):
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, attribute, CountedPattern(value, work))
    for tag, value in list(html_remnants._BLOCK_ENDS.items()):
        monkeypatch.setitem(html_remnants._BLOCK_ENDS, tag, CountedPattern(value, work))
    for piece in HOSTILE:
        short, long = (_work(name, piece * (size // len(piece)), work) for size in (2000, 4000))
        assert 0 < long <= 2.2 * short + 300, piece


def _work(name: str, text: str, work: Work) -> int:
    counted = CountedText(text)
    counted.work, work.steps = work, 0
    before = sys.gettrace()
    sys.settrace(work.trace)
    try:
        for _ in EDITS[name].find(counted):
            pass
    finally:
        sys.settrace(before)
    return work.steps


@pytest.mark.parametrize(
    "module",
    MODULES,
    ids=lambda module: module.__name__.rpartition(".")[2],
)
def test_patterns_repeat_without_bound_only_where_they_can_not_go_back(module):
    patterns = [value for value in vars(module).values() if isinstance(value, re.Pattern)]
    patterns += getattr(module, "_BLOCK_ENDS", {}).values()
    assert patterns
    for pattern in patterns:
        _check_repeats(list(re._parser.parse(pattern.pattern, pattern.flags)), pattern.pattern)


def _check_repeats(items: list, pattern: str) -> None:
    for number, (kind, value) in enumerate(items):
        name = str(kind)
        if name == "SUBPATTERN":
            _check_repeats(list(value[-1]), pattern)
        elif name == "BRANCH":
            for branch in value[1]:
                _check_repeats(list(branch), pattern)
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            is_last = number == len(items) - 1
            assert value[1] != re._constants.MAXREPEAT or is_last, pattern
            _check_repeats(list(value[2]), pattern)


@pytest.mark.parametrize("name", sorted(EDITS))
def test_long_hostile_texts_end(name: str):
    # Quadratic work on any of them would take many minutes.
    for piece in HOSTILE:
        for _ in EDITS[name].find(piece * (50_000 // len(piece))):
            pass


def test_numbers_of_words_without_a_dictionary():
    lines = ["", "a", "今天", "今天天", "使用 main.py 的人", "３ ４"]
    assert [line_edits.about_words(line) for line in lines] == [0, 1, 1, 2, 4, 2]


def test_a_null_text_is_no_suspect():
    column = pa.array([None, "\ufeff"], pa.string())
    for rule in EDITS.values():
        assert not rule.suspects(column)[0]
        assert rule.suspects(column).dtype == np.bool_
