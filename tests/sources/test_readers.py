import gzip
import json
import sqlite3

import pypdfium2
import pytest

from mapneo.sources.catalogue import JsonRows, SqliteRows
from mapneo.sources.documents import Broken, BrokenFileError, Extracted, RawFile, ReadOptions
from mapneo.sources.file_types import file_type
from mapneo.sources.readers import READERS

OPTIONS = ReadOptions()
PROSE = "A paragraph of real prose, long enough to be taken for content by any heuristic. " * 4
CHINESE = "为了保护专利权人的合法权益，鼓励发明创造，推动发明创造的应用，制定本法。" * 4
CODE = "def area(r):\n    return 3 * r * r"


def read(reader, path, data, options=OPTIONS, rows=None):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    file = RawFile(path=path, relative=path.name, rows=rows)
    return list(READERS[reader](file, options))


def broken_kind(reader, path, data, **kwargs):
    with pytest.raises(BrokenFileError) as caught:
        read(reader, path, data, **kwargs)
    return caught.value.kind


def page(body, head=""):
    return f"<!doctype html><html><head><title> T </title>{head}</head><body>{body}</body></html>"


MARKED = page(
    f"<nav><a href=/>Home link</a></nav><main><h1>Head</h1><p>{PROSE}</p><pre>{CODE}</pre>"
    "<ul><li>first item<li>second item</ul><table><tr><td>cell</table></main>"
    "<footer>All rights reserved</footer>"
)
UNMARKED = page(
    f"<div class=nav><a href=/>Home link</a></div><div><p>{PROSE}</p><p>{PROSE}</p></div>"
)


def test_marked_main_element_keeps_code_lists_and_tables_but_no_frame(tmp_path):
    (found,) = read("html", tmp_path / "a.html", MARKED)
    assert CODE in found.text
    for kept in ("Head", "first item", "second item", "cell"):
        assert kept in found.text
    assert "Home link" not in found.text
    assert "rights" not in found.text
    assert found.meta["title"] == "T"


def test_whole_page_is_read_when_main_content_is_not_asked_for(tmp_path):
    options = ReadOptions(main_content=False)
    (found,) = read("html", tmp_path / "a.html", MARKED, options)
    assert "Home link" in found.text
    assert "rights" in found.text


def test_page_without_marks_is_left_to_the_heuristics(tmp_path):
    (found,) = read("html", tmp_path / "a.html", UNMARKED)
    assert found.text.count("real prose") == 8


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("gb18030", "gb2312"),
        ("gb18030", "utf-8"),
        ("big5", "big5"),
        ("utf-16", "utf-8"),
        ("utf-8", "gbk"),
    ],
)
def test_chinese_page_is_read_whatever_it_declares(tmp_path, encoding, declared):
    text = CHINESE.replace("权", "").replace("护", "") if encoding == "big5" else CHINESE
    if encoding == "big5":
        text = "為了發明創造提高創新能力，制定本法。" * 6
    html = page(f"<main><p>{text}</p></main>", f"<meta charset={declared}>")
    (found,) = read("html", tmp_path / "a.html", html.encode(encoding))
    assert found.text.strip().splitlines()[-1] == text


def test_canonical_address_is_kept_only_if_it_is_one(tmp_path):
    for href, url in (("https://example.org/a", "https://example.org/a"), ("javascript:x", None)):
        head = f'<link rel="canonical" href="{href}">'
        (found,) = read("html", tmp_path / "a.html", page(f"<p>{PROSE}</p>", head))
        assert found.url == url


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty_file"),
        (b"<html></html>", "no_text"),
        (b"<html><body><script>x()</script><nav>Home</nav></body></html>", "no_text"),
        (b"<html>\0\1\2\3\xff\xfe\0\0\0", "binary"),
    ],
)
def test_page_without_text_is_an_error(tmp_path, data, kind):
    assert broken_kind("html", tmp_path / "a.html", data) == kind


@pytest.mark.parametrize("cut", range(20, 420, 57))
def test_torn_page_still_gives_what_is_there(tmp_path, cut):
    torn = MARKED.replace("<main>", "<main><p>")[: len(MARKED) - cut]
    (found,) = read("html", tmp_path / "a.html", torn)
    assert "real prose" in found.text


def test_text_keeps_everything_but_line_ends(tmp_path):
    (found,) = read("text", tmp_path / "a.md", "# 标题\r\n\r\n  two\rthree\n")
    assert found == Extracted(
        text="# 标题\n\n  two\nthree\n", meta={"encoding": "utf-8", "file_type": "markdown"}
    )


def test_code_is_kept_as_it_is_and_named(tmp_path):
    (found,) = read("code", tmp_path / "a.py", CODE + "\n")
    assert found.text == CODE + "\n"
    assert found.meta["file_type"] == "python"


def test_long_text_is_not_cut(tmp_path):
    text = "word " * 100_000
    assert read("text", tmp_path / "a.txt", text)[0].text == text
    small = ReadOptions(max_document_bytes=1024)
    assert broken_kind("text", tmp_path / "a.txt", text, options=small) == "too_large"


def test_file_types_look_through_gz_and_ignore_case():
    assert file_type("A/B.HTML").reader == "html"
    assert file_type("a.jsonl.gz").reader == "jsonl"
    assert file_type("a.xyz") is None
    assert file_type("README") is None


def pdf_bytes(pages):
    """A PDF of Latin text by hand: one content stream per page, no compression."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R "
            f">> >> /Contents {5 + 2 * n} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, value in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{value}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode() + end.encode()


def test_pdf_pages_are_origins_of_their_spans(tmp_path):
    (found,) = read("pdf", tmp_path / "a.pdf", pdf_bytes(["First page", "", "Third page"]))
    spans = {o.page: found.text.encode()[o.start_byte : o.end_byte] for o in found.origins}
    assert spans == {1: b"First page", 3: b"Third page"}
    assert found.text == "First page\n\nThird page"
    assert found.origins[0].box == (0.0, 0.0, 612.0, 792.0)
    assert found.meta["pages"] == 3


def test_gzipped_pdf_is_read(tmp_path):
    (found,) = read("pdf", tmp_path / "a.pdf.gz", gzip.compress(pdf_bytes(["Packed"])))
    assert found.text == "Packed"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty_file"),
        (b"not a pdf at all", "unreadable_pdf"),
        (pdf_bytes(["x"])[:60], "unreadable_pdf"),
        (pdf_bytes(["", ""]), "no_text_layer"),
    ],
)
def test_bad_pdf_is_an_error_with_a_kind(tmp_path, data, kind):
    assert broken_kind("pdf", tmp_path / "a.pdf", data) == kind


def test_encrypted_pdf_is_told_apart(tmp_path, monkeypatch):
    def refuse(data):
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Incorrect password error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuse)
    assert broken_kind("pdf", tmp_path / "a.pdf", b"%PDF") == "encrypted_pdf"


LINES = [
    b'{"text": "one", "url": "https://example.org", "n": 1}',
    b"",
    b'{"text": "two"',
    b"[1, 2]",
    b'{"body": "three"}',
    b'{"content": "  "}',
    b'{"text": "\xff\xfe"}',
    '{"raw_content": "四", "score": NaN}'.encode(),
    b'{"text": "lone \\ud800 surrogate"}',
    b'{"text": "' + b"x" * 3000 + b'"}',
    b'{"text": "last"}',
]


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_each_row_is_a_document_or_an_error(tmp_path, suffix):
    data = b"\n".join(LINES)
    data = gzip.compress(data) if suffix.endswith("gz") else data
    found = read("jsonl", tmp_path / f"a.{suffix}", data, ReadOptions(max_document_bytes=2048))
    assert [(item.row, getattr(item, "kind", None)) for item in found] == [
        (0, None), (1, "bad_json"), (2, "bad_row"), (3, "no_text"), (4, "no_text"),
        (5, "undecodable"), (6, None), (7, None), (8, "too_large"), (9, None),
    ]  # fmt: skip
    assert found[0].url == "https://example.org"
    assert found[0].meta == {"url": "https://example.org", "n": 1}
    assert found[6].text == "四"
    assert found[7].text == "lone ? surrogate"
    json.dumps([item.meta for item in found if isinstance(item, Extracted)], allow_nan=False)


def test_torn_gzip_keeps_the_rows_before_it(tmp_path):
    lines = b"".join(b'{"text": "row %d"}\n' % n for n in range(20000))
    found = read("jsonl", tmp_path / "a.jsonl.gz", gzip.compress(lines)[:-2000])
    assert isinstance(found[-1], Broken)
    assert found[-1].kind == "bad_gzip"
    assert found[-1].row == len(found) - 1 > 1000


def test_blank_row_file_is_an_error(tmp_path):
    assert broken_kind("jsonl", tmp_path / "a.jsonl", b"\n\n") == "empty_file"


def test_json_rows_are_walked_grouped_and_filled(tmp_path):
    poems = [{"title": f"t{n}", "lines": ["a", "b"]} for n in range(5)] + [{"title": "x"}]
    cut = JsonRows(path="all.*", template="{title}\n{lines}", rows_per_document=2)
    found = read("json", tmp_path / "a.json", json.dumps({"all": poems}), rows=cut)
    assert [(item.row, getattr(item, "kind", None)) for item in found] == [
        (0, None), (2, None), (4, "bad_row"),
    ]  # fmt: skip
    assert found[1].text == "t2\na\nb\n\nt3\na\nb"


def test_json_of_plain_strings_and_bad_json(tmp_path):
    cut = JsonRows(path="*", template="{text}")
    found = read("json", tmp_path / "a.json", '["一", "", null]', rows=cut)
    assert [getattr(item, "text", item) for item in found][0] == "一"
    assert [item.kind for item in found[1:]] == ["no_text", "no_text"]
    assert broken_kind("json", tmp_path / "a.json", "[1,", rows=cut) == "bad_json"


LAW = SqliteRows(
    query="SELECT law, chapter, article FROM t ORDER BY rowid",
    group_by="law",
    break_at="chapter",
    min_document_bytes=10,
    heading="LAW {law}",
    break_heading="{chapter}",
    template="{article}",
)


def law_database(path, rows):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (law, chapter, article)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.close()
    return path.read_bytes()


def test_sqlite_rows_join_until_long_enough_and_never_across_groups(tmp_path):
    rows = [
        ("A", "c1", "12345"), ("A", "c2", "67890"), ("A", "c2", "more"), ("A", "c3", "next"),
        ("B", None, "only"),
    ]  # fmt: skip
    data = law_database(tmp_path / "a.db", rows)
    found = read("sqlite", tmp_path / "a.db", data, rows=LAW)
    assert [(item.row, item.text) for item in found] == [
        (0, "LAW A\nc1\n12345\nc2\n67890\nmore"),
        (3, "LAW A\nc3\nnext"),
        (4, "LAW B\nonly"),
    ]


def test_bad_database_is_an_error(tmp_path):
    assert (
        broken_kind("sqlite", tmp_path / "a.db", b"not a database" * 99, rows=LAW) == "bad_sqlite"
    )


def test_thousands_of_siblings_and_of_nested_blocks_take_no_time(tmp_path):
    siblings = page("<br>" * 20_000 + f"<main>{PROSE}</main>" + "<hr>" * 20_000)
    (found,) = read("html", tmp_path / "a.html", siblings)
    assert found.text.strip() == PROSE.strip()
    nested = page("<div>" * 100_000 + PROSE)
    (found,) = read("html", tmp_path / "b.html", nested)
    assert found.text.strip() == PROSE.strip()


def test_an_impossible_canonical_address_is_no_address(tmp_path):
    html = page(f"<main>{PROSE}</main>", '<link rel=canonical href="http://[bad">')
    (found,) = read("html", tmp_path / "a.html", html)
    assert found.url is None


def test_rows_with_absurd_numbers_and_surrogates_stop_nothing(tmp_path):
    lines = [
        '{"text": "a", "n": ' + "9" * 5000 + "}",
        '{"text": "b", "url": "http://\\ud800"}',
        '{"text": "c", "n": 1e999, "m": NaN, "\\ud800": "\\udfff"}',
    ]
    bad, second, third = read("jsonl", tmp_path / "a.jsonl", "\n".join(lines))
    assert isinstance(bad, Broken)
    assert (bad.kind, bad.row) == ("bad_json", 0)
    assert second.url == "http://?"
    third.text.encode()
