import hashlib
import json
from pathlib import Path

import pytest

from mapneo.core.errors import ConfigError
from mapneo.core.files import sha256_file
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.sources import packs
from mapneo.sources.browse import rows
from mapneo.sources.package import parse_entries
from mapneo.sources.packs import Pack, choose_packs, load_packs
from mapneo.sources.stage_extract import Extract, ExtractConfig
from mapneo.sources.stage_fetch import Fetch, FetchConfig, listing_digest
from tests.sources.archives import make_tar

QUESTIONS = b'{"question": "1 + 1?", "a": "1", "b": "2", "answer": "b"}\n'


def make_pack(**changes):
    fields = {
        "name": "sums",
        "ecosystem": "npm",
        "package": "pack",
        "version": "1.0",
        "sha256": "0" * 64,
        "root": "package",
        "include": ("sums.jsonl",),
        "file_sha256": hashlib.sha256(QUESTIONS).hexdigest(),
        "licence": "MIT",
        "publish": "never",
        "language": "en",
        "rows": {
            "question": "question",
            "topic": "sums",
            "options": ("a", "b"),
            "answer": "answer",
            "answers": ("a", "b"),
        },
    }
    return Pack.model_validate({**fields, **changes})


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """An npm that hands out one archive; gives a function that puts a pack into the catalogue."""
    archive = make_tar(tmp_path / "pack-1.0.tgz", {"package/sums.jsonl": QUESTIONS})
    folder = tmp_path / "bin"
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(
        f'#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\ncp {archive} "$2"\n'
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("Some text.\n")

    def offer(**changes):
        pack = make_pack(**{"sha256": sha256_file(archive), **changes})
        monkeypatch.setattr(packs, "load_packs", lambda: {pack.name: pack})
        return FetchConfig(packs=("sums",), data=tmp_path / "data", cache=tmp_path / "cache")

    return offer


def run(tmp_path, config):
    job = Run(directory=tmp_path / "run", seed=0, workers=1)
    stages = [Fetch(config), Extract(ExtractConfig())]
    list(job.execute(stages, progress=lambda step: QuietProgress()))
    return job


def recorded(tmp_path):
    return json.loads((tmp_path / "run/fetch/packs.json").read_text())


def test_packs_that_ship_are_whole_and_say_what_they_stand_for():
    known = load_packs()
    assert set(known) == {"mmlu", "lawbench-knowledge"}
    assert known["lawbench-knowledge"].publish == "never"
    assert "C-Eval" in known["lawbench-knowledge"].stands_for
    listed = {row["source"]: row for row in rows([], listing=True, cache=False, clear=False)}
    assert listed["mmlu"]["class"] == "evaluation"


def test_unknown_pack_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"fetch\.packs: .* did you mean 'mmlu'"):
        choose_packs(["mmmlu"])


def test_pack_is_in_the_cache_and_on_record_but_is_no_document(tmp_path, registry):
    job = run(tmp_path, registry())
    row = recorded(tmp_path)["sums"]
    assert row["skipped"] is None
    assert (row["package"], row["version"], row["publish"]) == ("pack", "1.0", "never")
    assert (row["file"], row["file_sha256"]) == ("sums.jsonl", make_pack().file_sha256)
    assert Path(row["absolute"]).read_bytes() == QUESTIONS
    fetch = job.artifact("fetch").manifest
    assert fetch.facts["packs"] == recorded(tmp_path)
    assert fetch.counts.documents_in == 1
    assert job.artifact("extract").manifest.counts.documents_in == 1


def test_pack_that_cant_be_had_is_left_out_and_tried_again(tmp_path, registry, monkeypatch):
    config = registry()
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs-here"))
    run(tmp_path, config)
    reason = recorded(tmp_path)["sums"]["skipped"]
    assert reason.startswith("this system has no npm; to try again, remove fetch/manifest.json")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "run/fetch/manifest.json").unlink()
    run(tmp_path, config)
    assert recorded(tmp_path)["sums"]["skipped"] is None


@pytest.mark.parametrize("field", ["sha256", "file_sha256"])
def test_pack_with_another_hash_is_left_out_with_the_reason(tmp_path, registry, field):
    job = run(tmp_path, registry(**{field: "0" * 64}))
    assert "pinned is 0000" in recorded(tmp_path)["sums"]["skipped"]
    assert job.artifact("extract").manifest.counts.kept == 1


def test_changed_entry_of_a_pack_wakes_fetch(registry):
    config = registry()
    before = listing_digest(config)
    assert listing_digest(registry(stands_for="something")) != before
    assert listing_digest(config.model_copy(update={"packs": ()})) != before


ENTRY = """
[[pack]]
name = "a"
ecosystem = "pypi"
package = "p"
version = "1.0"
distribution = "wheel"
sha256 = "{zeros}"
root = ""
include = ["q.csv"]
file_sha256 = "{zeros}"
licence = "MIT"
publish = "text"
language = "zh"
rows = { question = "q", topic = "t", options = ["A", "B"], answer = "x", answers = ["A", "B"] }
""".replace("{zeros}", "0" * 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"q.csv"', '"q.csv", "r.csv"', "one .jsonl or .csv file"),
        ('"q.csv"', '"q.txt"', "one .jsonl or .csv file"),
        ('answers = ["A", "B"]', 'answers = ["A"]', "one value per option"),
        ('"zh"', '"fr"', "pack a in the catalogue: language"),
        ('distribution = "wheel"', "", "distribution"),
        ('"MIT"', '"MIT"\ncolour = 1', "colour"),
    ],
)
def test_wrong_entry_is_named(old, new, message):
    assert set(parse_entries(ENTRY, "pack", Pack)) == {"a"}
    with pytest.raises(ConfigError, match=message):
        parse_entries(ENTRY.replace(old, new), "pack", Pack)
