"""Cards: what the report's templates fill in for each text, as short as the page can be.

A text is written once for all its classes. Each unit carries a step of the colour scale for every class,
such as ``a3 b-1``, and the style sheet shows those of the class that is chosen; slices that are too weak
to be seen in any class are plain text. The numbers are written once, in a table.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from setfit_explain.views.card_table import CardTable, draw_card_table
from setfit_explain.views.figures import Figures, draw_figures
from setfit_explain.views.formatting import minus, printable, signed, visible_name
from setfit_explain.views.panel import Item, TargetPanel, TextPanel, compared
from setfit_explain.views.pieces import (
    EMPTY_TEXT,
    MOST_TARGETS,
    Piece,
    answers,
    drawn_targets,
    hidden_targets_line,
    numbered_units,
    pieces,
    size,
    truncation_line,
    unseen_excerpt,
)
from setfit_explain.views.scale import Bounds, bound_of, step

LETTERS = ascii_lowercase[:MOST_TARGETS]
ALONE = "z"
"""Names the class of a text that has only one: it is always shown."""
MOST_ROWS = 60
"""Units of a text whose numbers are written out; the others are added up in one row."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of the text: plain, or with the classes of its colours and the numbers written beside it."""

    text: str
    steps: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One class of a text, the letter of its colours, and the bar from baseline to score in percent."""

    letter: str
    figures: Figures
    kind: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of units; ``mark`` is the place of its slice among the coloured ones."""

    unit: str
    values: tuple[str, ...]
    mark: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A text by one method."""

    method: str
    slices: tuple[Slice, ...]
    buckets: tuple[Slice, ...]
    choices: tuple[Choice, ...]
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]
    footer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One text, ready to be filled in; ``groups`` are the words by which it can be filtered.

    ``table`` is None where there is one method only.
    """

    place: int
    panel: TextPanel
    answers: tuple[tuple[str, str], ...]
    table: CardTable | None
    blocks: tuple[Block, ...]
    shown: int
    rest: str
    notes: tuple[str, ...]
    groups: str


def methods_of(item: Item) -> tuple[TextPanel, ...]:
    """Return the panels of a text: one, or one for each method, those with the most targets first."""
    return compared(item).methods


def draw_card(item: Item, place: int, bounds: Bounds, groups: str) -> Card:
    """Return what the templates show of a text."""
    comparison = compared(item)
    panels = comparison.methods
    first = panels[0]
    drawn = drawn_targets(first)
    letters = {first.targets[index].name: letter for index, letter in zip(drawn, LETTERS, strict=False)}
    by_letter = {letter if len(letters) > 1 else ALONE: name for name, letter in letters.items()}
    notes = [truncation_line(first), *(note for panel in panels for note in panel.notes)]
    return Card(
        place=place,
        panel=first,
        answers=answers(first),
        table=draw_card_table(comparison, by_letter, bounds, MOST_ROWS) if len(panels) > 1 else None,
        blocks=tuple(_draw_block(panel, letters, bounds) for panel in panels),
        shown=drawn.index(first.shown),
        rest=hidden_targets_line(first),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
        groups=groups,
    )


def _draw_block(panel: TextPanel, letters: dict[str, str], bounds: Bounds) -> Block:
    by_name = {target.name: target for target in panel.targets}
    shared = {letter: by_name[name] for name, letter in letters.items() if name in by_name}
    drawn = shared if shared and len(panel.targets) > 1 else {ALONE: panel.targets[panel.shown]}
    steps = {
        letter: [step(value, bound_of(bounds, panel, target)) for value in target.values]
        for letter, target in drawn.items()
    }
    numbered = {letter: numbered_units(target) for letter, target in drawn.items()}

    def coloured(text: str, unit: int) -> Slice:
        """Give a unit its steps; one that is numbered has a sign, however weak it is."""
        values = [(letter, steps[letter][unit], drawn[letter].values[unit]) for letter in drawn]
        named = [
            (letter, at or (1 if value > 0 else -1) * (unit in numbered[letter]), value)
            for letter, at, value in values
        ]
        return Slice(
            printable(text),
            " ".join(f"{letter}{at}" for letter, at, _ in named if at),
            tuple(
                (letter, minus(signed(value, 2))) for letter, _, value in named if unit in numbered[letter]
            ),
        )

    units = [
        (piece, coloured(piece.text, piece.unit) if piece.unit is not None else _plain(piece))
        for piece in pieces(panel)
    ]
    spans = len(panel.spans)
    buckets = [
        (unit, coloured(name, unit))
        for unit, name in enumerate(panel.buckets, start=spans)
        if any(target.values[unit] for target in drawn.values())
    ]
    marked = [piece.unit for piece, slice_ in units if slice_.steps]
    marked += [unit for unit, slice_ in buckets if slice_.steps]
    rows, totals = _rows(panel, list(drawn.values()), {unit: at for at, unit in enumerate(marked)})
    return Block(
        method=panel.method,
        slices=tuple(_joined(slice_ for _, slice_ in units)) or (Slice(EMPTY_TEXT, unseen=True),),
        buckets=tuple(slice_ for _, slice_ in buckets),
        choices=tuple(_choice(panel, target, letter, bounds) for letter, target in drawn.items()),
        rows=rows,
        totals=totals,
        footer=panel.footer,
    )


def _plain(piece: Piece) -> Slice:
    return Slice(unseen_excerpt(piece.text), unseen=True) if piece.unseen else Slice(printable(piece.text))


def _joined(slices: Iterable[Slice]) -> list[Slice]:
    """Join plain slices that follow one another."""
    joined: list[Slice] = []
    for each in slices:
        plain = not (each.steps or each.unseen)
        if plain and joined and not (joined[-1].steps or joined[-1].unseen):
            joined[-1] = Slice(joined[-1].text + each.text)
        else:
            joined.append(each)
    return joined


def _rows(
    panel: TextPanel, targets: Sequence[TargetPanel], marks: dict[int | None, int]
) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Return the strongest units of the class shown first, strongest first, and the sums below them."""
    names = panel.unit_names
    shown = panel.targets[panel.shown]
    leading = shown if shown in targets else targets[0]
    there = [
        unit
        for unit in range(len(names))
        if unit < len(panel.spans) or any(target.values[unit] for target in targets)
    ]
    ranked = sorted(there, key=lambda unit: -size(leading.values[unit]))
    written, rest = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    rows = [
        Row(visible_name(names[unit]), _signed(target.values[unit] for target in targets), marks.get(unit))
        for unit in written
    ]
    totals = [Row("all units", _signed(sum(target.values) for target in targets))]
    if rest:
        weaker = _signed(sum(target.values[unit] for unit in rest) for target in targets)
        totals.insert(0, Row(f"{len(rest)} weaker units together", weaker))
    return tuple(rows), tuple(totals)


def _signed(values: Iterable[float]) -> tuple[str, ...]:
    return tuple(minus(signed(value)) for value in values)


def _choice(panel: TextPanel, target: TargetPanel, letter: str, bounds: Bounds) -> Choice:
    start, end = _ends(panel, target)
    return Choice(
        letter=letter,
        figures=draw_figures(panel, target, bounds),
        kind="up" if target.score >= target.baseline_score else "down",
        start=start,
        end=end,
    )


def _ends(panel: TextPanel, target: TargetPanel) -> tuple[str, str]:
    """Return where baseline and score lie on the line of all classes of this unit, in percent."""
    unit = panel.unit_of_measure(target)
    alike = [each for each in panel.targets if panel.unit_of_measure(each) == unit]
    scores = [value for each in alike for value in (each.score, each.baseline_score) if math.isfinite(value)]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if unit == "probability":
        low, high = min(low, 0.0), max(high, 1.0)
    else:
        margin = 0.05 * (high - low) or 1.0
        low, high = low - margin, high + margin
    start, end = (
        100 * min(max((value - low) / (high - low), 0.0), 1.0) if value == value else 0.0
        for value in (target.baseline_score, target.score)
    )
    return f"{start:.1f}", f"{end:.1f}"
