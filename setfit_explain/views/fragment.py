"""Fragments: what the notebook's template fills in, with every number already a string."""

from dataclasses import dataclass

from setfit_explain.views.figures import Figures, draw_figures
from setfit_explain.views.formatting import minus, printable, signed
from setfit_explain.views.panel import TargetPanel, TextPanel
from setfit_explain.views.pieces import (
    EMPTY_TEXT,
    answers,
    drawn_targets,
    hidden_targets_line,
    numbered_units,
    pieces,
    truncation_line,
    unseen_excerpt,
)
from setfit_explain.views.scale import Bounds, bound_of, colour, strength

_SWATCHES = 9
_FAINT = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """A slice of the text as it is drawn.

    Parameters
    ----------
    text
        Printable characters.
    kind
        ``"up"`` or ``"down"`` for a unit's sign, ``"none"`` for a unit too weak to be seen on the
        scale, ``"gap"`` between units, ``"unseen"`` for what the model never saw.
    value
        The attribution with its sign; empty for what is no unit.
    label
        The attribution, shortened, where it is written next to the unit; else empty.
    ground
        Background.
    """

    text: str
    kind: str
    value: str = ""
    label: str = ""
    ground: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTarget:
    """One class of one text, ready to be filled in."""

    figures: Figures
    open: bool
    marks: tuple[Mark, ...]
    buckets: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """One text, ready to be filled in."""

    panel: TextPanel
    targets: tuple[DrawnTarget, ...]
    answers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    swatches: tuple[str, ...]


def draw_text(panel: TextPanel, bounds: Bounds) -> DrawnText:
    """Return what the template shows of ``panel``; ``bounds`` are the values of the fullest colours."""
    steps = [2 * step / (_SWATCHES - 1) - 1 for step in range(_SWATCHES)]
    notes = (truncation_line(panel), hidden_targets_line(panel), *panel.notes)
    return DrawnText(
        panel=panel,
        targets=tuple(
            _draw_target(panel, panel.targets[index], bounds, shown=index == panel.shown)
            for index in drawn_targets(panel)
        ),
        answers=answers(panel),
        notes=tuple(note for note in notes if note),
        swatches=tuple(colour(step, 1.0) for step in steps),
    )


def _draw_target(panel: TextPanel, target: TargetPanel, bounds: Bounds, *, shown: bool) -> DrawnTarget:
    bound = bound_of(bounds, panel, target)
    return DrawnTarget(
        figures=draw_figures(panel, target, bounds),
        open=shown,
        marks=_marks(panel, target, bound),
        buckets=tuple(
            _unit_mark(name, value, bound, numbered=True)
            for name, value in zip(panel.buckets, target.values[len(panel.spans) :], strict=True)
            if value
        ),
    )


def _marks(panel: TextPanel, target: TargetPanel, bound: float) -> tuple[Mark, ...]:
    numbered = numbered_units(target)
    marks: list[Mark] = []
    for piece in pieces(panel):
        if piece.unit is not None:
            value = target.values[piece.unit]
            marks.append(_unit_mark(piece.text, value, bound, numbered=piece.unit in numbered))
        elif piece.unseen:
            marks.append(Mark(unseen_excerpt(piece.text), "unseen"))
        else:
            marks.append(Mark(printable(piece.text), "gap"))
    return tuple(marks) or (Mark(EMPTY_TEXT, "unseen"),)


def _unit_mark(name: str, value: float, bound: float, *, numbered: bool) -> Mark:
    kind = "none"
    if numbered or strength(value, bound) >= _FAINT:
        kind = "up" if value > 0 else "down"
    label = minus(signed(value, 2)) if numbered else ""
    return Mark(printable(name), kind, minus(signed(value)), label, colour(value, bound))
