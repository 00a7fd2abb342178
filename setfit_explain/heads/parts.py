"""The kinds of module that a saved head is made of: what of each is data.

A kind is a name in the file. Reading looks it up here and nowhere else, so a file can name no other code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from setfit_explain.errors import UnsupportedHeadError

FLOATS, INDICES = torch.float64, torch.int64

_Module = TypeVar("_Module", bound=type[nn.Module])


@dataclass(frozen=True)
class Setting:
    """How JSON holds an attribute of a module that is no tensor.

    Parameters
    ----------
    accepted
        What the JSON value is, for error messages.
    encode
        Attribute -> JSON value.
    decode
        JSON value -> attribute, or `ValueError`.
    """

    accepted: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


@dataclass(frozen=True)
class Part:
    """One kind of module.

    Parameters
    ----------
    kind
        Its name in the file.
    module
        The class.
    tensors
        Its own parameters or buffers, with their precision.
    settings
        Its other attributes.
    children
        Names of the modules within it; None where they are numbered.
    trained
        Whether the tensors are parameters, not buffers.
    """

    kind: str
    module: type[nn.Module]
    tensors: Mapping[str, torch.dtype] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    children: tuple[str, ...] | None = ()
    trained: bool = False


PARTS: dict[str, Part] = {}


def saved_as(
    kind: str,
    *,
    tensors: Mapping[str, torch.dtype] | None = None,
    settings: Mapping[str, Setting] | None = None,
    children: tuple[str, ...] = (),
) -> Callable[[_Module], _Module]:
    """Register a class of modules: all that its ``forward`` uses, as in `Part`.

    Files keep the names, so changing any of them is a new `saved_head.VERSION`.
    """

    def register(module: _Module) -> _Module:
        PARTS[kind] = Part(kind, module, tensors or {}, settings or {}, children)
        return module

    return register


def part_of(module: nn.Module) -> Part:
    """Look up the kind of a module.

    Raises
    ------
    UnsupportedHeadError
        It has none, as a user's own module.
    """
    for part in PARTS.values():
        if type(module) is part.module:
            return part
    raise UnsupportedHeadError(
        f"The head holds a {type(module).__name__}, which cannot be written as data without code. Every supported "
        "scikit-learn head and SetFitHead can; a torch module of your own cannot."
    )


def _of_type(kind: type, accepted: str) -> Setting:
    return Setting(accepted, kind, lambda value: _check(value, type(value) is kind))


def _check(value: Any, accepted: bool) -> Any:
    if not accepted:
        raise ValueError(value)
    return value


def _decode_integers(value: Any) -> tuple[int, ...]:
    return tuple(_check(value, type(value) is list and all(type(item) is int for item in value)))


def _encode_classes(classes: Any) -> list[Any]:
    values = [value.item() if isinstance(value, np.generic) else value for value in classes]
    if not all(_is_class(value) for value in values):
        raise UnsupportedHeadError(
            f"The head's classes {values!r} cannot be written as data; strings, numbers and truth values can."
        )
    return values


def _decode_classes(value: Any) -> tuple[Any, ...]:
    return tuple(_check(value, type(value) is list and all(_is_class(item) for item in value)))


def _is_class(value: Any) -> bool:
    return type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value))


def one_of(values: Mapping[str, Any]) -> Setting:
    """Hold one of some values by its name."""
    names = {value: name for name, value in values.items()}
    return Setting(
        f"one of {', '.join(values)}",
        names.__getitem__,
        lambda name: values[_check(name, name in list(values))],
    )


TRUTH = _of_type(bool, "true or false")
INTEGER = _of_type(int, "an integer")
NUMBER = _of_type(float, "a number with a decimal point")
INTEGERS = Setting("a list of integers", list, _decode_integers)
INTEGERS_OR_NONE = Setting(
    "a list of integers or null",
    lambda value: None if value is None else list(value),
    lambda value: None if value is None else _decode_integers(value),
)
CLASSES = Setting("a list of strings, finite numbers and truth values", _encode_classes, _decode_classes)

for _part in (
    Part("sequential", nn.Sequential, children=None),
    Part("list", nn.ModuleList, children=None),
    Part(
        "linear",
        nn.Linear,
        {"weight": FLOATS, "bias": FLOATS},
        {"in_features": INTEGER, "out_features": INTEGER},
        trained=True,
    ),
    Part("identity", nn.Identity),
    Part("sigmoid", nn.Sigmoid),
    Part("tanh", nn.Tanh),
    Part("relu", nn.ReLU, settings={"inplace": TRUTH}),
):
    PARTS[_part.kind] = _part
