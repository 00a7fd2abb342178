"""Curves drawn beside one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

BLUE, ORANGE, GREY, GREEN = "#2f6fb0", "#d9772b", "#777777", "#3a8f5c"
COLORS = (BLUE, ORANGE, GREY, GREEN)


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
    rows = (len(panels) + 1) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(10, 3.6 * rows), layout="constrained", squeeze=False)
    for panel, axis in zip(panels, axes.flat, strict=False):
        for color, (name, values) in zip(COLORS, panel.curves.items(), strict=False):
            axis.loglog(panel.x, values, "o-", color=color, label=name, markersize=4)
        axis.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        axis.set_xticks(panel.x, [f"{x:g}" for x in panel.x])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
