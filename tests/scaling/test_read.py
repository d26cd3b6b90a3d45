import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mapneo.core.errors import ConfigError, DataError, InputError
from mapneo.scaling.read import Columns, columns_of, read_all, read_points

ROWS = {"parameters": [1e8, 2e8, 4e8], "tokens": [1e10, 2e10, 8e9], "loss": [3.0, 2.9, 2.8]}


def write(path, columns):
    table = pa.table(columns)
    (pq.write_table if path.suffix == ".parquet" else pa.csv.write_csv)(table, path)
    return path


def test_csv_and_parquet_are_the_same_points_in_the_same_order(tmp_path):
    backwards = {name: values[::-1] for name, values in ROWS.items()}
    found = [
        read_points(write(tmp_path / "a.csv", ROWS)),
        read_points(write(tmp_path / "b.parquet", backwards)),
    ]
    assert found[0].parameters.tolist() == found[1].parameters.tolist() == ROWS["parameters"]
    assert found[0].rows.tolist() == [1, 2, 3]
    assert found[1].rows.tolist() == [3, 2, 1]
    assert len(set(found[0].runs)) == 3


def test_tokens_follow_from_compute_and_other_headings_are_understood(tmp_path):
    flops = [6 * n * d for n, d in zip(ROWS["parameters"], ROWS["tokens"], strict=True)]
    path = write(
        tmp_path / "x.csv",
        {"Model Size": ROWS["parameters"], "Training FLOP": flops, "loss": ROWS["loss"]},
    )
    points = read_points(path)
    assert points.tokens == pytest.approx(ROWS["tokens"])
    assert points.compute == pytest.approx(flops)
    assert points.counts == "not stated"


def test_what_n_counts_is_recorded_and_can_be_chosen(tmp_path):
    both = {
        "parameters_without_embeddings": ROWS["parameters"],
        "parameters_with_embeddings": [2 * n for n in ROWS["parameters"]],
        "tokens": ROWS["tokens"],
        "loss": ROWS["loss"],
        "loss_zh": [4.0, 3.9, 3.8],
    }
    path = write(tmp_path / "x.parquet", both)
    assert read_points(path).counts == "without embeddings"
    columns = columns_of(["parameters=parameters_with_embeddings", "loss=loss_zh"])
    other = read_points(path, columns)
    assert (other.counts, other.loss_name) == ("with embeddings", "loss_zh")
    assert other.parameters[0] == 2e8
    with pytest.raises(DataError, match="can't be fitted together"):
        read_all([path, write(tmp_path / "y.csv", ROWS)])


def test_several_sources_are_one_set_of_points(tmp_path):
    with_runs = {**ROWS, "run": ["a", "a", "b"]}
    sources = [write(tmp_path / "a.csv", with_runs), write(tmp_path / "b.csv", with_runs)]
    points = read_all(sources)
    assert len(points) == 6
    assert sorted(set(points.runs)) == ["0:a", "0:b", "1:a", "1:b"]


def test_missing_columns_and_wrong_cells_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no column of loss .* its columns are a, b"):
        read_points(write(tmp_path / "a.csv", {"a": [1.0], "b": [1.0], "n": [1.0]}), None)
    with pytest.raises(DataError, match="neither a column of tokens"):
        read_points(write(tmp_path / "b.csv", {"n": [1.0], "loss": [1.0]}))
    with pytest.raises(DataError, match=r"'tokens' must hold numbers; row 2: 'many'"):
        read_points(write(tmp_path / "c.csv", {**ROWS, "tokens": ["1", "many", "3"]}))
    with pytest.raises(DataError, match=r"loss must be a number above 0 .* row 2: nan, row 3: -1"):
        read_points(write(tmp_path / "d.csv", {**ROWS, "loss": [1.0, None, -1.0]}))
    with pytest.raises(DataError, match="row 1: 0"):
        read_points(write(tmp_path / "e.csv", {**ROWS, "parameters": [0.0, 1.0, 1.0]}))
    with pytest.raises(ConfigError, match="no column 'x'"):
        read_points(tmp_path / "e.csv", Columns(loss="x"))
    with pytest.raises(ConfigError, match="KEY=HEADING"):
        columns_of(["size=n"])


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="no file or run"):
        read_points(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="can't be read as CSV"):
        read_points(tmp_path / "empty.csv")
    with pytest.raises(InputError, match="no finished ladder"):
        read_points(tmp_path)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(InputError, match="can't be read as Parquet"):
        read_points(tmp_path / "torn.parquet")
    (tmp_path / "heading.csv").write_text("parameters,tokens,loss\n")
    with pytest.raises(DataError):
        read_points(tmp_path / "heading.csv")


def test_highest_losses_can_be_left_out(tmp_path):
    points = read_points(write(tmp_path / "a.csv", ROWS)).without_highest_losses(1)
    assert points.loss.tolist() == [2.9, 2.8]
    assert np.array_equal(points.rows, [2, 3])
