"""Terminal view: one text with its words on coloured ground, and the numbers beneath.

Texts and labels reach the terminal as plain characters only: never as markup, never as an escape.
"""

import io
import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from setfit_explain.views.formatting import excerpt, number, printable, signed, visible_name
from setfit_explain.views.panel import ComparisonPanel, Item, TargetPanel, TextPanel, compared
from setfit_explain.views.pieces import (
    EMPTY_TEXT,
    answers,
    drawn_targets,
    hidden_targets_line,
    numbered_units,
    pieces,
    sampling_error,
    size,
    special_line,
    truncation_line,
    unseen_excerpt,
)
from setfit_explain.views.scale import LIGHT, Bounds, bound_of, colour, shared_bounds, step, strength
from setfit_explain.views.side_by_side import Column, Ranks, columns, ranks, rows, scale_lines, totals

MOST_ROWS = 20
"""Units of a text that the table of several methods has."""
_METHODS_ABREAST = 4
_STRONGEST = 5
_WEAKEST_STEP = 2
_PALEST = 0.4
_UNIT_WIDTH = 40
_LEAST_UNIT_WIDTH = 16


def render(item: Item, bounds: Bounds | None = None) -> RenderableType:
    """Draw one text, its shown class in full and the other classes in a line each.

    Parameters
    ----------
    item
        What to draw: a text by one method, or by several, which stand side by side.
    bounds
        The values of the fullest colours; ``None`` takes this text's largest.
    """
    comparison = compared(item)
    panel, *others = comparison.methods
    bounds = shared_bounds(comparison.methods) if bounds is None else bounds
    drawn = _side_by_side(comparison, bounds) if others else _alone(panel, bounds)
    notes = dict.fromkeys(note for each in comparison.methods for note in each.notes)
    footers = dict.fromkeys(each.footer for each in comparison.methods)
    hidden = hidden_targets_line(panel)
    return Group(
        _answer(panel),
        *drawn,
        *([Text(hidden, style="dim")] if hidden else []),
        *(Text(printable(line), style="bold") for line in (truncation_line(panel), *notes) if line),
        *(Text(printable(footer), style="dim") for footer in footers),
    )


def render_all(items: Sequence[Item], rest: Sequence[str]) -> RenderableType:
    """Draw texts one below the other on one colour scale, then the lines of ``rest``."""
    bounds = shared_bounds(panel for item in items for panel in compared(item).methods)
    drawn = [Padding(render(item, bounds), (0, 0, 1, 0)) for item in items]
    return Group(*drawn, *(Text(printable(line)) for line in rest))


def to_string(renderable: RenderableType) -> str:
    """Return what ``print`` shows, in as many colours as the terminal has.

    There are none where stdout is no terminal, or NO_COLOR is set.
    """
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=colours,
        color_system="auto" if colours else None,
        no_color=not colours,
        width=shutil.get_terminal_size().columns,
        highlight=False,
        legacy_windows=False,
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _alone(panel: TextPanel, bounds: Bounds) -> list[RenderableType]:
    shown = panel.targets[panel.shown]
    special = special_line(shown)
    return [
        Padding(_highlighted(panel, shown, bound_of(bounds, panel, shown)), (1, 2)),
        _score_line(shown, panel.unit_of_measure(shown)),
        Padding(_strongest(panel, shown), (0, 2)),
        *(_score_line(target) for target in _other_targets(panel)),
        *([Text(special, style="dim")] if special else []),
    ]


def _other_targets(panel: TextPanel) -> list[TargetPanel]:
    return [panel.targets[index] for index in drawn_targets(panel) if index != panel.shown]


def _side_by_side(comparison: ComparisonPanel, bounds: Bounds) -> list[RenderableType]:
    """Draw the text, then its units with a column each method, the figures, and how alike the methods are."""
    panel = comparison.methods[0]
    shown = panel.targets[panel.shown]
    table = columns(comparison, shown.name, bounds)
    agreement = ranks(comparison, shown.name, table)
    drawn: list[RenderableType] = [Padding(_text(panel), (1, 2)), Text(printable(shown.name), style="bold")]
    abreast = [slice(at, at + _METHODS_ABREAST) for at in range(0, len(table), _METHODS_ABREAST)]
    drawn += [_units(table, table[some]) for some in abreast]
    drawn += [Text(printable(line)) for line in scale_lines(table, shown.name)]
    if any(row.left_out for row in rows(table, MOST_ROWS)):
        drawn.append(Text("to_dataframe() has the numbers of all units.", style="dim"))
    if agreement is not None:
        drawn += [*(_agreement(agreement, some) for some in abreast), Text(agreement.meaning)]
    return drawn + [_methods_line(comparison, target, bounds) for target in _other_targets(panel)]


def _headed(corner: str, methods: Sequence[str]) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column(corner, min_width=_LEAST_UNIT_WIDTH, max_width=_UNIT_WIDTH, overflow="fold")
    for method in methods:
        grid.add_column(Text(printable(method)), justify="right")
    return grid


def _agreement(agreement: Ranks, abreast: slice) -> Table:
    grid = _headed("rank agreement", agreement.methods[abreast])
    for name, cells in zip(agreement.methods, agreement.cells, strict=True):
        grid.add_row(Text(printable(name)), *map(Text, cells[abreast]))
    return grid


def _units(table: Sequence[Column], abreast: Sequence[Column]) -> Table:
    """Draw some of the columns, with the units that are strongest in any of them."""
    grid = _headed("unit", [column.name for column in abreast])
    for row in rows(table, MOST_ROWS):
        if row.unit is None:
            grid.add_row(Text(row.name, style="dim"))
        else:
            cells = [_cell(column, row.unit) for column in abreast]
            grid.add_row(Text(excerpt(row.name, _UNIT_WIDTH)), *cells)
    grid.add_section()
    for name, figures in totals(abreast):
        style = {"NOT CONVERGED": "bold red"}
        grid.add_row(Text(name, style="dim"), *(Text(each, style=style.get(each, "")) for each in figures))
    return grid


def _cell(column: Column, unit: int) -> Text:
    value = column.value(unit)
    seen = abs(step(value, column.bound)) >= _WEAKEST_STEP
    style = Style(color=LIGHT.ink, bgcolor=_ground(value, column.bound)) if seen else Style()
    return Text(column.written(value), style=style)


def _methods_line(comparison: ComparisonPanel, target: TargetPanel, bounds: Bounds) -> Text:
    """Say of another class what it scores, and how exact each method is."""
    line = _score_line(replace(target, baseline_score=math.nan, converged=True, sampled=False))
    for column in columns(comparison, target.name, bounds):
        each = column.target
        if each is None or not each.of_class:
            continue
        if each.converged and math.isnan(each.delta):
            continue
        delta = "" if math.isnan(each.delta) else f" delta {signed(each.delta)}"
        line.append(f"; {printable(column.panel.method)}{delta}", style="not bold")
        if not each.converged:
            line.append(" NOT CONVERGED", style="bold red")
    return line


def _answer(panel: TextPanel) -> Text:
    answered = [f"{name} ({probability})" if probability else name for name, probability in answers(panel)]
    line = Text("predicted: ").append(printable(", ".join(answered) or "no class"), style="bold")
    if panel.true_label is not None:
        verdict = "correct" if panel.correct else "WRONG"
        line.append(f"   true label: {printable(', '.join(panel.true_label) or 'no class')} ({verdict})")
    return line


def _text(panel: TextPanel, target: TargetPanel | None = None, bound: float = 0.0) -> Text:
    """Write the text, its units coloured where a target is given."""
    numbered = set() if target is None else numbered_units(target)
    text = Text()
    for piece in pieces(panel):
        if piece.unit is not None and target is not None:
            _append_unit(text, piece.text, target.values[piece.unit], bound, piece.unit in numbered)
        elif piece.unseen:
            text.append(unseen_excerpt(piece.text), style="dim strike")
        else:
            text.append(printable(piece.text))
    if not panel.text:
        text.append(EMPTY_TEXT, style="dim")
    return text


def _highlighted(panel: TextPanel, target: TargetPanel, bound: float) -> Text:
    text = _text(panel, target, bound)
    for name, value in zip(panel.buckets, target.values[len(panel.spans) :], strict=True):
        if value:
            text.append("  ")
            _append_unit(text, name, value, bound, numbered=True)
    return text


def _append_unit(text: Text, unit: str, value: float, bound: float, numbered: bool) -> None:
    seen = numbered or abs(step(value, bound)) >= _WEAKEST_STEP
    style = Style(color=LIGHT.ink, bgcolor=_ground(value, bound)) if seen else Style()
    text.append(printable(unit), style=style)
    if numbered:
        text.append(f"({signed(value, 2)})", style="dim")


def _ground(value: float, bound: float) -> str:
    """Return a colour that starts pale instead of white, which would outshine the strong ones on a dark terminal."""
    return colour(math.copysign(_PALEST + (1 - _PALEST) * strength(value, bound), value), 1.0)


def _score_line(target: TargetPanel, unit_of_measure: str = "") -> Text:
    line = Text(printable(target.name), style="bold")
    if math.isnan(target.score):
        return line.append(": no score", style="not bold")
    line.append(f": score {number(target.score)}", style="not bold")
    if not math.isnan(target.baseline_score):
        line.append(
            f" = baseline {number(target.baseline_score)} {signed(sum(target.values))} from the units, "
            f"delta {signed(target.delta)}",
            style="not bold",
        )
    if unit_of_measure:
        line.append(f" ({unit_of_measure})", style="not bold")
    if target.sampled:
        line.append(f", {sampling_error(target)}", style="not bold")
    if not target.converged:
        line.append("  NOT CONVERGED", style="bold red")
    return line


def _strongest(panel: TextPanel, target: TargetPanel) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    ranked = sorted(zip(target.values, panel.unit_names, strict=True), key=lambda item: -size(item[0]))
    for value, name in ranked[:_STRONGEST]:
        if value:
            direction = (target.towards if value > 0 else target.away) if target.signed else ""
            unit = Text(excerpt(visible_name(name), _UNIT_WIDTH))
            table.add_row(Text(signed(value)), unit, Text(printable(direction)))
    return table
