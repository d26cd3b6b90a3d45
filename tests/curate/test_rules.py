from pathlib import Path

import pyarrow as pa
import pytest

from mapneo.core.errors import ConfigError, DataError, InputError
from mapneo.core.recipe import validate
from mapneo.curate import judge, measure
from mapneo.curate.measure import DEFAULT_RULESETS, signals_table
from mapneo.curate.rules import (
    Bounds,
    load_ruleset,
    load_rulesets,
    measurements_of,
    ruleset_names,
)
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.verdicts import SourceRules, judge_signals
from tests.curate.builders import documents
from tests.curate.texts import chinese, english

EN, ZH = english(2, 20), chinese(2, 20)
CODE = "".join(
    f"def {name}(value):\n    '''Return a {name} value.'''\n    return value + {n}\n\n"
    for n, name in enumerate(["first", "second", "third", "fourth", "fifth"])
)
NUMBERS = "".join(f"{n}, {n + 1}, {n + 2},\n" for n in range(100, 400, 3))
PARAGRAPH_EN, PARAGRAPH_ZH = english(4, 2), chinese(4, 3)


def verdict(text: str, language: str, overrides: dict[str, Bounds] | None = None) -> dict:
    """Judge a text as one of `language`, whatever the language model says."""
    table = documents([{"doc_id": "d", "text": text, "language": language, "language_score": 1}])
    signals = signals_table(table, measurements_of(DEFAULT_RULESETS))[0]
    return judge(signals, overrides=overrides).to_pylist()[0]


def failed(text: str, language: str) -> list[str]:
    return verdict(text, language)["failed_rules"]


@pytest.mark.parametrize(("text", "language"), [(EN, "en"), (ZH, "zh"), (CODE, "code")])
def test_ordinary_text_passes_every_rule(text, language):
    assert failed(text, language) == []


def lines(text: str) -> list[str]:
    return text.split(". ")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("A few words only. No more than that.", "en_word_count_min"),
        ("A few words only. No more than that.", "en_nonspace_chars_min"),
        (" ".join(c for c in EN if c.isalpha()), "en_mean_word_length"),
        ("\n".join("* " + line for line in lines(EN)), "en_bullet_line_fraction"),
        ("\n".join(line + " ..." for line in lines(EN)), "en_ellipsis_density_gopher"),
        (EN.replace(" ", " 1 2 "), "en_no_alpha_word_density"),
        (EN.replace(" ", " ## "), "en_symbol_word_ratio"),
        (EN + "{}" * 60, "en_curly_bracket_ratio"),
        (EN + " Lorem Ipsum dolor.", "en_lorem_ipsum_ratio"),
        (EN + EN.upper()[:400], "en_all_caps_word_fraction"),
        (
            "\n".join(line + ". Read more >>" for line in lines(EN)),
            "en_read_more_sentence_fraction",
        ),
        (PARAGRAPH_EN * 20, "en_unique_word_fraction_min"),
        (PARAGRAPH_EN * 20, "en_dup_10gram_char_fraction"),
        (PARAGRAPH_EN * 20, "en_dup_5gram_char_fraction"),
        ("the cat and the dog. " * 40, "en_unigram_entropy_min"),
        ("the cat and the dog. " * 40, "en_top_2gram_char_fraction"),
        (EN.replace(". ", " "), "en_sentence_count_min"),
        ("Mountain railway stations, harbour bridges. " * 12, "en_stop_word_distinct_count"),
    ],
)
def test_an_english_fault_is_found(text, rule):
    assert rule in failed(text, "en")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("太短的文字。就这些。", "zh_char_count_min"),
        (ZH + "【推广链接在这里】" * 60, "zh_bracket_char_fraction"),
        (ZH.replace("。", ""), "zh_sentence_count_min"),
        (ZH.replace("。", "\n\n"), "zh_punctuation_min"),
        (ZH + "0123456789" * 60, "zh_digit_char_fraction"),
        ("\n".join("• " + s for s in ZH.split("。")), "zh_bullet_line_fraction"),
        ("\n".join(s + "，查看更多>>" for s in ZH.split("。")), "zh_read_more_line_fraction"),
        (PARAGRAPH_ZH * 25, "zh_dup_10gram_char_fraction"),
        (PARAGRAPH_ZH * 25, "zh_dup_5gram_char_fraction"),
        ("我们的书。你们的书。" * 30, "zh_unigram_entropy_min"),
        ("我们的书。你们的书。" * 30, "zh_unique_char_fraction"),
        ("哈哈" * 200 + "。好。" + ZH[:100], "zh_top_2gram_char_fraction"),
        ("中文说明。" + "some words that nobody ever translated " * 20 + "。" + ZH[:40],
         "zh_han_char_fraction"),
        ("…好" * 90 + ZH, "zh_ellipsis_density"),
    ],
)  # fmt: skip
def test_a_chinese_fault_is_found(text, rule):
    assert rule in failed(text, "zh")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x = 1\n", "code_line_count_min"),
        (CODE + "data = '" + "ab c" * 400 + "'\n", "code_max_line_length_max"),
        (NUMBERS, "code_letter_char_fraction_min"),
        (NUMBERS, "code_digit_char_fraction_max"),
        (CODE + "\ufffd" * 5, "code_replacement_char_fraction_max"),
        ("return value_of_the_next_item\n" * 100, "code_duplicate_line_char_fraction_max"),
    ],
)  # fmt: skip
def test_a_code_fault_is_found(text, rule):
    assert rule in failed(text, "code")


@pytest.mark.parametrize("language", ["en", "zh", "code"])
@pytest.mark.parametrize("text", ["", "\x00" * 300, "😀" * 500, "1" * 500, "a\n" * 20_000])
def test_odd_text_gets_a_verdict(text, language):
    assert verdict(text, language)["verdict"] == "dropped"
    assert judge(measure([text]))["verdict"].to_pylist() == ["dropped"]


def test_unwanted_language_is_dropped_by_name():
    text = "Der Hund läuft durch den Garten und bellt die Katze an. " * 10
    found = judge(measure([text])).to_pylist()[0]
    named = (found["rule"], found["signal"], found["value"])
    assert named == ("language_not_wanted", None, None)


def test_verdict_names_first_failing_rule_with_value_and_bound():
    found = verdict("Just these few words of English, nothing more to see.", "en")
    assert (found["rule"], found["signal"]) == (
        "en_nonspace_chars_min",
        "nonspace_count_chars@keep",
    )
    assert (found["side"], found["value"], found["bound"]) == ("min", 44.0, 200.0)
    assert found["failed_rules"][:2] == ["en_nonspace_chars_min", "en_word_count_min"]


def test_a_low_language_score_is_dropped_though_the_label_is_right():
    table = measure([EN])
    low = table.set_column(4, table.schema.field(4), pa.array([0.5], pa.float32()))
    assert judge(low)["rule"].to_pylist() == ["en_lang_score"]


def test_bounds_are_inclusive_unless_the_rule_is_exclusive():
    table = measure([EN])
    words = table["word_count_words@keep+folded"][0].as_py()
    keep = {"en_word_count_min": Bounds(min=words), "en_word_count_max": Bounds(max=words)}
    assert judge(table, overrides=keep)["verdict"][0].as_py() == "keep"
    rule = load_ruleset("tiny-en").rules[2].model_copy(update={"min": words, "exclusive": True})
    assert rule.fails(table["word_count_words@keep+folded"].to_numpy()).tolist() == [True]


def test_what_was_not_measured_neither_passes_nor_fails():
    found = verdict("", "en")
    assert "mean_word_length_chars@keep+folded" in found["not_measured"]
    assert "en_mean_word_length" not in found["failed_rules"]


def test_a_misspelt_ruleset_is_suggested():
    with pytest.raises(ConfigError, match="did you mean `tiny-en`"):
        load_ruleset("tiny_en")


def test_a_misspelt_override_is_suggested():
    with pytest.raises(ConfigError, match="did you mean `en_word_count_min`"):
        load_rulesets(["tiny-en"], {"en_word_cuont_min": Bounds(min=3)})
    with pytest.raises(ConfigError, match="did you mean `en_word_count_min`"):
        validate(JudgeConfig, {"overrides": {"en_word_countmin": {"min": 3}}}, "judge")


def test_a_ruleset_or_rule_that_stands_twice_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="named twice"):
        load_rulesets(["tiny-en", "tiny-en"], {})
    with pytest.raises(ConfigError, match="in two rulesets: tiny-en and matrix-en"):
        load_rulesets(["tiny-en", "matrix-en"], {})


def test_several_rulesets_of_one_language_judge_one_after_the_other():
    table = measure([EN, "Short. Too short."], ["gopher", "fineweb"])
    found = judge(table, ["gopher", "fineweb"]).to_pylist()
    assert [row["profile"] for row in found] == ["gopher+fineweb"] * 2
    assert found[1]["rule"] == "gopher_top_2gram"
    assert "fineweb_new_lines" not in found[1]["failed_rules"]
    backwards = judge(table, ["fineweb", "gopher"]).to_pylist()
    assert backwards[1]["failed_rules"][-1] == "gopher_stop_words"


def test_a_profile_without_rules_keeps_every_document_of_its_language(tmp_path: Path):
    (tmp_path / "none.toml").write_text('name = "none"\nlanguage = "en"\nrules = []\n')
    found = judge(measure(["Short.", ZH]), [str(tmp_path / "none.toml")]).to_pylist()
    assert [row["rule"] for row in found] == [None, "language_not_wanted"]
    assert [row["profile"] for row in found] == ["none", None]


def test_a_rule_that_only_reports_drops_nothing():
    found = judge(measure([(PARAGRAPH_EN + " ") * 3], ["matrix-en"]), ["matrix-en"]).to_pylist()[0]
    assert "en_dup_sentence_fraction" in found["reported_rules"]
    assert "en_dup_sentence_fraction" not in found["failed_rules"]


def test_a_source_can_be_exempt_or_have_its_own_bounds_and_the_verdict_says_so():
    short = (
        "A few words that would be dropped because there are so few of them, were they not part "
        "of a book. They are, and its other pages say more."
    )
    given = [{"doc_id": f"d{n}", "text": short, "source": f"books-{n}"} for n in range(3)]
    table = measure(documents(given))
    sources = {
        "books-0": SourceRules(exempt=("en_word_count_min", "en_nonspace_chars_min")),
        "books-1": SourceRules(overrides={"en_nonspace_chars_min": Bounds(min=120)}),
        "books-*": SourceRules(overrides={"en_nonspace_chars_min": Bounds(min=50)}),
    }
    rules = load_rulesets(["tiny-en"], {})
    found = judge_signals(table, rules, sources).to_pylist()
    assert [row["rule"] for row in found] == [None, "en_nonspace_chars_min", "en_word_count_min"]
    assert found[1]["bound"] == 120
    assert found[0]["source_rules"] == ["en_nonspace_chars_min", "en_word_count_min"]
    assert found[1]["source_rules"] == []
    assert found[2]["source_rules"] == ["en_nonspace_chars_min"]


def test_a_source_rule_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="sources.books: unknown rule `en_wordcount_min`"):
        validate(JudgeConfig, {"sources": {"books": {"exempt": ["en_wordcount_min"]}}}, "judge")


def test_a_signal_that_was_not_measured_at_all_is_named():
    with pytest.raises(DataError, match="needs the signal dup_paragraph_frac@keep"):
        judge(measure([EN]).drop_columns(["dup_paragraph_frac@keep"]), ["gopher"])


RULE = 'name = "mine"\nlanguage = "en"\n[[rules]]\nid = "x"\nsource = "own"\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (RULE + 'signal = "word_count_word"\nmin = 1\n', "did you mean `word_count_words`"),
        (RULE + 'signal = "word_count_words"\nmin = 1\nmaximum = 2\n', "did you mean `max`"),
        (RULE + 'signal = "word_count_words"\n', "neither min nor max"),
        (RULE + 'signal = "word_count_words"\nmin = "many"\n', "min"),
        ('name = "mine"\nlanguage = "en"\n', "`rules` is missing"),
        ('name = "mine"\nlanguage = "en"\nwords = "spaces"\nrules = []\n', "mean `space`"),
        (RULE + 'words = "character"\nsignal = "word_count_words"\nmin = 1\n', "`characters`"),
        (RULE + 'words = "characters"\nsignal = "word_count_words"\nmin = 1\n', "not give"),
    ],
)
def test_a_faulty_ruleset_file_is_explained(tmp_path: Path, body: str, message: str):
    (tmp_path / "mine.toml").write_text(body)
    with pytest.raises(ConfigError, match=message):
        load_ruleset(str(tmp_path / "mine.toml"))


def test_a_missing_ruleset_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="mine.toml"):
        load_ruleset(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", ruleset_names())
def test_shipped_rulesets_load_and_each_bound_has_a_source(name):
    ruleset = load_ruleset(name)
    assert ruleset.name == name
    assert ruleset.rules or name.startswith("none")
    assert all(rule.source for rule in ruleset.rules)


def test_the_most_specific_source_counts_in_whatever_order_they_stand():
    sources = {
        "*": SourceRules(overrides={"en_word_count_min": Bounds(min=10_000)}),
        "books-*": SourceRules(overrides={"en_word_count_min": Bounds(min=5_000)}),
        "books-1": SourceRules(exempt=("en_word_count_min",)),
    }
    given = [
        {"doc_id": f"d{n}", "text": EN, "source": source, "language": "en", "language_score": 1}
        for n, source in enumerate(("web", "books-2", "books-1"))
    ]
    table = signals_table(documents(given), measurements_of(DEFAULT_RULESETS))[0]
    rules = load_rulesets(["tiny-en"], {})
    found = judge_signals(table, rules, sources)
    assert found["bound"].to_pylist() == [10_000, 5_000, None]
    assert judge_signals(table, rules, dict(reversed(sources.items()))).equals(found)
