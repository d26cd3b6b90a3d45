import contextlib
import gzip
import hashlib
import io
import zlib

import pyarrow as pa
import pytest
from fastwarc.stream_io import GzipWriter, ZstdWriter
from fastwarc.warc import ArchiveIterator
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.readers import READERS
from tests.sources.warcs import HTML, PROSE, packed, record

OPTIONS = ReadOptions(max_document_bytes=1 << 20)


def read(path, data, options=OPTIONS):
    path.write_bytes(data)
    return list(READERS["warc"](RawFile(path=path, relative=path.name), options))


def outcome(found):
    """Page numbers and kinds of error, in file order."""
    return [
        item.kind if isinstance(item, Broken) else int(item.url.rsplit("/", 1)[1]) for item in found
    ]


def starts(parts):
    return [sum(map(len, parts[:n])) for n in range(len(parts))]


INFO = record(0, b"software: by hand", kind="warcinfo")
REQUEST = record(0, b"GET / HTTP/1.1", kind="request")
PAGES = [record(number) for number in range(1, 6)]


@pytest.mark.parametrize("packing", ["plain", "members", "whole", "zstd whole", "zstd members"])
def test_pages_are_found_at_their_offsets(tmp_path, packing):
    parts = [INFO, REQUEST, *PAGES]
    data, offsets = b"".join(parts), starts(parts)
    if packing == "members":
        data, offsets = packed(parts), starts([packed([part]) for part in parts])
    elif packing == "whole":
        data = gzip.compress(data)
    elif packing == "zstd whole":
        data = bytes(pa.compress(data, "zstd"))
    elif packing == "zstd members":
        members = [bytes(pa.compress(part, "zstd")) for part in parts]
        data, offsets = b"".join(members), starts(members)
    found = read(tmp_path / "a.warc", data)
    assert [item.row for item in found] == offsets[2:]
    assert outcome(found) == [1, 2, 3, 4, 5]
    first = found[0]
    assert first.text.strip() == PROSE.decode().strip()
    assert first.url == "https://example.org/1"
    assert first.fetched == "2024-05-29T00:00:00Z"
    assert first.raw_sha256 == hashlib.sha256(HTML % (1, PROSE)).hexdigest()
    assert first.meta["title"] == "T1"
    assert first.meta["warc_record_id"] == "urn:uuid:1"


@pytest.mark.parametrize("writer", [GzipWriter, ZstdWriter])
def test_what_fastwarc_writes_is_read(tmp_path, writer):
    path = tmp_path / "a.warc"
    with path.open("wb") as raw:
        sink = writer(raw)
        for page in ArchiveIterator(io.BytesIO(b"".join(PAGES))):
            page.write(sink, checksum_data=True)
        sink.close()
    found = read(path, path.read_bytes())
    assert outcome(found) == [1, 2, 3, 4, 5]
    assert len({item.row for item in found}) == 5


def test_wet_conversions_are_text_already(tmp_path):
    text = "第一行\n第二行\n".encode()
    hint = ("WARC-Identified-Content-Language: zho,eng",)
    data = packed([INFO, record(1, text, kind="conversion", warc=hint)])
    (found,) = read(tmp_path / "a.warc.wet.gz", data)
    assert found.text == text.decode()
    assert found.meta["language_hints"] == ["zho", "eng"]


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


BODY = HTML % (1, PROSE)
GZIPPED = ["Content-Encoding: gzip"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Transfer-Encoding: chunked"], chunked(BODY)),
        (["Content-Encoding: gzip"], gzip.compress(BODY)),
        (["Transfer-Encoding: chunked", "Content-Encoding: gzip"], chunked(gzip.compress(BODY))),
        (["Transfer-Encoding: chunked", "Content-Encoding: gzip"], BODY),
    ],
)
def test_codings_are_undone_unless_the_crawler_did(tmp_path, headers, body):
    (found,) = read(tmp_path / "a.warc", record(1, body, headers=headers))
    assert found.text.strip() == PROSE.decode().strip()
    assert found.raw_sha256 == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (record(1, status=404), "http_status"),
        (record(1, b"", kind="revisit"), "revisit"),
        (record(1, b"\x89PNG", headers=["Content-Type: image/png"]), "unread_content_type"),
        (record(1, b""), "empty_file"),
        (record(1, b"<html><body></body></html>"), "no_text"),
        (record(1, b"x" * (2 << 20)), "too_large"),
        (record(1, gzip.compress(b" " * (2 << 20)), headers=GZIPPED), "too_large"),
        (record(1, gzip.compress(BODY)[:-20], headers=GZIPPED), "bad_http"),
        (record(1, b"x", kind="resource").replace(b"text/plain", b"x/y"), "unread_content_type"),
    ],
)  # fmt: skip
def test_what_is_no_page_has_a_name(tmp_path, data, kind):
    found = read(tmp_path / "a.warc", data + record(2))
    assert outcome(found) == [kind, 2]
    assert found[0].row == 0


def test_content_of_unsaid_type_is_seen_by_its_bytes(tmp_path):
    (found,) = read(tmp_path / "a.warc", record(1, headers=["Content-Type: "]))
    assert found.meta["file_type"] == "html"


@pytest.mark.parametrize("pack", [lambda parts: b"".join(parts), packed])
@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (record(3, length=100), [1, 2, "bad_length", 4, 5]),
        (record(3, length=3), [1, 2, "bad_length", 4, 5]),
        (record(3, length=1000), [1, 2, "bad_length", 4, 5]),
        (record(3, length=900_000), [1, 2, "truncated_record", 4, 5]),
        (record(3, length=900_000_000), [1, 2, "truncated_record", 4, 5]),
        (record(3).replace(b"Content-Length: ", b"Content-Length: x"), [1, 2, "bad_length", 4, 5]),
        (record(3).replace(b"Content-Length", b"Content-Width"), [1, 2, "bad_length", 4, 5]),
        (b"These bytes are no record at all.\r\n\r\n" * 9, [1, 2, "bad_record", 4, 5]),
    ],
)
def test_a_wrong_length_costs_one_record(tmp_path, pack, bad, expected):
    parts = [*PAGES[:2], bad, *PAGES[3:]]
    found = read(tmp_path / "a.warc", pack(parts))
    assert outcome(found) == expected
    assert [item.row for item in found] == starts([pack([part]) for part in parts])


@pytest.mark.parametrize("pack", [lambda parts: b"".join(parts), packed, gzip.compress])
def test_many_wrong_lengths_cost_one_record_each(tmp_path, pack):
    lengths = {7: 10, 13: 500, 20: 0}
    parts = [record(n, length=lengths.get(n % 25)) for n in range(300)]
    if pack is gzip.compress:
        data, offsets = gzip.compress(b"".join(parts)), starts(parts)
    else:
        data, offsets = pack(parts), starts([pack([part]) for part in parts])
    found = read(tmp_path / "a.warc", data)
    expected = ["bad_length" if n % 25 in lengths else n for n in range(300)]
    assert outcome(found) == expected
    assert [item.row for item in found] == offsets


def test_a_damaged_member_costs_one_record(tmp_path):
    members = [bytearray(packed([page])) for page in PAGES]
    members[2][60:70] = bytes(10)
    found = read(tmp_path / "a.warc.gz", b"".join(members))
    assert outcome(found) == [1, 2, "bad_record", 4, 5]
    assert found[2].row == len(members[0]) + len(members[1])


@pytest.mark.parametrize("cut", [1, 5, 30, 150])
@pytest.mark.parametrize("pack", [lambda parts: b"".join(parts), packed])
def test_a_torn_file_gives_what_was_before(tmp_path, pack, cut):
    data = pack(PAGES)
    found = outcome(read(tmp_path / "a.warc", data[: -cut - 8]))
    assert found[:4] == [1, 2, 3, 4]
    assert found[4:] in (["truncated_record"], ["bad_record"], ["bad_length"], [5])


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"", "empty_file"), (b"<html>not an archive", "bad_warc"), (gzip.compress(b"x"), "bad_warc")],
)
def test_what_is_no_archive_is_an_error(tmp_path, data, kind):
    with pytest.raises(BrokenFileError) as caught:
        read(tmp_path / "a.warc", data)
    assert caught.value.kind == kind


@settings(max_examples=60, deadline=None)
@given(
    damage=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 400),
    is_packed=st.booleans(),
)
def test_any_damage_ends_with_pages_and_named_errors(tmp_path_factory, damage, cut, is_packed):
    data = bytearray(packed(PAGES) if is_packed else b"".join(PAGES))
    for place, value in damage:
        data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.warc"
    found = []
    with contextlib.suppress(BrokenFileError):  # nothing in it is a record
        found = read(path, bytes(data[: len(data) - cut]))
    rows = [item.row for item in found]
    assert len(rows) == len(set(rows))
    for item in found:
        assert isinstance(item, Extracted | Broken)


def test_zlib_members_are_what_gzip_writes():
    assert zlib.decompress(packed(PAGES[:1]), 31) == PAGES[0]
