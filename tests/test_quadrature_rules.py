"""The rules that the quadrature study compares integrate what is known in closed form."""

import numpy as np
import pytest
from scipy.special import expit

from benchmarks import quadrature as study
from benchmarks import quadrature_rules as rules


class Step:
    """Two classes whose probabilities change within ``width`` of ``centre``, shared out to three tokens."""

    shares = np.array([0.5, 0.3, 0.2])

    def __init__(self, centre=0.3, width=0.03):
        self.centre, self.width = centre, width
        change = np.diff(self._rise(np.array([0.0, 1.0])))[0]
        self.integral = np.outer([change, -change], self.shares)

    def __call__(self, places):
        rise = self._rise(places)
        slope = rise * (1 - rise) / self.width
        return slope[:, None, None] * np.outer([1, -1], self.shares)

    def scores(self, places):
        rise = self._rise(places) - self._rise(0.0)
        return np.stack([rise, -rise], 1)

    def _rise(self, places):
        return expit((places - self.centre) / self.width)


MAPS = {"sinh": rules.sinh_map(0.2, 0.1), "sausage": rules.sausage_map, "strip": rules.strip_map}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_takes_0_to_0_and_1_to_1_and_its_slope_is_its_own(name):
    places = np.linspace(0.01, 0.99, 50)
    nodes, slopes = MAPS[name](places)
    after, _ = MAPS[name](places + 1e-6)
    before, _ = MAPS[name](places - 1e-6)
    np.testing.assert_allclose(slopes, (after - before) / 2e-6, rtol=1e-6)
    assert (slopes > 0).all()
    np.testing.assert_allclose(MAPS[name](np.array([1e-12, 1 - 1e-12]))[0], [0, 1], atol=1e-8)
    assert ((nodes > 0) & (nodes < 1)).all()


@pytest.mark.parametrize("name", MAPS)
def test_a_mapped_rule_converges_to_the_integral(name):
    step = Step()
    nodes, weights = rules.mapped(rules.gauss_legendre(120), MAPS[name])
    np.testing.assert_allclose(np.tensordot(weights, step(nodes), 1), step.integral, rtol=1e-6)


def test_the_strip_needs_fewer_nodes_for_a_peak_than_gauss_legendre_itself():
    step = Step()

    def error(chosen):
        nodes, weights = rules.mapped(rules.gauss_legendre(30), chosen)
        return np.abs(np.tensordot(weights, step(nodes), 1) - step.integral).max()

    assert error(rules.strip_map) < error(rules.sausage_map) < error(lambda x: (x, np.ones_like(x)))


@pytest.mark.parametrize(
    ("rule", "first", "growth"),
    [(rules.trapezoid, 9, 2), (rules.midpoint, 9, 3), (rules.clenshaw_curtis, 9, 2)],
)
def test_nested_rules_use_all_their_nodes_again_and_stop_within_the_tolerance(rule, first, growth):
    coarse, _ = rule(first)
    fine, _ = rule(3 * first if growth == 3 else 2 * first - 1)
    assert all(np.abs(fine - node).min() < 1e-12 for node in coarse)
    step = Step()
    cost, integral, estimate = rules.nested(step, rule, first, growth, 1, 0.01)
    error = np.abs(integral - step.integral).max() / np.abs(step.integral).max()
    assert error <= estimate <= 0.01
    assert cost > first


@pytest.mark.parametrize("count", [7, 10])
def test_kronrods_rule_has_the_degree_that_it_must_and_holds_gauss(count):
    nodes, fine, coarse = rules.kronrod(count)
    for degree in range(3 * count + 2):
        assert fine @ nodes**degree == pytest.approx(1 / (degree + 1), rel=1e-12)
    gauss, weights = rules.gauss_legendre(count)
    np.testing.assert_allclose(nodes[1::2], gauss, atol=1e-14)
    np.testing.assert_allclose(coarse[1::2], weights, atol=1e-14)
    assert (fine > 0).all()
    assert len(nodes) == 2 * count + 1


@pytest.mark.parametrize("count", [7, 10])
def test_gauss_kronrod_halves_panels_until_the_tolerance(count):
    step = Step(width=0.01)
    cost, integral, estimate = rules.gauss_kronrod(step, count, study._plain, 0.01)
    assert cost > 2 * count + 1
    assert cost % (2 * count + 1) == 0
    error = np.abs(integral - step.integral).max() / np.abs(step.integral).max()
    assert error <= estimate <= 0.01
    assert rules.gauss_kronrod(Step(width=0.3), count, study._plain, 0.01)[0] == 2 * count + 1


def test_quadpacks_estimate_is_above_the_error_and_asks_for_more():
    step = Step(width=0.05)
    cost, integral, estimate = rules.quadpack(step, "gk21", 0.01)
    error = np.abs(integral - step.integral).max() / np.abs(step.integral).max()
    assert error < estimate <= 0.01
    assert cost > rules.gauss_kronrod(step, 10, study._plain, 0.01)[0]


def test_probes_find_where_the_scores_change():
    step = Step(centre=0.6, width=0.03)
    nodes, _ = rules.probed_map(step, 17)(np.linspace(0, 1, 101))
    assert np.median(nodes) == pytest.approx(0.6, abs=0.05)
    assert np.diff(nodes).min() == pytest.approx(np.diff(nodes)[np.abs(nodes[1:] - 0.6).argmin()], rel=0.1)


def test_an_integrand_is_what_was_sampled_between_the_samples_and_its_scores_are_its_integral():
    step = Step(width=0.1)
    nodes, _ = rules.gauss_legendre(study.SAMPLES)
    integrand = study.Integrand(step(nodes))
    places = np.linspace(0, 1, 37)
    np.testing.assert_allclose(integrand(places), step(places), atol=1e-9)
    np.testing.assert_allclose(integrand.scores(places), step.scores(places), atol=1e-9)
    assert integrand.error(step.integral) < 1e-9
    assert integrand.error(1.25 * step.integral) == pytest.approx(0.25)
