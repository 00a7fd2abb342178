"""Drawings: what the HTML templates fill in, with every number already a string."""

import math
from dataclasses import dataclass

from setfit_explain.views.formatting import number, printable, signed, visible_name
from setfit_explain.views.panel import TargetPanel, TextPanel
from setfit_explain.views.pieces import (
    EMPTY_TEXT,
    numbered_units,
    pieces,
    size,
    special_line,
    truncation_line,
)
from setfit_explain.views.scale import DARK, LIGHT, colour, strength

_UNSEEN_SHOWN = 300
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
    light, dark
        Backgrounds in light and dark mode.
    """

    text: str
    kind: str
    value: str = ""
    label: str = ""
    light: str = LIGHT.surface
    dark: str = DARK.surface


@dataclass(frozen=True, slots=True)
class Bar:
    """Where baseline and score lie on a class's line, in percent of its width."""

    baseline: str
    left: str
    width: str
    score: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of units: its name, its value, its sign and its size in percent of the bound."""

    unit: str
    value: str
    kind: str
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTarget:
    """One class of one text, ready to be filled in."""

    name: str
    towards: str
    away: str
    score: str
    baseline: str
    total: str
    delta: str
    error: str
    converged: bool
    marks: tuple[Mark, ...]
    buckets: tuple[Mark, ...]
    rows: tuple[Row, ...]
    bar: Bar
    rises: bool
    special: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """One text, ready to be filled in."""

    panel: TextPanel
    targets: tuple[DrawnTarget, ...]
    answers: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    bound: str
    swatches: tuple[str, ...]


def draw_text(panel: TextPanel, bound: float) -> DrawnText:
    """Return what the templates show of ``panel``; ``bound`` is the value of the fullest colour."""
    probabilities = dict(panel.probabilities)
    steps = [2 * step / (_SWATCHES - 1) - 1 for step in range(_SWATCHES)]
    return DrawnText(
        panel=panel,
        targets=tuple(_draw_target(panel, target, bound) for target in panel.targets),
        answers=tuple(
            (name, f"{probabilities[name]:.3f}" if name in probabilities else "") for name in panel.predicted
        ),
        notes=tuple(note for note in (truncation_line(panel), *panel.notes) if note),
        bound=number(bound),
        swatches=tuple(colour(step, 1.0) for step in steps),
    )


def _draw_target(panel: TextPanel, target: TargetPanel, bound: float) -> DrawnTarget:
    return DrawnTarget(
        name=target.name,
        towards=target.towards,
        away=target.away,
        score="" if math.isnan(target.score) else _minus(number(target.score)),
        baseline="" if math.isnan(target.baseline_score) else _minus(number(target.baseline_score)),
        total=_minus(signed(sum(target.values))),
        delta=_minus(signed(target.delta)),
        error="" if math.isnan(target.error_estimate) else number(target.error_estimate),
        converged=target.converged,
        marks=_marks(panel, target, bound),
        buckets=tuple(
            _unit_mark(name, value, bound, numbered=True)
            for name, value in zip(panel.buckets, target.values[len(panel.spans) :], strict=True)
            if value
        ),
        rows=_rows(panel, target, bound),
        bar=_bar(panel, target),
        rises=target.score >= target.baseline_score,
        special=special_line(target),
    )


def _marks(panel: TextPanel, target: TargetPanel, bound: float) -> tuple[Mark, ...]:
    numbered = numbered_units(target)
    marks: list[Mark] = []
    for piece in pieces(panel):
        if piece.unit is not None:
            value = target.values[piece.unit]
            marks.append(_unit_mark(piece.text, value, bound, numbered=piece.unit in numbered))
        elif piece.unseen:
            more = len(piece.text) - _UNSEEN_SHOWN
            rest = f" … and {more:,} more characters" if more > 0 else ""
            marks.append(Mark(printable(piece.text[:_UNSEEN_SHOWN]) + rest, "unseen"))
        else:
            marks.append(Mark(printable(piece.text), "gap"))
    return tuple(marks) or (Mark(EMPTY_TEXT, "unseen"),)


def _unit_mark(name: str, value: float, bound: float, *, numbered: bool) -> Mark:
    return Mark(
        printable(name),
        _kind(value) if numbered or strength(value, bound) >= _FAINT else "none",
        _minus(signed(value)),
        _minus(signed(value, 2)) if numbered else "",
        colour(value, bound, LIGHT),
        colour(value, bound, DARK),
    )


def _rows(panel: TextPanel, target: TargetPanel, bound: float) -> tuple[Row, ...]:
    ranked = sorted(zip(target.values, panel.unit_names, strict=True), key=lambda item: -size(item[0]))
    return tuple(
        Row(visible_name(name), _minus(signed(value)), _kind(value), f"{100 * strength(value, bound):.1f}")
        for value, name in ranked
    )


def _bar(panel: TextPanel, target: TargetPanel) -> Bar:
    ends = [end for each in panel.targets for end in (each.score, each.baseline_score) if math.isfinite(end)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    if panel.output == "probability":
        low, high = min(low, 0.0), max(high, 1.0)
    else:
        margin = 0.05 * (high - low) or 1.0
        low, high = low - margin, high + margin
    baseline, score = (
        100 * min(max((end - low) / (high - low), 0.0), 1.0) if end == end else 0.0
        for end in (target.baseline_score, target.score)
    )
    left, right = sorted((baseline, score))
    return Bar(f"{baseline:.2f}", f"{left:.2f}", f"{right - left:.2f}", f"{score:.2f}")


def _kind(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else "none"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
