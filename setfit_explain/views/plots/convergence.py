"""Convergence: how the error of an integral falls with its nodes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.views.plots.canvas import (
    INK,
    LINE,
    MUTED,
    literal,
    new_axes,
    write_number,
    write_title,
)
from setfit_explain.views.scale import DARK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ESTIMATE = DARK.negative


def convergence_curve(
    steps: Sequence[tuple[int, float, float]],
    *,
    tolerance: float | None = None,
    title: str = "",
    measure: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw ``|delta|`` and the error estimate against the number of nodes, both on logarithmic axes.

    Parameters
    ----------
    steps
        (nodes, delta, error estimate), one a number of nodes. What is 0 or NaN has no place on a logarithmic
        axis and is left out.
    tolerance
        What delta and estimate should be below, in the unit of the attributions; None draws no line.
    title, measure
        What was integrated, and the unit of the attributions.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    ax = new_axes(ax, 6, 3.6)
    nodes = [step[0] for step in steps]
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for column, name, colour in ((1, "|delta|", INK), (2, "error estimate", _ESTIMATE)):
        sizes = np.abs([step[column] for step in steps])
        sizes[~(sizes > 0)] = np.nan
        ax.plot(nodes, sizes, marker="o", markersize=4, linewidth=1.4, color=colour)
        drawn = np.flatnonzero(np.isfinite(sizes))
        if drawn.size:
            write_number(ax, nodes[drawn[-1]], sizes[drawn[-1]], f" {name}", color=colour)
    if tolerance is not None and tolerance > 0:
        ax.axhline(tolerance, color=MUTED, linewidth=0.8, linestyle="--")
        ax.annotate(
            f"tolerance {tolerance:.1g}", (0, tolerance), (2, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=MUTED, fontsize="small",
        )  # fmt: skip
    ax.set_xticks(nodes, [str(count) for count in nodes])
    ax.minorticks_off()
    ax.grid(axis="y", color=LINE, linewidth=0.5)
    ax.margins(x=0.04)
    ax.set_xlim(right=max(nodes, default=1) * 2)
    ax.set_xlabel("nodes", color=MUTED, fontsize="small")
    ax.set_ylabel(f"error ({measure})" if measure else "error", color=MUTED, fontsize="small", **literal())
    write_title(ax, title)
    return ax
