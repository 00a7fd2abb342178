"""Plausibility: whether the attributions mark what people marked as the reason.

Not whether they are right about the model: a model that is right for wrong reasons has faithful explanations
that nobody finds plausible (Jacovi, Goldberg 2020). Attributions count as far as they are positive for the class
that is measured, which should be the class that the people gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from setfit_explain.evaluation.measuring import Direction
from setfit_explain.evaluation.ranking import falling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.evaluation.case import Case

    Floats = NDArray[np.float64]

_SHARE = "share"
_NO_RATIONALE = "texts without a rationale, or where it is every unit"


class _Marked:
    """What metrics that compare with a rationale share."""

    removal: ClassVar[None] = None
    direction: ClassVar[Direction] = Direction.HIGHER
    unit: ClassVar[str | None] = _SHARE
    undefined_for: ClassVar[str] = _NO_RATIONALE


@dataclass(frozen=True)
class AveragePrecision(_Marked):
    """Area under the precision-recall curve of the ranking (AUPRC), votes as weights.

    A unit marked by a share ``w`` of the annotators counts as ``w`` of a unit that is marked and ``1 - w`` of
    one that is not. By average precision, without interpolation; equal attributions are one threshold.
    """

    name: ClassVar[str] = "average_precision"

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        marked = case.rationale
        if marked is None or not 0 < marked.sum() < case.n:
            return np.nan
        thresholds, place = np.unique(-values, return_inverse=True)
        hits, units = (
            np.cumsum(np.bincount(place, weights, len(thresholds))) for weights in (marked, np.ones(case.n))
        )
        recall = hits / hits[-1]
        return float(np.diff(recall, prepend=0) @ (hits / units))


@dataclass(frozen=True)
class TokenF1(_Marked):
    """F1 of as many top units as the rationale has, against the rationale, votes as weights.

    The rationale's size ``k`` is the number of units with any vote. As in `AveragePrecision`, a unit with the votes
    ``w`` counts as ``w`` of a unit that is marked: with the sum ``h`` of ``w`` over the top ``k`` units and ``W`` over
    all, precision is ``h / k``, recall ``h / W``, and F1 ``2 h / (k + W)``. With votes of 0 and 1 alone ``W = k``.
    """

    name: ClassVar[str] = "token_f1"

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        hits, units = _overlap(case, values)
        return 2 * hits / units


@dataclass(frozen=True)
class TokenIoU(_Marked):
    """Intersection over union of as many top units as the rationale has, with the rationale, votes as weights.

    With ``h``, ``k`` and ``W`` of `TokenF1` the intersection is ``h``, the union ``k + W - h``: each of the top units
    counts once, any other with its votes.
    """

    name: ClassVar[str] = "token_iou"

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        hits, units = _overlap(case, values)
        return hits / (units - hits)


@dataclass(frozen=True)
class PointingGame(_Marked):
    """Whether the top unit is marked (Zhang et al. 2016), as the share of votes for it."""

    name: ClassVar[str] = "pointing_game"

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        marked = case.rationale
        if marked is None or not 0 < marked.sum() < case.n:
            return np.nan
        return float(marked[falling(values, case.generator())[0]])


@dataclass(frozen=True)
class MarkedShare(_Marked):
    """The share of all positive attribution that is on marked units (relevance mass; Arras et al. 2022)."""

    name: ClassVar[str] = "marked_share"

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text; 0 where none of them is positive."""
        marked = case.rationale
        if marked is None or not 0 < marked.sum() < case.n:
            return np.nan
        positive = np.maximum(values, 0)
        return float(positive @ marked / positive.sum()) if positive.any() else 0.0


def _overlap(case: Case, values: Floats) -> tuple[float, float]:
    """Votes on the top units, and these units and all votes together; NaN for nothing or every unit marked."""
    marked = case.rationale
    size = 0 if marked is None else np.count_nonzero(marked)
    if marked is None or not 0 < size < case.n:
        return np.nan, np.nan
    return float(marked[falling(values, case.generator())[:size]].sum()), float(size + marked.sum())
