"""Quadrature rules integrate what they must, and their coarse twins measure their error."""

import numpy as np
import pytest
from scipy.integrate import simpson

from setfit_explain.attribution.quadrature import RULES, adaptive_simpson, fixed_rule
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


def two_functions(asked):
    """exp for one target, and a peak for another; records where it was asked."""

    def integrand(nodes):
        asked.extend(nodes)
        return np.stack([np.exp(nodes), 1 / (0.001 + (nodes - 0.3) ** 2)], 1)[:, :, None]

    return integrand


TRUTHS = np.array([np.e - 1, (np.arctan(0.7 / 0.001**0.5) + np.arctan(0.3 / 0.001**0.5)) / 0.001**0.5])


def test_adaptive_simpson_is_exact_for_cubics_and_for_nothing_at_all():
    cubic = next(adaptive_simpson(lambda nodes: (nodes**3)[:, None, None], 1e-9, 13))
    assert cubic.values == pytest.approx(0.25, abs=1e-15)
    assert cubic.error == pytest.approx(0, abs=1e-15)
    assert len(list(adaptive_simpson(lambda nodes: np.zeros((len(nodes), 2, 3)), 1e-9, 257))) == 1
    assert next(adaptive_simpson(lambda nodes: np.zeros((len(nodes), 2, 0)), 1e-9, 13)).error.tolist() == [
        0,
        0,
    ]


def test_every_round_of_adaptive_simpson_is_the_composite_rule_on_its_own_nodes():
    asked = []
    for estimate in adaptive_simpson(two_functions(asked), 1e-9, 65):
        assert len(asked) == len(set(asked)) == estimate.nodes, "no node is asked for twice"
        grid = np.sort(asked)
        # Panels end at every fourth node; in each, Simpson's rule as scipy has it.
        pieces = [grid[k : k + 5] for k in range(0, len(grid) - 1, 4)]
        expected = sum(simpson(two_functions([])(piece)[:, :, 0], x=piece, axis=0) for piece in pieces)
        np.testing.assert_allclose(estimate.values[:, 0], expected, rtol=1e-12)


def test_the_error_reported_bounds_the_error_and_nodes_gather_at_the_peak():
    asked = []
    estimates = list(adaptive_simpson(two_functions(asked), 1e-6, 129))
    for estimate in estimates[2:]:
        assert (np.abs(estimate.values[:, 0] - TRUTHS) <= estimate.error).all()
    np.testing.assert_allclose(estimates[-1].values[:, 0], TRUTHS, rtol=1e-5)
    asked.clear()
    list(adaptive_simpson(two_functions(asked), 1e-2, 45))
    assert np.mean(np.abs(np.array(asked) - 0.3) < 0.1) > 2 * 0.2, "twice their share"


def test_the_largest_error_of_any_unit_counts():
    def integrand(nodes):
        peak = 1 / (0.01 + (nodes - 0.5) ** 2)
        return np.stack([np.ones_like(nodes), peak], 1)[:, None]

    both = next(adaptive_simpson(integrand, 1e-9, 13))
    peak = next(adaptive_simpson(lambda nodes: integrand(nodes)[:, :, 1:], 1e-9, 13))
    np.testing.assert_allclose(both.error, peak.error, rtol=1e-12)


@pytest.mark.parametrize(("most", "nodes"), [(13, 13), (16, 13), (17, 17), (40, 37), (257, 257)])
def test_adaptive_simpson_never_exceeds_max_nodes(most, nodes):
    *_, last = adaptive_simpson(two_functions([]), 1e-12, most)
    assert last.nodes == nodes


def test_panels_that_fit_into_the_tolerance_together_are_left_alone():
    steep, flat = [], []
    list(adaptive_simpson(two_functions(steep), 1e-9, 61))
    list(adaptive_simpson(two_functions(flat), 0.5, 61))
    assert np.mean(np.array(flat) > 0.6) < np.mean(np.array(steep) > 0.6)


def test_an_unknown_rule_is_refused():
    with pytest.raises(OptionError, match="Accepted: gausslegendre, riemann_right"):
        fixed_rule("simpson", 9)
