import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from mapneo.core.counts import Counts
from mapneo.core.errors import DataError, ManifestError, StorageError
from mapneo.core.files import atomic_file, read_json, remove_temporaries, write_json
from mapneo.core.tables import read_table, write_table


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/.tmp-77-x.parquet").write_text("half")
    (tmp_path / "sub/x.parquet").write_text("whole")
    remove_temporaries(tmp_path)
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["x.parquet"]


def test_json_is_stable_and_a_torn_file_is_named(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "中"})
    first = (tmp_path / "a.json").read_bytes()
    write_json(tmp_path / "a.json", {"a": "中", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == first
    (tmp_path / "a.json").write_bytes(first[:8])
    with pytest.raises(ManifestError, match="a.json"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ManifestError, match="nothing.json"):
        read_json(tmp_path / "nothing.json")


def test_a_damaged_table_is_named(tmp_path: Path):
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"a": [1, 2]}))
    whole = path.read_bytes()
    write_table(path, pa.table({"a": [1, 2]}))
    assert path.read_bytes() == whole
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ManifestError, match="t.parquet"):
        read_table(path)


def test_counts_add_up_and_say_where_they_do_not():
    a = Counts(documents_in=3, kept=1, dropped={"x": 1}, errors={"e": 1})
    b = Counts(documents_in=2, kept=1, dropped={"x": 1})
    both = Counts.total([a, b])
    both.check("here")
    assert both.as_json() == {
        "documents_in": 5,
        "kept": 2,
        "dropped": {"x": 2},
        "errors": {"e": 1},
    }
    assert Counts.from_json(both.as_json()).as_json() == both.as_json()
    with pytest.raises(DataError, match="judge/s-1"):
        Counts(documents_in=1).check("judge/s-1")


FILL = """
import sys
from pathlib import Path
import pyarrow as pa
from mapneo.core.errors import StorageError
from mapneo.core.tables import write_table
import os
folder = Path(sys.argv[1])
try:
    noise = pa.array([os.urandom(1 << 20) for _ in range(8)])
    write_table(folder / "big.parquet", pa.table({"a": noise}))
except StorageError as error:
    left = sorted(p.name for p in folder.iterdir())
    sys.exit(0 if "no space left" in str(error) and left == [] else 3)
sys.exit(4)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root to mount a small disk"
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path):
    script = (
        f"mount -t tmpfs -o size=1m none {tmp_path} && exec '{sys.executable}' -c \"$0\" {tmp_path}"
    )
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, FILL], capture_output=True, text=True
    )
    if "permission denied" in result.stderr or "unshare failed" in result.stderr:
        pytest.skip("this container may not mount a small disk")
    assert result.returncode == 0, result.stderr


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageError, NotADirectoryError)):
        write_json(tmp_path / "file" / "a.json", {})
