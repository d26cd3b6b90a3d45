"""Readers by name."""

from collections.abc import Mapping

from mapneo.sources.columns import read_arrow, read_parquet
from mapneo.sources.documents import Reader
from mapneo.sources.html import read_html
from mapneo.sources.jsonl import read_jsonl
from mapneo.sources.pdf import read_pdf
from mapneo.sources.plain_text import read_code, read_text
from mapneo.sources.rows import read_json, read_sqlite
from mapneo.sources.warc_pages import read_warc

READERS: Mapping[str, Reader] = {
    "html": read_html,
    "text": read_text,
    "code": read_code,
    "pdf": read_pdf,
    "jsonl": read_jsonl,
    "json": read_json,
    "sqlite": read_sqlite,
    "parquet": read_parquet,
    "arrow": read_arrow,
    "warc": read_warc,
}
"""What the `reader` column of a fetched file means; `unknown` files have none."""
