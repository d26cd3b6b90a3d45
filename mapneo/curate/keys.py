"""What dedup keeps of each document: its exact hash, its MinHash signature, its size."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate.exact import exact_keys
from mapneo.curate.minhash import MinHashSetting, signatures


def keys_schema(setting: MinHashSetting) -> pa.Schema:
    """Columns of a keys table; see docs/formats.md."""
    return pa.schema(
        [
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field("exact_high", pa.uint64(), nullable=False),
            pa.field("exact_low", pa.uint64(), nullable=False),
            pa.field("signature", pa.binary(4 * setting.permutations)),
            pa.field("shingles", pa.int32(), nullable=False),
            pa.field("bytes", pa.int64(), nullable=False),
        ]
    )


def document_keys(documents: pa.Table, setting: MinHashSetting) -> pa.Table:
    """Exact hash and MinHash signature of each document (`doc_id`, `text`)."""
    texts = documents["text"]
    high, low = exact_keys(texts)
    values, shingles = signatures(texts, setting)
    little = np.ascontiguousarray(values, dtype="<u4")
    schema = keys_schema(setting)
    binary = pa.FixedSizeBinaryArray.from_buffers(
        schema.field("signature").type, len(little), [None, pa.py_buffer(little)]
    )
    columns = [
        documents["doc_id"],
        pa.array(high),
        pa.array(low),
        pc.if_else(pa.array(shingles > 0), binary, None),
        pa.array(shingles),
        pc.cast(pc.binary_length(texts), pa.int64()),
    ]
    return pa.table(columns, schema=schema)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What is known of all documents, in the order of their numbers.

    Attributes:
        doc_ids: string array.
        exact: uint64, shape (2, documents); the halves of the exact hash.
        signatures: uint32, shape (documents, permutations); all ones without shingles.
        has_shingles: bool, shape (documents,); False: too short, exact copies only.
        sizes_bytes: int64, shape (documents,).
    """

    doc_ids: pa.ChunkedArray
    exact: npt.NDArray[np.uint64]
    signatures: npt.NDArray[np.uint32]
    has_shingles: npt.NDArray[np.bool_]
    sizes_bytes: npt.NDArray[np.int64]

    @staticmethod
    def of_table(table: pa.Table) -> "Keys":
        """Read a key table (docs/formats.md, dedup)."""
        column = table["signature"].combine_chunks()
        bytes_each = column.type.byte_width
        filled = pa.concat_arrays([pc.fill_null(column, b"\xff" * bytes_each)])
        values = np.frombuffer(
            filled.buffers()[1], dtype="<u4", count=len(filled) * bytes_each // 4
        )
        return Keys(
            doc_ids=table["doc_id"],
            exact=np.stack([table["exact_high"].to_numpy(), table["exact_low"].to_numpy()]),
            signatures=values.reshape(len(filled), bytes_each // 4),
            has_shingles=np.asarray(column.is_valid().to_numpy(zero_copy_only=False)),
            sizes_bytes=table["bytes"].to_numpy(),
        )
