"""Shapley values by sampled orders (Castro, Gomez, Tejada 2009, doi 10.1016/j.cor.2008.04.004).

Orders are drawn in antithetic pairs, each with its reverse (Mitchell et al. 2022, arXiv 2104.12199).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Estimate, Game
from setfit_explain.attribution.sampling import SamplingMethod, all_coalitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Draw = Callable[[], NDArray[np.intp]]

LEAST_PAIRS = 8
"""Pairs of orders before a tolerance may stop the sampling: the error of fewer is too uncertain itself."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapleySampling(SamplingMethod):
    """Shapley values: what a unit adds to those before it, on average over all orders of the units.

    The numbers add up to the score minus the baseline's, exactly. Where the budget holds all subsets of the
    units (8 units by default), the values are exact; otherwise one order costs units - 1 evaluations, and
    the standard error comes from the spread of the pairs of orders.

    Parameters
    ----------
    n_samples, tolerance, seed
        See `SamplingMethod`.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "shapley_sampling"

    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Weigh all coalitions."""
        return shapley_values(game) if 2 ** len(game.players) <= budget else None

    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Average over more and more pairs of orders."""
        players = len(game.players)
        stages = self.stages(pairs(players, budget), LEAST_PAIRS)
        yield from mean_marginals(game, lambda: rng.permutation(players), stages)


def pairs(players: int, budget: int) -> int:
    """How many antithetic pairs of orders a budget holds, at least the two that an error needs."""
    return max(2, (budget - 2) // (2 * (players - 1)))


def mean_marginals(game: Game, draw: Draw, stages: Iterable[int]) -> Iterator[Estimate]:
    """Estimates from orders of the players, ``(players,)``, each drawn order beside its reverse."""
    found = np.zeros((0, len(game.score.targets), len(game.players)))
    for count in stages:
        orders = [draw() for _ in range(count - len(found))]
        forward, backward = (_marginals(game, np.array(each)) for each in (orders, [o[::-1] for o in orders]))
        found = np.concatenate([found, (forward + backward) / 2])
        error = found.std(0, ddof=1) / np.sqrt(len(found))
        yield Estimate(found.mean(0), error.max(1, initial=0.0))


def _marginals(game: Game, orders: NDArray[np.intp]) -> NDArray[np.float64]:
    """Find what each player adds to those before it in each order, ``(orders, targets, players)``."""
    place = orders.argsort(1)
    kept = place[:, None] < np.arange(orders.shape[1] + 1)[:, None]  # (orders, steps, players)
    scores = game(kept.reshape(-1, orders.shape[1])).reshape(*kept.shape[:2], -1)
    return np.take_along_axis(np.diff(scores, axis=1), place[:, :, None], 1).transpose(0, 2, 1)


def shapley_values(game: Game) -> NDArray[np.float64]:
    """Exact Shapley values ``(targets, players)`` from every coalition (Shapley 1953)."""
    coalitions = all_coalitions(len(game.players))
    scores = game(coalitions)
    sizes = coalitions.sum(1)
    count = len(game.players)
    values = np.zeros((scores.shape[1], count))
    for player in range(count):
        without = np.flatnonzero(~coalitions[:, player])
        weights = np.array([1 / (count * comb(count - 1, size)) for size in sizes[without]])
        values[:, player] = weights @ (scores[without + 2**player] - scores[without])
    return values
