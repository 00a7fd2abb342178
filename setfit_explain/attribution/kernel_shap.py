"""KernelSHAP (Lundberg, Lee 2017, arXiv 1705.07874): Shapley values as a weighted regression on coalitions.

The efficiency constraint is solved exactly and coalitions are drawn in pairs with their complement (Covert,
Lee 2021, arXiv 2012.01536). In a pair everything but the difference of its two scores cancels: with
``x = 2 z - 1`` the two squared residuals are, up to a constant, ``(F(z) - F(1 - z) - x . phi)^2 / 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Estimate, Game, exactly
from setfit_explain.attribution.sampling import MOST_LEVERAGE, SamplingMethod, coalitions_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelShap(SamplingMethod):
    """Shapley values by regression under the Shapley kernel ``(n - 1) / (C(n, k) k (n - k))``.

    The numbers add up to the score minus the baseline's, exactly. Sizes of coalitions for which the budget
    would draw each one once are enumerated, smallest and largest first, so that few units (8 by default)
    have exact values; the standard error (heteroscedasticity-consistent, HC3) is that of the drawn rest.

    Parameters
    ----------
    n_samples, tolerance, seed
        See `SamplingMethod`.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "kernel_shap"

    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Solve for all coalitions."""
        players = len(game.players)
        if players == 1:
            return game.difference[:, None]
        sizes = _Sizes.plan(players, budget)
        return None if sizes.drawn.size else _solve(game, sizes, np.zeros((0, players), dtype=bool)).values

    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Solve for the enumerated sizes and more and more drawn pairs."""
        players = len(game.players)
        sizes = _Sizes.plan(players, budget)
        drawn = np.zeros((0, players), dtype=bool)
        for count in self.stages(sizes.draws, 2 * players):
            drawn = np.vstack([drawn, sizes.draw(rng, count - len(drawn))])
            yield _solve(game, sizes, drawn)


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Sizes of coalitions up to half of the players, and what is done with each; the complement comes along.

    Parameters
    ----------
    players
        How many there are.
    enumerated, drawn
        Sizes all of whose pairs are taken, and sizes that are drawn from.
    draws
        How many pairs are drawn.
    """

    players: int
    enumerated: NDArray[np.intp]
    drawn: NDArray[np.intp]
    draws: int

    @classmethod
    def plan(cls, players: int, budget: int) -> _Sizes:
        """Enumerate sizes from 1 on, while the budget would draw each of a size's pairs once or holds all there are."""
        pairs = (budget - 2) // 2
        sizes = np.arange(1, players // 2 + 1)
        taken = 0
        left = 2 ** (players - 1) - 1
        while taken < len(sizes):
            weights = _weights(sizes[taken:], players)
            count = _count(taken + 1, players)
            if pairs < left and pairs * weights[0] < count * weights.sum():
                break
            pairs -= count
            left -= count
            taken += 1
        return cls(players, sizes[:taken], sizes[taken:], pairs)

    def weights(self, sizes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Shares that sizes have in the kernel, of all sizes' 1."""
        every = np.concatenate([self.enumerated, self.drawn])
        shares: NDArray[np.float64] = _weights(sizes, self.players) / _weights(every, self.players).sum()
        return shares

    def enumerate(self) -> NDArray[np.bool_]:
        """One coalition of each pair of the enumerated sizes, ``(rows, players)``."""
        rows = [
            members
            for size in self.enumerated
            for members in list(combinations(range(self.players), size))[: _count(size, self.players)]
        ]
        kept = np.zeros((len(rows), self.players), dtype=bool)
        for row, members in zip(kept, rows, strict=True):
            row[list(members)] = True
        return kept

    def enumerated_weights(self) -> NDArray[np.float64]:
        """Weight of each row of `enumerate`."""
        counts = [_count(size, self.players) for size in self.enumerated]
        return np.repeat(self.weights(self.enumerated) / np.array(counts, dtype=float), counts)

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
        """Coalitions of the drawn sizes by their weights, ``(count, players)``."""
        shares = self.weights(self.drawn)
        sizes = rng.choice(self.drawn, count, p=shares / shares.sum())
        return coalitions_of(sizes, self.players, rng)


def _weights(sizes: NDArray[np.intp], players: int) -> NDArray[np.float64]:
    """Mass of the kernel on all coalitions of a size and of its complement's, up to one factor."""
    weights: NDArray[np.float64] = np.where(2 * sizes == players, 1, 2) / (sizes * (players - sizes))
    return weights


def _count(size: int, players: int) -> int:
    """How many pairs of a coalition and its complement there are of a size."""
    return comb(players, size) // (2 if 2 * size == players else 1)


def _solve(game: Game, sizes: _Sizes, drawn: NDArray[np.bool_]) -> Estimate:
    """Least squares of pairs' differences on ``x = 2 z - 1`` under the efficiency constraint, of all targets.

    The drawn pairs, ``(draws, players)``, share the weight of the sizes that were not enumerated.
    """
    kept = np.vstack([sizes.enumerate(), drawn])
    each = sizes.weights(sizes.drawn).sum() / max(1, len(drawn))
    weights = np.concatenate([sizes.enumerated_weights(), np.full(len(drawn), each)])
    scores = game(np.vstack([kept, ~kept]))
    x = 2.0 * kept - 1
    mean = x.mean(1, keepdims=True)
    y = scores[: len(kept)] - scores[len(kept) :] - mean * game.difference
    x -= mean  # what is left is the part whose coefficients sum to 0: the rest is the constraint
    inverse = np.linalg.pinv(x.T * weights @ x, rcond=1e-10, hermitian=True)  # the constraint has rank 1
    coefficients = inverse @ (x.T * weights @ y)
    values = (game.difference / sizes.players + coefficients).T
    if not len(drawn):
        return exactly(values)
    influence = x[-len(drawn) :] @ inverse * each
    leverage = (influence * x[-len(drawn) :]).sum(1, keepdims=True)
    residual = (y - x @ coefficients)[-len(drawn) :] / (1 - np.minimum(leverage, MOST_LEVERAGE))
    error = [np.sqrt(len(drawn) * (influence * own[:, None]).var(0, ddof=1)).max() for own in residual.T]
    return Estimate(values, np.array(error))
