"""Pieces: a text cut into the slices that a view draws one after the other."""

import math
from dataclasses import dataclass

from setfit_explain.views.formatting import number, printable
from setfit_explain.views.panel import TargetPanel, TextPanel

EMPTY_TEXT = "(empty text)"
MOST_TARGETS = 12
"""Classes of a text that a page, a fragment or a terminal draws; a set keeps and saves all."""
_NUMBERED = 6
_UNSEEN_SHOWN = 300
_NUMBERED_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice of the text.

    Parameters
    ----------
    text
        The characters, untouched.
    unit
        Index of the unit; ``None`` for what lies between units.
    unseen
        Whether the slice was cut before the model saw the text.
    """

    text: str
    unit: int | None = None
    unseen: bool = False


def pieces(panel: TextPanel) -> list[Piece]:
    """Return slices that together are exactly the panel's text; none is empty."""
    found: list[Piece] = []
    position = 0
    for index, (start, end) in enumerate(panel.spans):
        found += _between(panel, position, start)
        found.append(Piece(panel.text[start:end], index))
        position = end
    return found + _between(panel, position, len(panel.text))


def drawn_targets(panel: TextPanel) -> list[int]:
    """Return the targets that are drawn: all in their order, or the first `MOST_TARGETS` by their rank.

    First comes the one that is open at first, then the answered and the true classes and the contrasts,
    then the classes with the highest scores.
    """
    if len(panel.targets) <= MOST_TARGETS:
        return list(range(len(panel.targets)))
    named = {*panel.predicted, *(panel.true_label or ())}

    def rank(index: int) -> tuple[bool, bool, float]:
        target = panel.targets[index]
        score = target.score if target.score == target.score else -math.inf
        return index != panel.shown, not (target.name in named or target.contrast), -score

    return sorted(range(len(panel.targets)), key=rank)[:MOST_TARGETS]


def hidden_targets_line(panel: TextPanel) -> str:
    """Say how many explained classes are not drawn; empty where all are."""
    hidden = len(panel.targets) - MOST_TARGETS
    if hidden <= 0:
        return ""
    return (
        f"{MOST_TARGETS} of {len(panel.targets)} explained classes are drawn: the predicted and the true one, "
        "then those with the highest scores."
    )


def unseen_excerpt(text: str) -> str:
    """Return the beginning of what the model never saw, printable, and say how much more there is."""
    more = len(text) - _UNSEEN_SHOWN
    rest = f" … and {more:,} more characters" if more > 0 else ""
    return printable(text[:_UNSEEN_SHOWN]) + rest


def size(value: float) -> float:
    """Return ``|value|``, by which units are ranked; NaN ranks with zero."""
    return 0.0 if value != value else abs(value)


def numbered_units(target: TargetPanel) -> set[int]:
    """Return the few strongest units, which are drawn with their number."""
    sizes = [size(value) for value in target.values]
    least = _NUMBERED_SHARE * max(sizes, default=0.0)
    ranked = sorted(range(len(sizes)), key=lambda index: -sizes[index])[:_NUMBERED]
    return {index for index in ranked if sizes[index] > 0 and sizes[index] >= least}


def answers(panel: TextPanel) -> tuple[tuple[str, str], ...]:
    """Return each answered class with its probability, which is empty where the classifier has none."""
    probabilities = dict(panel.probabilities)
    return tuple(
        (name, f"{probabilities[name]:.3f}" if name in probabilities else "") for name in panel.predicted
    )


def truncation_line(panel: TextPanel) -> str:
    """Say what the model never saw; empty where it saw all."""
    if panel.truncated_span is None:
        return ""
    start, end = panel.truncated_span
    return (
        f"Text cut: the model never saw {end - start:,} of {len(panel.text):,} characters "
        f"(from {start:,} to {end:,})."
    )


def legend(target: TargetPanel) -> tuple[str, str]:
    """Say what a negative and a positive value of ``target`` do; the first is empty where none is negative."""
    if target.signed:
        return f"pushes {target.away}", f"pushes {target.towards}"
    return "", f"matters to {target.name}, up or down" if target.of_class else target.scale


def sampling_error(target: TargetPanel) -> str:
    """Say how far numbers that were drawn may be off, where no tolerance does; else empty."""
    return f"standard error of sampling up to {number(target.error_estimate)}" if target.sampled else ""


def special_line(target: TargetPanel) -> str:
    """Say how much of the attribution is on no word of the text; empty where nothing is."""
    if not target.special_token_share > 0:
        return ""
    return f"{target.special_token_share:.1%} of the attribution is on tokens outside the text."


def _between(panel: TextPanel, start: int, end: int) -> list[Piece]:
    cut = panel.truncated_span
    if cut is None:
        marks = [(start, end, False)]
    else:
        first, last = (min(max(edge, start), end) for edge in cut)
        marks = [(start, first, False), (first, last, True), (last, end, False)]
    return [Piece(panel.text[low:high], None, unseen) for low, high, unseen in marks if low < high]
