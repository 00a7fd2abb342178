"""Rankings of units, and how far two of them agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.explanation.agreement import kendall_tau

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["falling", "kendall_tau", "permuted"]


def falling(values: Floats, generator: np.random.Generator) -> NDArray[np.intp]:
    """Order indices from the largest value to the smallest; equal values come in random order.

    In reading order instead, an attribution that says nothing would rank first words first, which on many texts
    is better than chance.
    """
    return np.lexsort((generator.random(len(values)), -values))


def permuted(values: Floats, generator: np.random.Generator) -> Floats:
    """Put the same values into random order: an attribution of the same sizes that knows nothing.

    Sorted first, so that two attributions meet the same random ranking: what differs is not the draw.
    """
    return generator.permutation(np.sort(values))
