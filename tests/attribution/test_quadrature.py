"""Quadrature rules integrate what they must, and their coarse twins measure their error."""

import numpy as np
import pytest
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebpts2
from scipy.integrate import simpson

from setfit_explain.attribution.quadrature import CENTRE, RULES, WIDTH, adaptive, fixed_rule
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


CENTRES = np.array([0.2, 0.7])
"""Where the two functions below peak: where nodes gather, and where they do not."""


def two_peaks(asked, width=0.05):
    """Give each of two targets a peak; record where it was asked."""

    def integrand(nodes):
        asked.extend(nodes)
        return 1 / (width**2 + (nodes[:, None] - CENTRES) ** 2)[:, :, None]

    return integrand


def truths(width=0.05):
    return sum(np.arctan(side / width) / width for side in (CENTRES, 1 - CENTRES))


def test_the_first_two_rules_are_clenshaw_curtis_on_mapped_nodes():
    # The oracle: numpy's polynomial through the Chebyshev points of the map's own variable, integrated term by term.
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)

    def mapped(places):  # places on [-1, 1]
        stretched = start + (end - start) * (places + 1) / 2
        return (
            np.exp(3 * (CENTRE + WIDTH * np.sinh(stretched))) * WIDTH * np.cosh(stretched) * (end - start) / 2
        )

    def integral(count):
        places = chebpts2(count)
        antiderivative = Chebyshev.fit(places, mapped(places), count - 1).integ()
        return antiderivative(1) - antiderivative(-1)

    estimates = adaptive(lambda nodes: np.exp(3 * nodes)[:, None, None], 1e-9, 41)
    for estimate, count in zip(estimates, (21, 41), strict=True):
        assert (estimate.rule, estimate.nodes) == ("clenshaw_curtis", count)
        np.testing.assert_allclose(estimate.values.item(), integral(count), rtol=1e-12)
        moved = abs(integral(count) - integral(count // 2 + 1))
        np.testing.assert_allclose(estimate.error.item(), moved / 4, rtol=1e-6, atol=1e-14)


def test_every_further_round_is_the_composite_simpson_rule_on_its_own_nodes():
    asked, rounds = [], 0
    start, end = np.arcsinh(-CENTRE / WIDTH), np.arcsinh((1 - CENTRE) / WIDTH)
    for estimate in adaptive(two_peaks(asked, 0.01), 1e-9, 129):
        assert len(asked) == len(set(asked)) == estimate.nodes, "no node is asked for twice"
        if estimate.rule == "adaptive_simpson":
            rounds += 1
            nodes = np.sort(asked)
            stretched = np.arcsinh((nodes - CENTRE) / WIDTH)
            places = np.arccos(np.clip(1 - 2 * (stretched - start) / (end - start), -1, 1)) / np.pi
            slopes = WIDTH * np.cosh(stretched) * (end - start) * np.pi / 2 * np.sin(np.pi * places)
            weighed = two_peaks([], 0.01)(nodes)[:, :, 0] * slopes[:, None]
            # Panels end at every fourth node; in each, Simpson's rule as scipy has it.
            pieces = [slice(k, k + 5) for k in range(0, len(nodes) - 1, 4)]
            expected = sum(simpson(weighed[piece], x=places[piece], axis=0) for piece in pieces)
            np.testing.assert_allclose(estimate.values[:, 0], expected, rtol=1e-6)
    assert rounds == 2
    assert min(asked) == asked[0] == pytest.approx(0, abs=1e-15)
    assert max(asked) == asked[20] == pytest.approx(1, abs=1e-15)


def test_rules_are_exact_for_a_constant_and_for_nothing_at_all():
    constant = next(adaptive(lambda nodes: np.ones((len(nodes), 1, 1)), 1e-9, 21))
    assert constant.values == pytest.approx(1, abs=1e-12)
    assert len(list(adaptive(lambda nodes: np.zeros((len(nodes), 2, 3)), 1e-9, 257))) == 2
    nothing = next(adaptive(lambda nodes: np.zeros((len(nodes), 2, 0)), 1e-9, 21))
    assert nothing.error.tolist() == [0, 0]


def test_a_peak_where_nodes_gather_takes_fewer_nodes_than_another_and_than_gauss_legendre():
    first = next(adaptive(two_peaks([]), 1e-9, 21))
    gathered, elsewhere = np.abs(first.values[:, 0] - truths()) / truths()
    rule = fixed_rule("gausslegendre", 32)
    plain = abs(rule.weights @ two_peaks([])(rule.nodes)[:, 0, 0] - truths()[0]) / truths()[0]
    assert gathered < min(elsewhere, plain) < 0.1


def test_the_error_reported_bounds_the_error_and_nodes_gather_at_a_narrow_peak_anywhere():
    *estimates, last = adaptive(two_peaks([], 0.01), 1e-6, 257)
    for estimate in estimates[2:]:
        assert (np.abs(estimate.values[:, 0] - truths(0.01)) <= estimate.error).all()
    np.testing.assert_allclose(last.values[:, 0], truths(0.01), rtol=1e-4)
    asked = []
    list(adaptive(two_peaks(asked, 0.01), 1e-2, 61))
    assert np.mean(np.abs(np.array(asked[41:]) - 0.7) < 0.1) > 1.5 * 0.2, "more than their share"


def test_the_largest_error_of_any_unit_counts():
    def integrand(nodes):
        peak = 1 / (0.0001 + (nodes - 0.5) ** 2)
        return np.stack([np.ones_like(nodes), peak], 1)[:, None]

    both = list(adaptive(integrand, 1e-9, 81))
    peak = list(adaptive(lambda nodes: integrand(nodes)[:, :, 1:], 1e-9, 81))
    for one, other in zip(both, peak, strict=True):
        np.testing.assert_allclose(one.error, other.error, rtol=1e-12)


@pytest.mark.parametrize(("most", "nodes"), [(21, 21), (40, 21), (41, 41), (44, 41), (70, 69), (257, 257)])
def test_never_more_than_max_nodes(most, nodes):
    asked = []
    *_, last = adaptive(two_peaks(asked, 0.001), 1e-12, most)
    assert last.nodes == len(asked) == nodes


def test_panels_that_fit_into_the_tolerance_together_are_left_alone():
    steep, flat = [], []
    list(adaptive(two_peaks(steep, 0.01), 1e-9, 101))
    list(adaptive(two_peaks(flat, 0.01), 0.5, 101))
    assert np.mean(np.abs(np.array(flat) - 0.45) < 0.15) < np.mean(np.abs(np.array(steep) - 0.45) < 0.15)


def test_an_unknown_rule_is_refused():
    with pytest.raises(OptionError, match="Accepted: gausslegendre, riemann_right"):
        fixed_rule("simpson", 9)
