"""Rules against numpy's own, and the second rule that tells how far the first can be trusted."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.polynomial import legendre

from setfit_explain import IntegratedGradients, explain
from setfit_explain.attribution.quadrature import RULES, fixed_rule, nested_trapezoid
from tests.models import LONG, tiny_model


def bump(x):
    return np.exp(-3 * (x - 0.3) ** 2)


def trapezoid(values):
    return (values[1:] + values[:-1]).sum() / 2 / (len(values) - 1)


def test_nested_rules_are_the_trapezoid_rules_of_9_17_and_33_nodes():
    rules = list(nested_trapezoid(40))
    estimate = 0.0
    for step, (rule, nodes) in enumerate(zip(rules, (9, 17, 33), strict=True)):
        estimate = (estimate / 2 if step else 0.0) + rule.weights @ bump(rule.nodes)
        grid = np.linspace(0, 1, nodes)
        assert estimate == pytest.approx(trapezoid(bump(grid)), abs=1e-14)
    grid = np.linspace(0, 1, 5)
    coarse = rules[0].coarse_weights @ bump(rules[0].nodes)
    assert coarse == pytest.approx(trapezoid(bump(grid)), abs=1e-14)


@pytest.mark.parametrize("n_steps", [2, 3, 8, 25])
def test_gauss_legendre_is_numpys_moved_to_0_to_1(n_steps):
    nodes, weights = legendre.leggauss(n_steps)
    rule = fixed_rule("gausslegendre", n_steps)
    np.testing.assert_allclose(rule.nodes, (nodes + 1) / 2, atol=1e-14)
    np.testing.assert_allclose(rule.weights, weights / 2, atol=1e-14)


@pytest.mark.parametrize("n_steps", [2, 3, 8, 25])
def test_the_coarse_gauss_rule_is_exact_for_polynomials_through_every_other_node(n_steps):
    rule = fixed_rule("gausslegendre", n_steps)
    assert not rule.coarse_weights[1::2].any()
    for power in range((n_steps + 1) // 2):
        assert rule.coarse_weights @ rule.nodes**power == pytest.approx(1 / (power + 1), abs=1e-9)


@pytest.mark.parametrize("n_steps", [2, 7, 8])
@pytest.mark.parametrize("name", [name for name in RULES if name != "gausslegendre"])
def test_the_coarse_equidistant_rule_lumps_two_nodes_into_one(name, n_steps):
    rule = fixed_rule(name, n_steps)
    assert not rule.coarse_weights[1::2].any()
    pairs = [rule.weights[k : k + 2].sum() for k in range(0, n_steps, 2)]
    np.testing.assert_allclose(rule.coarse_weights[::2], pairs, atol=1e-15)


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_converged_means_that_delta_and_error_estimate_are_both_within_the_tolerance():
    model, larger = tiny_model("bert"), set()
    for n_steps in (3, 4, 8, 24):
        for quadrature in ("gausslegendre", "riemann_trapezoid"):

            def run(tolerance, rule=quadrature, nodes=n_steps):
                method = IntegratedGradients(n_steps=nodes, quadrature=rule, tolerance=tolerance)
                return explain(model, LONG, targets="delay", granularity="token", method=method)

            first = run(1.0)
            figures = {"delta": abs(first.delta[0]), "error": first.error_estimate[0]}
            worst, least = max(figures.values()), min(figures.values())
            size = np.abs(first.attributions).max()
            if least < worst / 1.5 and worst > 1e-4 * size:  # well above what float32 leaves
                larger.add(max(figures, key=figures.get))
                assert not run(np.sqrt(worst * least) / size).converged[0]
                assert run(1.1 * worst / size).converged[0]
    assert larger == {"delta", "error"}, "neither figure may decide alone"


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_the_error_estimate_is_the_largest_change_by_the_last_doubling_of_the_nodes():
    model = tiny_model("bert")
    steps = [
        explain(
            model,
            LONG,
            granularity="token",
            method=IntegratedGradients(max_nodes=nodes, tolerance=1e-9),
        )
        for nodes in (9, 17, 33)
    ]
    for before, after in pairwise(steps):
        change = np.abs(after.attributions - before.attributions).max(1)
        np.testing.assert_allclose(after.error_estimate, change, rtol=1e-9)
