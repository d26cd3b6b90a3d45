import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mapneo.core.engine import Engine
from mapneo.core.errors import ConfigError, DataError, InputError
from mapneo.core.executor import LocalExecutor
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.core.stage import Work
from mapneo.sources import stage_fetch
from mapneo.sources.file_lists import path_hash, within_caps
from mapneo.sources.stage_extract import Extract, ExtractConfig
from mapneo.sources.stage_fetch import Fetch, FetchConfig, data_source_name, listing_digest
from mapneo.sources.unpack import UnpackedFile

PROSE = "A paragraph of real prose, long enough to be taken for content. " * 5


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "My Data"
    files = {
        "page.html": f"<html><body><main><p>{PROSE}</p></main></body></html>",
        "deep/er/notes.txt": "Some notes.\n",
        "deep/tool.py": "print(1)\n",
        "rows.jsonl": "".join(json.dumps({"text": f"row {n}"}) + "\n" for n in range(12))
        + "{bad\n",
        "empty.md": "",
        "picture.xyz": "?",
        ".hidden/secret.txt": "never read",
        "broken.pdf": "not a pdf",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(tmp_path, config, workers=1, name="run", extract=None):
    job = Run(directory=tmp_path / name, seed=0, workers=workers)
    job.directory.mkdir(exist_ok=True)
    list(
        job.execute(
            [Fetch(config), Extract(extract or ExtractConfig())],
            progress=lambda step: QuietProgress(),
        )
    )
    return job


def rows(job, stage, folder):
    files = job.artifact(stage).files(f"{folder}/*.parquet")
    return [row for file in files for row in pq.read_table(file.path).to_pylist()]


def test_users_folder_becomes_documents_and_named_errors(tmp_path, data):
    job = run(tmp_path, FetchConfig(data=data, data_shards=3))
    documents = {row["doc_id"]: row for row in rows(job, "extract", "documents")}
    errors = {row["doc_id"]: row["kind"] for row in rows(job, "extract", "errors")}
    assert sorted(documents) == sorted(
        ["my-data/page.html", "my-data/deep/er/notes.txt", "my-data/deep/tool.py"]
        + [f"my-data/rows.jsonl:{n}" for n in range(12)]
    )
    assert errors == {
        "my-data/rows.jsonl:12": "bad_json",
        "my-data/empty.md": "empty_file",
        "my-data/.hidden": "hidden",
        "my-data/picture.xyz": "unknown_file_type",
        "my-data/broken.pdf": "unreadable_pdf",
    }
    tool = documents["my-data/deep/tool.py"]
    assert (tool["category"], tool["language"], tool["licence"]) == ("code", None, "user")
    assert tool["publish"] == "text"
    counts = job.artifact("extract").manifest.counts
    assert (counts.documents_in, counts.kept) == (20, 15)


def test_documents_are_sorted_in_each_shard(tmp_path, data):
    job = run(tmp_path, FetchConfig(data=data, data_shards=1))
    for folder in ("documents", "errors"):
        ids = [row["doc_id"] for row in rows(job, "extract", folder)]
        assert ids == sorted(ids)


def test_workers_do_not_change_a_byte(tmp_path, data):
    config = FetchConfig(data=data, data_shards=4)
    one = run(tmp_path, config, workers=1, name="one")
    two = run(tmp_path, config, workers=2, name="two")
    for stage in ("fetch", "extract"):
        assert (
            one.artifact(stage).manifest.outputs_digest
            == two.artifact(stage).manifest.outputs_digest
        )


def test_new_file_reads_one_shard_again_and_touching_reads_none(tmp_path, data, monkeypatch):
    config = FetchConfig(data=data, data_shards=4)
    job = run(tmp_path, config)
    before = {
        file.relative: file.path.stat().st_mtime_ns
        for file in job.artifact("extract").files("documents/*.parquet")
    }
    os.utime(data / "page.html", (1, 1))
    job = run(tmp_path, config)

    def changed():
        found = job.artifact("extract").files("documents/*.parquet")
        return {f.relative for f in found if f.path.stat().st_mtime_ns != before.get(f.relative)}

    assert changed() == set()
    (data / "new.txt").write_text("new")
    job = run(tmp_path, config)
    assert changed() == {f"documents/my-data-{path_hash('new.txt') % 4:02d}.parquet"}
    assert "my-data/new.txt" in {row["doc_id"] for row in rows(job, "extract", "documents")}


def test_changed_content_of_equal_size_is_noticed(tmp_path, data):
    config = FetchConfig(data=data)
    first = listing_digest(config)
    run(tmp_path, config)
    path = data / "deep/tool.py"
    path.write_text("print(2)\n")
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    assert listing_digest(config) != first
    job = run(tmp_path, config)
    texts = {row["doc_id"]: row["text"] for row in rows(job, "extract", "documents")}
    assert texts["my-data/deep/tool.py"] == "print(2)\n"


def test_only_changed_files_are_hashed_again(tmp_path, data, monkeypatch):
    config = FetchConfig(data=data)
    run(tmp_path, config)
    hashed = []
    real = stage_fetch.hash_files

    def watch(found, known):
        hashed.extend(
            f.path for f in found if known.get(f.path, ())[:2] != (f.size_bytes, f.mtime_ns)
        )
        return real(found, known)

    monkeypatch.setattr(stage_fetch, "hash_files", watch)
    (data / "new.txt").write_text("new")
    run(tmp_path, config)
    assert hashed == ["new.txt"]


def test_file_that_vanishes_or_changes_between_stages_stops_the_run(tmp_path, data):
    fetch = Fetch(FetchConfig(data=data))
    job = Run(directory=tmp_path / "run", seed=0, workers=1)
    job.directory.mkdir()
    list(job.execute([fetch], progress=lambda step: QuietProgress()))
    (data / "page.html").write_text("other")
    with pytest.raises(DataError, match=r"page\.html has changed"):
        _extract_only(job)
    (data / "page.html").unlink()
    with pytest.raises(DataError, match=r"page\.html was there at fetch"):
        _extract_only(job)


def _extract_only(job):
    output = job.directory / "extract"
    engine = Engine(output=output, stage_key="extract", executor=LocalExecutor(1))
    Extract(ExtractConfig()).run(
        Work(
            output=output,
            inputs={"fetch": job.artifact("fetch")},
            engine=engine,
            progress=QuietProgress(),
            seed=0,
            fingerprint="x",
        )
    )


def test_setting_of_extract_reads_everything_again(tmp_path, data):
    config = FetchConfig(data=data)
    run(tmp_path, config)
    job = run(tmp_path, config, extract=ExtractConfig(max_document_bytes=1024))
    assert job.artifact("extract").manifest.config["max_document_bytes"] == 1024


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("x")])
def test_missing_or_empty_folder_is_an_input_error(tmp_path, make):
    make(tmp_path / "nothing")
    with pytest.raises(InputError, match="nothing"):
        listing_digest(FetchConfig(data=tmp_path / "nothing"))


def test_nothing_to_read_is_refused_when_the_recipe_is_read():
    with pytest.raises(ValueError, match="nothing to read"):
        FetchConfig()


def test_sources_whose_client_is_missing_are_left_out_with_a_reason(tmp_path, data, monkeypatch):
    config = FetchConfig(sources=("python-docs", "antd-demos"), data=data)
    before = listing_digest(config)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs-here"))
    assert listing_digest(config) != before
    job = run(tmp_path, config)
    facts = json.loads((tmp_path / "run/fetch/sources.json").read_text())
    assert facts["python-docs"]["skipped"] == "this system has no apt-get and no dpkg-deb"
    assert facts["antd-demos"]["skipped"] == "this system has no npm"
    assert facts["my-data"]["files"] == 8
    assert job.artifact("fetch").manifest.facts["sources"] == facts


def test_run_with_every_source_left_out_says_so(tmp_path):
    with pytest.raises(DataError, match="every source was left out"):
        run(tmp_path, FetchConfig(sources=("python-docs",), use_apt=False))


def test_folder_named_like_a_source_is_refused(tmp_path):
    folder = tmp_path / "china-law"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="named like the source"):
        listing_digest(FetchConfig(sources=("china-law",), data=folder))


def test_source_name_of_a_folder_is_plain():
    assert data_source_name(Path("/x/My Data (2)")) == "my-data-2"
    assert data_source_name(Path("/x/数据")) == "data"


def test_caps_keep_a_prefix_of_one_fixed_order():
    files = [UnpackedFile(path=f"{n}.txt", size_bytes=10, sha256="") for n in range(100)]
    order = sorted((file.path for file in files), key=path_hash)
    for count in (1, 7, 50):
        assert {f.path for f in within_caps(files, count, None)} == set(order[:count])
        assert {f.path for f in within_caps(files, None, 10 * count + 9)} == set(order[:count])
    assert within_caps(files, None, None) == sorted(files, key=lambda file: file.path)
