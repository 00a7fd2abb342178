"""Total Sobol indices of units (Fel et al. 2021, arXiv 2111.04138; Homma, Saltelli 1996).

Jansen's estimator (1999): the index is the mean squared change of the score when a unit alone is drawn again,
halved, in the variance of the score. A unit is kept or taken out, each with probability 1/2, so that drawing
it again either changes nothing or flips it; half of the flip's square is taken in place of the draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Estimate, Game
from setfit_explain.attribution.sampling import SamplingMethod, all_coalitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

LEAST_DRAWS = 8
"""Draws before a tolerance may stop the sampling: the error of fewer is too uncertain itself."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sobol(SamplingMethod):
    """A unit's share in the variance of the score over random subsets of the units, alone and with others.

    The numbers lie from 0 to 1, have no sign, and add up to 1 where units do not act together, to more where
    they do. They are no parts of the score, so that baseline score and delta are NaN. Units are kept or taken out at random, not faded as in Fel et al., so that they may be cut out
    as well. Where the budget holds all subsets of the units (8 units by default), the indices are exact;
    otherwise one draw costs units + 1 evaluations. Draws are those of a Latin hypercube: of every unit half
    are kept. (First digits of Sobol points would be the same for several units.) The standard error is
    that of independent draws of the ratio.

    Parameters
    ----------
    n_samples, tolerance, seed
        See `SamplingMethod`.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "sobol"
    additive = False
    shares_score = False
    note = (
        "Sobol indices are shares of the variance of the score over random subsets of the units. They have no "
        "sign: they do not say whether a unit speaks for the class or against it, and do not add up to the score."
    )

    @property
    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The budget, the seed, and what the numbers are: shares, which have no sign."""
        return {**super().settings, "signed": False, "values": "share of the variance"}

    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Average over all subsets."""
        players = len(game.players)
        return _ratio(*_moments(game, all_coalitions(players))) if 2**players <= budget else None

    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Average over more and more draws."""
        players = len(game.players)
        kept = np.zeros((0, players), dtype=bool)
        for count in self.stages(max(2, (budget - 2) // (players + 1)), LEAST_DRAWS):
            kept = np.vstack([kept, _latin_hypercube(rng, count - len(kept), players)])
            yield _estimate(*_moments(game, kept))


def _latin_hypercube(rng: np.random.Generator, rows: int, players: int) -> NDArray[np.bool_]:
    """Coalitions ``(rows, players)`` that keep each player in half of the rows."""
    halves = (np.arange(rows)[:, None] + rng.integers(2, size=players)) % 2 == 0
    kept: NDArray[np.bool_] = rng.permuted(halves, axis=0)
    return kept


def _moments(game: Game, kept: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each draw's part of what a unit's flip does ``(draws, targets, players)`` and of the variance."""
    draws, players = kept.shape
    flipped = kept[:, None] ^ np.eye(players, dtype=bool)
    rows = np.concatenate([kept[:, None], flipped], axis=1).reshape(-1, players)
    scores = game(rows).reshape(draws, players + 1, -1).transpose(0, 2, 1)
    total = (scores[:, :, 1:] - scores[:, :, :1]) ** 2 / 4
    variance = ((scores - scores.mean((0, 2), keepdims=True)) ** 2).mean(2)
    return total, variance


def _ratio(total: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total indices ``(targets, players)``; 0 of a score that never changes."""
    whole = variance.mean(0)[:, None]
    ratio: NDArray[np.float64] = np.divide(
        total.mean(0), whole, out=np.zeros(total.shape[1:]), where=whole > 0
    )
    return ratio


def _estimate(total: NDArray[np.float64], variance: NDArray[np.float64]) -> Estimate:
    values = _ratio(total, variance)
    whole = variance.mean(0)
    residual = total - values * variance[:, :, None]  # the delta method for a ratio of two means
    spread = residual.std(0, ddof=1).max(1, initial=0.0) / np.sqrt(len(total))
    return Estimate(values, np.divide(spread, whole, out=np.zeros(len(whole)), where=whole > 0))
