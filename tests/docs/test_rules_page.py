"""docs/rules.md is made from the code, and says what the code does."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from mapneo.curate.edits import CHAINS, EDITS
from mapneo.curate.gauges import gauges
from mapneo.curate.measure import signals_schema
from mapneo.curate.released.table import PROFILES, released_rules
from mapneo.curate.rule_docs import counted_in, rules_markdown, unit_of
from mapneo.curate.rule_docs_released import covered_by
from mapneo.curate.rule_docs_tables import drop_if
from mapneo.curate.rules import Rule, load_ruleset, ruleset_names
from mapneo.curate.signals import SENTENCE_DEFINITIONS, SPLITTER_DEFINITIONS, signals
from mapneo.curate.stage_judge import JudgeConfig
from mapneo.curate.verdicts import VERDICT_SCHEMA

SIGNALS = signals_schema(("en:keep",))
PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def rows_of(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table behind a heading."""
    behind = page.split(f"\n{heading}\n", 1)[1]
    table = next(part for part in behind.split("\n\n") if part.startswith("| "))
    cells = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in table.strip().split("\n")]
    return cells[2:]


def test_the_committed_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == rules_markdown(), "run: python -m bench.rules_doc"


def test_every_profile_signal_splitter_and_chain_has_a_row():
    page = rules_markdown()
    assert [row[0] for row in rows_of(page, "## Profiles")] == [
        f"[`{name}`](#{name})" for name in ruleset_names()
    ]
    named = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    for known in (signals(), gauges(), SPLITTER_DEFINITIONS, SENTENCE_DEFINITIONS, CHAINS, EDITS):
        assert [name for name in known if name not in named] == []


@pytest.mark.parametrize("name", ruleset_names())
def test_the_rules_of_a_profile_stand_in_order_with_their_columns(name):
    profile = load_ruleset(name)
    if not profile.rules:
        return
    rows = rows_of(rules_markdown(), f"### {name}")
    assert [row[0] for row in rows] == [f"`{rule.id}`" for rule in profile.rules]
    assert [row[1] for row in rows] == [f"`{profile.column(rule)}`" for rule in profile.rules]


@pytest.mark.parametrize(
    ("bounds", "text", "dropped"),
    [
        ({"min": 3, "max": 10}, "< 3 or > 10", [2.9, 10.1]),
        ({"min": 3, "max": 10, "exclusive": True}, "≤ 3 or ≥ 10", [2.9, 3, 10, 10.1]),
        ({"max": 100000}, "> 100,000", []),
        ({"max": 3e-8, "exclusive": True}, "≥ 3e-08", [2.9, 3, 10, 10.1]),
    ],
)
def test_drop_if_says_what_the_rule_does(bounds, text, dropped):
    rule = Rule(id="x", signal="mean_word_length_chars", source="test", **bounds)
    assert drop_if(rule) == text
    values = np.array([2.9, 3, 10, 10.1])
    assert values[rule.fails(values)].tolist() == dropped


def test_units_come_from_the_longest_ending():
    assert unit_of("spaced_top_2gram_chars_per_char") == "per character"
    assert unit_of("max_line_length_chars") == "characters"
    assert unit_of("c4_lorem_ipsum_first_lines") == "0 or 1"
    assert [name for name in (*signals(), *gauges()) if unit_of(name) == "–"] == []


def test_the_code_is_where_the_count_is_made():
    assert counted_in("digits").endswith("characters.py")
    assert counted_in("terminal_lines").endswith("lines.py")
    assert counted_in("duplicate_paragraphs").endswith("passages.py")
    assert counted_in("stop_words").endswith("words.py")
    assert counted_in("duplicate_5gram_chars").endswith("ngrams.py")


def test_the_example_of_the_page_is_a_valid_setting():
    text = re.search(r"```toml\n(.*?)```", rules_markdown(), re.DOTALL)
    assert text
    config = JudgeConfig.model_validate(tomllib.loads(text[1])["judge"])
    assert config.sources["gutenberg"].exempt == ("en_word_count_max",)


def test_every_released_id_stands_beside_what_we_have_of_it():
    page = rules_markdown()
    ids = [rule.id for name in PROFILES for rule in released_rules(name)]
    assert len(ids) == 122
    behind = page.split("## MAP-Neo's own edits and rules")[1]
    assert re.findall(r"^\| `([a-z]\w+)` \| (?:live|inert|dead|off) ", behind, re.MULTILINE) == ids
    ours = [load_ruleset(name) for name in ("matrix-en", "matrix-zh")]
    assert covered_by("en_word_count_min", ours) == "`matrix-en` < 50"
    assert covered_by("en_unique_word_fraction_max", ours) == "`matrix-en` > 0.8 (only reports)"
    assert covered_by("zh_fix_strip_links", ours) == "edit `zh_fix_strip_links`"
    assert covered_by("nothing_of_the_kind", ours) == "–"


@pytest.mark.parametrize(("stage", "schema"), [("measure", SIGNALS), ("judge", VERDICT_SCHEMA)])
def test_the_formats_name_every_column_of_signals_and_verdicts(stage, schema):
    formats = (PAGE.parent / "formats.md").read_text(encoding="utf-8")
    section = formats.split(f"\n## {stage}\n")[1].split("\n## ")[0]
    columns = [name for name in schema.names if "@" not in name]
    assert [name for name in columns if not re.search(rf"\b{name}\b", section)] == []
