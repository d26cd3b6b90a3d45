import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.core.errors import ManifestError
from mapneo.core.tables import ROW_GROUP_ROWS, read_rows, read_table, write_table

ROWS = 2 * ROW_GROUP_ROWS + 10


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "t.parquet"
    names = [["a", "b"][: n % 3] for n in range(ROWS)]
    write_table(path, pa.table({"n": range(ROWS), "name": [f"s{n % 7}" for n in range(ROWS)],
                                "lists": pa.array(names, pa.list_(pa.string()))}))  # fmt: skip
    return path


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.integers(0, ROWS - 1), max_size=8))
def test_rows_come_by_position_in_the_order_given(path, rows):
    assert read_rows(path, rows, ["n"])["n"].to_pylist() == rows


def test_only_the_row_groups_that_hold_the_rows_are_needed(path, tmp_path):
    broken = bytearray(path.read_bytes())
    broken[4:2000] = bytes(1996)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(broken)
    assert read_rows(damaged, [ROWS - 1], ["n"])["n"].to_pylist() == [ROWS - 1]
    with pytest.raises(ManifestError, match="can't be read"):
        read_rows(damaged, [0], ["n"])


def test_names_read_as_codes_are_the_same_names(path):
    table = read_table(path, ["name", "lists"], dictionaries=["name", "lists.list.element"])
    assert pa.types.is_dictionary(table.schema.field("name").type)
    assert pa.types.is_dictionary(table.schema.field("lists").type.value_type)
    assert table.to_pylist() == read_table(path, ["name", "lists"]).to_pylist()


def test_a_missing_file_is_named(tmp_path):
    for read in (read_table, lambda path: read_rows(path, [0])):
        with pytest.raises(ManifestError, match="nowhere"):
            read(tmp_path / "nowhere.parquet")
