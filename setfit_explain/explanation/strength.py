"""Strength: what a unit did over many texts."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
