"""Bars: the strongest units of a text, or of many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from setfit_explain.views.formatting import signed
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.plots.canvas import (
    BAR,
    INK,
    colours,
    drawable,
    height_of,
    hidden_line,
    leave_room,
    name_rows,
    new_axes,
    note_lines,
    scale_of,
    score_mark,
    strongest,
    unsure,
    write_number,
    write_scale,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bar_chart(panel: TextPanel, target: int, *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw the strongest units of one target as bars, in reading order from the top.

    Parameters
    ----------
    panel
        What is shown of the text.
    target
        Index into ``panel.targets``.
    most
        How many units; the others are counted below.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    shown = panel.targets[target]
    units = strongest(shown.values, most)
    notes = note_lines(panel.notes)
    ax = _bars(
        [panel.unit_names[unit] for unit in units],
        [shown.values[unit] for unit in units],
        ["" for _ in units],
        notes,
        ax,
    )
    write_title(ax, f"{shown.name}{score_mark(shown.score, ': ')}{unsure(shown)}")
    write_scale(
        ax,
        f"{scale_of(panel, shown)}{score_mark(shown.baseline_score, ', from baseline ')}",
        *hidden_line(len(shown.values) - len(units)),
        *notes,
    )
    return ax


def mean_bars(
    rows: Sequence[tuple[str, float, int]],
    *,
    title: str,
    scale: str,
    notes: Sequence[str] = (),
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw (unit, mean attribution, number of occurrences) as bars, the first at the top, and notes below.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    names, means, counts = ([row[column] for row in rows] for column in range(3))
    lines = note_lines(notes)
    ax = _bars(names, means, [f"  ×{count}" for count in counts], lines, ax)  # type: ignore[arg-type]
    write_title(ax, title)
    write_scale(ax, scale, *lines)
    return ax


def _bars(
    names: Sequence[str],
    values: Sequence[float],
    marks: Sequence[str],
    notes: Sequence[str],
    ax: "Axes | None",
) -> "Axes":
    ax = new_axes(ax, 6, 1.1 + 0.27 * max(1, len(names)) + height_of(notes))
    widths = [drawable(value) for value in values]
    ax.barh(range(len(widths)), widths, height=BAR, color=colours(widths))
    for row, (width, value, mark) in enumerate(zip(widths, values, marks, strict=True)):
        write_number(ax, width, row, signed(value, 2) + mark, left=width < 0)
    name_rows(ax, names)
    negative = sum(width < 0 for width in widths)
    leave_room(ax, [0.0, *widths], left=negative > 0, right=negative < len(widths) or not widths)
    ax.axvline(0, color=INK, linewidth=0.8)
    return ax
