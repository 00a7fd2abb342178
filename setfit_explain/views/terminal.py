"""Terminal view: one text with its words on coloured ground, and the numbers beneath.

Texts and labels reach the terminal as plain characters only: never as markup, never as an escape.
"""

import io
import math
import os
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from setfit_explain.views.formatting import excerpt, number, printable, signed, visible_name
from setfit_explain.views.panel import TargetPanel, TextPanel
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

_STRONGEST = 5
_WEAKEST_STEP = 2
_PALEST = 0.4
_UNIT_WIDTH = 40


def render(panel: TextPanel, bounds: Bounds | None = None) -> RenderableType:
    """Draw one text, its shown class in full and the other classes in a line each.

    Parameters
    ----------
    panel
        What to draw.
    bounds
        The values of the fullest colours; ``None`` takes this panel's largest.
    """
    bounds = shared_bounds([panel]) if bounds is None else bounds
    shown = panel.targets[panel.shown]
    bound = bound_of(bounds, panel, shown)
    others = [panel.targets[index] for index in drawn_targets(panel) if index != panel.shown]
    lines: list[RenderableType] = [
        _answer(panel),
        Padding(_highlighted(panel, shown, bound), (1, 2)),
        _score_line(shown, panel.unit_of_measure(shown)),
        Padding(_strongest(panel, shown), (0, 2)),
    ]
    lines += [_score_line(target) for target in others]
    lines += [Text(line, style="dim") for line in (hidden_targets_line(panel), special_line(shown)) if line]
    lines += [Text(printable(line), style="bold") for line in (truncation_line(panel), *panel.notes) if line]
    return Group(*lines, Text(printable(panel.footer), style="dim"))


def render_all(panels: Sequence[TextPanel], rest: Sequence[str]) -> RenderableType:
    """Draw texts one below the other on one colour scale, then the lines of ``rest``."""
    bounds = shared_bounds(panels)
    drawn = [Padding(render(panel, bounds), (0, 0, 1, 0)) for panel in panels]
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


def _answer(panel: TextPanel) -> Text:
    answered = [f"{name} ({probability})" if probability else name for name, probability in answers(panel)]
    line = Text("predicted: ").append(printable(", ".join(answered) or "no class"), style="bold")
    if panel.true_label is not None:
        verdict = "correct" if panel.correct else "WRONG"
        line.append(f"   true label: {printable(', '.join(panel.true_label) or 'no class')} ({verdict})")
    return line


def _highlighted(panel: TextPanel, target: TargetPanel, bound: float) -> Text:
    numbered = numbered_units(target)
    text = Text()
    for piece in pieces(panel):
        if piece.unit is not None:
            _append_unit(text, piece.text, target.values[piece.unit], bound, piece.unit in numbered)
        elif piece.unseen:
            text.append(unseen_excerpt(piece.text), style="dim strike")
        else:
            text.append(printable(piece.text))
    if not panel.text:
        text.append(EMPTY_TEXT, style="dim")
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
