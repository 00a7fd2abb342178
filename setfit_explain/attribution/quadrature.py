"""Quadrature on [0, 1], with an estimate of its error: fixed rules, and nested ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
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

FIRST_NODES = 21

CENTRE, WIDTH = 0.2, 0.1
"""About where scores change fastest on most paths, and within which distance (benchmarks/results/quadrature.md)."""

Integrate = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], "NDArray[np.float64]"]


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


@dataclass(frozen=True, eq=False)
class Estimate:
    """An integral of many functions at once.

    Parameters
    ----------
    values
        The integrals, shape ``(targets, units)``.
    error
        Estimated largest error of any unit's integral, shape ``(targets,)``.
    nodes
        At how many places the functions were evaluated.
    """

    values: NDArray[np.float64]
    error: NDArray[np.float64]
    nodes: int


def clenshaw_curtis(integrate: Integrate, max_nodes: int) -> Iterator[Estimate]:
    """Integrate over [0, 1] with ever more nodes, each used to the end: Clenshaw and Curtis (1960), nested.

    The nodes are gathered about `CENTRE` by a sinh map (Tee, Trefethen 2006, SIAM J. Sci. Comput. 28:1884): the
    integrand's peak there is a pair of poles near the path, which limits how fast any polynomial rule
    converges, and which the map moves away. Both ends of the path are nodes. The error reported is a quarter of the
    distance to the rule on every other node.

    Parameters
    ----------
    integrate
        Places ``(nodes,)`` on [0, 1] and one row of weights a rule ``(rules, nodes)`` -> weighted sums of
        the functions ``(rules, targets, units)``. The first call's places begin at 0 and end at 1.
    max_nodes
        Where to give up, at least `FIRST_NODES`.

    Yields
    ------
    Estimate
        With 21, 41, 81, ... nodes; stop asking when it is good enough.
    """
    sizes = [FIRST_NODES // 2 + 1, FIRST_NODES]
    while 2 * sizes[-1] - 1 <= max_nodes:
        sizes.append(2 * sizes[-1] - 1)
    # Every node is evaluated once and goes, with its weight, into each larger rule: only sums are kept.
    sums: NDArray[np.float64] | float = 0.0
    for index, size in enumerate(sizes[1:], 1):
        new = slice(None) if index == 1 else slice(1, None, 2)
        nodes = _gathered_nodes(size)[new]
        sums = sums + integrate(nodes, np.stack([_weights_at(size, rule)[new] for rule in sizes]))
        total, coarse = sums[index], sums[index - 1]
        yield Estimate(total, np.abs(total - coarse).max(1, initial=0.0) / 4, size)


@lru_cache
def _gathered_nodes(count: int) -> NDArray[np.float64]:
    """Chebyshev nodes on [0, 1], gathered about `CENTRE`."""
    nodes, _ = _gather(_chebyshev(count))
    nodes[[0, -1]] = 0, 1  # exactly
    return nodes


@lru_cache
def _weights_at(count: int, rule: int) -> NDArray[np.float64]:
    """Weights of the rule with ``rule`` nodes at the first ``count`` nodes' places; 0 where it has no node.

    A larger rule has more nodes than these places, a smaller one fewer.
    """
    _, slopes = _gather(_chebyshev(rule))
    weights = _interpolatory_weights(_chebyshev(rule)) * slopes
    if rule >= count:
        return weights[:: (rule - 1) // (count - 1)]
    spread = np.zeros(count)
    spread[:: (count - 1) // (rule - 1)] = weights
    return spread


def _chebyshev(count: int) -> NDArray[np.float64]:
    return (1 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2


def _gather(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map [0, 1] onto itself, slowly about `CENTRE`: the images, and the slope of the map there."""
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)
    stretched = start + (end - start) * places
    return CENTRE + WIDTH * np.sinh(stretched), (end - start) * WIDTH * np.cosh(stretched)


def _interpolatory_weights(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that integrate over [0, 1] every polynomial through ``nodes`` exactly."""
    values = legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    integrals = np.zeros(len(nodes))
    integrals[0] = 1.0  # of the Legendre polynomials on [0, 1] only the constant has an integral
    return np.asarray(np.linalg.solve(values.T, integrals), dtype=np.float64)
