"""Pieces: a text cut into the slices that a view draws one after the other."""

from dataclasses import dataclass

from setfit_explain.views.panel import TargetPanel, TextPanel

EMPTY_TEXT = "(empty text)"
_NUMBERED = 6
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


def numbered_units(target: TargetPanel) -> set[int]:
    """Return the few strongest units, which are drawn with their number."""
    sizes = [0.0 if value != value else abs(value) for value in target.values]
    least = _NUMBERED_SHARE * max(sizes, default=0.0)
    ranked = sorted(range(len(sizes)), key=lambda index: -sizes[index])[:_NUMBERED]
    return {index for index in ranked if sizes[index] > 0 and sizes[index] >= least}


def truncation_line(panel: TextPanel) -> str:
    """Say what the model never saw; empty where it saw all."""
    if panel.truncated_span is None:
        return ""
    start, end = panel.truncated_span
    return (
        f"Text cut: the model never saw {end - start:,} of {len(panel.text):,} characters "
        f"(from {start:,} to {end:,})."
    )


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
