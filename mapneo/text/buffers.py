"""Arrow string columns as flat numpy views that kernels can walk."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mapneo.core.errors import DataError


class StringView(NamedTuple):
    """A string column without copies of its bytes.

    Attributes:
        data: uint8, the UTF-8 bytes of all rows (and perhaps of rows outside the slice).
        offsets: int64, shape (rows + 1,); row i is `data[offsets[i]:offsets[i + 1]]`.
        valid: bool, shape (rows,); False where the row is null.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]


def string_view(column: pa.Array | pa.ChunkedArray, *, name: str = "text") -> StringView:
    """View a string or large_string column as flat buffers.

    A chunked column is joined first. Null rows have length 0.

    Raises:
        DataError: the column holds something else than strings.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in array.chunks])
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        raise DataError(
            f"Column {name!r} holds {array.type}, expected strings. "
            "Cast it to string before measuring."
        )
    if array.null_count:
        valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
        array = array.fill_null("")
    else:
        valid = np.ones(len(array), dtype=np.bool_)
    width = np.dtype("i8" if pa.types.is_large_string(array.type) else "i4")
    _, offsets_buffer, data_buffer = array.buffers()
    return StringView(
        _readonly(data_buffer, np.uint8),
        _row_offsets(offsets_buffer, width, array.offset, len(array)),
        valid,
    )


def undecodable_rows(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Rows of a string column that are not valid UTF-8.

    Arrow does not look at bytes that come from a buffer or a file. Kernels take any bytes, but
    no Python string can be made of such a row.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return np.array([_is_undecodable(value.as_buffer()) for value in column], dtype=np.bool_)
    return np.zeros(len(column), dtype=np.bool_)


def _is_undecodable(value: pa.Buffer | None) -> bool:
    try:
        str(value or b"", "utf-8")
    except UnicodeDecodeError:
        return True
    return False


def from_texts(texts: Iterable[object]) -> pa.Array:
    """Make a string column from Python strings or None; lone surrogates become U+FFFD.

    Raises:
        DataError: something else is among them; its position is named.
    """
    return pa.array([_encodable(row, text) for row, text in enumerate(texts)], pa.string())


def _encodable(row: int, text: object) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise DataError(f"text {row} is of type {type(text).__name__}, expected str")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _readonly(buffer: pa.Buffer | None, dtype: type[np.uint8]) -> npt.NDArray[np.uint8]:
    # Kernels are compiled for read-only input; an empty column must not make a second version.
    view = np.frombuffer(buffer, dtype=dtype) if buffer else np.zeros(0, dtype=dtype)
    view.setflags(write=False)
    return view


def _row_offsets(
    buffer: pa.Buffer | None, width: np.dtype[Any], first: int, rows: int
) -> npt.NDArray[np.int64]:
    if rows == 0 or buffer is None:
        return np.zeros(rows + 1, dtype=np.int64)
    return np.frombuffer(buffer, dtype=width)[first : first + rows + 1].astype(np.int64)
