"""Parquet: saved explanations as Arrow tables, one row for each text and target.

What is said of a text stands in each of its rows, but for the list of all classes, which only its first row
has: else a table would grow with the square of the classes. A text that failed is one row with a ``failure``.
Arrow holds no lone surrogates: where a text has any, its rows show U+FFFD and the first has all as JSON.
"""

import json
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setfit_explain.errors import MissingExtraError, SchemaError
from setfit_explain.explanation import serialization
from setfit_explain.explanation.tables import without_surrogates

if TYPE_CHECKING:
    import pyarrow as pa

_HEADER = b"setfit_explain"
_TEXTS_A_ROW_GROUP = 256
_PER_TARGET = ("score", "baseline_score", "delta", "error_estimate")
_SETTINGS = ("output", "method", "granularity", "model_fingerprint")
_PER_TEXT = ("text", "predicted", "output", "method", "granularity", "truncated_span", "notes")


def schema() -> "pa.Schema":
    """Return the columns of version 1.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    pa = _arrow()
    text, index, number = pa.string(), pa.int64(), pa.float64()
    unit = {"text": text, "start": index, "end": index, "special": text, "attribution": number}
    columns = {
        "schema_version": pa.int32(),
        "text_index": index,
        "text": text,
        "target_index": index,
        "target": text,
        **dict.fromkeys(_PER_TARGET, number),
        "converged": pa.bool_(),
        "units": pa.list_(pa.struct(unit)),
        "predicted": pa.list_(text),
        "true_label": text,
        "true_labels": pa.list_(text),
        "classes": pa.list_(pa.struct({"name": text, "probability": number})),
        "output": text,
        "method": text,
        "granularity": text,
        "settings": text,
        "truncated_span": pa.list_(index),
        "reproduction_error": number,
        "notes": pa.list_(text),
        "versions": text,
        "model_fingerprint": text,
        "failure": pa.struct({"index": index, "error": text, "message": text}),
        "exact_json": text,
    }
    return pa.schema(columns.items())


def row_schema() -> "pa.Schema":
    """Return the columns without ``text_index``, for rows that a key of the caller's names."""
    columns = schema()
    return columns.remove(columns.get_field_index("text_index"))


def to_table(items: Iterable[Mapping[str, Any]]) -> "pa.Table":
    """Return the rows of explanations and failures in the form of their JSON.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    columns, seen = schema(), _Seen()
    table = _arrow().Table.from_batches(_record_batches(map(seen.look, items), columns), columns)
    return table.replace_schema_metadata(seen.metadata())


def write_table(items: Iterable[Mapping[str, Any]], path: str | Path) -> Path:
    """Write what `to_table` returns, all or nothing, a few hundred texts at a time; return the path.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    columns, seen = schema(), _Seen()
    from pyarrow import parquet

    with (
        serialization.replacing(path) as temporary,
        parquet.ParquetWriter(temporary, columns, compression="zstd") as writer,
    ):
        for batch in _record_batches(map(seen.look, items), columns):
            writer.write_batch(batch)
        writer.add_key_value_metadata(seen.metadata())
    return Path(path)


def read_table(path: str | Path) -> "pa.Table":
    """Read a file.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    SchemaError
        If it is not Parquet.
    """
    pa = _arrow()
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path).read()
    except pa.ArrowInvalid as error:
        raise SchemaError(f"{str(path)!r} is not Parquet, so not a saved explanation set: {error}") from error


def from_table(table: "pa.Table") -> Iterator[dict[str, Any]]:
    """Yield the explanations and failures in the form of their JSON; columns that are not ours are left out.

    Raises
    ------
    SchemaError
        If the version is unknown, a column is missing or of another type, or the rows of a text are not
        complete and in order.
    """
    pa = _arrow()
    header = json.loads((table.schema.metadata or {}).get(_HEADER, b"null"))
    if header is not None:
        serialization.check_header(header, serialization.SET)
    columns = row_schema()
    if missing := [name for name in columns.names if name not in table.column_names]:
        raise SchemaError(f"A table of explanations lacks {', '.join(missing)}. Version 1 has all of them.")
    count = 0
    try:
        for rows in _texts(table.select(columns.names).cast(columns)):
            count += 1
            yield _from_rows(rows)
    except (pa.ArrowException, TypeError) as error:
        raise SchemaError(f"A table of explanations does not fit together: {error}") from error
    if header is not None and header.get("count") != count:
        raise SchemaError(
            f"The table holds {count} texts but its header says {header.get('count')!r}. It was cut or edited."
        )


class _Seen:
    """The metadata of the items that went by: their number, and the settings that all explanations share."""

    def __init__(self) -> None:
        self._count = 0
        self._shared: set[tuple[str, Any]] | None = None

    def look(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        self._count += 1
        if item["kind"] == "explanation":
            settings = {*item["settings"].items(), *((name, item[name]) for name in _SETTINGS)}
            self._shared = settings if self._shared is None else self._shared & settings
        return item

    def metadata(self) -> dict[bytes, bytes]:
        shared = dict(sorted(self._shared or ()))
        header = {**serialization.header(serialization.SET), "count": self._count, "settings": shared}
        return {_HEADER: serialization.to_json(header).encode()}


def _record_batches(items: Iterable[Mapping[str, Any]], columns: "pa.Schema") -> Iterator["pa.RecordBatch"]:
    numbered = enumerate(items)
    while group := list(islice(numbered, _TEXTS_A_ROW_GROUP)):
        rows = [{"text_index": index, **row} for index, item in group for row in _to_rows(item)]
        yield _arrow().RecordBatch.from_pylist(rows, schema=columns)


def _to_rows(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [_failure_row(item)] if item["kind"] == "failure" else _explanation_rows(item)
    content = json.dumps(rows, ensure_ascii=False)
    plain = without_surrogates(content)
    if plain != content:
        rows = json.loads(plain)
        rows[0]["exact_json"] = serialization.to_json(item)
    return rows


def _failure_row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": item["schema_version"],
        "text": item["text"],
        "target_index": 0,
        "failure": {name: item[name] for name in ("index", "error", "message")},
    }


def _explanation_rows(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = {name: serialization.decode(item[name]) for name in (*_PER_TARGET, "attributions")}
    label = item["true_label"]
    of_text = {
        "schema_version": item["schema_version"],
        **{name: item[name] for name in (*_PER_TEXT, "model_fingerprint")},
        "true_labels" if isinstance(label, list) else "true_label": label,
        "settings": serialization.to_json(item["settings"]),
        "versions": serialization.to_json(item["versions"]),
        "reproduction_error": serialization.decode(item["reproduction_error"]),
    }
    rows = [
        {
            **of_text,
            "target_index": index,
            "target": target,
            **{name: numbers[name][index] for name in _PER_TARGET},
            "converged": item["converged"][index],
            "units": [
                {**unit, "attribution": value}
                for unit, value in zip(item["units"], numbers["attributions"][index], strict=True)
            ],
        }
        for index, target in enumerate(item["targets"])
    ]
    probabilities = serialization.decode(item["probabilities"])
    rows[0]["classes"] = [
        {"name": name, "probability": value}
        for name, value in zip(item["classes"], probabilities, strict=True)
    ]
    return rows


def _texts(table: "pa.Table") -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each text: target indices count up from 0."""
    rows: list[dict[str, Any]] = []
    for batch in table.to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            if row["target_index"] == 0 and rows:
                yield rows
                rows = []
            due = len(rows) if rows and row["text"] == rows[0]["text"] else 0
            if row["target_index"] != due:
                raise SchemaError(
                    f"Target {row['target']!r} of {reprlib.repr(row['text'])} has the index {row['target_index']!r} "
                    f"where {due} is due. Accepted: the rows of a text side by side, counting from 0."
                )
            rows.append(row)
    if rows:
        yield rows


def _from_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    if first["exact_json"] is not None:
        exact: dict[str, Any] = serialization.from_json(first["exact_json"])
        return exact
    head = {"schema_version": first["schema_version"], "text": first["text"]}
    if first["failure"] is not None:
        return {**head, "kind": "failure", **first["failure"]}
    classes, units = first["classes"] or (), first["units"] or ()
    return {
        **head,
        "kind": "explanation",
        **{name: first[name] for name in (*_PER_TEXT, "model_fingerprint", "reproduction_error")},
        "true_label": first["true_label"] if first["true_labels"] is None else first["true_labels"],
        "classes": [member["name"] for member in classes],
        "probabilities": [member["probability"] for member in classes],
        "targets": [row["target"] for row in rows],
        **{name: [row[name] for row in rows] for name in (*_PER_TARGET, "converged")},
        "units": [{name: unit[name] for name in ("text", "start", "end", "special")} for unit in units],
        "attributions": [[unit["attribution"] for unit in row["units"] or ()] for row in rows],
        "settings": serialization.from_json(first["settings"]),
        "versions": serialization.from_json(first["versions"]),
    }


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "parquet") from error
    return pyarrow
