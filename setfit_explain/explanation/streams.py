"""Streams: saved sets as JSON lines, written and read one text at a time.

A header line, then a line for each text. Where the texts were not counted beforehand, as when they come through a
pipe, the header's ``count`` is null, and a last line of kind ``"end"`` says it: a file that was cut is known by it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TextIO

from setfit_explain.errors import SchemaError
from setfit_explain.explanation import serialization
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.failure import Failure

Item = Explanation | Failure

_END = "end"


def item_to_dict(item: Item) -> dict[str, Any]:
    """Return what is saved of an explanation or a failure."""
    if isinstance(item, Explanation):
        return item.to_dict()
    return {**serialization.header("failure"), **asdict(item)}


def item_from_dict(data: Any) -> Item:
    """Rebuild an explanation or a failure.

    Raises
    ------
    SchemaError
        If ``data`` is neither, of a known version.
    """
    if isinstance(data, dict) and data.get("kind") == "failure":
        serialization.check_header(data, "failure")
        types = {field.name: field.type for field in fields(Failure)}
        given = {key: value for key, value in data.items() if key not in serialization.header("failure")}
        if {key: type(value) for key, value in given.items()} != types:
            raise SchemaError(f"A saved failure has {given!r}. Accepted: {', '.join(types)}, and no other.")
        return Failure(**given)
    return Explanation.from_dict(data)


def json_lines(
    items: Iterable[Item], count: int | None = None, *, more: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Yield the lines of a saved set as its items come, holding one at a time.

    Parameters
    ----------
    items
        Explanations and failures, such as ``Explainer.stream`` yields.
    count
        How many will come; None where that is not known.
    more
        Further fields of the header.
    """
    yield _line({**serialization.header(serialization.SET), "count": count, **(more or {})})
    written = 0
    for item in items:
        yield _line(item_to_dict(item))
        written += 1
    if count is None:
        yield _line({**serialization.header(_END), "count": written})


def read_json_lines(path: str | Path) -> Iterator[Item]:
    """Yield the explanations and failures of a file, holding one at a time.

    Raises
    ------
    SchemaError
        If the file is not a saved set of a known version, or, when all of it was read, not a complete one.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            first = file.readline()
            if not first:
                raise SchemaError(
                    f"{str(path)!r} is empty. Accepted: a header line, then one line for each text."
                )
            header = serialization.from_json(first)
            serialization.check_header(header, serialization.SET)
            yield from _checked(file, str(path), header.get("count"))
    except UnicodeDecodeError as error:
        raise SchemaError(f"{str(path)!r} is not UTF-8, so not a saved explanation set.") from error


def read_header(path: str | Path) -> dict[str, Any]:
    """Return the header of a file of JSON lines.

    Raises
    ------
    SchemaError
        If it is not that of a saved set of a known version.
    """
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        header = serialization.from_json(file.readline())
    serialization.check_header(header, serialization.SET)
    return dict(header)


def _checked(file: TextIO, name: str, count: object) -> Iterator[Item]:
    found, told = 0, count
    for line in file:
        data = serialization.from_json(line)
        if count is None and isinstance(data, dict) and data.get("kind") == _END:
            serialization.check_header(data, _END)
            told = data.get("count")
            continue
        yield item_from_dict(data)
        found += 1
    if told != found:
        line = "header" if count is not None else "last line"
        raise SchemaError(f"{name!r} holds {found} texts but its {line} says {told!r}. It was cut or edited.")


def _line(data: Mapping[str, Any]) -> str:
    return serialization.to_json(data) + "\n"
