"""Canvas: axes in one quiet style, and the user's texts drawn as they are.

Nothing of matplotlib's settings is changed, and no figure is made where axes are given.
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from setfit_explain.errors import MissingExtraError
from setfit_explain.views.formatting import excerpt, number, printable, visible_name
from setfit_explain.views.panel import TargetPanel, TextPanel
from setfit_explain.views.pieces import size
from setfit_explain.views.scale import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, LINE = "#1f2328", "#656d76", "#d0d7de"
BAR = 0.72
_NAME, _TITLE, _NOTE = 28, 72, 88
_LINE = 0.16
_ROOM = 0.16
# Looked at, where installed, for what the reader's own fonts lack.
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
    "Noto Emoji",
)


def new_axes(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Return ``ax``, or axes of a new figure of so many inches, with nothing but their zero line to come.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            raise MissingExtraError.of("matplotlib", "plot") from error
        ax = plt.subplots(figsize=(width, height), layout="constrained")[1]
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelcolor=INK)
    return ax


def literal() -> dict[str, Any]:
    """Return how any text is drawn: never as a formula, in the fonts that there are."""
    import matplotlib as mpl
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    family = [*mpl.rcParams["font.family"], *(name for name in _FALLBACKS if name in installed)]
    return {"parse_math": False, "fontfamily": family}


def name_rows(ax: "Axes", names: Sequence[str]) -> None:
    """Write the names at the left, the first one at the top."""
    ax.set_yticks(range(len(names)), [row_name(name) for name in names], **literal())
    ax.set_ylim(len(names) - 0.4, -0.6)


def row_name(name: str) -> str:
    """Return a unit's or class's name on one short line."""
    return excerpt(visible_name(name), _NAME)


def write_title(ax: "Axes", title: str) -> None:
    """Write what is drawn above the left edge."""
    ax.set_title(excerpt(printable(title), _TITLE), x=0, ha="left", color=INK, fontsize="large", **literal())


def write_scale(ax: "Axes", *lines: str) -> None:
    """Write what the numbers in the drawing are below it, in place of numbers along the axis."""
    ax.set_xticks([])
    write_label(ax, *lines)


def write_label(ax: "Axes", *lines: str) -> None:
    """Write lines below the axes."""
    ax.set_xlabel(printable("\n".join(lines)), x=0, ha="left", color=MUTED, fontsize="small", **literal())


def write_number(ax: "Axes", x: float, y: float, text: str, *, left: bool = False, color: str = INK) -> None:
    """Write ``text`` just right of a point, or left of it."""
    offset, align = (-4, "right") if left else (4, "left")
    ax.annotate(
        text,
        (x, y),
        (offset, 0),
        textcoords="offset points",
        va="center",
        ha=align,
        color=color,
        fontsize="small",
    )


def leave_room(ax: "Axes", ends: Sequence[float], *, left: bool = True, right: bool = True) -> None:
    """Leave room for the numbers beside what ends at ``ends``, on the sides where there are any."""
    low, high = min(ends), max(ends)
    room = _ROOM * (high - low or 1.0)
    ax.set_xlim(low - room * left, high + room * right)


def colours(values: Iterable[float]) -> list[str]:
    """Return the full colour of each sign."""
    return [LIGHT.positive if value > 0 else LIGHT.negative for value in values]


def drawable(value: float) -> float:
    """Return 0 for what has no place on an axis: its number says what it is."""
    return value if math.isfinite(value) else 0.0


def strongest(values: Sequence[float], most: int) -> list[int]:
    """Return the places of the largest absolute values, in their order."""
    return sorted(sorted(range(len(values)), key=lambda index: -size(values[index]))[:most])


def scale_of(panel: TextPanel, target: TargetPanel) -> str:
    """Return what the values of a target are: parts of its score, with their unit, or what else."""
    return target.scale or f"attribution ({panel.unit_of_measure(target)})"


def note_lines(notes: Iterable[str]) -> tuple[str, ...]:
    """Return what every view says of the numbers, in lines that fit below the axes."""
    return tuple(line for note in notes for line in textwrap.wrap(printable(note), _NOTE))


def height_of(lines: Sequence[str]) -> float:
    """Return how many inches lines below the axes take."""
    return _LINE * len(lines)


def score_mark(score: float, before: str) -> str:
    """Return a score behind ``before``; nothing where the method has none."""
    return "" if math.isnan(score) else before + number(score)


def unsure(target: TargetPanel) -> str:
    """Return a mark for numbers that did not converge."""
    return "" if target.converged else " · NOT CONVERGED"


def hidden_line(hidden: int) -> tuple[str, ...]:
    """Say what is not drawn, if anything."""
    return (f"{hidden} weaker {'unit' if hidden == 1 else 'units'} not shown",) if hidden else ()
