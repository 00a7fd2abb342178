"""Heat map: what every unit did to every class."""

import math
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.views.formatting import number, signed
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.pieces import size
from setfit_explain.views.plots.canvas import (
    INK,
    height_of,
    hidden_line,
    literal,
    name_rows,
    new_axes,
    note_lines,
    row_name,
    scale_of,
    score_mark,
    strongest,
    write_scale,
    write_title,
)
from setfit_explain.views.scale import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVEL = 14
_CELL = 0.95
_WIDTH = 4.6
_FAINT = 0.02


def heat_map(panel: TextPanel, *, most: int = 20, most_targets: int = 12, ax: "Axes | None" = None) -> "Axes":
    """Draw targets as columns and units as rows in reading order, with the number in every cell that has a colour.

    The colours are those of every view, full at the largest attribution of a unit of the text.

    Parameters
    ----------
    panel
        What is shown of the text.
    most, most_targets
        How many of the strongest units, and how many of the targets with the largest scores; what is left
        out is counted below.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    sizes = [max(map(size, column)) for column in zip(*(t.values for t in panel.targets), strict=True)]
    units = strongest(sizes, most)
    ranked = sorted(range(len(panel.targets)), key=lambda index: -_rank(panel.targets[index].score))
    targets = [panel.targets[index] for index in sorted(ranked[:most_targets])]
    values = np.array([[target.values[unit] for target in targets] for unit in units]).reshape(
        -1, len(targets)
    )
    in_text = values[[unit < len(panel.spans) for unit in units]]  # a bucket would bleach every word
    bound = (
        max((found for found in map(size, in_text.ravel().tolist()) if math.isfinite(found)), default=0.0)
        or 1.0
    )

    notes = note_lines(panel.notes)
    height = 1.4 + 0.27 * max(1, len(units)) + height_of(notes)
    ax = new_axes(ax, max(_WIDTH, 2 + _CELL * len(targets)), height)
    from matplotlib.colors import LinearSegmentedColormap

    poles = [LIGHT.negative, LIGHT.surface, LIGHT.positive]
    hues = LinearSegmentedColormap.from_list("attribution", poles, N=257)  # odd: 0 has the surface
    if units:
        ax.imshow(values, cmap=hues, vmin=-bound, vmax=bound, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not size(value) < _FAINT * bound:
            ax.text(column, row, signed(value, 2), ha="center", va="center", color=INK, fontsize="small")
    name_rows(ax, [panel.unit_names[unit] for unit in units])
    ax.set_ylim(max(1, len(units)) - 0.5, -0.5)
    scales = dict.fromkeys(scale_of(panel, target) for target in targets)
    full = f"±{number(bound)}" if any(target.signed for target in targets) else number(bound)
    write_scale(
        ax,
        f"{', '.join(scales)}, full colour at {full}",
        f"cells below {_FAINT:.0%} of that are blank",
        *hidden_line(len(sizes) - len(units)),
        *((f"{left} targets with smaller scores not shown",) if (left := len(ranked) - len(targets)) else ()),
        *notes,
    )
    ax.xaxis.tick_top()
    names = [row_name(target.name) for target in targets]
    tilted = any(len(name) > _LEVEL for name in names)
    ax.set_xticks(
        range(len(targets)),
        [name + score_mark(target.score, "\n") for name, target in zip(names, targets, strict=True)],
        rotation=40 if tilted else 0,
        ha="left" if tilted else "center",
        **literal(),
    )
    for label, target in zip(ax.get_xticklabels(), targets, strict=True):
        label.set_fontweight("bold" if target.name in panel.predicted else "normal")
    marks = "" if all(target.converged for target in targets) else " · NOT CONVERGED"
    write_title(ax, f"predicted: {', '.join(panel.predicted) or 'no class'}{marks}")
    return ax


def _rank(score: float) -> float:
    return -math.inf if math.isnan(score) else score
