"""Strength: what a unit did over many texts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from setfit_explain.errors import OptionError
from setfit_explain.explanation.checks import explains_class

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation


@dataclass(frozen=True, slots=True)
class UnitStrength:
    """What one unit did over many texts.

    Parameters
    ----------
    unit
        The unit's text, case folded.
    count
        How often it occurred.
    mean, total
        Mean and sum of its signed attributions.
    """

    unit: str
    count: int
    mean: float
    total: float


def check_one_method(explanations: "Iterable[Explanation]") -> None:
    """Raise ``OptionError`` where methods, whose numbers do not compare, would be put together."""
    methods = dict.fromkeys(explanation.method for explanation in explanations)
    if len(methods) > 1:
        raise OptionError(
            f"The explanations are by {', '.join(methods)}, whose numbers do not compare. Take those of one "
            f"method: ExplanationSet(e for e in explanations.explanations if e.method == {next(iter(methods))!r})."
        )


def check_explains_class(explanations: "Iterable[Explanation]", export: str) -> None:
    """Raise ``OptionError`` where an export says what speaks for a class, and a method explains none."""
    for explanation in explanations:
        if not explains_class(explanation):
            raise OptionError(
                f"Method {explanation.method!r} explains no class, and {export} says what the classes go by. Export "
                "explanations by another method, such as 'integrated_gradients' or 'occlusion'."
            )


def shared_notes(explanations: "Sequence[Explanation]") -> tuple[str, ...]:
    """Return what is to be said of the numbers of all the texts, and not of some text's alone."""
    found = [explanation.notes for explanation in explanations]
    return tuple(note for note in (found[0] if found else ()) if all(note in notes for notes in found))


def unit_strengths(
    explanations: "Iterable[Explanation]", target: str | int | None = None
) -> list[UnitStrength]:
    """Return every unit but the buckets, by falling mean, then falling count.

    Raises
    ------
    TargetError
        If a text was not explained for ``target``.
    """
    values: defaultdict[str, list[float]] = defaultdict(list)
    for explanation in explanations:
        row = explanation.attributions[explanation.target_index(target)].tolist()
        for unit, value in zip(explanation.units, row, strict=True):
            if unit.special is None:
                values[unit.text.casefold()].append(value)
    strengths = [UnitStrength(u, len(v), sum(v) / len(v), sum(v)) for u, v in values.items()]
    return sorted(strengths, key=lambda item: (-item.mean, -item.count, item.unit))
