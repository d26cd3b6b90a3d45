import json

import numpy as np
import pyarrow as pa
import pytest

from mapneo.core.errors import DataError
from mapneo.core.tables import read_table, write_table
from mapneo.tokenizer import EncodeConfig, Tokenizer, TokenizerConfig
from mapneo.tokenizer.encode import TokenShard, encode_documents
from mapneo.tokenizer.stage import Encode, TrainTokenizer

from .documents import SCHEMA, FakeSplit, SplitConfig, documents, row, run_stages

STAGES = (FakeSplit(), TrainTokenizer(TokenizerConfig(vocabulary=1200)), Encode(EncodeConfig()))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_stages(tmp_path_factory.mktemp("run"), STAGES)


def indexes(run, folder):
    paths = sorted((run.directory / "encode" / folder).glob("*.parquet"))
    return [(path, read_table(path)) for path in paths]


@pytest.mark.parametrize(("index", "texts"), [("index", "documents"), ("heldout_index", "heldout")])
def test_every_document_is_found_by_its_index_row(run, index, texts):
    tokenizer = Tokenizer.load(run.directory / "tokenizer" / "tokenizer.model")
    for path, table in indexes(run, index):
        source = read_table(run.directory / "split" / texts / path.name)
        assert table["doc_id"].equals(source["doc_id"])
        for entry, text in zip(table.to_pylist(), source["text"].to_pylist(), strict=True):
            tokens = np.fromfile(run.directory / "encode" / entry["file"], dtype="<u2")
            end = entry["offset_tokens"] + entry["length_tokens"]
            ids = tokens[entry["offset_tokens"] : end]
            assert ids[-1] == tokenizer.eod
            assert tokenizer.decode(ids[:-1]) == text
            assert entry["bytes"] == len(text.encode())


def test_index_rows_cover_the_files_without_gap(run):
    for _, table in indexes(run, "index"):
        for file in set(table["file"].to_pylist()):
            rows = [entry for entry in table.to_pylist() if entry["file"] == file]
            ends = np.cumsum([entry["length_tokens"] for entry in rows])
            assert [entry["offset_tokens"] for entry in rows] == [0, *ends[:-1]]
            assert (run.directory / "encode" / file).stat().st_size == 2 * ends[-1]


def test_token_files_are_named_by_shard_language_and_category(run):
    files = sorted(path.name for path in (run.directory / "encode/tokens").iterdir())
    assert files == [
        "lib-00.code.code.bin",
        "pages-00.en.news.bin",
        "pages-00.zh.law.bin",
        "pages-01.en.news.bin",
        "pages-01.zh.law.bin",
    ]


def test_facts_count_every_document_and_token(run):
    facts = run.artifact("encode").manifest.facts
    total = sum(entry["documents"] for part in ("train", "heldout") for entry in facts[part])
    assert total == sum(len(rows) for rows in documents().values())
    assert run.artifact("encode").manifest.counts.kept == total
    sizes = sum(p.stat().st_size for p in (run.directory / "encode/tokens").iterdir())
    assert 2 * sum(entry["tokens"] for entry in facts["train"]) == sizes
    assert (facts["vocabulary"], facts["token_bytes"], facts["eod"]) == (1200, 2, 2)


def test_held_out_text_never_reaches_the_tokenizer_or_the_training_tokens(run, tmp_path):
    other_split = FakeSplit(SplitConfig(heldout_text="zebra quagga " * 50))
    other = run_stages(tmp_path, [other_split, *STAGES[1:]])
    name = "tokenizer/tokenizer.model"
    assert (other.directory / name).read_bytes() == (run.directory / name).read_bytes()
    ours, theirs = (r.artifact("encode").manifest.outputs for r in (run, other))
    for file in ours:
        same = ours[file].sha256 == theirs[file].sha256 if file in theirs else False
        assert same != file.startswith("heldout")


def test_compression_is_measured_on_held_out_documents(run):
    rows = json.loads((run.directory / "tokenizer/compression.json").read_text())["rows"]
    assert [(entry["language"], entry["category"]) for entry in rows] == [
        ("code", "code"),
        ("en", "news"),
        ("zh", "law"),
    ]
    heldout = run.artifact("encode").manifest.facts["heldout"]
    for ours, encoded in zip(rows, heldout, strict=True):
        assert ours["tokens"] + ours["documents"] == encoded["tokens"]
        assert ours["bytes"] == encoded["bytes"]
        assert ours["chars"] <= ours["bytes"]


def test_the_check_reports_every_group(run):
    check = json.loads((run.directory / "tokenizer/check.json").read_text())
    assert check["lossless"] is True
    groups = {entry["group"]: entry for entry in check["groups"]}
    assert groups["held-out documents"]["cases"] == sum(
        table.num_rows for _, table in indexes(run, "heldout_index")
    )
    assert check["cases"] == sum(entry["cases"] for entry in check["groups"])


def test_two_workers_give_the_same_bytes(run, tmp_path):
    other = run_stages(tmp_path, STAGES, workers=2)
    for stage in ("tokenizer", "encode"):
        ours, theirs = (r.artifact(stage).manifest.outputs_digest for r in (run, other))
        assert ours == theirs


def test_batch_size_changes_no_byte(run, tmp_path):
    tokenizer = Tokenizer.load(run.directory / "tokenizer/tokenizer.model")
    path = run.directory / "split/documents/pages-00.parquet"
    for size in (1, 7):
        shard = TokenShard(
            output=tmp_path / str(size), shard="s", tokens_folder="t", index_folder="i"
        )
        encode_documents(path, shard, tokenizer, batch_documents=size)
    names = ["t/s.en.news.bin", "t/s.zh.law.bin", "i/s.parquet"]
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "7" / name).read_bytes()


def test_a_lossy_tokenizer_stops_the_run_unless_allowed(tmp_path):
    lossy = TokenizerConfig(vocabulary=1200, collapse_whitespace=True)
    with pytest.raises(DataError, match="the tokenizer loses text: .* tokenizer.allow_lossy"):
        run_stages(tmp_path, [STAGES[0], TrainTokenizer(lossy)])
    check = json.loads((tmp_path / "tokenizer/check.json").read_text())
    assert check["lossless"] is False
    allowed = lossy.model_copy(update={"allow_lossy": True})
    run = run_stages(tmp_path, [STAGES[0], TrainTokenizer(allowed)])
    assert run.artifact("tokenizer").manifest.facts["lossless"] is False


def test_documents_that_nobody_measured_are_refused(tokenizer, tmp_path):
    rows = [row("a/1", None, "web", "text")]
    write_table(tmp_path / "in.parquet", pa.Table.from_pylist(rows, schema=SCHEMA))
    shard = TokenShard(output=tmp_path, shard="s", tokens_folder="t", index_folder="i")
    with pytest.raises(DataError, match="1 documents have no language, the first is a/1"):
        encode_documents(tmp_path / "in.parquet", shard, tokenizer, batch_documents=8)


def test_an_empty_shard_leaves_an_empty_index(tokenizer, tmp_path):
    write_table(tmp_path / "in.parquet", SCHEMA.empty_table())
    shard = TokenShard(output=tmp_path, shard="s", tokens_folder="t", index_folder="i")
    encoded = encode_documents(tmp_path / "in.parquet", shard, tokenizer, batch_documents=8)
    assert encoded.files == ("i/s.parquet",)
    assert encoded.index.num_rows == 0
