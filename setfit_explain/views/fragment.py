"""Fragments: what the notebook's template fills in, with every number already a string."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from setfit_explain.views.figures import Figures, draw_figures
from setfit_explain.views.formatting import minus, printable, signed
from setfit_explain.views.panel import ComparisonPanel, Item, TargetPanel, TextPanel, compared
from setfit_explain.views.pieces import (
    EMPTY_TEXT,
    Piece,
    answers,
    drawn_targets,
    hidden_targets_line,
    numbered_units,
    pieces,
    truncation_line,
    unseen_excerpt,
)
from setfit_explain.views.scale import Bounds, bound_of, colour, strength
from setfit_explain.views.side_by_side import Column, Ranks, Row, columns, ranks, rows, scale_lines, totals

MOST_ROWS = 30
"""Units of a text that the table of several methods shows at once; below it, folded, are all."""
_SWATCHES = 9
_FAINT = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """A slice of the text as it is drawn.

    Parameters
    ----------
    text
        Printable characters.
    kind
        ``"up"`` or ``"down"`` for a unit's sign, ``"none"`` for a unit too weak to be seen on the
        scale, ``"gap"`` between units, ``"unseen"`` for what the model never saw.
    value
        The attribution with its sign; empty for what is no unit.
    label
        The attribution, shortened, where it is written next to the unit; else empty.
    ground
        Background.
    """

    text: str
    kind: str
    value: str = ""
    label: str = ""
    ground: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTarget:
    """One class of one text by one method, ready to be filled in; ``method`` is empty where there is one only."""

    figures: Figures
    method: str
    marks: tuple[Mark, ...]
    buckets: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table of methods: a unit with (number, ground) of each, or what is left out without any."""

    name: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One class of one text, a column each method; ``all_lines`` is empty where ``lines`` are all."""

    methods: tuple[str, ...]
    lines: tuple[Line, ...]
    all_lines: tuple[Line, ...]
    totals: tuple[tuple[str, tuple[str, ...]], ...]
    scales: tuple[str, ...]
    ranks: Ranks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One class of one text by all methods; ``table`` is None where one method alone speaks of it."""

    open: bool
    converged: bool
    methods: tuple[DrawnTarget, ...]
    table: Table | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """One text, ready to be filled in; ``plain`` is the text without colours, empty where one method alone has any."""

    panel: TextPanel
    plain: tuple[Mark, ...]
    folds: tuple[Fold, ...]
    answers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    footers: tuple[str, ...]
    swatches: tuple[str, ...]


def draw_text(item: Item, bounds: Bounds) -> DrawnText:
    """Return what the template shows of a text; ``bounds`` are the values of the fullest colours."""
    comparison = compared(item)
    first = comparison.methods[0]
    steps = [2 * step / (_SWATCHES - 1) - 1 for step in range(_SWATCHES)]
    own = [note for panel in comparison.methods for note in panel.notes]
    notes = (truncation_line(first), hidden_targets_line(first), *own)
    return DrawnText(
        panel=first,
        plain=_plain(first) if len(comparison.methods) > 1 else (),
        folds=tuple(_folds(comparison, bounds)),
        answers=answers(first),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
        footers=tuple(dict.fromkeys(panel.footer for panel in comparison.methods)),
        swatches=tuple(colour(step, 1.0) for step in steps),
    )


def _folds(comparison: ComparisonPanel, bounds: Bounds) -> Iterator[Fold]:
    """Give each class of the first method with what all say of it, then each method that says nothing of them."""
    first, *others = comparison.methods
    drawn = [(index == first.shown, first.targets[index]) for index in drawn_targets(first)]
    names = {target.name for _, target in drawn}
    for shown, target in drawn:
        alike = [(panel, each) for panel in others for each in panel.targets if each.name == target.name]
        table = _table(comparison, target.name, bounds) if others else None
        yield _fold(comparison, [(first, target), *alike], bounds, table, shown=shown)
    for panel in others:
        if names.isdisjoint(each.name for each in panel.targets):
            yield _fold(comparison, [(panel, panel.targets[panel.shown])], bounds, None, shown=False)


def _fold(
    comparison: ComparisonPanel,
    members: Sequence[tuple[TextPanel, TargetPanel]],
    bounds: Bounds,
    table: Table | None,
    *,
    shown: bool,
) -> Fold:
    return Fold(
        open=shown,
        converged=all(target.converged for _, target in members),
        methods=tuple(
            _draw_target(panel, target, bounds, panel.method if len(comparison.methods) > 1 else "")
            for panel, target in members
        ),
        table=table,
    )


def _table(comparison: ComparisonPanel, target: str, bounds: Bounds) -> Table:
    table = columns(comparison, target, bounds)
    strongest, every = rows(table, MOST_ROWS), rows(table)
    return Table(
        methods=tuple(column.name for column in table),
        lines=_lines(table, strongest),
        all_lines=_lines(table, every) if strongest != every else (),
        totals=totals(table),
        scales=scale_lines(table, target),
        ranks=ranks(comparison, target, table),
    )


def _lines(table: Sequence[Column], units: Sequence[Row]) -> tuple[Line, ...]:
    return tuple(
        Line(row.name, () if row.unit is None else tuple(_cell(column, row.unit) for column in table))
        for row in units
    )


def _cell(column: Column, unit: int) -> tuple[str, str]:
    value = column.value(unit)
    ground = colour(value, column.bound) if column.strength(unit) >= _FAINT else ""
    return column.written(value), ground


def _draw_target(panel: TextPanel, target: TargetPanel, bounds: Bounds, method: str) -> DrawnTarget:
    bound = bound_of(bounds, panel, target)
    return DrawnTarget(
        figures=draw_figures(panel, target, bounds),
        method=method,
        marks=_marks(panel, target, bound),
        buckets=tuple(
            _unit_mark(name, value, bound, numbered=True)
            for name, value in zip(panel.buckets, target.values[len(panel.spans) :], strict=True)
            if value
        ),
    )


def _marks(panel: TextPanel, target: TargetPanel, bound: float) -> tuple[Mark, ...]:
    numbered = numbered_units(target)
    marks: list[Mark] = []
    for piece in pieces(panel):
        if piece.unit is not None:
            value = target.values[piece.unit]
            marks.append(_unit_mark(piece.text, value, bound, numbered=piece.unit in numbered))
        else:
            marks.append(_uncoloured(piece))
    return tuple(marks) or (Mark(EMPTY_TEXT, "unseen"),)


def _plain(panel: TextPanel) -> tuple[Mark, ...]:
    return tuple(map(_uncoloured, pieces(panel))) or (Mark(EMPTY_TEXT, "unseen"),)


def _uncoloured(piece: Piece) -> Mark:
    return Mark(unseen_excerpt(piece.text), "unseen") if piece.unseen else Mark(printable(piece.text), "gap")


def _unit_mark(name: str, value: float, bound: float, *, numbered: bool) -> Mark:
    kind = "none"
    if numbered or strength(value, bound) >= _FAINT:
        kind = "up" if value > 0 else "down"
    label = minus(signed(value, 2)) if numbered else ""
    return Mark(printable(name), kind, minus(signed(value)), label, colour(value, bound))
