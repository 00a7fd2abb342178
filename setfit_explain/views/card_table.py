"""Card tables: what the report's template fills in for a text by several methods, side by side for every class.

A line has a cell for each method and class; the style sheet shows those of the class that is chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from setfit_explain.views.panel import ComparisonPanel
from setfit_explain.views.scale import Bounds, step
from setfit_explain.views.side_by_side import NONE, Column, Ranks, columns, ranks, rows, scale_lines, totals


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is written, and the class of its colour, such as ``a-3``."""

    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A unit or a figure, with a cell for each method and class; without cells, what is left out."""

    name: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How the numbers of one class are to be read: on which scales, and how alike the methods are."""

    letter: str
    target: str
    scales: tuple[str, ...]
    ranks: Ranks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTable:
    """A text's methods side by side."""

    methods: tuple[str, ...]
    lines: tuple[Line, ...]
    totals: tuple[Line, ...]
    readings: tuple[Reading, ...]


def draw_card_table(
    comparison: ComparisonPanel, targets: Mapping[str, str], bounds: Bounds, most: int
) -> CardTable:
    """Return the table of a text; ``targets`` are the classes by their letters, ``most`` how many units it has."""
    tables = {letter: columns(comparison, name, bounds) for letter, name in targets.items()}
    columns_of_line = [
        (letter, table[at]) for at in range(len(comparison.methods)) for letter, table in tables.items()
    ]
    units = rows([column for _, column in columns_of_line], most)
    return CardTable(
        methods=tuple(column.name for column in next(iter(tables.values()))),
        lines=tuple(
            Line(row.name)
            if row.unit is None
            else Line(row.name, tuple(_cell(letter, column, row.unit) for letter, column in columns_of_line))
            for row in units
        ),
        totals=_totals(tables),
        readings=tuple(
            Reading(letter, name, scale_lines(table, name), ranks(comparison, name, table))
            for (letter, name), table in zip(targets.items(), tables.values(), strict=True)
        ),
    )


def _cell(letter: str, column: Column, unit: int) -> Cell:
    value = column.value(unit)
    return Cell(f"{letter}{step(value, column.bound)}", column.written(value))


def _totals(tables: Mapping[str, tuple[Column, ...]]) -> tuple[Line, ...]:
    figures = {letter: dict(totals(table)) for letter, table in tables.items()}
    methods = range(len(next(iter(tables.values()))))
    nothing = (NONE,) * len(methods)
    return tuple(
        Line(
            name,
            tuple(
                Cell(f"{letter}0", found.get(name, nothing)[at])
                for at in methods
                for letter, found in figures.items()
            ),
        )
        for name in dict.fromkeys(name for found in figures.values() for name in found)
    )
