"""Curves, and estimates with their intervals, drawn beside one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FormatStrFormatter, LogLocator

STYLES = (("#2f6fb0", "o"), ("#d9772b", "s"), ("#777777", "^"), ("#3a8f5c", "D"), ("#8c5aa8", "v"))
"""Colour and marker of the curves by their names' first appearance."""
LABEL = 44
"""Characters of a line's name, after which it is broken."""


@dataclass(frozen=True)
class Panel:
    """Curves over one horizontal axis, both axes logarithmic.

    Parameters
    ----------
    title, x_label, y_label
        In words, with units.
    x
        Places on the horizontal axis.
    curves
        Values by name.
    """

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    curves: Mapping[str, Sequence[float]]


def draw(panels: Sequence[Panel], file: Path) -> None:
    """Draw the panels, two in a row, and write ``file``."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    styles = dict(zip(names, STYLES, strict=False))
    rows = (len(panels) + 1) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(10, 3.6 * rows), layout="constrained", squeeze=False)
    for panel, axis in zip(panels, axes.flat, strict=False):
        for name, values in panel.curves.items():
            color, marker = styles[name]
            axis.loglog(panel.x, values, color=color, marker=marker, markersize=4, label=name)
        axis.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        axis.set_xticks(panel.x, [f"{x:g}" for x in panel.x])
        if panel.x[0] > panel.x[-1]:
            axis.invert_xaxis()
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})


@dataclass(frozen=True)
class Dots:
    """Estimates with intervals, one a line.

    Parameters
    ----------
    title, x_label
        In words, with units; what 0 is, too, where a line is drawn.
    rows
        Mean, low and high by name, the lowest line first.
    """

    title: str
    x_label: str
    rows: Mapping[str, tuple[float, float, float]]


def draw_dots(panels: Sequence[Dots], file: Path) -> None:
    """Draw the panels below one another, and write ``file``."""
    names = [[fill(name, LABEL) for name in panel.rows] for panel in panels]
    heights = [1.1 + len(each) * (0.4 if "\n" in "".join(each) else 0.3) for each in names]
    figure, axes = plt.subplots(
        len(panels),
        figsize=(9, sum(heights)),
        layout="constrained",
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )
    for panel, labels, axis in zip(panels, names, axes.flat, strict=True):
        for place, (mean, low, high) in enumerate(panel.rows.values()):
            axis.plot([low, high], [place, place], color=STYLES[0][0])
            axis.plot(mean, place, color=STYLES[0][0], marker=STYLES[0][1], markersize=5)
        axis.axvline(0, color=STYLES[1][0], linestyle="--")
        axis.set(title=panel.title, xlabel=panel.x_label, ylim=(-0.6, len(panel.rows) - 0.4))
        axis.set_yticks(range(len(panel.rows)), labels)
        axis.grid(alpha=0.3, axis="x")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})


@dataclass(frozen=True)
class Grid:
    """A number for every setting of several methods, in thousandths and as a colour.

    Parameters
    ----------
    title
        In words, with units; 0 is white.
    rows, groups, columns
        Names: a row for each method, and within each group all columns.
    values
        ``(rows, groups, columns)``, NaN where there is none.
    limit
        At which the colours end.
    """

    title: str
    rows: Sequence[str]
    groups: Sequence[str]
    columns: Sequence[str]
    values: Any
    limit: float


def draw_grid(grid: Grid, file: Path) -> None:
    """Draw the groups beside one another, and write ``file``."""
    figure, axes = plt.subplots(
        1, len(grid.groups), figsize=(14, 0.9 + 0.35 * len(grid.rows)), layout="constrained", sharey=True
    )
    for place, (name, axis) in enumerate(zip(grid.groups, axes, strict=True)):
        values = grid.values[:, place]
        drawn = axis.imshow(values, cmap="PuOr", vmin=-grid.limit, vmax=grid.limit, aspect="auto")
        for row, column in np.argwhere(~np.isnan(values)):
            value = values[row, column]
            color = "white" if abs(value) > grid.limit / 2 else "black"
            said = str(round(1000 * value))
            axis.text(column, row, said, ha="center", va="center", fontsize=7, color=color)
        axis.set_title(name, fontsize=10)
        axis.set_xticks(range(len(grid.columns)), grid.columns, rotation=60, ha="right", fontsize=8)
        axis.set_yticks(range(len(grid.rows)), grid.rows, fontsize=8)
        axis.set_facecolor("#eeeeee")
    figure.colorbar(drawn, ax=axes, label=grid.title, extend="both", pad=0.01)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
