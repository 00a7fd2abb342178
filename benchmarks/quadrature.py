"""Which quadrature needs the fewest nodes: fixed, nested and mapped rules on the same paths."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import torch
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from benchmarks.bare import Bare, BarePath
from benchmarks.classifiers import trained
from benchmarks.process import prepare
from benchmarks.report import Report, options
from setfit_explain import Explainer, IntegratedGradients
from setfit_explain.attribution.quadrature import CENTRE, FIRST_NODES, WIDTH

BASELINES = ("mean", "mask", "pad", "zero")
CLASSES = (2, 6)
TOLERANCE = IntegratedGradients().tolerance
SAMPLES = 96
Floats = NDArray[np.float64]
Rule = tuple[Floats, Floats]

_READING = f"""The derivative of every class's probability along every token's displacement is sampled in float64 at
{SAMPLES} Gauss-Legendre nodes, and every rule integrates the polynomial through them. Errors are those of the worst token
of the worst class, relative to the largest attribution of that class. Costs are in nodes, the ends of the path included
where a rule needs them. The sinh map of Tee and Trefethen (2006) gathers nodes
about {CENTRE}, within {WIDTH}. Nested rules stop by themselves, at an estimated error of {TOLERANCE} (a trapezoid's whole distance to the rule
before it, a quarter of it for Clenshaw-Curtis): what they paid includes knowing it; fixed rules do not know their error."""


class Integrand:
    """Derivatives along one path, at any place.

    Parameters
    ----------
    path
        The path.
    """

    def __init__(self, path: BarePath) -> None:
        nodes, self.weights = gauss_legendre(SAMPLES)
        points = path.start + torch.tensor(nodes).reshape(-1, 1, 1) * path.displacement
        self.values = path._backward(points, range(path.bare.classes)).numpy()  # (samples, classes, tokens)
        self._coefficients = np.linalg.inv(legendre.legvander(2 * nodes - 1, SAMPLES - 1))
        self.integral = np.tensordot(self.weights, self.values, 1)

    def __call__(self, places: Floats) -> Floats:
        """Evaluate at places: ``(places, classes, tokens)``."""
        row = legendre.legvander(2 * places - 1, SAMPLES - 1) @ self._coefficients
        return np.asarray(np.tensordot(row, self.values, 1))

    def error(self, integral: Floats) -> float:
        """Relative error of the worst token of the worst class."""
        largest = np.abs(self.integral).max(1)
        return float((np.abs(integral - self.integral).max(1) / largest).max())


def gauss_legendre(count: int) -> Rule:
    """Gauss-Legendre nodes and weights on [0, 1]."""
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


def mapped_gauss_legendre(count: int) -> Rule:
    """Gauss-Legendre nodes, gathered."""
    return gathered(gauss_legendre(count))


def mapped_clenshaw_curtis(count: int) -> Rule:
    """Chebyshev nodes, gathered."""
    return gathered(clenshaw_curtis(count))


def gathered(rule: Rule) -> Rule:
    """Move a rule's nodes together about `CENTRE` by a sinh."""
    places, weights = rule
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)
    inner = start + (end - start) * places
    return CENTRE + WIDTH * np.sinh(inner), weights * WIDTH * np.cosh(inner) * (end - start)


FIXED: dict[str, tuple[Callable[[int], Rule], tuple[int, ...]]] = {
    "Gauss-Legendre": (gauss_legendre, (12, 16, 24, 32)),
    "trapezoid": (trapezoid, (17, 33, 65)),
    "midpoint": (midpoint, (9, 27)),
    "Clenshaw-Curtis": (clenshaw_curtis, (17, 33)),
    "Gauss-Legendre, sinh-mapped": (mapped_gauss_legendre, (8, 12, 16, 24)),
    "Clenshaw-Curtis, sinh-mapped": (mapped_clenshaw_curtis, (11, 17, 21, 41)),
}


NESTED: dict[str, tuple[Callable[[int], Rule], int, float]] = {
    "nested trapezoid": (trapezoid, 9, 1),
    "nested Clenshaw-Curtis, sinh-mapped": (mapped_clenshaw_curtis, FIRST_NODES // 2 + 1, 1 / 4),
}


def nested(integrand: Integrand, rule: Callable[[int], Rule], count: int, share: float) -> tuple[int, Floats]:
    """Double the intervals until the integrals move by less than the tolerance."""
    before = None
    while True:
        nodes, weights = rule(count)
        integral = np.tensordot(weights, integrand(nodes), 1)
        if before is not None:
            moved = share * np.abs(integral - before).max(1) / np.abs(integral).max(1)
            delta = np.abs(integral.sum(1) - integrand.integral.sum(1)) / np.abs(integral).max(1)
            if np.maximum(moved, 2 * delta).max() <= TOLERANCE or count > 256:
                return count, integral
        before, count = integral, 2 * count - 1


def main() -> None:
    """Run and write ``quadrature.md``."""
    arguments = options(__doc__, texts=(30, 2))
    prepare()
    report = Report("quadrature", "Quadrature")
    report.say(_READING)
    for chosen in trained(arguments, CLASSES):
        for baseline in BASELINES:
            explainer = Explainer(chosen.model, baseline=baseline, show_progress=False)
            bare = Bare(explainer, chosen.model, torch.float64)
            found = defaultdict(list)
            for text in chosen.some(arguments.texts):
                integrand = Integrand(bare.path(text))
                for name, (rule, counts) in FIXED.items():
                    for count in counts:
                        nodes, weights = rule(count)
                        integral = np.tensordot(weights, integrand(nodes), 1)
                        found[name, count].append((count, integrand.error(integral)))
                for name, (rule, first, share) in NESTED.items():
                    count, integral = nested(integrand, rule, first, share)
                    found[name, first].append((count, integrand.error(integral)))
            report.say(f"## {chosen.name}, baseline {baseline}, {arguments.texts} texts")
            report.table(
                f"{chosen.classes}-{baseline}",
                [
                    {
                        "rule": name,
                        "nodes, mean": f"{np.mean(pairs, 0)[0]:.1f}",
                        "error, median": float(np.median(pairs, 0)[1]),
                        "error, 95th percentile": float(np.percentile(pairs, 95, axis=0)[1]),
                        "error, largest": float(np.max(pairs, 0)[1]),
                    }
                    for (name, _), pairs in found.items()
                ],
            )
            report.write(arguments.out)


if __name__ == "__main__":
    main()
