import bz2
import gzip
import io
import itertools
import json
import lzma
import resource
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapneo.sources.documents import Broken, BrokenFileError, RawFile, ReadOptions
from mapneo.sources.forms import Companion, RowForm
from mapneo.sources.readers import READERS
from mapneo.sources.streams import Unpacked, lines

OPTIONS = ReadOptions()


def read(reader, path, form=None, options=OPTIONS):
    file = RawFile(path=path, relative=path.name, rows=form)
    return list(READERS[reader](file, options))


def kinds(found):
    return [item.kind if isinstance(item, Broken) else item.text for item in found]


@given(st.lists(st.binary(max_size=40)), st.integers(1, 30), st.integers(1, 20))
def test_lines_are_those_of_split_cut_at_the_limit(parts, max_bytes, chunk_bytes):
    data = b"\n".join(parts)

    class Chunks(io.BytesIO):
        def read(self, size=-1, /):
            return super().read(chunk_bytes)

    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    found = list(lines(Chunks(data), max_bytes))
    assert [line[: max_bytes + 1] for line in found] == [one[: max_bytes + 1] for one in expected]
    assert all(len(line) <= max(max_bytes + 1, chunk_bytes) for line in found)


def rows_of_text(count):
    return b"".join(b'{"text": "row %d", "n": %d}\n' % (n, n) for n in range(count))


PACKERS = {
    "a.jsonl": bytes,
    "a.jsonl.gz": gzip.compress,
    "a.jsonl.zst": lambda data: bytes(pa.compress(data, "zstd")),
    "a.jsonl.bz2": bz2.compress,
    "a.jsonl.xz": lzma.compress,
    "without_suffix": gzip.compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_packing_is_seen_by_content_and_members_follow_each_other(tmp_path, name):
    half = rows_of_text(300)
    (tmp_path / name).write_bytes(PACKERS[name](half) + PACKERS[name](half))
    found = read("jsonl", tmp_path / name)
    assert [item.row for item in found] == list(range(600))
    assert found[300].text == "row 0"


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.jsonl.xz"])
def test_rows_before_a_tear_are_kept_and_the_rest_is_one_error(tmp_path, name):
    data = PACKERS[name](b"".join(b'{"text": "%d"}\n' % (n * 7919) for n in range(60_000)))
    (tmp_path / name).write_bytes(data[:-500])
    found = read("jsonl", tmp_path / name)
    assert (
        found[-1].kind == f"bad_{name.split('.')[-1].replace('gz', 'gzip').replace('zst', 'zstd')}"
    )
    assert len(found) > 10_000
    assert not any(isinstance(item, Broken) for item in found[:-1])


def test_a_line_without_end_holds_no_more_than_the_limit(tmp_path):
    path = tmp_path / "a.jsonl"
    line = b'{"text": "' + b"x" * (64 << 20) + b'"}\n'
    path.write_bytes(rows_of_text(2) + line + rows_of_text(2))
    del line
    tracemalloc.start()
    found = read("jsonl", path, options=ReadOptions(max_document_bytes=1 << 16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kinds(found) == ["row 0", "row 1", "too_large", "row 0", "row 1"]
    assert peak < 8 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


def test_companions_are_joined_row_by_row(tmp_path):
    for folder in ("documents", "signals"):
        (tmp_path / folder).mkdir()
    rows = [b'{"raw_content": "a"}', b'{"broken', b'{"raw_content": "c"}', b'{"raw_content": "d"}']
    beside = [b'{"id": "x/0", "n": 1, "q": 2}', b'{"id": "x/1"}', b"[]"]
    (tmp_path / "documents/x.json.gz").write_bytes(gzip.compress(b"\n".join(rows)))
    (tmp_path / "signals/x.json.gz").write_bytes(gzip.compress(b"\n".join(beside)))
    form = RowForm(companion=Companion(replace={"/documents/": "/signals/"}, keep=("id", "n")))
    found = read("jsonl", tmp_path / "documents/x.json.gz", form)
    assert kinds(found) == ["a", "bad_json", "c", "d"]
    assert found[0].meta == {"signals": {"id": "x/0", "n": 1}}
    assert found[2].meta == found[3].meta == {"signals_missing": True}


def test_a_template_leaves_out_lines_whose_fields_are_empty(tmp_path):
    form = RowForm(template="{question}\nA. {a}\nB. {b}\nAnswer: {answer.letter}")
    rows = [
        {"question": "Which?", "a": "this", "b": None, "answer": {"letter": "A"}, "grade": 3},
        {"other": 1},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read("jsonl", tmp_path / "a.jsonl", form)
    assert found[0].text == "Which?\nA. this\nAnswer: A"
    assert found[0].meta["grade"] == 3
    assert found[1].kind == "no_text"


def test_fields_of_a_form_go_where_they_belong(tmp_path):
    form = RowForm(
        text=("body.text",),
        id="key",
        url=("where.page",),
        fetched="when",
        licence="terms",
        signals=("score", "deep.one"),
        json_fields=("where",),
        keep=("title",),
    )
    row = {
        "body": {"text": "words"}, "key": 7, "where": '{"page": "https://example.org"}',
        "when": "2024-01-02", "terms": ["MIT", "Apache-2.0"], "score": 0.5, "deep": {"one": 1},
        "title": "t", "more": "left out",
    }  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    (found,) = read("jsonl", tmp_path / "a.jsonl", form)
    assert (found.text, found.url, found.fetched) == ("words", "https://example.org", "2024-01-02")
    assert found.licence == "Apache-2.0 OR MIT"
    assert found.meta == {"title": "t", "id": 7, "signals": {"score": 0.5, "deep.one": 1}}


TABLE = pa.table(
    {
        "text": ["one", None, " ", "四"],
        "url": ["https://example.org", None, None, None],
        "when": pa.array([0, None, 0, 10**15], pa.timestamp("us")),
        "score": [0.5, float("nan"), 1.0, float("inf")],
        "nested": [{"a": [1.0, float("nan")]}, None, None, {"a": []}],
        "raw": [b"x", None, None, b"\xff"],
    }
)


@pytest.mark.parametrize("form", ["parquet", "arrow stream", "arrow file"])
def test_columns_become_documents_and_errors(tmp_path, form):
    path = tmp_path / f"a.{form.split()[0]}"
    if form == "parquet":
        pq.write_table(TABLE, path)
    else:
        with (
            path.open("wb") as sink,
            (pa.ipc.new_stream if "stream" in form else pa.ipc.new_file)(sink, TABLE.schema) as out,
        ):
            out.write_table(TABLE)
    found = read(path.suffix[1:], path)
    assert kinds(found) == ["one", "no_text", "no_text", "四"]
    assert [item.row for item in found] == [0, 1, 2, 3]
    assert found[0].url == "https://example.org"
    json.dumps([found[0].meta, found[3].meta], allow_nan=False)
    assert found[0].meta["when"] == "1970-01-01T00:00:00"
    assert found[0].meta["nested"] == {"a": [1.0, "NaN"]}


@pytest.mark.parametrize(
    ("reader", "table", "kind"),
    [
        ("parquet", pa.table({"words": ["a"]}), "other_schema"),
        ("parquet", pa.table({"text": [1, 2]}), "other_schema"),
        ("parquet", pa.table({"text": pa.array([], pa.string())}), "empty_file"),
        ("parquet", None, "empty_file"),
        ("parquet", b"PAR1 and no more", "bad_parquet"),
        ("arrow", None, "empty_file"),
        ("arrow", b"ARROW1 and no more", "bad_arrow"),
    ],
)
def test_files_that_hold_no_rows_of_text_have_a_name(tmp_path, reader, table, kind):
    path = tmp_path / "a"
    if isinstance(table, pa.Table):
        pq.write_table(table, path)
    else:
        path.write_bytes(table or b"")
    with pytest.raises(BrokenFileError) as caught:
        read(reader, path)
    assert caught.value.kind == kind
    if kind == "other_schema":
        assert table.schema.names[0] in str(caught.value)


def test_damage_in_the_middle_of_a_parquet_file_is_one_error(tmp_path):
    path = tmp_path / "a.parquet"
    texts = [f"text {n} " * 20 for n in range(3000)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=1000, compression="zstd")
    data = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start = second.data_page_offset + 40
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    found = read("parquet", path)
    assert isinstance(found[-1], Broken)
    assert (found[-1].kind, found[-1].row) == ("bad_parquet", len(found) - 1)
    assert f"{3000 - len(found) + 1} rows" in found[-1].message


def test_only_the_columns_of_the_form_are_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"content": ["a"], "id": ["x"], "big": ["y" * 1000]}), path)
    form = RowForm(text=("content",), id="id", keep=())
    (found,) = read("parquet", path, form)
    assert (found.text, found.meta) == ("a", {"id": "x"})


def test_readers_close_what_they_open_when_left_early(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(rows_of_text(50))
    rows = READERS["jsonl"](RawFile(path=path, relative="a.jsonl"), OPTIONS)
    assert [item.text for item in itertools.islice(rows, 2)] == ["row 0", "row 1"]
    rows.close()
    with Unpacked(RawFile(path=path, relative="a.jsonl")) as stream:
        assert stream.read(5) == b'{"tex'
