"""Every figure on the page equals the field it was read from."""

import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

from mapneo.report.collect import Collected

ROOT = Path(__file__).parents[2]


def read(run: Path, file: str):
    if file.startswith("mapneo/"):
        return tomllib.loads((ROOT / file).read_text(encoding="utf-8"))
    text = (run / file).read_text(encoding="utf-8")
    if file.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def resolve(value, pointer: str):
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def test_every_entry_equals_the_field_in_its_file(run: Path, collected: Collected):
    figures = collected.numbers["figures"]
    files = {e["file"]: read(run, e["file"]) for e in figures.values() if "file" in e}
    for name, entry in figures.items():
        if "paths" in entry:
            found = [resolve(files[entry["file"]], path) for path in entry["paths"]]
            assert found == entry["values"], name
        elif entry.get("operation") == "members":
            assert len(resolve(files[entry["file"]], entry["path"])) == entry["value"], name
        elif "file" in entry:
            assert resolve(files[entry["file"]], entry["path"]) == entry["value"], name


def test_every_derived_entry_follows_from_the_entries_it_names(collected: Collected):
    figures = collected.numbers["figures"]
    derived = [entry for entry in figures.values() if "of" in entry]
    assert {entry["operation"] for entry in derived} == {"sum", "ratio", "difference", "count"}
    for entry in derived:
        values = [figures[name]["value"] for name in entry["of"]]
        expected = {
            "sum": lambda v: sum(v),
            "ratio": lambda v: v[0] / v[1] if v[1] else None,
            "difference": lambda v: v[0] - v[1],
            "count": len,
        }[entry["operation"]](values)
        assert entry["value"] == expected


def test_hand_checked_figures_of_the_fixture(collected: Collected, html: str):
    by_path = {
        (entry["file"], entry["path"]): entry["value"]
        for entry in collected.numbers["figures"].values()
        if "path" in entry
    }
    assert by_path["extract/manifest.json", "/counts/documents_in"] == 7971
    assert by_path["pretrain_1/manifest.json", "/facts/parameters"] == 4_231_680
    assert by_path["mapneo/report/paper.toml", "/retention/steps/3/zh"] == 0.19
    assert ">4.23 M</data>" in html
    assert ">7,952</data>" in html


class _Text(HTMLParser):
    """Collects figures, and the digits that are in none."""

    FREE = ("data", "svg", "style", "title", "code", "bdi", "time", "script")

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.entries: list[str] = []
        self.loose: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "data":
            self.entries.append(given["data-n"])
        if tag in self.FREE or "claim" in given.get("id", ""):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside and re.search(r"\d", data):
            self.loose.append(data.strip())


def test_every_figure_on_the_page_has_an_entry_and_no_digit_stands_outside_one(
    collected: Collected, html: str
):
    page = _Text()
    page.feed(html)
    assert len(page.entries) > 500
    assert set(page.entries) <= set(collected.numbers["figures"])
    words = ("[Pp]hase [12]", "95 %", "sha256", "paper, Table 2", "64,000 pieces", "5-gram",
             "(pretrain|sft|preference|dpo)_[0-9]", "SFT [12]", "DPO 1",
             "[Ss]tage [12]")  # fmt: skip
    kept = [re.sub("|".join(words), "", text) for text in page.loose]
    # Versions and licences of sources are names, not figures.
    kept = [text for text in kept if not re.fullmatch(r"(PSF|CC-BY|Apache)-\d\.0", text)]
    assert [text for text in kept if re.search(r"\d", text)] == []
