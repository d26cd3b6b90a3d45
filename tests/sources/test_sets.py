import gzip
import hashlib
import json
import os
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mapneo.core.errors import ConfigError, DataError, FetchError, InputError
from mapneo.core.progress import QuietProgress
from mapneo.core.runner import Run
from mapneo.pipeline import load_recipe
from mapneo.sources import storage
from mapneo.sources.documents import RawFile
from mapneo.sources.file_lists import path_hash
from mapneo.sources.set_listing import list_set
from mapneo.sources.sets import FileSet
from mapneo.sources.stage_extract import Extract, ExtractConfig
from mapneo.sources.stage_fetch import Fetch, FetchConfig, listing_digest
from mapneo.sources.storage import open_raw
from tests.core.object_store import object_store
from tests.sources.servers import http_server
from tests.sources.warcs import packed, record

BUCKET = "bucket"


def run(folder, sets, *, name="run", workers=1, extract=None, only_fetch=False):
    job = Run(directory=folder / name, seed=0, workers=workers)
    job.directory.mkdir(exist_ok=True, parents=True)
    stages = [Fetch(FetchConfig(sets=sets))]
    stages += [] if only_fetch else [Extract(extract or ExtractConfig())]
    list(job.execute(stages, progress=lambda step: QuietProgress()))
    return job


def rows(job, folder, stage="extract"):
    files = job.artifact(stage).files(f"{folder}/*.parquet")
    return [row for file in files for row in pq.read_table(file.path).to_pylist()]


def texts(job):
    return {row["doc_id"]: row["text"].strip() for row in rows(job, "documents")}


MAIN = "<html lang=en><body><main><p>{}</p></main></body></html>"


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with one file of each kind, which the servers serve."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "pages").mkdir()
    (folder / "pages/a.html").write_text(MAIN.format("A page in the store. " * 9))
    (folder / "pages/b.txt").write_text("A text in the store.\n")
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"text": "one"}\n{"text": "two"}\n'))
    (folder / "crawl-data").mkdir()
    (folder / "crawl-data/x.warc.gz").write_bytes(packed([record(1), record(2)]))
    (folder / "warc.paths.gz").write_bytes(gzip.compress(b"crawl-data/x.warc.gz\n"))
    pq.write_table(pa.table({"text": ["p0", "p1"]}), folder / "part.parquet")
    return folder


@pytest.fixture(scope="module")
def s3(material):
    with object_store():
        client = boto3.client("s3")
        for path in sorted(material.rglob("*")):
            if path.is_file():
                client.upload_file(str(path), BUCKET, path.relative_to(material).as_posix())
        client.endpoint = os.environ["AWS_ENDPOINT_URL"]
        yield client
        client.close()


def s3_sets(address):
    options = {"endpoint_url": address}
    return (
        FileSet(name="pages", files=(f"s3://{BUCKET}/pages",), storage=options),
        FileSet(name="rows", files=(f"s3://{BUCKET}/*.jsonl.gz",), storage=options),
        FileSet(name="table", files=(f"s3://{BUCKET}/part.parquet",), storage=options),
        FileSet(
            name="crawl",
            paths=(f"s3://{BUCKET}/warc.paths.gz",),
            base=f"s3://{BUCKET}",
            storage=options,
        ),
    )


IDS = {
    "pages/a.html", "pages/b.txt", "rows/rows.jsonl.gz:0", "rows/rows.jsonl.gz:1",
    "table/part.parquet:0", "table/part.parquet:1", "crawl/crawl-data/x.warc.gz:0",
}  # fmt: skip


def test_an_s3_store_is_read_in_place(tmp_path, s3, material):
    job = run(tmp_path, s3_sets(s3.endpoint))
    found = {row["doc_id"]: row for row in rows(job, "documents")}
    assert set(found) > IDS
    assert len(found) == 8
    page = found["pages/a.html"]
    assert (
        page["raw_sha256"] == hashlib.sha256((material / "pages/a.html").read_bytes()).hexdigest()
    )
    assert found["crawl/crawl-data/x.warc.gz:0"]["fetched"] == "2024-05-29T00:00:00Z"
    listed = {row["path"]: row for row in rows(job, "files", "fetch")}
    assert listed["a.html"]["version"].startswith("etag")
    assert listed["a.html"]["absolute"] == f"s3://{BUCKET}/pages/a.html"
    local = FileSet(name="pages", files=(str(material / "pages"),))
    other = run(tmp_path, (local,), name="local")
    assert texts(other).items() <= texts(job).items()


def test_an_object_that_changes_after_it_was_listed_stops_the_run(tmp_path, s3):
    s3.put_object(Bucket=BUCKET, Key="moving/a.txt", Body=b"first\n")
    wanted = FileSet(
        name="m", files=(f"s3://{BUCKET}/moving",), storage={"endpoint_url": s3.endpoint}
    )
    run(tmp_path, (wanted,), only_fetch=True)
    s3.put_object(Bucket=BUCKET, Key="moving/a.txt", Body=b"second\n")
    with pytest.raises(DataError, match="has changed since fetch listed it"):
        run(tmp_path, (wanted,))


@pytest.mark.parametrize("place", ["s3://no-such-bucket/x.jsonl", f"s3://{BUCKET}/nothing/*.gz"])
def test_what_is_not_in_the_store_is_named(s3, place):
    wanted = FileSet(name="x", files=(place,), storage={"endpoint_url": s3.endpoint})
    with pytest.raises((FetchError, InputError), match="fetch.sets"):
        list_set(wanted)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_web_server_is_read_in_place(tmp_path, material, ranges):
    with http_server(material, ranges=ranges) as server:
        sets = (
            FileSet(name="rows", files=(f"{server.address}/rows.jsonl.gz",)),
            FileSet(name="pages", files=(f"{server.address}/pages/a.html",)),
            FileSet(name="crawl", paths=(f"{server.address}/warc.paths.gz",), base=server.address),
        )
        job = run(tmp_path, sets)
    assert set(texts(job)) > {"rows/rows.jsonl.gz:1", "pages/a.html"}
    assert len(texts(job)) == 5


def test_a_server_that_fails_is_asked_again_and_then_named(material, monkeypatch):
    monkeypatch.setattr(storage, "_FIRST_WAIT_S", 0.01)
    with http_server(material) as server:
        address = f"{server.address}/pages/b.txt"
        server.failures = 2
        with open_raw(RawFile(path=address, relative="b.txt")) as handle:
            assert handle.read() == b"A text in the store.\n"
        server.failures = 100
        with (
            open_raw(RawFile(path=address, relative="b.txt")) as handle,
            pytest.raises(FetchError, match="after 4 tries"),
        ):
            handle.read()


def test_a_remote_file_is_read_from_any_place(material):
    data = (material / "pages/a.html").read_bytes()
    with http_server(material) as server:
        file = RawFile(path=f"{server.address}/pages/a.html", relative="a.html")
        with open_raw(file, 10) as handle:
            assert handle.read(5) == data[10:15]
            handle.seek(-7, os.SEEK_END)
            assert handle.read() == data[-7:]
            handle.seek(3)
            assert handle.read(4) == data[3:7]


def test_an_unknown_kind_of_address_is_named():
    with pytest.raises((FetchError, InputError), match="nowhere://"):
        list_set(FileSet(name="x", files=("nowhere://bucket/x",)))


def test_local_files_by_wildcard_folder_and_name(tmp_path, material):
    by_wildcard = list_set(FileSet(name="x", files=(f"{material}/pages/*",))).files
    assert [file.path for file in by_wildcard] == ["a.html", "b.txt"]
    by_folder = list_set(FileSet(name="x", files=(str(material),))).files
    assert "pages/a.html" in [file.path for file in by_folder]
    [by_name] = list_set(FileSet(name="x", files=(f"{material}/pages/b.txt",))).files
    assert by_name.path == "b.txt"
    with pytest.raises(InputError, match="no file"):
        list_set(FileSet(name="x", files=(str(tmp_path / "nothing"),)))
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(InputError, match="same ids"):
        list_set(FileSet(name="x", files=(f"{material}/pages/b.txt", f"{tmp_path}/b.txt")))


def test_a_list_of_local_paths(material):
    wanted = FileSet(name="x", paths=(f"{material}/warc.paths.gz",), base=str(material))
    [file] = list_set(wanted).files
    assert (file.path, file.size_bytes > 0) == ("crawl-data/x.warc.gz", True)
    with pytest.raises(InputError, match="can't be read"):
        list_set(FileSet(name="x", paths=(f"{material}/warc.paths.gz",), base="/nowhere"))


def test_a_cap_keeps_the_first_in_the_order_of_the_hash(material):
    every = [file.path for file in list_set(FileSet(name="x", files=(str(material),))).files]
    some = list_set(FileSet(name="x", files=(str(material),), max_files=2)).files
    assert {file.path for file in some} == set(sorted(every, key=path_hash)[:2])


def test_a_list_that_is_none_is_named(tmp_path):
    (tmp_path / "x.paths.gz").write_bytes(b"not packed")
    with pytest.raises(InputError, match="no list of paths"):
        list_set(FileSet(name="x", paths=(str(tmp_path / "x.paths.gz"),)))


def test_a_change_in_a_local_set_wakes_fetch(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    config = FetchConfig(sets=(FileSet(name="x", files=(f"{tmp_path}/*.jsonl",)),))
    before = listing_digest(config)
    assert listing_digest(config) == before
    (tmp_path / "b.jsonl").write_text('{"text": "b"}\n')
    assert listing_digest(config) != before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "one of files, paths or huggingface"),
        ({"files": ("a",), "paths": ("b",)}, "one of files, paths or huggingface"),
        ({"files": ("a",), "form": "fineweb", "row": {}}, "not both"),
        ({"files": ("a",), "category": "poem"}, "not one of"),
        ({"files": ("a",), "reader": "sqlite"}, "for packages"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FileSet(name="x", **fields)


def test_open_sets_are_chosen_by_name_and_terms(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'fineweb'"):
        FileSet(name="x", files=("a",), form="finewep")
    with pytest.raises(ConfigError, match="Software Heritage"):
        FileSet(name="x", files=("a",), form="the-stack-v2")
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    wanted = FileSet(name="sky", files=(f"{tmp_path}/a.jsonl",), form="skypile")
    with pytest.raises(ConfigError, match="sky is noncommercial"):
        listing_digest(FetchConfig(sets=(wanted,)))
    twice = FileSet(name="sky", files=(f"{tmp_path}/a.jsonl",))
    with pytest.raises(ConfigError, match="two sources are named sky"):
        listing_digest(FetchConfig(sets=(twice, twice)))


def test_a_large_file_is_cut_into_parts_that_do_not_depend_on_workers(tmp_path):
    lines = [json.dumps({"text": f"row {n} " + "word " * 200}) for n in range(400)]
    lines[100:110] = ["{broken"] * 10
    (tmp_path / "big.jsonl").write_text("\n".join(lines))
    (tmp_path / "small.jsonl").write_text('{"text": "small"}\n')
    wanted = (FileSet(name="x", files=(f"{tmp_path}/*.jsonl",), shards=2),)
    config = ExtractConfig(part_bytes=1 << 16)
    one = run(tmp_path, wanted, name="one", extract=config)
    two = run(tmp_path, wanted, name="two", workers=2, extract=config)
    assert (
        one.artifact("extract").manifest.outputs_digest
        == two.artifact("extract").manifest.outputs_digest
    )
    names = [file.relative for file in one.artifact("extract").files("documents/*.parquet")]
    shard = f"x-{path_hash('big.jsonl') % 2:02d}"
    assert {f"documents/{shard}.parquet", f"documents/{shard}-p001.parquet"} <= set(names)
    assert len(names) > 6
    found = rows(one, "documents")
    assert len({row["doc_id"] for row in found}) == len(found) == 391
    counts = one.artifact("extract").manifest.counts
    assert (counts.documents_in, counts.kept, counts.errors) == (401, 391, {"bad_json": 10})
    for file in one.artifact("extract").files("documents/*.parquet"):
        ids = pq.read_table(file.path, columns=["doc_id"])["doc_id"].to_pylist()
        assert ids == sorted(ids)


def test_a_recipe_names_sets_and_their_local_paths_begin_at_its_folder(tmp_path):
    recipe = tmp_path / "mine.toml"
    tiny = (Path(__file__).parents[2] / "recipes/tiny.toml").read_text(encoding="utf-8")
    recipe.write_text(
        tiny
        + """
[[fetch.sets]]
name = "web"
form = "fineweb"
files = ["pages/*.parquet", "s3://bucket/x.parquet"]
[[fetch.sets]]
name = "crawl"
paths = ["warc.paths.gz"]
base = "https://example.org/"
storage = { anon = true }
"""
    )
    web, crawl = load_recipe(recipe).fetch.sets
    assert web.files == (f"{tmp_path}/pages/*.parquet", "s3://bucket/x.parquet")
    assert crawl.paths == (f"{tmp_path}/warc.paths.gz",)
    assert crawl.base == "https://example.org/"
    recipe.write_text(tiny + "\n[[fetch.sets]]\nname = 'web'\nfile = 'x'\n")
    with pytest.raises(ConfigError, match="fetch.sets"):
        load_recipe(recipe)
