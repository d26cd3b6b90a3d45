import shutil
from pathlib import Path

import pytest

from mapneo.core.files import read_json, write_json
from mapneo.report.page import render
from tests.report.conftest import collect_run


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "tiny")
    return tmp_path / "tiny"


def changed(copy: Path, change) -> str:
    """The multiple-choice part of a page whose `choice.json` was changed."""
    path = copy / "evaluate/choice.json"
    table = read_json(path)
    change(table)
    write_json(path, table)
    return part(render(collect_run(copy)))


def part(html: str) -> str:
    return html.split('<h3 id="choice">')[1].split('<h3 id="floors">')[0]


def test_a_pack_at_chance_says_so_and_what_it_stands_for(html: str):
    found = part(html)
    assert found.count("No better than guessing") == 2
    assert "Stands in for <bdi>C-Eval, which can&#39;t be had</bdi>." in found
    assert found.count("Stands in for") == 1
    assert found.count("<svg") == 2
    assert "<code>header_row</code>" in found
    assert "model, SFT phase 1" in found


def test_a_pack_that_was_not_scored_gives_its_reason(html: str):
    assert "<bdi>rivers</bdi>: <bdi>pypi package rivers 2.1: no way to" in part(html)


def test_a_model_above_chance_is_named(copy: Path):
    def one_better(table):
        table["rows"][0]["above_chance"] = True

    found = changed(copy, one_better)
    assert "by their whole interval: model, phase 2. The others are no better" in found
    assert found.count("No better than guessing") == 1


def test_all_models_above_chance_are_named(copy: Path):
    def all_better(table):
        for row in table["rows"]:
            row["above_chance"] = True

    found = changed(copy, all_better)
    assert found.count("Every model is better than guessing") == 2


def test_a_favourite_letter_is_called_one(copy: Path):
    def stubborn(table):
        table["rows"][1]["predicted"] = {"A": 76, "C": 304}

    assert "gives the letter" not in changed(copy, lambda table: None)
    found = changed(copy, stubborn)
    assert found.count("gives the letter C in") == 1
    assert "80.0 %" in found


def test_a_pack_without_a_question_that_fits_has_no_chart(copy: Path):
    def nothing_fits(table):
        for row in table["rows"][:2]:
            row.update(
                items=0, correct=0, predicted={}, accuracy=None, low=None, high=None, chance=None
            )

    found = changed(copy, nothing_fits)
    assert "No question fits into the models' context" in found
    assert found.count("<svg") == 1


def test_a_recipe_without_packs_says_so(copy: Path):
    found = changed(copy, lambda table: table.update(rows=[], skipped={}))
    assert "the recipe names no packs of questions" in found


def test_our_models_come_in_the_order_of_their_stages(collected):
    [group, *_] = collected.page.evaluation.groups
    assert [score.model for score in group.models] == [
        "pretrain_1", "pretrain_2", "sft_1", "five_gram", "bigram", "unigram", "xz_primed", "xz",
    ]  # fmt: skip
