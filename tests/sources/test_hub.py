import json

import pyarrow as pa
import pytest

from mapneo.core.errors import InputError
from mapneo.sources.documents import RawFile, ReadOptions
from mapneo.sources.hub import Card, read_card, split_files
from mapneo.sources.readers import READERS
from mapneo.sources.set_listing import list_set
from mapneo.sources.sets import FileSet

CARD = """---
license: odc-by
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
  - split: test
    path: ["held/out.parquet"]
- config_name: zh
  data_files: "zh/**/*.parquet"
---
# A set
"""
PATHS = ["README.md", "data/a.parquet", "data/deep/b.parquet", "held/out.parquet",
         "zh/c.parquet", "zh/x/d.parquet", ".gitattributes"]  # fmt: skip


def test_card_says_which_files_belong_to_a_split():
    card = read_card(CARD)
    assert card.licence == "odc-by"
    assert split_files(PATHS, card, "default", "train") == ["data/a.parquet"]
    assert split_files(PATHS, card, "default", "test") == ["held/out.parquet"]
    assert split_files(PATHS, card, "zh", "train") == ["zh/c.parquet", "zh/x/d.parquet"]
    with pytest.raises(InputError, match="no configuration 'en'"):
        split_files(PATHS, card, "en", "train")
    with pytest.raises(InputError, match="split 'validation'"):
        split_files(PATHS, card, "default", "validation")


@pytest.mark.parametrize("text", ["", "# no front matter", "---\n: [\n---\n", "---\n- a\n---\n"])
def test_a_card_that_says_nothing(text):
    assert read_card(text) == Card()


@pytest.mark.parametrize(
    ("paths", "split", "expected"),
    [
        (["a.jsonl", "b.parquet", "README.md"], "train", ["a.jsonl", "b.parquet"]),
        (["data/train-00000-of-00002.parquet", "data/test-00000-of-00001.parquet"], "train",
         ["data/train-00000-of-00002.parquet"]),
        (["dev.jsonl", "training.jsonl"], "validation", ["dev.jsonl"]),
        (["my_constraints.jsonl"], "train", ["my_constraints.jsonl"]),
    ],
)  # fmt: skip
def test_without_a_card_names_say_the_split(paths, split, expected):
    assert split_files(paths, Card(), "default", split) == expected


def test_datasets_saved_to_disk_are_read(tmp_path):
    folder = tmp_path / "saved" / "train"
    folder.mkdir(parents=True)
    table = pa.table({"text": ["one", "two"]})
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink:
        writer = pa.ipc.new_stream(sink, table.schema)
        writer.write_table(table)
        writer.close()
    (folder / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]})
    )
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    listing = list_set(FileSet(name="s", huggingface=str(tmp_path / "saved")))
    [file] = listing.files
    assert file.path == "train/data-00000-of-00001.arrow"
    raw = RawFile(path=folder / "data-00000-of-00001.arrow", relative=file.path)
    assert [item.text for item in READERS["arrow"](raw, ReadOptions())] == ["one", "two"]
    with pytest.raises(InputError, match="no split 'test'"):
        list_set(FileSet(name="s", huggingface=str(tmp_path / "saved"), split="test"))
