"""Faithfulness: whether the score follows, as the attributions say, when units are taken out or put in.

All of these take the units of a text out of what the body reads, by one of several removals, and never write
a text anew. A removed word is another input, which the model was not trained on: look at more than one removal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from setfit_explain.errors import OptionError
from setfit_explain.evaluation.case import check_in_part
from setfit_explain.evaluation.measuring import Direction
from setfit_explain.evaluation.ranking import falling, kendall_tau

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.evaluation.case import Case

    Floats = NDArray[np.float64]

ERASER_BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of the units taken at once (DeYoung et al. 2020, section 5), at least one unit."""

CURVE_POINTS = 20
"""Most steps of a curve; a text of more units takes several at a time."""

CORRELATION = "rank correlation"
NO_UNITS = "texts without a unit"
TIED = "texts of fewer than two units, or where all attributions or all effects are equal"
CONSTANT = "texts whose attributions are all equal"


@dataclass(frozen=True, kw_only=True)
class _Removing:
    """What metrics that take units out share."""

    removal: str = "mask"

    unit: ClassVar[str | None] = None
    undefined_for: ClassVar[str] = NO_UNITS


@dataclass(frozen=True, kw_only=True)
class Comprehensiveness(_Removing):
    """What the score loses without the top units, averaged over ``bins`` (AOPC; DeYoung et al. 2020, eq. 1).

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    bins
        Shares of the units.
    """

    bins: Sequence[float] = ERASER_BINS

    name: ClassVar[str] = "comprehensiveness"
    direction: ClassVar[Direction] = Direction.HIGHER

    def __post_init__(self) -> None:
        _check_bins(self.bins)

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _mean_drop(case, self.removal, ~_top(case, values, _counts(case.n, self.bins)))


@dataclass(frozen=True, kw_only=True)
class Sufficiency(_Removing):
    """What the score loses with the top units alone, averaged over ``bins`` (AOPC; DeYoung et al. 2020, eq. 2).

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    bins
        Shares of the units.
    """

    bins: Sequence[float] = ERASER_BINS

    name: ClassVar[str] = "sufficiency"
    direction: ClassVar[Direction] = Direction.LOWER

    def __post_init__(self) -> None:
        _check_bins(self.bins)

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _mean_drop(case, self.removal, _top(case, values, _counts(case.n, self.bins)))


@dataclass(frozen=True, kw_only=True)
class Deletion(_Removing):
    """Mean score while units are taken out, the top ones first (deletion AUC; Petsiuk, Das, Saenko 2018).

    The area under the curve over the share of units removed, from none to all.

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    """

    name: ClassVar[str] = "deletion"
    direction: ClassVar[Direction] = Direction.LOWER

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _area(case, values, lambda top: case.scores(self.removal, ~top))


@dataclass(frozen=True, kw_only=True)
class Insertion(_Removing):
    """Mean score while units are put into the emptied text, the top ones first (insertion AUC; Petsiuk 2018).

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    """

    name: ClassVar[str] = "insertion"
    direction: ClassVar[Direction] = Direction.HIGHER

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _area(case, values, lambda top: case.scores(self.removal, top))


@dataclass(frozen=True, kw_only=True)
class Monotonicity(_Removing):
    """Whether higher attributions gain more when units are put in one after another, the lowest first.

    The rank correlation (tau-b) of the attributions with the gains: the graded form of the yes or no of
    Arya et al. 2019 (arXiv 1909.03012).

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    """

    name: ClassVar[str] = "monotonicity"
    direction: ClassVar[Direction] = Direction.HIGHER
    unit: ClassVar[str | None] = CORRELATION
    undefined_for: ClassVar[str] = TIED

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        if case.n < 2:
            return np.nan
        rising = falling(-values, case.generator())
        kept = np.zeros((case.n + 1, case.n), dtype=bool)
        for row, unit in enumerate(rising):
            kept[row + 1 :, unit] = True
        return kendall_tau(values[rising], np.diff(case.scores(self.removal, kept)))


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutCorrelation(_Removing):
    """Rank correlation (tau-b) with what the score loses without each unit alone (Jain, Wallace 2019).

    Parameters
    ----------
    removal
        One of `REMOVALS`.
    """

    name: ClassVar[str] = "leave_one_out_correlation"
    direction: ClassVar[Direction] = Direction.HIGHER
    unit: ClassVar[str | None] = CORRELATION
    undefined_for: ClassVar[str] = TIED

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        if case.n < 2:
            return np.nan
        return kendall_tau(values, -case.scores(self.removal, ~np.eye(case.n, dtype=bool)))


@dataclass(frozen=True, kw_only=True)
class SoftComprehensiveness(_Removing):
    """What the score loses when each unit is left the less, the higher its attribution.

    Each dimension of a word embedding is replaced at random, with the probability that is the attribution
    scaled to [0, 1] over the text (Zhao, Aletras 2023, arXiv 2305.10496; the drop before they normalise it).

    Parameters
    ----------
    removal
        What replaces a dimension, any of `REMOVALS` but ``"delete"``; ``"zero"`` is the paper's.
    n_samples
        Draws that are averaged.
    """

    n_samples: int = 16

    name: ClassVar[str] = "soft_comprehensiveness"
    direction: ClassVar[Direction] = Direction.HIGHER
    undefined_for: ClassVar[str] = CONSTANT

    def __post_init__(self) -> None:
        check_in_part(self.name, self.removal, self.n_samples)

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _soft_drop(case, self.removal, -values, self.n_samples)


@dataclass(frozen=True, kw_only=True)
class SoftSufficiency(_Removing):
    """What the score loses when each unit is left the more, the higher its attribution.

    As `SoftComprehensiveness`, with the attribution for the probability that a dimension stays.

    Parameters
    ----------
    removal
        What replaces a dimension, any of `REMOVALS` but ``"delete"``; ``"zero"`` is the paper's.
    n_samples
        Draws that are averaged.
    """

    n_samples: int = 16

    name: ClassVar[str] = "soft_sufficiency"
    direction: ClassVar[Direction] = Direction.LOWER
    undefined_for: ClassVar[str] = CONSTANT

    def __post_init__(self) -> None:
        check_in_part(self.name, self.removal, self.n_samples)

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        return _soft_drop(case, self.removal, values, self.n_samples)


def _check_bins(bins: Sequence[float]) -> None:
    try:
        are_shares = len(bins) > 0 and all(0 < share <= 1 for share in bins)
    except TypeError:  # a number alone, or words
        are_shares = False
    if not are_shares:
        raise OptionError(
            f"bins are shares of the units, above 0 and up to 1, such as [0.1, 0.5]; got {bins!r}."
        )


def _counts(n: int, bins: Sequence[float]) -> list[int]:
    """Units of each bin, rounded up; a hair less, so that a tenth of ten is one in floating point too."""
    return [int(np.ceil(share * n - 1e-9)) for share in bins]


def _top(case: Case, values: Floats, counts: Sequence[int]) -> NDArray[np.bool_]:
    """Mark the units of the highest attributions, ``(counts, n)``."""
    order = falling(values, case.generator())
    rank = np.empty(case.n, dtype=np.intp)
    rank[order] = np.arange(case.n)
    return rank < np.asarray(counts)[:, None]


def _mean_drop(case: Case, removal: str, kept: NDArray[np.bool_]) -> float:
    if not case.n:
        return np.nan
    scores = case.scores(removal, np.vstack([np.ones((1, case.n), dtype=bool), kept]))
    return float(scores[0] - scores[1:].mean())


def _area(case: Case, values: Floats, scores: Callable[[NDArray[np.bool_]], Floats]) -> float:
    if not case.n:
        return np.nan
    counts = np.unique(np.linspace(0, case.n, min(case.n, CURVE_POINTS) + 1).round().astype(int))
    return float(np.trapezoid(scores(_top(case, values, counts.tolist())), counts / case.n))


def _soft_drop(case: Case, removal: str, values: Floats, n_samples: int) -> float:
    extent = np.ptp(values) if case.n else 0.0
    if not extent:
        return np.nan
    left = case.spread((values - values.min()) / extent)
    draws = case.generator().random((n_samples, len(left), case.dim))
    full = case.scores(removal, np.ones((1, case.n), dtype=bool))[0]
    return float(full - case.blended_scores(removal, draws < left[:, None]).mean())
