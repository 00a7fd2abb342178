"""Rows of anyone's Parquet file, a batch of them in memory at a time."""

from collections.abc import Iterator, Sequence
from typing import IO, Any

from setfit_explain.errors import InputError, MissingExtraError

_ROWS_HELD = 1024


def parquet_rows(data: IO[bytes], name: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each row stands, and its values of ``columns``; a column that is not there is left out.

    Parameters
    ----------
    data
        Open for reading, and seekable.
    name
        What errors call it.
    columns
        Columns to read. Where one of them is missing, all are, so that an error can list them.

    Raises
    ------
    InputError
        It is not Parquet.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "parquet") from error
    try:
        file = parquet.ParquetFile(data)
        wanted = columns if set(columns) <= set(file.schema_arrow.names) else None
        number = 0
        for batch in file.iter_batches(_ROWS_HELD, columns=wanted):
            for record in batch.to_pylist():
                number += 1
                yield f"row {number}", record
    except pa.ArrowException as error:
        raise InputError(f"{name!r} cannot be read as Parquet: {error}") from error
