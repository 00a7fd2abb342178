"""Serialization: explanations as plain JSON, read back only when all of it is understood.

Version 1 of the schema. NaN is written as null and infinities as "inf" and "-inf", because JSON has
neither. Files are written under another name first and then renamed, so that none is ever half written.
"""

import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from setfit_explain.errors import InputError, SchemaError
from setfit_explain.explanation.units import BUCKET_TEXTS, Unit

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation

SCHEMA_VERSION = 1
SET = "explanation_set"
"""Kind of a saved set, in its first line."""

_ARRAYS = ("attributions", "score", "baseline_score", "delta", "error_estimate", "probabilities")
_STRINGS = ("text", "output", "method", "granularity", "model_fingerprint")
_NAMES = ("classes", "targets", "predicted", "notes")
_OTHERS = (
    "units",
    "converged",
    "true_label",
    "settings",
    "truncated_span",
    "reproduction_error",
    "versions",
)
_DERIVED = ("special_token_share",)
_FIELDS = frozenset((*_ARRAYS, *_STRINGS, *_NAMES, *_OTHERS))

_E = TypeVar("_E", bound="Explanation")


def explanation_to_dict(explanation: "Explanation") -> dict[str, Any]:
    """Return ``explanation`` as strings, numbers, lists and dicts, in a fixed order."""
    label = explanation.true_label
    span = explanation.truncated_span
    return {
        **header("explanation"),
        "text": explanation.text,
        "predicted": list(explanation.predicted),
        "true_label": list(label) if isinstance(label, tuple) else label,
        "classes": list(explanation.classes),
        "probabilities": _encode(explanation.probabilities.tolist()),
        "targets": list(explanation.targets),
        "units": [
            {"text": unit.text, "start": unit.start, "end": unit.end, "special": unit.special}
            for unit in explanation.units
        ],
        "attributions": _encode(explanation.attributions.tolist()),
        **{name: _encode(getattr(explanation, name).tolist()) for name in _ARRAYS[1:5]},
        "converged": explanation.converged.tolist(),
        "special_token_share": _encode(explanation.special_token_share.tolist()),
        "output": explanation.output,
        "method": explanation.method,
        "granularity": explanation.granularity,
        "settings": dict(sorted(explanation.settings.items())),
        "truncated_span": None if span is None else list(span),
        "reproduction_error": _encode(explanation.reproduction_error),
        "notes": list(explanation.notes),
        "versions": dict(sorted(explanation.versions.items())),
        "model_fingerprint": explanation.model_fingerprint,
    }


def build(kind: type[_E], data: Mapping[str, Any]) -> _E:
    """Build an explanation of class ``kind`` from what ``explanation_to_dict`` returned.

    Raises
    ------
    SchemaError
        If the version is unknown, a field is missing, unknown or of another type, or the numbers do not
        fit the text.
    """
    check_header(data, "explanation")
    given = set(data) - set(header("explanation")) - set(_DERIVED)
    if missing := sorted(_FIELDS - given):
        raise SchemaError(f"A saved explanation lacks {', '.join(missing)}. Version 1 has all of them.")
    if unknown := sorted(given - _FIELDS):
        raise SchemaError(f"A saved explanation has {', '.join(unknown)}, which version 1 does not know.")
    try:
        return kind(**_decode_fields(data))
    except (InputError, TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise SchemaError(f"A saved explanation does not fit together: {error}") from error


def header(kind: str) -> dict[str, Any]:
    """Return the two fields that say what a saved object is."""
    return {"schema_version": SCHEMA_VERSION, "kind": kind}


def check_header(data: object, kind: str) -> None:
    """Raise ``SchemaError`` unless ``data`` says that it is a ``kind`` of a known version."""
    if not isinstance(data, Mapping):
        raise SchemaError(f"Expected a saved {kind} as a JSON object, got {type(data).__name__}.")
    version = data.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        mend = " It was written by a newer setfit_explain: upgrade to read it." if newer else ""
        raise SchemaError(f"schema_version is {version!r}. Accepted: {SCHEMA_VERSION}.{mend}")
    if data.get("kind") != kind:
        raise SchemaError(f"kind is {data.get('kind')!r}. Accepted here: {kind!r}.")


def to_json(data: object, indent: int | None = None) -> str:
    """Return ``data`` as ASCII JSON, so that lone surrogates survive any encoding."""
    return json.dumps(data, ensure_ascii=True, allow_nan=False, indent=indent)


def from_json(content: str) -> Any:
    """Parse JSON.

    Raises
    ------
    SchemaError
        If ``content`` is not JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"Not JSON, so not a saved explanation: {error}") from error


def write_atomically(path: str | Path, content: str | Iterable[str]) -> Path:
    """Write ``content``, or its parts, as UTF-8 to ``path``, all or nothing, and return the path."""
    with replacing(path) as temporary, temporary.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines([content] if isinstance(content, str) else content)
    return Path(path)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` at the end, or is removed after an error; errors name ``path``."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):  # of a folder that is none
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and temporary.name in str(error):
            raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
        raise


def _encode(value: Any) -> Any:
    if isinstance(value, list):
        return [_encode(item) for item in value]
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def decode(value: Any) -> Any:
    """Return numbers, or lists of them, as they were before JSON."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if value is None:
        return math.nan
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value


def _decode_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: _of_type(name, data[name], str) for name in _STRINGS}
    for name in _NAMES:
        fields[name] = tuple(_of_type(name, item, str) for item in _of_type(name, data[name], list))
    for name in _ARRAYS:
        fields[name] = decode(_of_type(name, data[name], list))
    fields["converged"] = [_of_type("converged", item, bool) for item in data["converged"]]
    fields["units"] = tuple(_decode_unit(_of_type("units", unit, dict)) for unit in data["units"])
    label = data["true_label"]
    if isinstance(label, list):
        fields["true_label"] = tuple(_of_type("true_label", item, str) for item in label)
    else:
        fields["true_label"] = None if label is None else _of_type("true_label", label, str)
    span = data["truncated_span"]
    if span is not None:
        start, end = (_of_type("truncated_span", edge, int) for edge in span)
        span = (start, end)
    fields["truncated_span"] = span
    fields["settings"] = _of_type("settings", data["settings"], dict)
    versions = _of_type("versions", data["versions"], dict)
    fields["versions"] = {name: _of_type("versions", item, str) for name, item in versions.items()}
    fields["reproduction_error"] = decode(data["reproduction_error"])
    return fields


def _decode_unit(unit: dict[str, Any]) -> Unit:
    if unit["special"] not in (None, *BUCKET_TEXTS):
        raise TypeError(f"units: {unit['special']!r} is not a kind of unit")
    start, end = (_of_type("units", unit[name], int) for name in ("start", "end"))
    return Unit(_of_type("units", unit["text"], str), start, end, unit["special"])


def _of_type(name: str, value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{name}: {value!r} is not of type {kind.__name__}")
    return value
