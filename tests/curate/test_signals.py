import math

import numpy as np
import pytest

from mapneo.curate import measure
from mapneo.curate.measure import as_asked, is_measured, signals_schema, signals_table
from mapneo.curate.rules import load_ruleset
from mapneo.curate.signals import FAMILIES, default_splitter, signals
from mapneo.curate.stage_measure import MeasureConfig
from mapneo.text.counts import TEXT, UNITS
from tests.curate.builders import documents
from tests.curate.texts import chinese, english


def values(text: str, category: str = "web") -> dict[str, float | str | None]:
    """Signals by column, and by name alone where the default profiles measure it."""
    row = measure(documents([{"doc_id": "d", "text": text, "category": category}])).to_pylist()[0]
    splitter = default_splitter(row["language"])
    endings = ("@keep", "@keep+stops", f"@keep+{splitter}")
    for name in signals():
        found = [row[name + ending] for ending in endings if name + ending in row]
        row[name] = found[0] if found else None
    return row


def test_every_signal_says_what_it_is_and_uses_known_counts():
    for signal in signals().values():
        assert signal.definition
        assert signal.source
        for count in (*signal.numerator, *filter(None, [signal.denominator])):
            assert count in (*TEXT._fields, *UNITS._fields)


def test_names_carry_their_unit():
    units = ("_chars", "_words", "_lines", "_sentences", "_frac", "_nats", "_per_word", "_per_char")
    assert [name for name in signals() if not name.endswith(units)] == []


def test_english_is_measured_in_words_and_chinese_in_characters():
    en, zh = values(english(3)), values(chinese(3))
    assert en["unique_char_first_1000_frac"] is None
    assert en["word_count_words@keep+folded"] > 0
    assert zh["word_count_words@keep+folded"] is None
    assert zh["unique_char_first_1000_frac"] > 0


def test_fractions_by_hand():
    got = values(
        "The cat SAT on the 3 mats...\n• the end of the THE mat\n\nthe end of it all, the one"
    )
    # 20 words: the cat sat on the 3 mats / the end of the the mat / the end of it all the one
    assert got["word_count_words"] == 20
    assert got["no_letter_word_frac"] == pytest.approx(2 / 21)
    assert got["all_caps_word_frac"] == pytest.approx(2 / 21)
    assert got["digit_word_frac"] == pytest.approx(1 / 20)
    assert got["ellipsis_line_frac"] == pytest.approx(1 / 3)
    assert got["bullet_line_frac"] == pytest.approx(1 / 3)
    assert got["symbols_per_word"] == pytest.approx(1 / 21)
    distinct = {"the", "cat", "sat", "on", "3", "mats", "end", "of", "mat", "it", "all", "one"}
    assert got["unique_word_frac"] == pytest.approx(len(distinct) / 20)


def test_entropy_of_equally_frequent_words_is_the_logarithm_of_their_number():
    assert values("alpha beta gamma delta " * 3)["unigram_entropy_nats"] == pytest.approx(
        math.log(4)
    )


def test_unique_characters_do_not_fall_with_length():
    text = "".join(chinese(seed) for seed in range(40))
    short, long = values(text[:1500]), values(text)
    assert long["chars"] > 8000
    assert long["unique_char_first_1000_frac"] == short["unique_char_first_1000_frac"]


def test_nothing_to_divide_by_is_not_measured():
    got = values("")
    assert got["mean_word_length_chars"] is None
    assert got["unigram_entropy_nats"] is None
    assert got["nonspace_count_chars"] == 0


def test_fractions_stay_within_one():
    got = values("a " * 50)
    assert got["top_2gram_char_frac"] == 1
    assert all(
        got[name] is None or 0 <= got[name] <= 1 for name in signals() if name.endswith("_frac")
    )


def test_code_lines_keep_their_indentation():
    got = values("def f():\n    return 1\n", "code")
    assert got["language"] == "code"
    assert got["mean_line_length_chars"] == pytest.approx((8 + 12) / 2)
    assert got["max_line_length_chars"] == 12


def test_measuring_is_independent_of_neighbours():
    texts = [english(7), chinese(7), "", "x" * 300]
    rows = [{"doc_id": f"d/{n}", "text": text} for n, text in enumerate(texts)]
    together = measure(documents(rows)).to_pylist()
    alone = [measure(documents([row])).to_pylist()[0] for row in rows]
    np.testing.assert_equal(together, alone)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_alone_has_the_values_it_has_among_all(family):
    rows = [{"doc_id": str(n), "text": english(n) * 2, "language": "en"} for n in range(3)]
    whole = signals_table(documents(rows), ("en:keep+space",))[0]
    part = signals_table(documents(rows), (f"en:keep+space/{family}",))[0]
    own = {f"{name}@keep+space" for name, signal in signals().items() if signal.family == family}
    of_words = {name for name in part.column_names if name.endswith("+space")}
    assert of_words == own & set(whole.column_names) != set()
    assert part.equals(whole.select(part.column_names))


def test_a_profile_asks_for_the_columns_of_its_rules():
    for name in ("matrix-en", "matrix-zh", "gopher", "gopher-zh", "matrix-rpv2"):
        ruleset = load_ruleset(name)
        schema = signals_schema(ruleset.measurements())
        columns = {ruleset.column(rule) for rule in ruleset.rules if rule.signal in signals()}
        assert columns <= set(schema.names)


def test_all_signals_stand_for_their_families():
    named = ("en:keep", "en:keep+space/words", "zh:keep+dictionary", "zh:keep+dictionary/words")
    assert as_asked(named, "profiles") == (
        "en:keep", "en:keep+space/words", "zh:keep+dictionary",
    )  # fmt: skip
    assert as_asked(named, "all") == ("en:keep", "en:keep+space", "zh:keep+dictionary")
    config = MeasureConfig(measurements=named, signals="all")
    assert config.measurements == as_asked(named, "all")
    assert is_measured("en:keep+space/ngrams", config.measurements)
    assert not is_measured("en:keep+space/ngrams", ("en:keep", "en:keep+space/words"))


@pytest.mark.parametrize("name", ["en:keep/words", "en:keep+space/none", "en:keep+none/words"])
def test_a_family_that_does_not_exist_is_no_measurement(name):
    with pytest.raises(ValueError, match="is no measurement"):
        MeasureConfig(measurements=(name,))
