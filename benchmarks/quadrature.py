"""Which quadrature needs the fewest nodes: fixed, mapped, nested, adaptive and probed rules on the same paths."""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.polynomial import legendre
from numpy.typing import NDArray

from benchmarks import quadrature_rules as rules
from benchmarks.bare import Bare, BarePath
from benchmarks.classifiers import Trained, trained
from benchmarks.labelled import data_sets
from benchmarks.process import prepare
from benchmarks.quadrature_rules import Floats, Map, Rule
from benchmarks.report import Report, Row, options
from setfit_explain import Explainer, IntegratedGradients
from setfit_explain.attribution.quadrature import CENTRE, FIRST_NODES, WIDTH

BASELINES = ("mean", "mask", "pad", "zero")
CLASSES = (2, 6, 77)
MANY, FEWER = 20, 4
"""From so many classes on, the texts are so many times fewer."""
LABELLED = "fair_rationales_dynasent"
TOLERANCE = IntegratedGradients().tolerance
SAMPLES = 256
PROBES = 17

_READING = f"""The derivative of every class's probability along every token's displacement is sampled in float64 at
{SAMPLES} Gauss-Legendre nodes, and every rule integrates the polynomial through them. Errors are those of the worst token
of the worst class, relative to the largest attribution of that class.

- **Cost** is in nodes, each a forward pass and K - 1 backward passes, the ends of the path included where a rule needs them. Probes
  are forward passes alone: 1 / K of a node each.
- The **sinh map** (Tee, Trefethen 2006) gathers nodes about {CENTRE}, within {WIDTH}; **probed**, about where {PROBES} probes tell that
  the scores change. **Sausage** and **strip** are the maps of Hale and Trefethen (2008), with nine terms of the arcsine and with
  the ellipse 1.4, which favour no place.
- Rules that **stop by themselves** do so at an estimated error of {TOLERANCE}, and their cost includes knowing it: for the trapezoid
  and the midpoint the whole distance to the rule before, for Clenshaw-Curtis a quarter of it, twice the distance of the
  sum to the scores at least; for Gauss-Kronrod the distance to Gauss on the same panel, or QUADPACK's estimate (`scipy`'s `quad_vec`,
  which halves once in any case), panels halved where it is largest. **Above** is the share of texts whose true error was above the estimate. Fixed rules do not know their error."""


class Integrand:
    """Derivatives along one path, at any place.

    Parameters
    ----------
    values
        At `SAMPLES` Gauss-Legendre nodes, ``(samples, classes, tokens)``.
    """

    def __init__(self, values: Floats) -> None:
        self.values = values
        nodes, weights = rules.gauss_legendre(SAMPLES)
        self.integral = np.tensordot(weights, values, 1)
        # The discrete orthogonality of Legendre polynomials: coefficients are sums over the nodes.
        degrees = np.arange(SAMPLES)
        self._basis = (
            legendre.legvander(2 * nodes - 1, SAMPLES - 1) * weights[:, None] * (2 * degrees + 1)
        ).T
        self._rising = legendre.legint(self._basis @ values.sum(2), lbnd=-1, scl=0.5)

    def __call__(self, places: Floats) -> Floats:
        """Evaluate at places: ``(places, classes, tokens)``."""
        row = legendre.legvander(2 * places - 1, SAMPLES - 1) @ self._basis
        return np.asarray(np.tensordot(row, self.values, 1))

    def scores(self, places: Floats) -> Floats:
        """Probabilities less those at the baseline, ``(places, classes)``: what a forward pass tells."""
        return np.asarray(legendre.legval(2 * places - 1, self._rising).T)

    def error(self, integral: Floats) -> float:
        """Relative error of the worst token of the worst class."""
        largest = np.abs(self.integral).max(1)
        return float((np.abs(integral - self.integral).max(1) / largest).max())


Answer = tuple[float, float, float | None]
"""Cost in nodes, true error and estimate, None where a rule has none."""

SINH = rules.sinh_map(CENTRE, WIDTH)


def _plain(places: Floats) -> Rule:
    return places, np.ones_like(places)


def _fixed(rule: Callable[[int], Rule], count: int, chosen: Map = _plain) -> Callable[[Integrand], Answer]:
    def answer(function: Integrand) -> Answer:
        nodes, weights = rules.mapped(rule(count), chosen)
        return count, function.error(np.tensordot(weights, function(nodes), 1)), None

    return answer


def _probed(rule: Callable[[int], Rule], count: int) -> Callable[[Integrand], Answer]:
    def answer(function: Integrand) -> Answer:
        cost, error, _ = _fixed(rule, count, rules.probed_map(function, PROBES))(function)
        return cost + PROBES / function.values.shape[1], error, None

    return answer


def _nested(
    rule: Callable[[int], Rule], first: int, growth: int, share: float, chosen: Map = _plain
) -> Callable[[Integrand], Answer]:
    def answer(function: Integrand) -> Answer:
        family = lambda count: rules.mapped(rule(count), chosen)  # noqa: E731
        cost, integral, estimate = rules.nested(function, family, first, growth, share, TOLERANCE)
        return cost, function.error(integral), estimate

    return answer


def _nested_and_probed(function: Integrand) -> Answer:
    chosen = rules.probed_map(function, PROBES)
    cost, *rest = _nested(rules.clenshaw_curtis, FIRST_NODES // 2 + 1, 2, 1 / 4, chosen)(function)
    return cost + PROBES / function.values.shape[1], *rest


def _kronrod(count: int, chosen: Map = _plain) -> Callable[[Integrand], Answer]:
    def answer(function: Integrand) -> Answer:
        cost, integral, estimate = rules.gauss_kronrod(function, count, chosen, TOLERANCE)
        return cost, function.error(integral), estimate

    return answer


def _quadpack(function: Integrand) -> Answer:
    cost, integral, estimate = rules.quadpack(function, "gk21", TOLERANCE)
    return cost, function.error(integral), estimate


RULES: dict[str, Callable[[Integrand], Answer]] = {
    **{f"Gauss-Legendre, {n}": _fixed(rules.gauss_legendre, n) for n in (12, 16, 24, 32, 50)},
    **{f"trapezoid, {n}": _fixed(rules.trapezoid, n) for n in (17, 33, 65)},
    **{f"midpoint, {n}": _fixed(rules.midpoint, n) for n in (9, 27, 81)},
    **{f"Clenshaw-Curtis, {n}": _fixed(rules.clenshaw_curtis, n) for n in (17, 33)},
    **{f"Gauss-Legendre, sausage, {n}": _fixed(rules.gauss_legendre, n, rules.sausage_map) for n in (16, 24)},
    **{f"Gauss-Legendre, strip, {n}": _fixed(rules.gauss_legendre, n, rules.strip_map) for n in (16, 24)},
    **{f"Gauss-Legendre, sinh, {n}": _fixed(rules.gauss_legendre, n, SINH) for n in (8, 12, 16, 24)},
    **{f"Gauss-Legendre, probed, {n}": _probed(rules.gauss_legendre, n) for n in (8, 12, 16, 24)},
    **{f"Clenshaw-Curtis, sinh, {n}": _fixed(rules.clenshaw_curtis, n, SINH) for n in (11, 17, 21, 41)},
    "trapezoid, stops": _nested(rules.trapezoid, 9, 2, 1),
    "midpoint tripled, stops": _nested(rules.midpoint, 9, 3, 1),
    "Clenshaw-Curtis, stops": _nested(rules.clenshaw_curtis, 9, 2, 1 / 4),
    "Gauss-Kronrod 15, stops": _kronrod(7),
    "Gauss-Kronrod 21, stops": _kronrod(10),
    "Gauss-Kronrod 15, sinh, stops": _kronrod(7, SINH),
    "Gauss-Kronrod 21, sinh, stops": _kronrod(10, SINH),
    "QUADPACK's Gauss-Kronrod 21, stops": _quadpack,
    "Clenshaw-Curtis, sinh, stops": _nested(rules.clenshaw_curtis, FIRST_NODES // 2 + 1, 2, 1 / 4, SINH),
    "Clenshaw-Curtis, probed, stops": _nested_and_probed,
}


def main() -> None:
    """Run and write ``quadrature.md``."""
    arguments = options(__doc__, texts=(20, 2))
    prepare()
    report = Report("quadrature", "Quadrature")
    report.say(_READING)
    every: dict[str, list[Answer]] = defaultdict(list)
    parts: list[tuple[str, str, list[Row]]] = []
    for chosen in subjects(arguments):
        count = arguments.texts if chosen.classes < MANY else max(1, arguments.texts // FEWER)
        for baseline in BASELINES:
            found: dict[str, list[Answer]] = defaultdict(list)
            for values in sampled(chosen, baseline, count, arguments):
                function = Integrand(values)
                for name, answer in RULES.items():
                    found[name].append(answer(function))
            for name, answers in found.items():
                every[name] += answers
            title = f"{chosen.name}, baseline {baseline}, {count} texts"
            parts.append((_cell_name(chosen, baseline), title, _rows(found)))
            print(title, flush=True)
    report.say(f"## All {len(next(iter(every.values())))} paths")
    report.table("all", _rows(every))
    for name, title, rows in parts:
        report.say(f"## {title}")
        report.table(name, rows)
    report.write(arguments.out)


def subjects(arguments: Namespace) -> Iterator[Trained]:
    """Give the classifiers, of few classes first."""
    yield from trained(arguments, CLASSES)
    for data in data_sets(arguments.data, arguments.cache / "faithfulness" / "models"):
        if data.name == LABELLED:
            yield Trained(f"{data.name}, K = 2", data.model, tuple(row.text for row in data.held_out))


def sampled(chosen: Trained, baseline: str, count: int, arguments: Namespace) -> Iterator[Floats]:
    """Sample each text's derivatives, or read them from the cache."""
    folder = arguments.cache / "quadrature"
    folder.mkdir(parents=True, exist_ok=True)
    make = partial(_bare, chosen, baseline)
    bare: Bare | None = None
    for index, text in enumerate(chosen.some(count)):
        file = folder / f"{_cell_name(chosen, baseline)}-{index}.npy"
        if not file.exists():
            bare = bare or make()
            np.save(file, derivatives(bare.path(text)))
        yield np.load(file)


def derivatives(path: BarePath) -> NDArray[np.float64]:
    """Differentiate at all samples: by as many tangents or backward passes as are fewer."""
    nodes, _ = rules.gauss_legendre(SAMPLES)
    classes, found = path.bare.classes, []
    rows = max(1, (512 if classes > path.tokens else 2048) // path.tokens)
    for start in range(0, SAMPLES, rows):
        places = torch.tensor(nodes[start : start + rows]).reshape(-1, 1, 1)
        points = path.start + places * path.displacement
        if classes > path.tokens:
            found.append(path._forward(points).detach().numpy())
        else:
            all_but_one = path._backward(points, range(classes - 1)).numpy()
            found.append(np.concatenate([all_but_one, -all_but_one.sum(1, keepdims=True)], 1))
    return np.concatenate(found).astype(np.float64)


def _cell_name(chosen: Trained, baseline: str) -> str:
    return f"{chosen.name.replace(', K = ', '-')}-{baseline}"


def _bare(chosen: Trained, baseline: str) -> Bare:
    return Bare(Explainer(chosen.model, baseline=baseline, show_progress=False), chosen.model, torch.float64)


def _rows(found: dict[str, list[Answer]]) -> list[Row]:
    return [_row(name, answers) for name, answers in found.items()]


def _row(name: str, answers: list[Answer]) -> Row:
    errors = [error for _, error, _ in answers]
    above = [error > estimate for _, error, estimate in answers if estimate is not None]
    return {
        "rule": name,
        "cost in nodes, mean": f"{np.mean([cost for cost, *_ in answers]):.1f}",
        "error, median": float(np.median(errors)),
        "error, 95th percentile": float(np.percentile(errors, 95)),
        "error, largest": float(np.max(errors)),
        f"within {TOLERANCE}": f"{np.mean(np.array(errors) <= TOLERANCE):.0%}",
        "above": f"{np.mean(above):.1%}" if above else "-",
    }


if __name__ == "__main__":
    main()
