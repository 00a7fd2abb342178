"""Fragments: what the notebook's template fills in, with every number already a string."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from setfit_explain.views.figures import Figures, draw_figures
from setfit_explain.views.formatting import minus, printable, signed
from setfit_explain.views.panel import ComparisonPanel, Item, TargetPanel, TextPanel, compared
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
    """One class of one text by one method, ready to be filled in; ``method`` is empty where there is one only."""

    figures: Figures
    method: str
    marks: tuple[Mark, ...]
    buckets: tuple[Mark, ...]
    agreement: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One class of one text by all methods."""

    open: bool
    converged: bool
    methods: tuple[DrawnTarget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """One text, ready to be filled in."""

    panel: TextPanel
    folds: tuple[Fold, ...]
    answers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    footers: tuple[str, ...]
    swatches: tuple[str, ...]


def draw_text(item: Item, bounds: Bounds) -> DrawnText:
    """Return what the template shows of a text; ``bounds`` are the values of the fullest colours."""
    comparison = compared(item)
    first = comparison.methods[0]
    steps = [2 * step / (_SWATCHES - 1) - 1 for step in range(_SWATCHES)]
    own = [note for panel in comparison.methods for note in panel.notes]
    notes = (truncation_line(first), hidden_targets_line(first), *own)
    return DrawnText(
        panel=first,
        folds=tuple(_folds(comparison, bounds)),
        answers=answers(first),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
        footers=tuple(dict.fromkeys(panel.footer for panel in comparison.methods)),
        swatches=tuple(colour(step, 1.0) for step in steps),
    )


def _folds(comparison: ComparisonPanel, bounds: Bounds) -> Iterator[Fold]:
    """Give each class of the first method with what all say of it, then each method that says nothing of them."""
    first, *others = comparison.methods
    drawn = [(index == first.shown, first.targets[index]) for index in drawn_targets(first)]
    names = {target.name for _, target in drawn}
    for shown, target in drawn:
        alike = [(panel, each) for panel in others for each in panel.targets if each.name == target.name]
        yield _fold(comparison, [(first, target), *alike], bounds, shown=shown)
    for panel in others:
        if names.isdisjoint(each.name for each in panel.targets):
            yield _fold(comparison, [(panel, panel.targets[panel.shown])], bounds, shown=True)


def _fold(
    comparison: ComparisonPanel,
    members: Sequence[tuple[TextPanel, TargetPanel]],
    bounds: Bounds,
    *,
    shown: bool,
) -> Fold:
    return Fold(
        open=shown,
        converged=all(target.converged for _, target in members),
        methods=tuple(_draw_target(panel, target, bounds, comparison) for panel, target in members),
    )


def _draw_target(
    panel: TextPanel, target: TargetPanel, bounds: Bounds, comparison: ComparisonPanel
) -> DrawnTarget:
    bound = bound_of(bounds, panel, target)
    return DrawnTarget(
        figures=draw_figures(panel, target, bounds),
        method=panel.method if len(comparison.methods) > 1 else "",
        marks=_marks(panel, target, bound),
        buckets=tuple(
            _unit_mark(name, value, bound, numbered=True)
            for name, value in zip(panel.buckets, target.values[len(panel.spans) :], strict=True)
            if value
        ),
        agreement=comparison.agreement_with(panel, target),
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
