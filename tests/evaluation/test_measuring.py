"""Means, intervals and rank correlations."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from setfit_explain.errors import InputError
from setfit_explain.evaluation.measuring import Direction, Measurement, estimate
from setfit_explain.evaluation.ranking import falling, kendall_tau


def measurement(values, direction=Direction.HIGHER, **settings):
    settings = {"method": "a", "metric": "m", "removal": None, "unit": "share"} | settings
    return Measurement(direction=direction, values=np.array(values, float), **settings)


def test_an_interval_is_that_of_scipys_percentile_bootstrap():
    values = np.random.default_rng(1).gamma(2.0, size=80)
    found = estimate(values)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.02)


def test_what_is_undefined_is_left_out_and_counted():
    found = measurement([1.0, np.nan, 3.0], random=np.array([0.0, 9.0, 1.0]))
    assert (found.value.mean, found.value.n, found.undefined) == (2.0, 2, 1)
    assert (found.controls["random"].mean, found.controls["random"].n) == (0.5, 2)
    assert list(found.controls) == ["random"]


def test_of_nothing_defined_there_is_no_number():
    found = measurement([np.nan, np.nan])
    assert found.value.n == 0
    assert str(found.value) == "undefined"
    assert found.to_dict()["value"] is None


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(1).normal(size=50)
    assert estimate(values, 3) == estimate(values, 3) != estimate(values, 4)


@pytest.mark.parametrize(("direction", "sign"), [(Direction.HIGHER, 1), (Direction.LOWER, -1)])
def test_a_gain_is_positive_where_the_first_is_better(direction, sign):
    one, other = measurement([3, 2, 4], direction), measurement([1, 1, 1], direction)
    gain = one.gain_over(other)
    assert gain.mean == pytest.approx(2 * sign)
    assert sign * gain.low > 0
    assert other.gain_over(one.values).mean == pytest.approx(-2 * sign)


def test_other_metrics_and_other_texts_are_not_compared():
    with pytest.raises(InputError, match="m cannot be compared with k; both must be one metric"):
        measurement([1]).gain_over(measurement([1], metric="k"))
    with pytest.raises(InputError, match="There are 2 and 1 texts"):
        measurement([1, 2]).gain_over(measurement([1]))


def test_the_rank_correlation_is_scipys():
    generator = np.random.default_rng(0)
    for _ in range(20):
        first, second = generator.integers(4, size=(2, 9)).astype(float)
        assert kendall_tau(first, second) == pytest.approx(stats.kendalltau(first, second).statistic)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0]])
def test_a_constant_has_no_rank_correlation(values):
    assert np.isnan(kendall_tau(np.array(values), np.arange(len(values), dtype=float)))


def test_a_rank_correlation_of_many_units_takes_no_table_of_their_pairs():
    first, second = np.random.default_rng(0).normal(size=(2, 3000))
    stats.kendalltau(first, second)  # imports what it needs
    tracemalloc.start()
    kendall_tau(first, second)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * first.nbytes


def test_equal_values_come_in_any_order():
    generator = np.random.default_rng(0)
    orders = {tuple(falling(np.array([1.0, 1.0, 5.0]), generator)) for _ in range(50)}
    assert orders == {(2, 0, 1), (2, 1, 0)}
