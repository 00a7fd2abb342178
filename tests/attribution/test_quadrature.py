"""Quadrature rules integrate what they must, and their coarse twins measure their error."""

import numpy as np
import pytest

from setfit_explain.attribution.quadrature import RULES, fixed_rule, nested_trapezoid
from setfit_explain.errors import OptionError


def integrals(rule, function):
    values = function(rule.nodes)
    return float(rule.weights @ values), float(rule.coarse_weights @ values)


@pytest.mark.parametrize("n_steps", [2, 7, 50, 301])
def test_gauss_legendre_is_exact_for_polynomials_and_its_coarse_rule_for_half_their_degree(n_steps):
    rule = fixed_rule("gausslegendre", n_steps)
    fine_degree, coarse_degree = 2 * n_steps - 1, (n_steps + 1) // 2 - 1
    fine, _ = integrals(rule, lambda x: x**fine_degree)
    _, coarse = integrals(rule, lambda x: x**coarse_degree)
    assert fine == pytest.approx(1 / (fine_degree + 1), abs=1e-12)
    assert coarse == pytest.approx(1 / (coarse_degree + 1), abs=1e-10)


@pytest.mark.parametrize("name", RULES)
def test_the_coarse_rule_is_another_rule_for_the_same_integral(name):
    rule = fixed_rule(name, 64)
    fine, coarse = integrals(rule, np.exp)
    assert fine == pytest.approx(np.e - 1, rel=0.02)
    assert coarse == pytest.approx(np.e - 1, rel=0.05)
    assert not np.array_equal(rule.weights, rule.coarse_weights)


@pytest.mark.parametrize("name", RULES)
def test_the_difference_to_the_coarse_rule_bounds_the_error_of_a_peaked_integrand(name):
    rule = fixed_rule(name, 24)
    fine, coarse = integrals(rule, lambda x: 1 / (0.01 + (x - 0.4) ** 2))
    truth = 10 * (np.arctan(6) + np.arctan(4))
    # The one-sided rules are of first order: there the difference is the error itself, to first order.
    assert abs(fine - truth) <= 1.01 * abs(fine - coarse)


def test_nested_trapezoid_reuses_every_node_and_equals_numpys_trapezoid():
    total, nodes = 0.0, np.zeros(0)
    for level, rule in enumerate(nested_trapezoid(257)):
        assert not set(rule.nodes) & set(nodes)
        total = (total / 2 if level else 0) + rule.weights @ np.exp(rule.nodes)
        if level == 0:
            five = np.linspace(0, 1, 5)
            assert rule.coarse_weights @ np.exp(rule.nodes) == pytest.approx(np.trapezoid(np.exp(five), five))
        nodes = np.concatenate([nodes, rule.nodes])
        grid = np.sort(nodes)
        np.testing.assert_allclose(grid, np.linspace(0, 1, len(nodes)), atol=1e-15)
        assert total == pytest.approx(np.trapezoid(np.exp(grid), grid), rel=1e-14)
    assert len(nodes) == 257


@pytest.mark.parametrize(("most", "nodes"), [(9, 9), (16, 9), (17, 17), (40, 33)])
def test_nested_trapezoid_never_exceeds_max_nodes(most, nodes):
    assert sum(len(rule.nodes) for rule in nested_trapezoid(most)) == nodes


def test_an_unknown_rule_is_refused():
    with pytest.raises(OptionError, match="Accepted: gausslegendre, riemann_right"):
        fixed_rule("simpson", 9)
