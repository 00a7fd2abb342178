"""Rationales: the characters that people marked as the reason, and how much of each unit they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.explanation.units import Unit

Rationale = Sequence[tuple[int, int, float]]
"""Characters that somebody marked: (start, end, vote), the vote from 0 to 1; where spans overlap, the largest counts."""

_ACCEPTED = "Accepted: a list of [start, end] or [start, end, vote] in characters of the text."


def read_rationale(index: int, text: Any, given: Any) -> Rationale | None:
    """Read what somebody marked in the text of that place; None where nothing was asked.

    Raises
    ------
    InputError
        It is no list of spans, a span is not within the text, or a vote is not from 0 to 1.
    """
    if given is None:
        return None
    try:
        read = [(int(start), int(end), float(*vote or [1])) for start, end, *vote in given]
    except (TypeError, ValueError) as error:
        raise InputError(f"The rationale {given!r} of text {index} is not readable. {_ACCEPTED}") from error
    length = len(text) if isinstance(text, str) else None  # what is no text fails by itself
    for start, end, vote in read:
        if start > end or start < 0 or (length is not None and end > length):
            within = "the text" if length is None else f"its {length} characters"
            raise InputError(
                f"The span [{start}, {end}] of text {index} is not within {within}: 0 <= start <= end is. {_ACCEPTED}"
            )
        if not 0 <= vote <= 1:
            raise InputError(
                f"The vote {vote} for [{start}, {end}] of text {index} is not from 0 to 1. Give the share of the "
                "annotators who marked it."
            )
    return read


def unit_weights(units: Sequence[Unit], rationale: Rationale) -> NDArray[np.float64]:
    """Weigh each unit by the largest vote on each of its characters, averaged over them, shape ``(units,)``."""
    votes = np.zeros(max((unit.end for unit in units), default=0))
    for start, end, vote in rationale:
        votes[start:end] = np.maximum(votes[start:end], vote)
    return np.array([votes[unit.start : unit.end].mean() for unit in units])
