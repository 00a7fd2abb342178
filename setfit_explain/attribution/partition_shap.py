"""Owen values (Owen 1977): Shapley values over orders that keep the units of a sentence, and of a word, together.

What shap calls partition SHAP. shap builds its tree from delimiters and pairs of tokens and shares what its
budget leaves open out evenly; here the text's own structure is the tree, and what is not enumerated is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Estimate, Game
from setfit_explain.attribution.sampling import SamplingMethod
from setfit_explain.attribution.shapley_sampling import LEAST_PAIRS, mean_marginals, pairs
from setfit_explain.explanation.segmentation import sentence_spans, word_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Tree = int | tuple["Tree", "Tree"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PartitionShap(SamplingMethod):
    """Owen values over a binary tree of the text: what a unit adds, on average over the orders that fit the tree.

    The tree halves a group of neighbouring units again and again: between two sentences as long as there are
    several, then between two words, then between two tokens, each time at the boundary of that kind
    that is nearest to the group's middle (the earlier of two). Special and prompt tokens, where they are taken out
    at all, are split off first. At every node either half comes first, so that a unit meets 2 to
    the power of its depth sets of other units.

    The numbers add up to the score minus the baseline's, exactly, and so do those of every node's units to
    the node's own. Where the budget holds every set that the tree allows, about two thirds of the units'
    square (20 units by default), the values are exact; otherwise orders are drawn as in `ShapleySampling`.

    Parameters
    ----------
    n_samples, tolerance, seed
        See `SamplingMethod`.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "partition_shap"

    def exact(self, game: Game, budget: int) -> NDArray[np.float64] | None:
        """Weigh all coalitions that the tree allows."""
        tree = _tree(game)
        return _owen_values(game, tree) if _coalitions(tree) <= budget else None

    def drawn(self, game: Game, budget: int, rng: np.random.Generator) -> Iterator[Estimate]:
        """Average over more and more pairs of orders that fit the tree."""
        tree = _tree(game)
        stages = self.stages(pairs(len(game.players), budget), LEAST_PAIRS)
        yield from mean_marginals(game, lambda: np.array(_order(tree, rng)), stages)


def _tree(game: Game) -> Tree:
    """Halve the text."""
    return _split(range(len(game.players)), _boundaries(game))


def _boundaries(game: Game) -> NDArray[np.intp]:
    """Kind of the boundary before each player but the first: 3 bucket, 2 sentence, 1 word, 0 within a word."""
    encoded, membership = game.perturbations[0].encoded, game.perturbations[0].membership
    last = encoded.spans[:, 1] - 1  # of each token: its first character may be the space before a sentence
    places = np.array([last[membership == unit].min() for unit in game.players])
    segments = [
        np.searchsorted([start for start, _ in cut(encoded.text)], places, side="right")
        for cut in (word_spans, sentence_spans)
    ]
    buckets = np.where(game.in_text, 0, np.arange(1, len(places) + 1))
    changes = np.array([np.diff(each) != 0 for each in (*segments, buckets)])
    kinds: NDArray[np.intp] = (changes * np.array([[1], [2], [3]])).max(0, initial=0)
    return kinds


def _split(group: range, boundaries: NDArray[np.intp]) -> Tree:
    """Halve a group of neighbouring players at the highest boundary nearest to its middle."""
    if len(group) == 1:
        return group.start
    inner = boundaries[group.start : group.stop - 1]
    places = np.flatnonzero(inner == inner.max()) + 1
    cut = group.start + int(places[np.abs(2 * places - len(group)).argmin()])
    return _split(range(group.start, cut), boundaries), _split(range(cut, group.stop), boundaries)


def _leaves(tree: Tree) -> list[int]:
    return [tree] if isinstance(tree, int) else _leaves(tree[0]) + _leaves(tree[1])


def _coalitions(tree: Tree, depth: int = 0) -> int:
    """How many coalitions the orders that fit the tree pass through."""
    if isinstance(tree, int):
        return 0 if depth else 2
    new = (2 << depth) + (0 if depth else 2)
    return new + sum(_coalitions(half, depth + 1) for half in tree)


def _owen_values(game: Game, tree: Tree) -> NDArray[np.float64]:
    """Exact Owen values ``(targets, players)``."""
    sets = list(_sets_before(tree, np.zeros((1, len(game.players)), dtype=bool)))
    game(np.vstack([_joined(before, [player]) for player, before in sets]))  # all at once: in full batches
    values = np.zeros((len(game.score.targets), len(game.players)))
    for player, before in sets:
        values[:, player] = (game(_joined(before, [player])) - game(before)).mean(0)
    return values


def _sets_before(node: Tree, before: NDArray[np.bool_]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Each player of a node with all sets of players that may come before it, equally likely, ``(sets, players)``."""
    if isinstance(node, int):
        yield node, before
        return
    for half, other in (node, node[::-1]):
        yield from _sets_before(half, np.vstack([before, _joined(before, _leaves(other))]))


def _joined(coalitions: NDArray[np.bool_], players: list[int]) -> NDArray[np.bool_]:
    joined = coalitions.copy()
    joined[:, players] = True
    return joined


def _order(tree: Tree, rng: np.random.Generator) -> list[int]:
    """Draw an order of the players that fits the tree."""
    if isinstance(tree, int):
        return [tree]
    first, second = tree[:: rng.choice([1, -1])]
    return _order(first, rng) + _order(second, rng)
