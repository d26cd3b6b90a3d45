import re
from pathlib import Path

import pytest

import mapneo.report
from mapneo.report.page import SECTIONS
from mapneo.report.strings import Strings

HOME = Path(mapneo.report.__file__).parent
BY_NAME = (
    "language.",
    "model.",
    "policy.",
    "use.",
    "kind.",
    "skill.",
    "skill_note.",
    "longer.",
    "scorer.",
    "role.",
    "verdict.",
    "head.solved_",
    "head.reward_",
    "success.step_",
    "reward.all_",
    "reward.by_",
    "reward.train_",
    "rounds.",
    "pairs.",
    "nav.",
    "cost.facts.",
    "claims.statuses.",
    "funnel.steps.",
    "funnel.side_",
    "lineage.publish_",
    "training.",
    "signals.m",
)
"""Keys that are put together from names in the data."""


def test_every_key_that_is_asked_for_is_there_and_every_one_there_is_asked_for():
    sources = [*HOME.rglob("*.py"), *HOME.rglob("*.html")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    asked = set(re.findall(r'"((?:[a-z_0-9]+\.)*[a-z_0-9]+)"', text))
    asked |= {f"{name}.title" for name in SECTIONS}
    keys = set(Strings().keys())
    called = set(re.findall(r'say\(\s*"([a-z_0-9.]+)"\s*[,)]', text))
    assert called <= keys
    unused = {key for key in keys - asked if not key.startswith(BY_NAME)}
    assert unused == set()


def test_sentence_keeps_the_markup_of_figures_and_escapes_the_rest():
    sentence = Strings()("funnel.retention_source", source="<b>x</b>")
    assert sentence == "Paper's figures: &lt;b&gt;x&lt;/b&gt;."


def test_missing_part_of_a_sentence_is_an_error():
    with pytest.raises(KeyError):
        Strings()("head.verdict_passed")
