"""Quadrature rules integrate what they must, and their coarse twins measure their error."""

import numpy as np
import pytest
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebpts2

from setfit_explain.attribution.quadrature import CENTRE, RULES, WIDTH, clenshaw_curtis, fixed_rule
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


CENTRES = np.array([0.2, 0.5])
"""Where the two functions below peak: where nodes gather, and where they do not."""


def two_peaks(asked):
    """Integrate a peak for each of two targets; records where it was asked."""

    def integrate(nodes, weights):
        asked.extend(nodes)
        values = 1 / (0.003 + (nodes[:, None] - CENTRES) ** 2)
        return np.einsum("rn,nc->rc", weights, values)[:, :, None]

    return integrate


TRUTHS = sum(np.arctan(side / 0.003**0.5) / 0.003**0.5 for side in (CENTRES, 1 - CENTRES))


def test_each_nested_rule_is_clenshaw_curtis_on_mapped_nodes_and_uses_every_node_again():
    # The oracle: numpy's polynomial through the Chebyshev points of the map's own variable, integrated term by term.
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)

    def mapped(places):  # places on [-1, 1]
        stretched = start + (end - start) * (places + 1) / 2
        nodes = CENTRE + WIDTH * np.sinh(stretched)
        return np.exp(3 * nodes) * WIDTH * np.cosh(stretched) * (end - start) / 2

    asked, used = [], []

    def integrate(nodes, weights):
        asked.extend(nodes)
        used.append(np.count_nonzero(weights, axis=1))
        return (weights @ np.exp(3 * nodes))[:, None, None]

    for estimate in clenshaw_curtis(integrate, 90):
        assert len(asked) == len(set(asked)) == estimate.nodes, "no node is asked for twice"
        places = chebpts2(estimate.nodes)
        integral = Chebyshev.fit(places, mapped(places), estimate.nodes - 1).integ()
        expected = integral(1) - integral(-1)
        np.testing.assert_allclose(estimate.values.item(), expected, rtol=1e-12)
    assert min(asked) == asked[0] == 0
    assert max(asked) == asked[20] == 1
    np.testing.assert_array_equal(np.sum(used, 0), [11, 21, 41, 81])


def test_nested_rules_are_exact_for_a_constant_and_for_nothing_at_all():
    constant = next(clenshaw_curtis(lambda _, weights: weights.sum(1)[:, None, None], 21))
    assert constant.values == pytest.approx(1, abs=1e-12)
    nothing = next(clenshaw_curtis(lambda _, weights: np.zeros((len(weights), 2, 0)), 21))
    assert nothing.error.tolist() == [0, 0]


def test_a_peak_where_nodes_gather_takes_fewer_nodes_than_another_and_than_gauss_legendre():
    first = next(clenshaw_curtis(two_peaks([]), 21))
    gathered, elsewhere = np.abs(first.values[:, 0] - TRUTHS) / TRUTHS
    rule = fixed_rule("gausslegendre", 32)
    plain = abs(rule.weights @ (1 / (0.003 + (rule.nodes - CENTRES[0]) ** 2)) - TRUTHS[0]) / TRUTHS[0]
    assert gathered < min(elsewhere, plain) < 0.1


def test_the_error_reported_bounds_the_error():
    *estimates, last = clenshaw_curtis(two_peaks([]), 321)
    for estimate in estimates:
        error = np.abs(estimate.values[:, 0] - TRUTHS)
        assert (error <= estimate.error + 1e-9).all()
    np.testing.assert_allclose(last.values[:, 0], TRUTHS, rtol=1e-9)


def test_the_largest_error_of_any_unit_counts():
    def integrate(nodes, weights):
        peak = 1 / (0.01 + (nodes - 0.5) ** 2)
        return (weights @ np.stack([np.ones_like(nodes), peak], 1))[:, None]

    both = next(clenshaw_curtis(integrate, 21))
    peak = next(clenshaw_curtis(lambda nodes, weights: integrate(nodes, weights)[:, :, 1:], 21))
    np.testing.assert_allclose(both.error, peak.error, rtol=1e-12)


@pytest.mark.parametrize(("most", "nodes"), [(21, 21), (40, 21), (41, 41), (100, 81), (321, 321)])
def test_nested_rules_never_exceed_max_nodes(most, nodes):
    asked = []
    *_, last = clenshaw_curtis(two_peaks(asked), most)
    assert last.nodes == len(asked) == nodes


def test_an_unknown_rule_is_refused():
    with pytest.raises(OptionError, match="Accepted: gausslegendre, riemann_right"):
        fixed_rule("simpson", 9)
