"""Figures, drawn with matplotlib."""

from typing import TYPE_CHECKING, Any

from setfit_explain.errors import MissingExtraError
from setfit_explain.views.formatting import number, printable, signed, visible_name
from setfit_explain.views.panel import TextPanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOWARDS, AWAY = "#f4a259", "#7fb2e5"


def bar_chart(panel: TextPanel, target: int, *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw the strongest units of one target as bars, in reading order from the top.

    Parameters
    ----------
    panel
        What is shown of the text.
    target
        Index into ``panel.targets``.
    most
        How many units; the others are counted below the axis.
    ax
        Axes to draw on; None for new ones.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    shown = panel.targets[target]
    names = [panel.text[start:end] for start, end in panel.spans] + list(panel.buckets)
    strongest = sorted(range(len(names)), key=lambda unit: -abs(shown.values[unit]))[:most]
    units = sorted(strongest)
    values = [shown.values[unit] for unit in units]
    # Texts are the user's: none of them may be read as a formula.
    literal: dict[str, Any] = {"parse_math": False}
    if ax is None:
        ax = plt.subplots(figsize=(6, 1.2 + 0.3 * max(1, len(units))), layout="constrained")[1]
    bars = ax.barh(range(len(units)), values, color=[TOWARDS if value > 0 else AWAY for value in values])
    ax.bar_label(bars, [signed(value, 2) for value in values], padding=3)
    ax.set_yticks(range(len(units)), [visible_name(names[unit]) for unit in units], **literal)
    ax.invert_yaxis()
    ax.margins(x=0.15)
    ax.axvline(0, color="black", linewidth=0.8)
    unsure = "" if shown.converged else "  NOT CONVERGED"
    ax.set_title(printable(f"{shown.name}: {number(shown.score)}{unsure}"), **literal)
    hidden = len(names) - len(units)
    rest = f", {hidden} weaker units not shown" if hidden else ""
    ax.set_xlabel(
        f"attribution ({panel.output}), from baseline {number(shown.baseline_score)}{rest}", **literal
    )
    return ax
