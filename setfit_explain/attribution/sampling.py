"""Methods that draw coalitions at random: their budget, seed and error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from setfit_explain.attribution.game import Estimate, Game, GameAttributor, exactly
from setfit_explain.attribution.perturbation import make_removals
from setfit_explain.attribution.tolerance import check_tolerance
from setfit_explain.attribution.whole_numbers import check_whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from setfit_explain.attribution.method import Attributor
    from setfit_explain.classifier.text_classifier import TextClassifier

LEAST_BUDGET, BUDGET_PER_PLAYER = 256, 16
"""Default budget: this many evaluations, or this many for each unit if that is more."""

LEAST_PER_PLAYER = 4
"""Evaluations for each unit that an error estimate needs."""

MOST_LEVERAGE = 0.99
"""Of one draw in a regression: with more, its residual says nothing about its error."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SamplingMethod(ABC):
    """A method that draws which units are kept, within a budget, and knows its sampling error.

    ``error_estimate`` is one standard error of the unit where that is largest, for each target; 0 where the
    units are so few that nothing had to be drawn. It only asks the classifier, so any head with
    ``predict_proba`` or ``decision_function`` will do. All classes come from the same evaluations.

    Parameters
    ----------
    n_samples
        Most texts that the classifier is asked about, the text itself and the baseline among them. None for
        256, or 16 for each unit if that is more. Never less than 4 for each unit and 2, which the error
        estimate needs. Of a list of baselines, each is asked as often.
    tolerance
        Largest accepted ``error_estimate``, relative to the largest attribution of the target: sampling
        stops as soon as it is met, and where the budget ends first the explanation is marked as not
        converged. None: the budget is used, whatever the error.
    seed
        Of the draws. Each text is drawn for alone, so that it has the same numbers in any set.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.

    Raises
    ------
    OptionError
        A setting is out of range.
    """

    baseline: Any = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"
    n_samples: int | None = None
    tolerance: float | None = None
    seed: int = 0

    needs_gradient = False
    additive = True
    note: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        if self.n_samples is not None:
            check_whole_number("n_samples", self.n_samples, 1)
        check_whole_number("seed", self.seed, 0)
        if self.tolerance is not None:
            check_tolerance(self.tolerance)

    @property
    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The budget as it was asked for, and the seed."""
        return {"n_samples": self.n_samples, "tolerance": self.tolerance, "seed": self.seed}

    def estimates(self, game: Game) -> Iterator[Estimate]:
        """Find exact values where the budget allows it, else estimates of rising accuracy."""
        budget = self.budget(len(game.players))
        values = self.exact(game, budget)
        if values is None:
            yield from self.drawn(game, budget, np.random.default_rng(self.seed))
        else:
            yield exactly(values)

    @abstractmethod
    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Attributions of the players, ``(targets, players)``; None where that takes more than the budget."""

    @abstractmethod
    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Estimates of rising accuracy from draws; the last one is what the budget allows."""

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baseline up once; what is returned explains one text after another."""
        removals = make_removals(classifier, self.baseline, self.special_tokens, self.reference_texts)
        return GameAttributor(self, classifier, removals, internal_batch_size)

    def budget(self, players: int) -> int:
        """Most evaluations for so many players."""
        usual = max(LEAST_BUDGET, BUDGET_PER_PLAYER * players)
        return max(LEAST_PER_PLAYER * players + 2, usual if self.n_samples is None else self.n_samples)

    def stages(self, draws: int, least: int) -> list[int]:
        """How many of ``draws`` are made before each estimate: all, or with a tolerance ``least`` and ever more."""
        if self.tolerance is None:
            return [draws]
        counts = [draws]
        while (draws := draws // 2) >= least:
            counts.append(draws)
        return counts[::-1]


def all_coalitions(players: int) -> NDArray[np.bool_]:
    """Every coalition, ``(2 ** players, players)``; row ``c`` holds the players of ``c``'s binary digits."""
    codes = np.arange(2**players)
    coalitions: NDArray[np.bool_] = codes[:, None] >> np.arange(players) & 1 == 1
    return coalitions


def coalitions_of(sizes: NDArray[np.intp], players: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw coalitions of given sizes, all of a size equally likely, ``(rows, players)``."""
    ranks = rng.random((len(sizes), players)).argsort(1).argsort(1)
    coalitions: NDArray[np.bool_] = ranks < sizes[:, None]
    return coalitions
