"""Quadrature rules on [0, 1] that the study compares: fixed, mapped, nested, adaptive, and placed by probes."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray
from scipy.integrate import quad_vec
from scipy.special import ellipj, ellipk

Floats = NDArray[np.float64]
Rule = tuple[Floats, Floats]
"""Nodes and weights ``(nodes,)``."""

Map = Callable[[Floats], Rule]
"""From places on [0, 1] to nodes on [0, 1] and their slope there."""


class Function(Protocol):
    """What is integrated."""

    scores: Callable[[Floats], Floats]
    """From places to the scores there, ``(places, classes)``."""

    def __call__(self, places: Floats) -> Floats:
        """Evaluate at places: ``(places, classes, tokens)``."""


def gauss_legendre(count: int) -> Rule:
    """Gauss-Legendre nodes and weights."""
    nodes, weights = legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def trapezoid(count: int) -> Rule:
    """Equidistant nodes, both ends included."""
    weights = np.full(count, 1 / (count - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, count), weights


def midpoint(count: int) -> Rule:
    """Equidistant nodes in the middle of their intervals."""
    return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)


def clenshaw_curtis(count: int) -> Rule:
    """Chebyshev nodes, both ends included."""
    nodes = np.cos(np.pi * np.arange(count) / (count - 1))
    integrals = np.zeros(count)
    even = np.arange(0, count, 2)
    integrals[even] = 1 / (1 - even.astype(float) ** 2)
    return (1 - nodes) / 2, np.linalg.solve(chebyshev.chebvander(nodes, count - 1).T, integrals)


def sinh_map(centre: float, width: float) -> Map:
    """Gather nodes about a place: Tee, Trefethen 2006, for a pair of poles at ``centre`` and distance ``width``."""
    start, end = np.arcsinh(-centre / width), np.arcsinh((1 - centre) / width)

    def gather(places: Floats) -> Rule:
        inner = start + (end - start) * places
        return centre + width * np.sinh(inner), width * np.cosh(inner) * (end - start)

    return gather


def sausage_map(places: Floats) -> Rule:
    """Spread Gauss-Legendre's nodes more evenly by nine terms of an arcsine: Hale, Trefethen 2008."""
    terms = np.array([40320.0, 6720.0, 3024.0, 1800.0, 1225.0]) / 53089
    odd = np.arange(1, 10, 2)
    inner = 2 * places.reshape(-1, 1) - 1
    return (1 + (inner**odd) @ terms) / 2, (inner ** (odd - 1)) @ (odd * terms)


def strip_map(places: Floats, rho: float = 1.4) -> Rule:
    """Spread them by the map of an ellipse with parameter ``rho`` to an infinite strip: Hale, Trefethen 2008."""
    j = np.arange(1, 30)
    fourth_root = 2 * (rho ** (-4 * (j - 0.5) ** 2)).sum() / (1 + 2 * (rho ** (-4.0 * j**2)).sum())
    m = fourth_root**4
    inner = 2 * places - 1
    sn, cn, dn, _ = ellipj(2 * ellipk(m) / np.pi * np.arcsin(inner), m)
    scale = np.arctanh(fourth_root)
    slope = 2 * ellipk(m) / np.pi * fourth_root * cn * dn
    slope /= (1 - fourth_root**2 * sn**2) * np.sqrt(1 - inner**2) * scale
    return (1 + np.arctanh(fourth_root * sn) / scale) / 2, slope


def mapped(rule: Rule, chosen: Map) -> Rule:
    """Move a rule's nodes."""
    places, weights = rule
    nodes, slopes = chosen(places)
    return np.clip(nodes, 0, 1), weights * slopes


def probed_map(function: Function, probes: int) -> Map:
    """Gather nodes about where the scores change, found by forward passes alone.

    About the median of all classes' changes; the width is that of a logistic curve with the same quartiles.
    """
    places = np.linspace(0, 1, probes)
    changes = np.abs(np.diff(function.scores(places), axis=0)).sum(1)
    done = np.concatenate([[0], np.cumsum(changes)]) / changes.sum()
    low, centre, high = np.interp([0.25, 0.5, 0.75], done, places)
    return sinh_map(centre, float(np.clip(np.pi / np.log(9) * (high - low), 0.03, 1)))


def nested(
    function: Function, rules: Callable[[int], Rule], first: int, growth: int, share: float, tolerance: float
) -> tuple[int, Floats, float]:
    """Refine until the estimated error is within the tolerance: cost, integral, estimate.

    Parameters
    ----------
    rules
        From a number of nodes to the rule; each has the nodes of the one before.
    first
        The first number of nodes.
    growth
        How many intervals each becomes: 2 where the ends are nodes, 3 for midpoints.
    share
        How much of the distance to the rule before is reported.
    """
    count, before = first, _integral(function, rules(first))
    while True:
        count = count * 3 if growth == 3 else 2 * count - 1
        integral = _integral(function, rules(count))
        largest = np.abs(integral).max(1)
        estimate = float((share * np.abs(integral - before).max(1) / largest).max())
        changes = np.ptp(function.scores(np.array([0.0, 1.0])), axis=0) * np.sign(
            function.scores(np.array([1.0]))[0] - function.scores(np.array([0.0]))[0]
        )
        estimate = max(estimate, 2 * float((np.abs(integral.sum(1) - changes) / largest).max()))
        if estimate <= tolerance or count > 256:
            return count, integral, estimate
        before = integral


def gauss_kronrod(function: Function, name: str, chosen: Map, tolerance: float) -> tuple[int, Floats, float]:
    """Halve the worst panel until QUADPACK's errors together are within the tolerance: cost, integral, estimate."""
    shape = function(np.array([0.5])).shape[1:]
    largest = np.abs(_integral(function, gauss_legendre(64))).max(
        1, keepdims=True
    )  # which a user would not know

    def relative(place: float) -> Floats:
        nodes, slopes = chosen(np.array([place]))
        return np.asarray(function(nodes)[0] * slopes[0] / largest).ravel()

    def panel(start: float, end: float) -> tuple[float, float, float, Floats, int]:
        found, error, told = quad_vec(
            relative, start, end, norm="max", limit=1, quadrature=name, full_output=True
        )
        return float(error), start, end, found, told.neval

    panels, cost = [panel(0.0, 1.0)], 0
    cost = panels[0][-1]
    while (estimate := sum(each[0] for each in panels)) > tolerance and cost < 300:
        panels.sort(key=lambda each: each[0])
        _, start, end, *_ = panels.pop()
        halves = [panel(start, (start + end) / 2), panel((start + end) / 2, end)]
        panels += halves
        cost += sum(each[-1] for each in halves)
    total = np.sum([each[3] for each in panels], axis=0).reshape(shape)
    return cost, total * largest, estimate


def _integral(function: Function, rule: Rule) -> Floats:
    nodes, weights = rule
    return np.asarray(np.tensordot(weights, function(nodes), 1))
