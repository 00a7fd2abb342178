"""Quadrature on [0, 1]: nodes and weights, each with a coarser rule on the same nodes as error estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from captum.attr._utils.approximation_methods import approximation_parameters
from numpy.polynomial import legendre

from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAUSS_LEGENDRE = "gausslegendre"
RULES = (GAUSS_LEGENDRE, "riemann_right", "riemann_left", "riemann_middle", "riemann_trapezoid")
"""Captum's names for its rules with a fixed number of nodes."""

FIRST_NODES = 9


@dataclass(frozen=True, eq=False)
class Rule:
    """Nodes and weights of one quadrature rule.

    Parameters
    ----------
    nodes
        Places on [0, 1], shape ``(nodes,)``.
    weights
        Weights of the rule, shape ``(nodes,)``.
    coarse_weights
        Weights of a rule that uses about every other node; the difference of both estimates the error.
    """

    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]
    coarse_weights: NDArray[np.float64]


def fixed_rule(name: str, n_steps: int) -> Rule:
    """Build Captum's rule ``name`` with ``n_steps`` nodes.

    The coarse rule of Gauss-Legendre integrates the polynomial through every other node; of an
    equidistant rule it lumps the weights of neighbouring nodes.

    Raises
    ------
    OptionError
        Unknown name, or fewer than two nodes.
    """
    if name not in RULES:
        raise OptionError(f"Quadrature {name!r} is not known. Accepted: {', '.join(RULES)}.")
    if n_steps < 2:
        raise OptionError(f"n_steps must be at least 2, got {n_steps}.")
    step_sizes, alphas = approximation_parameters(name)
    nodes, weights = np.array(alphas(n_steps), dtype=float), np.array(step_sizes(n_steps), dtype=float)
    coarse = np.zeros_like(weights)
    if name == GAUSS_LEGENDRE:
        coarse[::2] = _interpolatory_weights(nodes[::2])
    else:
        np.add.at(coarse, 2 * (np.arange(n_steps) // 2), weights)
        coarse /= (
            weights.sum()
        )  # the weights of Captum's trapezoid rule sum to 1 - 1/n: that error shows, too
    return Rule(nodes, weights, coarse)


def nested_trapezoid(max_nodes: int) -> Iterator[Rule]:
    """Yield the new nodes of ever finer trapezoid rules: 9, then 8 more, 16 more, 32 more, ...

    The first rule carries the 5-node rule as its coarse one. Of the later ones, the estimate on all
    nodes so far is half the previous estimate plus the weighted sum over the new nodes.
    """
    intervals = FIRST_NODES - 1
    weights = np.full(FIRST_NODES, 1 / intervals)
    weights[[0, -1]] /= 2
    coarse = np.zeros(FIRST_NODES)
    coarse[::2] = 2 / intervals
    coarse[[0, -1]] /= 2
    yield Rule(np.linspace(0.0, 1.0, FIRST_NODES), weights, coarse)
    while 2 * intervals + 1 <= max_nodes:
        new = (np.arange(intervals) + 0.5) / intervals
        intervals *= 2
        yield Rule(new, np.full(len(new), 1 / intervals), np.zeros(len(new)))


def _interpolatory_weights(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that integrate over [0, 1] every polynomial through ``nodes`` exactly."""
    values = legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    integrals = np.zeros(len(nodes))
    integrals[0] = 1.0  # of the Legendre polynomials on [0, 1] only the constant has an integral
    return np.asarray(np.linalg.solve(values.T, integrals), dtype=np.float64)
