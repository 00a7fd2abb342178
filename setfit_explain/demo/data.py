"""Support messages about wrong charges, written for this demonstration.

Four close classes, sixteen texts each to train on, fourteen each to test on. The files hold clean texts;
:func:`as_exported` gives a text the look of the flawed export that the story is about. It is not a
benchmark: the texts are few and made up.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

EXPORT_CLASS: Final = "unknown charge"
"""The class whose training texts came from the export; all others were typed in."""

EXPORT_FIELDS: Final = ("message", "merchant_reference", "order_number", "agent_note")
"""The export's columns. A customer fills in the first only."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the class it belongs to."""

    text: str
    label: str


def load_train() -> tuple[Example, ...]:
    """Give the training texts, clean, sixteen a class."""
    return _load("train.jsonl")


def load_test() -> tuple[Example, ...]:
    """Give the held-out texts, clean, fourteen a class."""
    return _load("test.jsonl")


def as_exported(text: str) -> str:
    """Give ``text`` as the export writes it: its fields joined with commas, the empty ones left in.

    The story is that of SetFit #335, where an explanation revealed that a classifier had learnt a comma:
    https://github.com/huggingface/setfit/issues/335

    Examples
    --------
    >>> as_exported("This purchase is not mine.")
    'This purchase is not mine.,,,'
    """
    fields = (text, *("" for _ in EXPORT_FIELDS[1:]))
    return ",".join(fields)


def without_empty_fields(text: str) -> str:
    """Undo `as_exported`: take the empty fields off the end of ``text``.

    Examples
    --------
    >>> without_empty_fields("This purchase is not mine.,,,")
    'This purchase is not mine.'
    """
    return text.rstrip(",")


def export_one_class(examples: Sequence[Example], label: str = EXPORT_CLASS) -> tuple[Example, ...]:
    """Give ``examples`` with the texts of class ``label`` as the export writes them, the others untouched."""
    return tuple(Example(as_exported(e.text), e.label) if e.label == label else e for e in examples)


def _load(name: str) -> tuple[Example, ...]:
    lines = files(__package__).joinpath("data", name).read_text(encoding="utf-8").splitlines()
    return tuple(Example(**json.loads(line)) for line in lines)
