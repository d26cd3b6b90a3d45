"""Texts to time on: documents of a finished run (`make demo` first), the same for every way."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

RUN = Path(__file__).parent.parent / "runs" / "tiny"


def documents(language: str, max_bytes: int) -> list[str]:
    """Texts of one language from the demo's `measure` stage, in file order, up to a size.

    Raises:
        SystemExit: there is no finished demo run to take them from.
    """
    files = sorted((RUN / "measure" / "documents").glob("*.parquet"))
    if not files:
        raise SystemExit(f"no documents in {RUN}: run `make demo` first")
    columns = ["text", "language"]
    table = pa.concat_tables([pq.read_table(file, columns=columns) for file in files])
    texts: list[str] = table.filter(pc.equal(table["language"], language))["text"].to_pylist()
    chosen, size = [], 0
    for text in texts:
        size += len(text.encode())
        if size > max_bytes:
            break
        chosen.append(text)
    return chosen


def megabytes(texts: list[str]) -> float:
    """Size of texts as UTF-8, in units of 10^6 bytes."""
    return sum(len(text.encode()) for text in texts) / 1e6
