"""What dedup keeps of each document: exact hash, MinHash bands and sketch, size, priority.

Keys are all that finding copies needs: a later crawl meets them without the text.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate.exact import exact_keys
from mapneo.curate.minhash import band_keys, signatures, sketches
from mapneo.curate.minhash_setting import MinHashSetting

KEYS_VERSION = 2
_SETTING = b"mapneo.minhash"


def keys_schema(setting: MinHashSetting) -> pa.Schema:
    """Columns of a keys table (docs/formats.md); the setting is in its metadata."""
    fields = [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("exact_high", pa.uint64(), nullable=False),
        pa.field("exact_low", pa.uint64(), nullable=False),
        pa.field("bands", pa.binary(8 * setting.bands)),
        pa.field("sketch", pa.binary(setting.permutations)),
        pa.field("shingles", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("priority", pa.int64(), nullable=False),
    ]
    return pa.schema(fields, metadata={_SETTING: setting_mark(setting)})


def setting_mark(setting: MinHashSetting) -> bytes:
    """What two key files must agree in to be compared."""
    return f"{KEYS_VERSION} {setting.model_dump_json()}".encode()


def mark_of(schema: pa.Schema) -> bytes:
    """The `setting_mark` of a key file's schema; empty if it has none."""
    return bytes((schema.metadata or {}).get(_SETTING, b""))


def document_keys(
    documents: pa.Table, priority: npt.NDArray[np.int64], setting: MinHashSetting
) -> pa.Table:
    """Keys of each document (`doc_id`, `text`); a text without a shingle has exact keys only."""
    texts = documents["text"]
    high, low = exact_keys(texts)
    values, shingles = signatures(texts, setting)
    banded = pa.array(shingles > 0)
    columns = [
        documents["doc_id"],
        pa.array(high),
        pa.array(low),
        pc.if_else(banded, fixed_binaries(band_keys(values, setting).astype("<u8")), None),
        pc.if_else(banded, fixed_binaries(sketches(values)), None),
        pa.array(shingles),
        pc.cast(pc.binary_length(texts), pa.int64()),
        pa.array(priority),
    ]
    return pa.table(columns, schema=keys_schema(setting))


class BandKeys(NamedTuple):
    """Which documents of a key table have bands, and their keys.

    Attributes:
        rows: int64, shape (banded,).
        keys: uint64, shape (banded, bands).
    """

    rows: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]


def bands_of(table: pa.Table) -> BandKeys:
    """The band keys of a key table."""
    rows = np.flatnonzero(table["bands"].is_valid().to_numpy())
    return BandKeys(
        rows, fixed_values(table["bands"].take(pa.array(rows)), "<u8").astype(np.uint64, copy=False)
    )


def fixed_values(column: pa.ChunkedArray, dtype: str) -> npt.NDArray[np.generic]:
    """A column of fixed-size binaries as numbers, shape (rows, numbers each); nulls are zeros."""
    width = column.type.byte_width
    whole = pa.concat_arrays([pc.fill_null(column, b"\0" * width).combine_chunks()])
    start = whole.offset * width
    data = np.frombuffer(whole.buffers()[1], np.uint8)[start : start + len(whole) * width]
    return data.view(dtype).reshape(len(whole), width // np.dtype(dtype).itemsize)


def fixed_binaries(values: npt.NDArray[np.generic]) -> pa.Array:
    """Rows of numbers as fixed-size binaries."""
    data = np.ascontiguousarray(values)
    kind = pa.binary(data.shape[1] * data.itemsize)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(data), [None, pa.py_buffer(data)])
