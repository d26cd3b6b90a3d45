import math
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mapneo.core.errors import InputError
from mapneo.text import dictionary as dictionary_module
from mapneo.text.dictionary import build_dictionary, jieba_dictionary
from mapneo.text.kernel import kernel
from mapneo.text.segment import cut, segment_words
from mapneo.text.trie import BASE_SHIFT, CODE_SHIFT, MAX_CODE, MAX_WEIGHT, build_trie

GOLDEN = Path(__file__).parent.parent / "golden" / "sentences_zh.txt"
SENTENCES = [
    "我来到北京清华大学，小明硕士毕业于中国科学院计算所，后在日本京都大学深造。",
    "他来到了网易杭研大厦",
    "乒乓球拍卖完了，结婚的和尚未结婚的都在场。",
    "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作",
    "“这是第一个企业级应用吗？”——不，是第２个！",
    "研究生命的起源；南京市长江大桥……小王、小李和欧阳建国。",
    "臺灣的繁體中文與大陸的簡體中文，詞彙並不一樣：軟體、硬碟、計程車。",
    "我們應該學習如何處理資料庫裡的錯誤訊息，並且檢查設定檔。",
    "會議將於２０２４年３月５日下午兩點半在臺北市中正區舉行。",
    "子曰：「學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？」",
    "第十二条　自然人从出生时起到死亡时止，具有民事权利能力。",
    "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。",
    "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。",
    "价格是3.14元，涨了12.5%，比v1.2.3版快100%！",
    "C++和C#哪个好？AT&T的T恤、B超、K歌之王、IP地址192.168.0.1。",
    "用git-svn把foo_bar.py提交到origin/master，见#42&a=b。",
    "Please install jieba-0.42.1 first, e.g. `pip install jieba`.",
    "iPhone15ProMax比Mate60Pro+贵1.5倍%%..&&",
    "邮箱：zhang.san_99@example.com.cn，电话：+86-10-1234-5678",
    "第一行\r\n第二行\r第三行\n\n\t第四行\u3000第五行\u2028第六行\x85第七行",
    "😀👩‍👩‍👧‍👦笑死我了哈哈哈哈哈哈哈哈啊啊啊啊",
    "嗯嗯嗯，呵呵呵呵呵呵，的的的的的的的的的",
    "𠮷野家的𠀀𪚥，㐀㑇㿟，鿕鿖鿿，〇零○。",
    "龘龘龘龖鱻麤骉骉驫",
    "γ射线与X射线、α粒子；β版本",
    "韩立运起法诀，筑基期修士叶凡与萧炎斗法于乌坦城",
    "张伟丽战胜乔安娜，卢冬生、罗荣桓、彭德怀出席会议",
    "ＡＢＣ全角字母１２３，半角ABC123",
    "日本語のひらがなとカタカナ、한국어 한글 테스트",
    "a\u0301e\u0300 combining 组合字符\u200b零宽\ufeff字节序标记",
    "买水果然后来世博园最后去世博会",
    "长春市长春节讲话，人民代表大会常务委员会副委员长",
    "中华人民共和国全国人民代表大会常务委员会关于修改的决定",
    "Bash 手冊頁：ls [選項]... [檔案]... 列出檔案的資訊",
    "----====++++####....____%%%%&&&&",
    "1.2.3.4.5 1..2 .5 5. 5.% 50%% a.1 a.b 1.a %1",
    "", "，", "一", "a", "%", "\r\n", "\n\r\n\r", "鿕", "鿖",
]  # fmt: skip


@cache
def jieba():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its patterns hold escapes that newer Pythons refuse
        import jieba as package
    package.setLogLevel(60)
    package.initialize()
    return package


def assert_same(text: str) -> None:
    assert cut(text) == list(jieba().cut(text, HMM=True)), text


@pytest.mark.parametrize("text", SENTENCES)
def test_hand_picked_texts_are_cut_as_by_jieba(text):
    assert_same(text)


def test_golden_sentences_and_their_runs_are_cut_as_by_jieba():
    text = GOLDEN.read_text(encoding="utf-8")
    for line in text.splitlines():
        assert_same(line)
    assert_same(text)
    # Without the marks, blocks are long and names of nothing arise where sentences meet.
    assert_same("".join(c for c in text + "".join(SENTENCES) if c.isalnum()))


FREQUENT = sorted(set("".join(SENTENCES) + GOLDEN.read_text(encoding="utf-8")))
characters = st.one_of(
    st.sampled_from(FREQUENT),
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
    st.sampled_from("+#&._%-0123456789aZ"),
    st.sampled_from(" \r\n\t\u3000\x1c\x85\u2028，。！、「」\u200b"),
    st.characters(min_codepoint=0x20000, max_codepoint=0x2A6DF),
    st.characters(),
    st.characters(categories=["Cs"]),
)


@st.composite
def pieces(draw):
    """Ends and beginnings of sentences: words, and what looks like words where they meet."""
    sentence = draw(st.sampled_from(SENTENCES))
    start = draw(st.integers(0, len(sentence)))
    return sentence[start : start + draw(st.integers(1, 9))]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(pieces(), st.text(characters, max_size=12)), max_size=12).map("".join))
@example("\ud800的\udfff")
@example("企业级企业级应用")
def test_random_texts_are_cut_as_by_jieba(text):
    assert_same(text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=80))
def test_random_ideographs_are_cut_as_by_jieba(text):
    # Mostly characters that the model has seen in few states or none: ties everywhere.
    assert_same(text)


@settings(max_examples=100, deadline=None)
@given(st.text("+#&._%-0189aZ的", min_size=2, max_size=60))
def test_random_numbers_and_signs_are_cut_as_by_jieba(text):
    assert_same(text)


def test_every_code_point_alone_between_ideographs():
    for first in range(0, 0xA000, 0x1000):
        assert_same("的".join(map(chr, range(first, first + 0x1000))))
    beyond = range(0xA000, 0x110000, 11)
    assert len(cut("的".join(map(chr, beyond)))) == 2 * len(beyond) - 1


@pytest.mark.parametrize("character", ["的", "鿕", "龘", "a", "7", "%", " ", "😀"])
def test_time_and_memory_are_linear_in_the_length_of_a_run(character):
    # Quadratic work on a million characters would take hours, or terabytes of paths.
    long, short = cut(character * 1_000_000), cut(character * 1_000)
    assert "".join(long) == character * 1_000_000
    assert short == list(jieba().cut(character * 1_000))
    assert set(long) <= {*short, character * 1_000_000}


def test_segment_words_is_callable_from_a_kernel_and_fills_ends():
    @kernel
    def longest_word(code_points, dictionary, ends):
        longest = start = 0
        for token in range(segment_words(code_points, dictionary, ends)):
            longest = max(longest, ends[token] - start)
            start = ends[token]
        return longest

    text = "我来到北京清华大学"
    code_points = np.array([ord(c) for c in text], dtype=np.int32)
    ends = np.full(code_points.size + 1, -7, dtype=np.int32)
    assert longest_word(code_points, jieba_dictionary(), ends) == len("清华大学")
    assert ends[-1] == -7  # not a place more than the text is long


words_with_weights = st.dictionaries(
    st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple), st.integers(1, MAX_WEIGHT)
)


def weight_of(trie, word):
    base = 0
    for step, code in enumerate(word):
        node = int(trie[base + code])
        if (base == 0 and step) or (node >> CODE_SHIFT) & MAX_CODE != code:
            return None
        base = node >> BASE_SHIFT
    return node & MAX_WEIGHT


@settings(max_examples=200, deadline=None)
@given(words_with_weights, st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6)))
def test_trie_knows_its_words_their_prefixes_and_nothing_else(words, others):
    trie = build_trie(words, 9)
    prefixes = {word[:size] for word in words for size in range(1, len(word) + 1)}
    for word in [*prefixes, *map(tuple, others)]:
        expected = words.get(word, 0) if word in prefixes else None
        assert weight_of(trie, word) == expected


def test_trie_refuses_what_a_node_has_no_room_for():
    with pytest.raises(ValueError, match="32767 codes"):
        build_trie({(1,): 1}, MAX_CODE + 1)
    with pytest.raises(ValueError, match="weights up to 65535"):
        build_trie({(1,): MAX_WEIGHT + 1}, 1)


@pytest.fixture
def built(monkeypatch):
    """Counts how often tables are built, without the time it takes."""
    calls = []
    tables = jieba_dictionary()

    def build(package):
        calls.append(package)
        return tables

    monkeypatch.setattr(dictionary_module, "build_dictionary", build)
    jieba_dictionary.cache_clear()
    yield calls
    jieba_dictionary.cache_clear()


def load(folder):
    jieba_dictionary.cache_clear()
    return jieba_dictionary(folder)


def test_tables_are_built_once_and_kept(tmp_path, built):
    first, second = load(tmp_path), load(tmp_path)
    assert len(built) == 1
    for name in first._fields:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_damaged_tables_are_built_again(tmp_path, built, damage):
    load(tmp_path)
    [path] = (tmp_path / "words").iterdir()
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes({"cut": data[:middle], "flipped": flipped, "empty": b""}[damage])
    load(tmp_path)
    assert len(built) == 2
    assert path.read_bytes() == data


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, built):
    (tmp_path / "words").write_text("a file where a folder should be")
    load(tmp_path)
    assert len(built) == 1


def test_kept_tables_are_those_that_would_be_built_now():
    """Fails if the tables change and `FORMAT` does not."""
    kept, new = jieba_dictionary(), build_dictionary(Path(jieba().__file__).parent)
    for name in kept._fields:
        np.testing.assert_array_equal(getattr(kept, name), getattr(new, name))


def test_log_probabilities_are_bit_for_bit_those_of_jieba():
    tables, frequencies = jieba_dictionary(), jieba().dt.FREQ
    log_total = math.log(jieba().dt.total)
    for word in ["的", "清华大学", "AT&T", "企业级", "企业级应用", "龘"]:
        weight = weight_of(tables.trie, tables.alphabet[list(map(ord, word))].tolist()) or 0
        expected = math.log(frequencies.get(word) or 1) - log_total
        assert tables.log_probabilities[weight] == expected, word


def test_missing_or_foreign_packages_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"dict\.txt can't be read .* install jieba==0\.42\.1"):
        build_dictionary(tmp_path)
    (tmp_path / "dict.txt").write_text("词 many n\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"are not those of jieba 0\.42\.1"):
        build_dictionary(tmp_path)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "jieba", raising=False)
    jieba_dictionary.cache_clear()
    with pytest.raises(InputError, match="need the package jieba"):
        jieba_dictionary()
