"""Texts from files and pipes: one a line, CSV, or JSON lines."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from setfit_explain.errors import InputError


class InputFormat(StrEnum):
    """How a file holds its texts."""

    TEXT = "text"
    CSV = "csv"
    JSONL = "jsonl"


_SUFFIXES = {".csv": InputFormat.CSV, ".jsonl": InputFormat.JSONL, ".ndjson": InputFormat.JSONL}


@dataclass(frozen=True)
class Row:
    """One text to explain, and the class it belongs to where the file says so."""

    text: Any
    label: Any = None


def read_rows(
    source: str, input_format: InputFormat | None, text_column: str, label_column: str | None
) -> list[Row]:
    """Read the texts of a file, or of standard input when ``source`` is ``"-"``.

    Parameters
    ----------
    source
        A path, or ``"-"``.
    input_format
        None to go by the suffix: ``.csv``, ``.jsonl`` and ``.ndjson``; anything else is one text a line.
    text_column, label_column
        Columns of a CSV file or keys of JSON lines.

    Raises
    ------
    InputError
        The file cannot be read, is not UTF-8, or lacks a column.
    """
    if input_format is None:
        input_format = _SUFFIXES.get(Path(source).suffix.lower(), InputFormat.TEXT)
    content = _content(source)
    if input_format is InputFormat.TEXT:
        if label_column is not None:
            raise InputError("--label-column needs a file with columns (CSV or JSON lines), not plain text.")
        # Not splitlines(): a form feed or U+2028 within a text does not end its line.
        return (
            [Row(line.removesuffix("\r")) for line in content.removesuffix("\n").split("\n")]
            if content
            else []
        )
    records = _csv_records(content) if input_format is InputFormat.CSV else _json_records(content)
    return [_row(record, place, text_column, label_column) for place, record in records]


def _content(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{source!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source!r} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error


def _csv_records(content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        for record in reader:
            yield f"line {reader.line_num}", record
    except csv.Error as error:
        raise InputError(f"The CSV is broken at line {reader.line_num}: {error}.") from error


def _json_records(content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"Line {number} is not JSON: {error}.") from error
        if not isinstance(record, dict):
            raise InputError(f"Line {number} is not a JSON object but {type(record).__name__}.")
        yield f"line {number}", record


def _row(record: dict[str, Any], place: str, text_column: str, label_column: str | None) -> Row:
    label = None if label_column is None else _value(record, place, label_column, "--label-column")
    return Row(_value(record, place, text_column, "--text-column"), label)


def _value(record: dict[str, Any], place: str, column: str, option: str) -> Any:
    if column in record:
        return record[column]
    names: Iterable[str] = [name for name in record if name is not None]
    near = get_close_matches(column, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(
        f"There is no column {column!r} at {place}. Columns: {', '.join(names)}. Name one with {option}.{hint}"
    )
