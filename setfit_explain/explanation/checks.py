"""Checks: what the fields of an explanation must satisfy, what they say, and when two are the same."""

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError, TargetError
from setfit_explain.explanation.units import Unit

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from setfit_explain.explanation.explanation import Explanation

Setting = str | int | float | bool | None
_Item = TypeVar("_Item")


def checked_items(items: Iterable[_Item], *kinds: type) -> tuple[_Item, ...]:
    """Return the items of a set.

    Raises
    ------
    InputError
        If they are no list, or one is of another kind.
    """
    accepted = f"Accepted: a list of {' or '.join(kind.__name__ for kind in kinds)}"
    if not isinstance(items, Iterable):
        raise InputError(f"Got one {type(items).__name__}. {accepted}, such as [explanation].")
    found = tuple(items)
    for place, item in enumerate(found):
        if not isinstance(item, kinds):
            raise InputError(f"Item {place} is of type {type(item).__name__}. {accepted}.")
    return found


def plain_setting(name: str, value: object) -> Setting:
    """Return ``value`` as Python's own type.

    Raises
    ------
    InputError
        If JSON could not hold it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise InputError(f"Setting {name!r} is {value!r}. Accepted: a string, a finite number, a bool or None.")


def find_target(targets: Sequence[str], target: str | int) -> int:
    """Return the place of a target's name, or of its index.

    Raises
    ------
    TargetError
        If it is not among ``targets``.
    """
    if isinstance(target, str):
        if target in targets:
            return targets.index(target)
        close = difflib.get_close_matches(target, targets, n=1)
    elif 0 <= target < len(targets):
        return int(target)
    else:
        close = []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise TargetError(
        f"Target {target!r} was not explained. Explained: {', '.join(targets)} "
        f"(indices 0 to {len(targets) - 1}).{hint}"
    )


def frozen_array(
    name: str, values: object, shape: tuple[int, ...], dtype: type[Any] = np.float64
) -> NDArray[Any]:
    """Return a copy of ``values`` that is read-only.

    Raises
    ------
    InputError
        If its shape is another.
    """
    array = np.array(values, dtype=dtype)
    if array.shape != shape:
        raise InputError(f"{name!r} has the shape {array.shape}. Accepted: {shape}.")
    array.setflags(write=False)
    return array


def check_units(text: str, units: tuple[Unit, ...]) -> None:
    """Raise ``InputError`` unless the units are slices of ``text`` in reading order, then buckets."""
    previous_end, in_buckets = 0, False
    for unit in units:
        if unit.special is not None:
            in_buckets = True
            continue
        inside = not in_buckets and previous_end <= unit.start < unit.end <= len(text)
        if not inside or text[unit.start : unit.end] != unit.text:
            raise InputError(
                f"Unit {unit.text!r} at ({unit.start}, {unit.end}) is not a slice of the text, in reading "
                "order and before the buckets."
            )
        previous_end = unit.end


def check_span(text: str, span: tuple[int, int] | None) -> None:
    """Raise ``InputError`` unless ``span`` is ``None`` or lies inside ``text``."""
    if span is not None and not 0 <= span[0] <= span[1] <= len(text):
        raise InputError(f"Truncated span {span} is not inside a text of {len(text)} characters.")


def explains_class(explanation: "Explanation") -> bool:
    """Whether the rows are of classes or contrasts, which have scores: those of attention are not."""
    return not bool(np.isnan(explanation.score).all())


def same_fields(mine: "DataclassInstance", other: "DataclassInstance") -> bool:
    """Return whether all fields of two objects of one class are equal, where NaN equals NaN."""
    return all(_same(getattr(mine, field.name), getattr(other, field.name)) for field in fields(mine))


def _same(mine: object, other: object) -> bool:
    if isinstance(mine, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(mine, other, equal_nan=mine.dtype.kind == "f")
    if isinstance(mine, float) and isinstance(other, float) and math.isnan(mine):
        return math.isnan(other)
    return mine == other
