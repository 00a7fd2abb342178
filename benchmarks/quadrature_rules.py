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
        changes = np.diff(function.scores(np.array([0.0, 1.0])), axis=0)[0]
        estimate = max(estimate, 2 * float((np.abs(integral.sum(1) - changes) / largest).max()))
        if estimate <= tolerance or count > 256:
            return count, integral, estimate
        before = integral


def kronrod(count: int) -> tuple[Floats, Floats, Floats]:
    """Extend Gauss-Legendre's ``count`` nodes to ``2 * count + 1``: nodes, weights, and Gauss's own, 0 at the new ones.

    The new nodes are the roots of Stieltjes' polynomial, which times Legendre's is orthogonal to all of its degree and less.
    """
    nodes, weights = legendre.leggauss(2 * count + 2)
    basis = legendre.legvander(nodes, count + 1)
    conditions = (basis[:, : count + 1] * (weights * basis[:, count])[:, None]).T @ basis
    *_, stieltjes = np.linalg.svd(conditions)[2]
    old = legendre.leggauss(count)
    every = np.concatenate([old[0], legendre.legroots(stieltjes).real])
    order = np.argsort(every)
    integrals = np.zeros(2 * count + 1)
    integrals[0] = 2
    fine = np.linalg.solve(legendre.legvander(every, 2 * count).T, integrals)
    coarse = np.concatenate([old[1], np.zeros(count + 1)])
    return (every[order] + 1) / 2, fine[order] / 2, coarse[order] / 2


def gauss_kronrod(function: Function, count: int, chosen: Map, tolerance: float) -> tuple[int, Floats, float]:
    """Halve the worst panel until the distances of both rules together are within the tolerance: cost, integral, estimate."""
    nodes, *weights = kronrod(count)

    def panel(start: float, end: float) -> tuple[Floats, float, float]:
        places, slopes = chosen(start + (end - start) * nodes)
        values = function(places) * slopes.reshape(-1, 1, 1) * (end - start)
        return np.tensordot(weights, values, 1), start, end

    panels, cost = [panel(0, 1)], len(nodes)
    while True:
        total = np.sum([integrals[0] for integrals, *_ in panels], axis=0)
        largest = np.abs(total).max(1)
        errors = [float((np.abs(np.subtract(*integrals)).max(1) / largest).max()) for integrals, *_ in panels]
        if sum(errors) <= tolerance or cost > 256:
            return cost, total, sum(errors)
        _, start, end = panels.pop(int(np.argmax(errors)))
        panels += [panel(start, (start + end) / 2), panel((start + end) / 2, end)]
        cost += 2 * len(nodes)


def quadpack(function: Function, name: str, tolerance: float) -> tuple[int, Floats, float]:
    """Do so by QUADPACK's estimates: cost, integral, estimate."""
    shape = function(np.array([0.5])).shape[1:]
    largest = np.abs(_integral(function, gauss_legendre(64))).max(
        1, keepdims=True
    )  # which a user would not know

    def relative(place: float) -> Floats:
        return np.asarray(function(np.array([place]))[0] / largest).ravel()

    found, error, told = quad_vec(
        relative, 0, 1, epsabs=tolerance, epsrel=0, norm="max", quadrature=name, full_output=True
    )
    return told.neval, found.reshape(shape) * largest, float(error)


def _integral(function: Function, rule: Rule) -> Floats:
    nodes, weights = rule
    return np.asarray(np.tensordot(weights, function(nodes), 1))
