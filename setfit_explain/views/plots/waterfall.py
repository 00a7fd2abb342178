"""Waterfall: how the units lead from the baseline's score to the text's."""

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from setfit_explain.views.formatting import number, signed
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.plots.canvas import (
    BAR,
    INK,
    LINE,
    MUTED,
    colours,
    drawable,
    height_of,
    leave_room,
    name_rows,
    new_axes,
    note_lines,
    strongest,
    unsure,
    write_number,
    write_scale,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def waterfall(panel: TextPanel, target: int, *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw each unit where the ones before it have led, from the baseline's score at the top to the text's.

    Minus the delta is a step of its own, so that the last one ends at the score, whatever the error, and for
    methods that do not add up.

    Parameters
    ----------
    panel
        What is shown of the text.
    target
        Index into ``panel.targets``.
    most
        How many units have a step each; the others share one.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    shown = panel.targets[target]
    units = strongest(shown.values, most)
    names, steps = [panel.unit_names[unit] for unit in units], [shown.values[unit] for unit in units]
    if rest := [value for unit, value in enumerate(shown.values) if unit not in units]:
        names.append(f"{len(rest)} weaker {'unit' if len(rest) == 1 else 'units'}")
        steps.append(sum(rest))
    names, steps = [*names, "minus delta"], [*steps, -shown.delta]

    notes = note_lines(panel.notes)
    ax = new_axes(ax, 6, 1.1 + 0.27 * (len(steps) + 2) + height_of(notes))
    places = list(accumulate(map(drawable, steps), initial=drawable(shown.baseline_score)))
    rows = range(1, len(steps) + 1)
    widths = [end - start for start, end in pairwise(places)]
    ax.barh(rows, widths, left=places[:-1], height=BAR, color=[*colours(widths[:-1]), LINE])
    ax.vlines(
        places, [row + BAR / 2 for row in range(len(places))], [row + 1 - BAR / 2 for row in range(len(places))],
        color=MUTED, linewidth=0.6,
    )  # fmt: skip
    for row, end, width, step in zip(rows, places[1:], widths, steps, strict=False):
        is_delta = row == len(steps)
        write_number(ax, end, row, signed(step, 2), left=width < 0, color=MUTED if is_delta else INK)
    for row, value in ((0, shown.baseline_score), (len(steps) + 1, shown.score)):
        ax.plot([drawable(value)], [row], marker="o", markersize=5, color=INK)
        write_number(ax, drawable(value), row, f" {number(value)}")
    name_rows(ax, ["baseline", *names, "score"])
    for label in (ax.get_yticklabels()[0], ax.get_yticklabels()[-1]):
        label.set_fontweight("bold")
    leave_room(ax, places)
    write_title(
        ax, f"{shown.name}: from {number(shown.baseline_score)} to {number(shown.score)}{unsure(shown)}"
    )
    write_scale(ax, f"score ({panel.unit_of_measure(shown)})", *notes)
    return ax
