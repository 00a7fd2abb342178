"""Quadrature on [0, 1], with an estimate of its error: fixed rules, and nodes placed where they are needed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from captum.attr._utils.approximation_methods import approximation_parameters
from numpy.polynomial import legendre

from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAUSS_LEGENDRE = "gausslegendre"
RULES = (GAUSS_LEGENDRE, "riemann_right", "riemann_left", "riemann_middle", "riemann_trapezoid")
"""Captum's names for its rules with a fixed number of nodes."""

CLENSHAW_CURTIS = "clenshaw_curtis"
"""Name of the first rules of `adaptive`."""

FIRST_NODES = 21

CENTRE, WIDTH = 0.2, 0.1
"""About where scores change fastest on most paths, and within which distance (benchmarks/results/quadrature.md)."""

Rounds = Generator["Round", "NDArray[np.float64]", None]
"""Is sent the values ``(nodes, targets, units)`` at the nodes wanted, and answers with the next round."""


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
    check_whole_number("n_steps", n_steps, 2)
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
    rule
        The quadrature rule's name.
    values
        The integrals, shape ``(targets, units)``.
    error
        Estimated largest error of any unit's integral, shape ``(targets,)``.
    nodes
        At how many places the functions were evaluated.
    """

    rule: str
    values: NDArray[np.float64]
    error: NDArray[np.float64]
    nodes: int


@dataclass(frozen=True, eq=False)
class Round:
    """What is known, and where it must be asked to know more.

    Parameters
    ----------
    estimate
        Of all values so far; before the first an empty one.
    wanted
        Places ``(nodes,)`` on [0, 1] for the next estimate; None where there is none.
    """

    estimate: Estimate
    wanted: NDArray[np.float64] | None


def adaptive(tolerance: float, max_nodes: int) -> Rounds:
    """Integrate over [0, 1] with ever more nodes, every one of them used to the end.

    First the rules of Clenshaw and Curtis (1960) with 21 and 41 nodes, gathered about `CENTRE` by a sinh map
    (Tee, Trefethen 2006, SIAM J. Sci. Comput. 28:1884): the peak there is a pair of poles near the path, which limits
    how fast any polynomial rule converges, and which the map moves away. Their error is a quarter of the
    distance to the rule on every other node. That is enough for most paths.

    A path with a peak elsewhere, or with an end where a norm is nearly zero, goes on from these nodes by Simpson's rule
    on panels of five, in the variable in which they are equidistant. A panel's error is half the distance to
    the rule on three of them, and the error reported the sum over the panels. The fifteenth of textbooks (Lyness 1969)
    holds for functions that are smooth at the scale of a panel, and these are not yet. In each round all
    panels are halved but those with the smallest errors that together stay well within the tolerance.

    Parameters
    ----------
    tolerance
        The error that is aimed at, relative to each target's largest integral.
    max_nodes
        Where to give up, at least `FIRST_NODES`.

    Yields
    ------
    Round
        The first with nodes that begin at 0 and end at 1; stop sending when an estimate is good enough.
    """
    count = 2 * FIRST_NODES - 1
    places = np.linspace(0, 1, count)
    coarse = yield Round(Estimate("none", np.zeros((0, 0)), np.zeros(0), 0), _gather(places[::2])[0])
    if count > max_nodes:
        yield Round(_clenshaw_curtis(coarse), None)
        return
    values = np.empty((count, *coarse.shape[1:]))
    values[::2], values[1::2] = coarse, (yield Round(_clenshaw_curtis(coarse), _gather(places[1::2])[0]))
    estimate = _clenshaw_curtis(values)
    panels = _panels(places, _weigh(values, places))
    nodes = count
    while True:
        chosen = _to_halve(panels, tolerance)[: (max_nodes - nodes) // 4]
        if not chosen.size:
            yield Round(estimate, None)
            return
        places = np.concatenate([panels[index].places for index in chosen])
        values = _weigh((yield Round(estimate, _gather(places)[0])), places)
        halves = [panels[index].halve(values[4 * k : 4 * k + 4]) for k, index in enumerate(chosen)]
        panels = [panel for index, panel in enumerate(panels) if index not in chosen] + list(chain(*halves))
        nodes += len(values)
        total = np.sum([panel.integral for panel in panels], axis=0)
        error = np.sum([panel.error for panel in panels], axis=0).max(1, initial=0.0)
        estimate = Estimate("adaptive_simpson", total, error, nodes)


def _clenshaw_curtis(values: NDArray[np.float64]) -> Estimate:
    weights, coarse_weights = _clenshaw_curtis_weights(len(values))
    total = np.tensordot(weights, values, 1)
    moved = np.abs(total - np.tensordot(coarse_weights, values[::2], 1))
    return Estimate(CLENSHAW_CURTIS, total, moved.max(1, initial=0.0) / 4, len(values))


@lru_cache
def _clenshaw_curtis_weights(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of the rule with ``count`` gathered nodes, and of the rule on every other node."""
    places = np.linspace(0, 1, count)
    _, slopes = _gather(places)
    fine, coarse = (_interpolatory_weights(_chebyshev(some)) for some in (places, places[::2]))
    return fine * slopes, coarse * slopes[::2]


def _weigh(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply values by the slope of the nodes over the equidistant places."""
    slopes = _gather(places)[1] * np.pi / 2 * np.sin(np.pi * places)
    weighed: NDArray[np.float64] = values * slopes.reshape(-1, 1, 1)
    return weighed


def _panels(places: NDArray[np.float64], values: NDArray[np.float64]) -> list[_Panel]:
    return [
        _Panel(places[first], places[first + 4] - places[first], values[first : first + 5])
        for first in range(0, len(places) - 1, 4)
    ]


def _to_halve(panels: Sequence[_Panel], tolerance: float) -> NDArray[np.intp]:
    """Choose panels, the worst first: those that do not fit into seven tenths of the tolerance."""
    total = np.sum([panel.integral for panel in panels], axis=0)
    largest = np.abs(total).max(1, initial=np.finfo(float).tiny, keepdims=True)
    errors = np.array([(panel.error / largest).max(initial=0.0) for panel in panels])
    order = np.argsort(errors, kind="stable")
    fit = int(np.searchsorted(np.cumsum(errors[order]), 0.7 * tolerance, side="right"))
    chosen = order[min(fit, len(order) - 1) :][::-1]  # the worst in any case: its caller is not content
    return chosen[errors[chosen] > 0]


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
    def error(self) -> NDArray[np.float64]:
        """Half the distance to Simpson's rule on three of them."""
        return np.abs(self.integral - self._weigh(1, 0, 4, 0, 1) / 6) / 2

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


def _chebyshev(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map equidistant places on [0, 1] to Chebyshev nodes on [0, 1]."""
    return (1 - np.cos(np.pi * places)) / 2


def _gather(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Map equidistant places to nodes gathered about `CENTRE`; and their slope over the Chebyshev nodes."""
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)
    stretched = start + (end - start) * _chebyshev(places)
    nodes = np.clip(CENTRE + WIDTH * np.sinh(stretched), 0, 1)  # rounding must not leave the path
    return nodes, (end - start) * WIDTH * np.cosh(stretched)


def _interpolatory_weights(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that integrate over [0, 1] every polynomial through ``nodes`` exactly."""
    values = legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    integrals = np.zeros(len(nodes))
    integrals[0] = 1.0  # of the Legendre polynomials on [0, 1] only the constant has an integral
    return np.asarray(np.linalg.solve(values.T, integrals), dtype=np.float64)
