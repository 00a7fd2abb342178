"""LIME (Ribeiro, Singh, Guestrin 2016, arXiv 1602.04938), with the sampling and kernel of its text explainer."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Estimate, Game
from setfit_explain.attribution.real_numbers import check_real_number
from setfit_explain.attribution.sampling import MOST_LEVERAGE, SamplingMethod, all_coalitions, coalitions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Lime(SamplingMethod):
    """Coefficients of a ridge regression of the score on which units are kept, weighted towards the text.

    As LIME's text explainer draws them, the number of units taken out is uniform from 1 to all, and a text
    with a share ``s`` of the units kept has the weight ``exp(-(100 (1 - sqrt(s)) / kernel_width)^2 / 2)``: its
    cosine distance. No unit is left out of the regression (no feature selection), and all classes are
    solved at once. The numbers need not add up. Where the budget holds all subsets of the units (8 units by
    default), each has the weight with which it would be drawn; otherwise the standard error is that of the
    draws (heteroscedasticity-consistent, HC3). What the ridge shrinks is no sampling error.

    Parameters
    ----------
    kernel_width
        Of the kernel, in hundredths of the cosine distance (LIME's 25).
    alpha
        Strength of the ridge (LIME's 1), above 0: without one, the regression may have no single answer.
    n_samples, tolerance, seed
        See `SamplingMethod`.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.

    Raises
    ------
    OptionError
        A setting is out of range.
    """

    kernel_width: float = 25.0
    alpha: float = 1.0

    name = "lime"
    additive = False
    note = (
        "LIME's numbers are the coefficients of a linear model of the score near the text. They need not add "
        "up: delta is what that model misses."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real_number("kernel_width", self.kernel_width)
        check_real_number("alpha", self.alpha)

    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Fit all coalitions, each as often as it would be drawn."""
        players = len(game.players)
        if 2**players > budget:
            return None
        kept = all_coalitions(players)
        chances = np.array([1 / (players * comb(players, taken)) for taken in players - kept.sum(1)])
        counts = (budget - 2) * chances
        counts[-1] = 1  # the text itself
        return self._fit(game, kept, counts).values

    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Fit more and more drawn coalitions, beside the text itself."""
        players = len(game.players)
        kept = np.ones((1, players), dtype=bool)
        for count in self.stages(budget - 2, 2 * players):
            sizes = rng.integers(players, size=count + 1 - len(kept))
            kept = np.vstack([kept, coalitions_of(sizes, players, rng)])
            yield self._fit(game, kept, np.ones(len(kept)))

    def _fit(self, game: Game, kept: NDArray[np.bool_], counts: NDArray[np.float64]) -> Estimate:
        """Weighted ridge regression with an intercept, of coalitions that each stand for so many draws."""
        distance = 100 * (1 - np.sqrt(kept.mean(1)))
        weights = counts * np.exp(-((distance / self.kernel_width) ** 2) / 2)
        scores = game(kept)
        root = np.sqrt(weights)[:, None]
        x = root * (kept - np.average(kept, axis=0, weights=weights))
        y = root * (scores - np.average(scores, axis=0, weights=weights))
        solver = np.linalg.solve(x.T @ x + self.alpha * np.eye(x.shape[1]), x.T)
        coefficients = solver @ y
        leverage = (solver.T * x).sum(1) + weights / weights.sum()
        residual = (y - x @ coefficients) / (1 - np.minimum(leverage, MOST_LEVERAGE))[:, None]
        return Estimate(coefficients.T, np.sqrt((solver**2 @ residual**2).max(0, initial=0.0)))
