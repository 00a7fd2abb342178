"""Quadrature on [0, 1], with an estimate of its error: fixed rules, and nodes placed where they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
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
"""Nodes of the first round of `adaptive_simpson`: two panels."""

Integrand = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


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


def adaptive_simpson(integrand: Integrand, max_nodes: int) -> Iterator[Estimate]:
    """Integrate over [0, 1] with ever more nodes, placed where they are needed.

    Simpson's rule on panels of five nodes. A panel's error is the distance to the rule on three of them
    (Lyness 1969); in each round the panels whose error is at least half the largest are halved, which
    takes four new nodes each. Every node is used to the end.

    The error reported is a third of the sum of the panels' distances. The textbook's fifteenth holds for
    functions that are smooth at the scale of a panel, and the paths here are not yet.

    Parameters
    ----------
    integrand
        Places ``(nodes,)`` on [0, 1] -> values ``(nodes, targets, units)``.
    max_nodes
        Where to give up, at least `FIRST_NODES`.

    Yields
    ------
    Estimate
        After each round; stop asking when it is good enough.
    """
    values = integrand(np.linspace(0.0, 1.0, FIRST_NODES))
    panels = [_Panel(0.0, 0.5, values[:5]), _Panel(0.5, 0.5, values[4:])]
    nodes = FIRST_NODES
    while True:
        total = np.sum([panel.integral for panel in panels], axis=0)
        yield Estimate(
            total, np.sum([panel.distance for panel in panels], axis=0).max(1, initial=0.0) / 3, nodes
        )
        largest = np.abs(total).max(1, initial=np.finfo(float).tiny, keepdims=True)
        sizes = np.array([(panel.distance / largest).max(initial=0.0) for panel in panels])
        worst = np.flatnonzero((sizes >= sizes.max() / 2) & (sizes > 0))[: (max_nodes - nodes) // 4]
        if not worst.size:
            return
        values = integrand(np.concatenate([panels[index].places for index in worst]))
        halves = [panels[index].halve(values[4 * k : 4 * k + 4]) for k, index in enumerate(worst)]
        panels = [panel for index, panel in enumerate(panels) if index not in worst] + list(chain(*halves))
        nodes += len(values)


@dataclass(frozen=True, eq=False)
class _Panel:
    """An interval with the integrand at five equidistant places, both ends among them."""

    start: float
    width: float
    values: NDArray[np.float64]

    @cached_property
    def integral(self) -> NDArray[np.float64]:
        """Simpson's rule on all five."""
        return self._weigh(1, 4, 2, 4, 1) / 12

    @cached_property
    def distance(self) -> NDArray[np.float64]:
        """Distance to Simpson's rule on three of them."""
        return np.abs(self.integral - self._weigh(1, 0, 4, 0, 1) / 6)

    @property
    def places(self) -> NDArray[np.float64]:
        """The new places that halving needs: in the middle between the five."""
        return self.start + self.width * (np.arange(4) + 0.5) / 4

    def halve(self, new: NDArray[np.float64]) -> tuple[_Panel, _Panel]:
        """Cut in two, given the integrand at `places`."""
        merged = np.empty((9, *new.shape[1:]))
        merged[::2], merged[1::2] = self.values, new
        half = self.width / 2
        return _Panel(self.start, half, merged[:5]), _Panel(self.start + half, half, merged[4:])

    def _weigh(self, *weights: float) -> NDArray[np.float64]:
        weighed: NDArray[np.float64] = self.width * np.tensordot(weights, self.values, 1)
        return weighed


def _interpolatory_weights(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that integrate over [0, 1] every polynomial through ``nodes`` exactly."""
    values = legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    integrals = np.zeros(len(nodes))
    integrals[0] = 1.0  # of the Legendre polynomials on [0, 1] only the constant has an integral
    return np.asarray(np.linalg.solve(values.T, integrals), dtype=np.float64)
