"""Texts from files and pipes, one at a time: plain lines, CSV, TSV, JSON lines, Parquet."""

import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from setfit_explain.errors import InputError

STDIN = "-"

Record = tuple[str, dict[str, Any]]
"""Where a record stands, and its values by column."""


class InputFormat(StrEnum):
    """How a file holds its texts."""

    TEXT = "text"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.TSV,
    ".tab": InputFormat.TSV,
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".parquet": InputFormat.PARQUET,
}


@dataclass(frozen=True)
class Row:
    """One text to explain, and the class it belongs to where the file says so."""

    text: Any
    label: Any = None


@dataclass(frozen=True)
class Source:
    """Where texts come from.

    Parameters
    ----------
    place
        A path, or ``"-"`` for standard input.
    input_format
        None to go by the suffix; what has no known one is one text a line, but for ``.json``.
    text_column, label_column
        Columns of CSV, TSV and Parquet, keys of JSON lines.
    copy
        What was read from standard input, to be read again; else None.

    Raises
    ------
    InputError
        There is a label column, but no columns; or a ``.json`` of which the format is not given.
    """

    place: str
    input_format: InputFormat | None = None
    text_column: str = "text"
    label_column: str | None = None
    copy: IO[bytes] | None = None

    def __post_init__(self) -> None:
        if self.input_format is None and Path(self.place).suffix.lower() == ".json":
            raise InputError(
                f"{self.place!r} is JSON. Accepted: JSON lines, an object a line, in a file whose name ends in .jsonl, "
                "or with --input-format jsonl for the texts explained. Make them of a list with: "
                f"jq -c '.[]' {self.place} > {Path(self.place).with_suffix('.jsonl').name}"
            )
        if self.kind is InputFormat.TEXT and self.label_column is not None:
            raise without_columns("--label-column")

    @property
    def kind(self) -> InputFormat:
        """How the texts are held."""
        return self.input_format or _SUFFIXES.get(Path(self.place).suffix.lower(), InputFormat.TEXT)

    @property
    def read_once(self) -> bool:
        """Whether its rows can be had only once."""
        return self.place == STDIN and self.copy is None

    @contextmanager
    def kept(self, *, needed: bool = True) -> Iterator["Source"]:
        """Give a source that can be read again: standard input is copied to a file without a name.

        Parameters
        ----------
        needed
            Whether that is asked for; Parquet needs it always, since it is read from its end.
        """
        if not self.read_once or not (needed or self.kind is InputFormat.PARQUET):
            yield self
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            yield replace(self, copy=copy)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in their order, holding one at a time.

        Raises
        ------
        InputError
            The file cannot be read, is not UTF-8, is broken or lacks a column.
        MissingExtraError
            It is Parquet, and pyarrow is not installed.
        """
        with self._opened() as data:
            if self.kind is InputFormat.TEXT:
                yield from (Row(line.removesuffix("\n").removesuffix("\r")) for line in self._lines(data))
            else:
                for where, record in self._records(data):
                    yield self._row(where, record)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self.place == STDIN:
            if self.copy is not None:
                self.copy.seek(0)
            yield self.copy or sys.stdin.buffer
            return
        try:
            data = Path(self.place).open("rb")  # noqa: SIM115 - closed below; only its opening is told so
        except OSError as error:
            raise InputError(f"{self.place!r} cannot be read: {error.strerror}.") from error
        with data:
            yield data

    def _records(self, data: IO[bytes]) -> Iterator[Record]:
        match self.kind:
            case InputFormat.PARQUET:
                from setfit_explain.integrations.parquet_rows import parquet_rows

                columns = (self.text_column, self.label_column)
                return parquet_rows(data, self.place, [name for name in columns if name is not None])
            case InputFormat.JSONL:
                return _json_records(self._lines(data))
            case kind:
                return _csv_records(self._lines(data), "\t" if kind is InputFormat.TSV else ",")

    def _lines(self, data: IO[bytes]) -> Iterator[str]:
        """Decode line by line; a form feed or U+2028 within a text does not end its line."""
        number = 0
        try:
            for line in data:
                number += 1
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(self._not_utf8(number, error)) from error
        except OSError as error:
            raise InputError(f"{self.place!r} cannot be read: {error.strerror}.") from error

    def _not_utf8(self, number: int, error: UnicodeDecodeError) -> str:
        wide = number == 1 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
        encoding = "UTF-16" if wide else "WINDOWS-1252"
        name = "TEXTS" if self.place == STDIN else self.place
        return (
            f"{self.place!r} is not UTF-8 (line {number}, byte {error.start + 1} of the line). Save it as UTF-8; "
            f"if it is {encoding}: iconv -f {encoding} -t UTF-8 {name} > utf8-{Path(name).name}"
        )

    def _row(self, where: str, record: dict[str, Any]) -> Row:
        text = _value(record, where, self.text_column, "--text-column")
        if self.label_column is None:
            return Row(text)
        label = _value(record, where, self.label_column, "--label-column")
        return Row(text, None if label == "" else label)


def without_columns(option: str) -> InputError:
    """Say that an option is of no use to plain text."""
    return InputError(
        f"{option} needs a file with columns (CSV, TSV, JSON lines or Parquet), not plain text. Leave it out, or say "
        "what the file is with --input-format."
    )


def read_rows(
    place: str,
    input_format: InputFormat | None = None,
    text_column: str = "text",
    label_column: str | None = None,
) -> list[Row]:
    """Read all rows at once; see `Source`."""
    return list(Source(place, input_format, text_column, label_column).rows())


def _csv_records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(2**31 - 1)  # the most that a C long holds on Windows
    # Spreadsheets of old Macs end lines with "\r" alone.
    ends = (end for line in lines for end in io.StringIO(line, newline=""))
    reader = csv.DictReader(ends, strict=True, delimiter=delimiter)
    try:
        for record in reader:
            if None in record:
                raise InputError(
                    f"Line {reader.line_num} has more fields than the first line names. Put a text that holds "
                    f"{'tabs' if delimiter == chr(9) else 'commas'} into double quotes."
                )
            yield f"line {reader.line_num}", record
    except csv.Error as error:
        raise InputError(f"The file is broken at line {reader.reader.line_num}: {error}.") from error


def _json_records(lines: Iterable[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(f"Line {number} is not JSON: {error}.") from error
        if not isinstance(record, dict):
            raise InputError(f"Line {number} is not a JSON object but {type(record).__name__}.")
        yield f"line {number}", record


def _value(record: dict[str, Any], where: str, column: str, option: str) -> Any:
    if column in record:
        return record[column]
    near = get_close_matches(column, record, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(
        f"There is no column {column!r} at {where}. Columns: {', '.join(record)}. Name one with {option}.{hint}"
    )
