"""Small files of the form that each open set's publishers describe; see `schema_source` there."""

import datetime
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mapneo.sources.documents import RawFile, ReadOptions
from mapneo.sources.forms import load_open_sets
from mapneo.sources.readers import READERS

ZH = "今年上半年净利润同比增长。"
URL = "https://example.org/page"
WHEN = datetime.datetime(2021, 8, 24, 1, 2, 3)

ROWS = {
    "redpajama-v2": {
        "url": URL, "date_download": "2023-01-26T21:17:02Z", "digest": "sha1:AB", "length": 4,
        "nlines": 1, "source_domain": "example.org", "title": "T", "raw_content": "Text",
        "cc_segment": "crawl-data/x/wet/y.warc.wet.gz", "original_nlines": 9, "original_length": 99,
        "line_ids": [0], "language": "en", "language_score": 0.9, "perplexity": 321.5,
        "bucket": "head",
    },
    "dolma": {
        "id": "http://x", "text": "Text", "source": "common-crawl", "added": "2023-04-02T00:00:00Z",
        "created": "2020-01-01T00:00:00Z", "version": "v0", "metadata": {"url": URL},
    },
    "culturax": {
        "text": ZH, "timestamp": "2019/01/23 01:02:03", "url": URL, "source": "mC4",
    },
    "fineweb": {
        "text": "Text", "id": "<urn:uuid:1>", "dump": "CC-MAIN-2024-10", "url": URL,
        "date": "2024-02-21T02:02:58Z", "file_path": "s3://commoncrawl/x.warc.gz",
        "language": "en", "language_score": 0.98, "token_count": 12,
    },
    "fineweb-2": {
        "text": ZH, "id": "<urn:uuid:1>", "dump": "CC-MAIN-2014-10", "url": URL,
        "date": "2014-03-07T06:36:23Z", "file_path": "s3://commoncrawl/x.warc.gz",
        "language": "cmn", "language_score": 0.99, "language_script": "Hani",
        "minhash_cluster_size": 3, "top_langs": '{"cmn_Hani_score": 0.99}',
    },
    "slimpajama": {"text": "Text", "meta": {"redpajama_set_name": "RedPajamaC4"}},
    "refinedweb": {
        "content": "Text", "url": URL, "timestamp": WHEN, "dump": "CC-MAIN-2013-20",
        "segment": "1368696381249", "image_urls": [["https://example.org/i.png", "alt"]],
    },
    "openwebmath": {
        "url": URL, "text": "Let $x$ be.", "date": WHEN,
        "metadata": '{"extraction_info": {"found_math": true}, "config": {"markdown_code": true}}',
    },
    "the-stack-v1": {
        "hexsha": "ab", "size": 9, "ext": "py", "lang": "Python",
        "max_stars_repo_path": "a.py", "max_stars_repo_name": "o/r",
        "max_stars_repo_head_hexsha": "cd", "max_stars_repo_licenses": ["MIT", "Apache-2.0"],
        "max_stars_count": 3.0, "max_issues_count": None, "max_forks_count": None,
        "content": "print(1)\n", "avg_line_length": 8.0, "max_line_length": 8,
        "alphanum_fraction": 0.7,
    },
    "skypile": {"text": ZH},
    "wanjuan": {"id": "BkORdv", "content": ZH, "title": "题"},
    "wanjuan-exam": {
        "id": "x", "q_type": "单选题", "q_main": "题干", "option_a": "甲", "option_b": "乙",
        "option_c": "", "option_d": "", "option_e": "", "std_ans": "A", "answer_detail": "",
        "grade": "高中", "major": "历史", "keypoint": "点",
    },
    "cci": {"id": "a2", "content": ZH, "meta_info": json.dumps({"url": URL, "quality": 1})},
    "chinesewebtext": {
        "title": "T", "score": 0.95, "text": ZH, "url": URL, "source_domain": "example.org",
    },
    "yayi2": {"id": 3, "content": ZH, "source": "news"},
    "matrix": {"id": "cc_zh/7", "text": ZH, "meta": {"source": "cc"}},
}  # fmt: skip
EXPECTED = {
    "redpajama-v2": {"url": URL, "fetched": "2023-01-26T21:17:02Z"},
    "dolma": {"url": URL, "fetched": "2020-01-01T00:00:00Z"},
    "culturax": {"url": URL, "fetched": "2019/01/23 01:02:03"},
    "fineweb": {"url": URL, "fetched": "2024-02-21T02:02:58Z"},
    "fineweb-2": {"url": URL, "fetched": "2014-03-07T06:36:23Z"},
    "refinedweb": {"url": URL, "fetched": "2021-08-24T01:02:03"},
    "openwebmath": {"url": URL, "fetched": "2021-08-24T01:02:03"},
    "the-stack-v1": {"licence": "Apache-2.0 OR MIT"},
    "cci": {"url": URL},
    "chinesewebtext": {"url": URL},
}
SIGNALS = {
    "redpajama-v2": {"perplexity", "bucket", "language_score", "quality_signals", "id"},
    "fineweb": {"language_score", "token_count"},
    "fineweb-2": {"top_langs", "minhash_cluster_size", "language_script"},
    "openwebmath": {"metadata.extraction_info", "metadata.config"},
    "the-stack-v1": {"alphanum_fraction", "max_stars_count"},
    "wanjuan-exam": {"grade", "major", "q_type", "keypoint"},
    "chinesewebtext": {"score"},
    "matrix": {"meta"},
}


def write(folder, known, row):
    if known.reader == "parquet":
        path = folder / "part.parquet"
        pq.write_table(pa.Table.from_pylist([row, row]), path)
        return path
    path = folder / "documents" / "part.json.gz"
    path.parent.mkdir()
    line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
    path.write_bytes(gzip.compress(line + line))
    if known.row.companion:
        signals = {"id": "x/0", "metadata": {}, "quality_signals": {"ccnet_length": [[0, 4, 4.0]]}}
        beside = folder / "quality_signals" / "part.signals.json.gz"
        beside.parent.mkdir()
        beside.write_bytes(gzip.compress(2 * (json.dumps(signals).encode() + b"\n")))
    return path


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_the_published_form_become_documents(tmp_path, name):
    known = load_open_sets()[name]
    path = write(tmp_path, known, ROWS[name])
    raw = RawFile(path=path, relative=str(path.relative_to(tmp_path)), rows=known.row)
    found = list(READERS[known.reader](raw, ReadOptions()))
    assert [item.row for item in found] == [0, 1]
    row = ROWS[name]
    text = next((row[field] for field in known.row.text if field in row), None)
    if name == "wanjuan-exam":
        text = "题干\nA. 甲\nB. 乙\n答案：A"
    assert found[0].text == text
    for field in ("url", "fetched", "licence"):
        assert getattr(found[0], field) == EXPECTED.get(name, {}).get(field)
    assert SIGNALS.get(name, set()) <= set(found[0].meta.get("signals", {}))
    if known.row.id:
        assert found[0].meta["id"] == row[known.row.id]
    assert len(found[0].raw_sha256) == 64
    json.dumps(found[0].meta, allow_nan=False)


def test_every_entry_says_where_its_schema_is_from_and_what_was_verified():
    known = load_open_sets()
    assert set(known) - set(ROWS) == {"amber", "the-stack-v2"}
    for entry in known.values():
        assert entry.schema_source.startswith("https://")
        assert not entry.verified_on_real_file
        if entry.contents == "elsewhere":
            assert entry.note
