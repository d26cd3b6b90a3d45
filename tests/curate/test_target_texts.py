import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mapneo.core.errors import InputError
from mapneo.curate.target_texts import read_texts

ROWS = [
    {"text": "one", "source": "a"},
    {"text": "  ", "source": "a"},
    {"text": "two", "source": "b"},
]


def fill(folder) -> None:
    (folder / "inner").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([*ROWS, {"text": None}]), folder / "a.parquet")
    lines = "\n\n".join(json.dumps({**row, "text": row["text"] + "!"}) for row in ROWS)
    (folder / "b.jsonl").write_text(lines)
    (folder / "inner/c.jsonl.gz").write_bytes(gzip.compress(b'{"text": "packed"}'))
    (folder / "inner/d.txt").write_text("a whole\nfile")
    (folder / "inner/ignored.bin").write_bytes(b"\xff")


def test_every_form_in_the_order_of_names(tmp_path):
    fill(tmp_path / "set")
    found = read_texts(tmp_path / "set").to_pylist()
    # The blank text of JSON lines became "  !", which is a text.
    assert found == ["one", "two", "one!", "  !", "two!", "packed", "a whole\nfile"]


def test_one_source_of_rows(tmp_path):
    fill(tmp_path / "set")
    assert read_texts(tmp_path / "set/a.parquet", source="b").to_pylist() == ["two"]
    assert read_texts(tmp_path / "set/b.jsonl", source="b").to_pylist() == ["two!"]
    with pytest.raises(InputError, match="no text of source 'c'"):
        read_texts(tmp_path / "set/a.parquet", source="c")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.jsonl", b'{"text": "fine"}\n{"text": 3}', "line 2: not an object with a string"),
        ("x.jsonl", b"{", "line 1: not JSON"),
        ("x.jsonl.gz", b"plain", "can't be read as texts"),
        ("x.parquet", b"PAR1", "can't be read as texts"),
        ("x.txt", b"\xff", "can't be read as texts"),
        ("x.txt", b" \n", "has no text"),
        ("x.bin", b"", "holds no file of"),
    ],
)
def test_wrong_files_are_named(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_texts(tmp_path)


def test_a_missing_path_and_a_missing_column(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        read_texts(tmp_path / "none")
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="can't be read as texts"):
        read_texts(tmp_path)
    assert read_texts(tmp_path, field="body").to_pylist() == ["x"]
