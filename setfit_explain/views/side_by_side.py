"""Side by side: the numbers of several methods for one class, a column each, and how alike they rank the units.

Says what stands in which column and on which scale; how a cell is coloured is left to the view that draws it.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from setfit_explain.views.formatting import minus, number, signed, visible_name
from setfit_explain.views.panel import ComparisonPanel, TargetPanel, TextPanel
from setfit_explain.views.pieces import size
from setfit_explain.views.scale import Bounds, bound_of, strength

NONE = "–"
"""What stands where a method has no number."""
OWN_SCALE = "*"
OF_NO_CLASS = "†"
_TAU = (
    "Rank agreement (Kendall's tau): +1 where two methods order the units alike, −1 where one has the order of the "
    "other turned round, about 0 where one says nothing of the other."
)
_STRENGTHS = " Beside a method without a sign, units are ordered by strength."


@dataclass(frozen=True, slots=True)
class Column:
    """One method's numbers for one class; ``target`` is None where it did not explain that class."""

    panel: TextPanel
    target: TargetPanel | None
    bound: float

    @property
    def mark(self) -> str:
        """What refers to the note of a method whose numbers are no parts of the score; else empty."""
        if self.target is None or not self.target.scale:
            return ""
        return OWN_SCALE if self.target.of_class else OF_NO_CLASS

    @property
    def name(self) -> str:
        """Name of the method, with its mark."""
        return f"{self.panel.method} {self.mark}".rstrip()

    def value(self, unit: int) -> float:
        """Return a unit's number, NaN where there is none."""
        return math.nan if self.target is None else self.target.values[unit]

    def strength(self, unit: int) -> float:
        """Return how full the unit's colour is, from 0 to 1."""
        return strength(self.value(unit), self.bound)

    def written(self, value: float) -> str:
        """Return a number as it is written in the column: with a sign where the method gives one."""
        if self.target is None:
            return NONE
        return minus(signed(value) if self.target.signed else number(value))


@dataclass(frozen=True, slots=True)
class Row:
    """One unit, named as it can be shown, or the number of weaker ones that are left out at its place."""

    name: str
    unit: int | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Ranks:
    """The rank agreement of every two methods, as strings; ``meaning`` is what it says in a line."""

    methods: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    meaning: str


def columns(comparison: ComparisonPanel, target: str, bounds: Bounds) -> tuple[Column, ...]:
    """Return a column for each method; what explains no class has the same one beside every class."""
    return tuple(_column(panel, target, bounds) for panel in comparison.methods)


def rows(table: Sequence[Column], most: int | None = None) -> tuple[Row, ...]:
    """Return the units in the order of the text, then the buckets that have a number.

    Parameters
    ----------
    table
        The columns; also those of several classes.
    most
        How many units, the strongest in any column; None for all.
    """
    panel = table[0].panel
    there = [
        unit
        for unit in range(len(panel.unit_names))
        if unit < len(panel.spans) or any(size(column.value(unit)) for column in table)
    ]
    ranked = sorted(there, key=lambda unit: -max(column.strength(unit) for column in table))
    return tuple(_with_gaps(panel, there, set(ranked[:most])))


def totals(table: Sequence[Column]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return a named row for each figure of the score that any method has: what adds up, and how exactly."""
    targets = [column.target for column in table]
    found = {
        "unit": [_unit(column) for column in table],
        "all units": [
            NONE if each is None or math.isnan(each.baseline_score) else minus(signed(sum(each.values)))
            for each in targets
        ],
        "baseline": [NONE if each is None else _known(each.baseline_score) for each in targets],
        "score": [NONE if each is None else _known(each.score) for each in targets],
        "delta": [
            NONE if each is None or math.isnan(each.delta) else minus(signed(each.delta)) for each in targets
        ],
        "estimated error": [
            NONE if each is None or each.sampled else _known(each.error_estimate) for each in targets
        ],
        "standard error of sampling, up to": [
            NONE if each is None or not each.sampled else _known(each.error_estimate) for each in targets
        ],
        "convergence": [_verdict(each) for each in targets],
    }
    return tuple((name, tuple(cells)) for name, cells in found.items() if set(cells) != {NONE})


def scale_lines(table: Sequence[Column], target: str) -> tuple[str, ...]:
    """Say on which scale the columns are coloured, a line for what they share and one for each that has its own."""
    shared = [column for column in table if column.target is not None and not column.mark]
    lines = [
        f"{column.mark} {column.panel.method}: {column.target.scale}{_limit(column.target, target)} Its colour is full at its own "
        f"largest in a text, {number(column.bound)}: compare the order of its units, not their numbers."
        for column in table
        if column.target is not None and column.mark
    ]
    if shared and shared[0].target is not None:
        unit = shared[0].panel.unit_of_measure(shared[0].target)
        whose = "all methods" if len(shared) == len(table) else "the methods without a mark"
        lines.insert(0, f"One scale for {whose}: the colour is full at ±{number(shared[0].bound)} {unit}.")
    return tuple(lines)


def ranks(comparison: ComparisonPanel, target: str, table: Sequence[Column]) -> Ranks | None:
    """Return the agreement of the methods on ``target``; None where it was not measured."""
    names = {column.panel.method: column.name for column in table}
    taus = {
        frozenset((each.first, each.second)): each.kendall
        for each in comparison.agreement
        if each.target == target
    }
    if not taus:
        return None
    cells = tuple(
        tuple("1" if first == second else _tau(taus.get(frozenset((first, second)))) for second in names)
        for first in names
    )
    signs = all(column.target is None or column.target.signed for column in table)
    return Ranks(tuple(names.values()), cells, _TAU if signs else _TAU + _STRENGTHS)


def _column(panel: TextPanel, name: str, bounds: Bounds) -> Column:
    found = next((target for target in panel.targets if target.name == name or not target.of_class), None)
    return Column(panel, found, 0.0 if found is None else bound_of(bounds, panel, found))


def _with_gaps(panel: TextPanel, there: Iterable[int], kept: set[int]) -> Iterator[Row]:
    names, left_out = panel.unit_names, 0
    for unit in there:
        if unit not in kept:
            left_out += 1
            continue
        if left_out:
            yield _gap(left_out)
        left_out = 0
        yield Row(visible_name(names[unit]), unit)
    if left_out:
        yield _gap(left_out)


def _gap(count: int) -> Row:
    return Row(f"… {count} weaker unit{'s' * (count != 1)}", None, count)


def _unit(column: Column) -> str:
    if column.target is None:
        return "not explained"
    return f"its own {column.mark}" if column.mark else column.panel.unit_of_measure(column.target)


def _limit(shown: TargetPanel, target: str) -> str:
    if shown.of_class:
        return ", and no part of the score."
    return f". It does not explain {target}, nor any other class."


def _verdict(target: TargetPanel | None) -> str:
    if target is None or target.sampled:
        return NONE
    return "converged" if target.converged else "NOT CONVERGED"


def _known(value: float) -> str:
    return NONE if math.isnan(value) else minus(number(value))


def _tau(value: float | None) -> str:
    return NONE if value is None or math.isnan(value) else minus(f"{value:+.2f}")
