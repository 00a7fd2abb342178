"""What methods must give, by other ways: sums over all orders, all subsets, or another library's steps.

``values`` are a game's scores, ``(2 ** players, targets)``; a set's row has a binary digit for each word.
"""

from __future__ import annotations

from itertools import product
from math import comb
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances


def mean_over(orders: Any, values: np.ndarray) -> np.ndarray:
    """What each word adds to those before it, on average over orders, ``(targets, players)``."""
    found = np.zeros((values.shape[1], len(orders[0])))
    for order in orders:
        code = 0
        for word in order:
            found[:, word] += values[code + 2**word] - values[code]
            code += 2**word
    return found / len(orders)


def fitting_orders(tree: Any) -> list[list[int]]:
    """All orders that keep the words of a subtree together; a tree is a word or a pair of trees."""
    if isinstance(tree, int):
        return [[tree]]
    pairs = list(product(*map(fitting_orders, tree)))
    return [first + second for first, second in pairs] + [second + first for first, second in pairs]


def total_sobol_indices(values: np.ndarray) -> np.ndarray:
    """Mean variance of the score when all words but one are held, in its whole variance."""
    players = int(np.log2(len(values)))
    grid = values.reshape(*[2] * players, -1)  # the last word is the first axis
    parts = [grid.var(axis=players - 1 - word).reshape(-1, grid.shape[-1]).mean(0) for word in range(players)]
    return (np.array(parts) / values.var(0)).T


def lime_coefficients(
    kept: np.ndarray, scores: np.ndarray, counts: np.ndarray, kernel_width: float = 25.0, alpha: float = 1.0
) -> np.ndarray:
    """LIME's own steps (lime 0.2.0.1, lime_text and lime_base) on sets ``kept`` that were drawn so often."""
    distances = pairwise_distances(kept, np.ones((1, kept.shape[1])), metric="cosine").ravel() * 100
    weights = np.sqrt(np.exp(-(distances**2) / kernel_width**2))
    return Ridge(alpha=alpha).fit(kept, scores, sample_weight=weights * counts).coef_


def lime_counts(kept: np.ndarray, draws: int) -> np.ndarray:
    """How often LIME draws each set: it takes out one to all words, every number equally often."""
    players = kept.shape[1]
    taken = (players - kept.sum(1)).astype(int)
    return np.array([draws / players / comb(players, count) if count else 1 for count in taken])
