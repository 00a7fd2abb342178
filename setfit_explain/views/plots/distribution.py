"""Distribution: the attributions of many texts, class by class, a point each."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.views.formatting import signed
from setfit_explain.views.pieces import size
from setfit_explain.views.plots.canvas import (
    INK,
    LINE,
    MUTED,
    colours,
    height_of,
    name_rows,
    new_axes,
    note_lines,
    strongest,
    write_label,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPREAD = 0.56
# Multiples of the golden ratio fill an interval evenly, and the same way each time.
_GOLDEN = (5**0.5 - 1) / 2


def distribution(
    groups: Mapping[str, Sequence[float]],
    *,
    title: str,
    scale: str,
    notes: Sequence[str] = (),
    most: int = 20,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a row of points for each class, with a mark at the median and a line over the middle half.

    Parameters
    ----------
    groups
        The attributions of each class; what is not finite is left out, and the count says so.
    title, scale
        What is drawn, and in which unit.
    notes
        What every view says of the numbers.
    most
        How many classes, those with the largest attributions on average; the others are counted below.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    names = list(groups)
    shown = [names[place] for place in strongest([_mean_size(groups[name]) for name in names], most)]
    lines = note_lines(notes)
    ax = new_axes(ax, 6, 1.1 + 0.45 * max(1, len(shown)) + height_of(lines))
    for row, values in enumerate(groups[name] for name in shown):
        points = np.asarray(values, dtype=float)
        points = points[np.isfinite(points)]
        heights = row + _SPREAD * (np.arange(len(points)) * _GOLDEN % 1 - 0.5)
        ax.scatter(
            points, heights, s=12, color=colours(points.tolist()), alpha=0.8, linewidths=0, rasterized=True
        )
        count = f"{len(points)}" if len(points) == len(values) else f"{len(points)} of {len(values)} finite"
        summary = f"n = {count}"
        if points.size:
            low, middle, high = np.quantile(points, [0.25, 0.5, 0.75])
            ax.hlines(row, low, high, color=INK, linewidth=1.2)
            ax.plot([middle], [row], marker="|", markersize=13, markeredgewidth=2, color=INK)
            summary = f"median {signed(middle, 2)}, {summary}"
        ax.annotate(
            summary, (1, row), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", color=MUTED, fontsize="small", annotation_clip=False,
        )  # fmt: skip
    ax.axvline(0, color=INK, linewidth=0.8, zorder=0)
    name_rows(ax, shown)
    ax.margins(x=0.05)
    ax.locator_params(axis="x", nbins=6)
    ax.grid(axis="x", color=LINE, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", labelcolor=MUTED, labelsize="small")
    write_title(ax, title)
    hidden = len(names) - len(shown)
    left_out = f"{hidden} classes with smaller attributions not shown"
    write_label(ax, scale, *((left_out,) if hidden else ()), *lines)
    return ax


def _mean_size(values: Sequence[float]) -> float:
    return sum(map(size, values)) / max(1, len(values))
