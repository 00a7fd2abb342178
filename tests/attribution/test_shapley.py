"""Shapley and Owen values: exact where all subsets are asked about, else within the error that they report."""

import warnings
from itertools import permutations, product
from math import factorial

import numpy as np
import pytest

from setfit_explain import KernelShap, PartitionShap, ShapleySampling, explain
from tests.attribution.games import PLAYERS, game_of, player, presence, random_table, text_of
from tests.attribution.oracles import fitting_orders, mean_over
from tests.models import tiny_model

with warnings.catch_warnings():  # shap's own colour maps are made in a way that matplotlib will drop
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    import shap

METHODS = ("kernel_shap", "shapley_sampling")
ADDITIVE = (*METHODS, "partition_shap")


def explain_game(values, method, text=None, **settings):
    text = text or text_of(int(np.log2(len(values))))
    return explain(game_of(values), text, method=method, baseline="zero", output="logit", **settings)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("players", [1, 2, 3, 6, 7])
def test_shapley_values_are_the_mean_over_all_orders(method, players):
    values = random_table(players)
    found = explain_game(values, method)
    expected = mean_over(list(permutations(range(players))), values)
    np.testing.assert_allclose(found.attributions, expected, atol=1e-9)
    assert (found.error_estimate == 0).all()
    assert found.settings["evaluations"] == 2**players


@pytest.mark.parametrize("method", METHODS)
def test_ten_words_have_the_values_of_shapleys_sum_over_subsets(method):
    values = random_table(10)
    expected = np.zeros((3, 10))
    for code, word in product(range(2**10), range(10)):
        if not code >> word & 1:
            size = code.bit_count()
            weight = factorial(size) * factorial(9 - size) / factorial(10)
            expected[:, word] += weight * (values[code + 2**word] - values[code])
    found = explain_game(values, method, n_samples=2**10)
    np.testing.assert_allclose(found.attributions, expected, atol=1e-9)


def test_shaps_kernel_explainer_solves_the_same_regression():
    values = random_table(9)
    found = explain_game(values, "kernel_shap", n_samples=2**9)
    kernel = shap.KernelExplainer(game_of(values)[1].decision_function, np.zeros((1, 9)))
    expected = kernel.shap_values(np.ones((1, 9)), nsamples=2**9, l1_reg=False, silent=True)[0].T
    np.testing.assert_allclose(found.attributions, expected, atol=1e-6)


@pytest.mark.parametrize("method", ADDITIVE)
def test_words_that_act_alone_get_their_own_weight_also_where_orders_are_drawn(method):
    weights = np.random.default_rng(3).standard_normal((PLAYERS, 3))
    found = explain_game(presence(PLAYERS) @ weights, method, n_samples=70)
    np.testing.assert_allclose(found.attributions, weights.T, atol=1e-9)
    np.testing.assert_allclose(found.error_estimate, 0, atol=1e-9)


@pytest.mark.parametrize("method", ADDITIVE)
def test_two_words_share_what_they_do_together(method):
    first, second, third = presence(3).T
    together = np.stack([first * second, first != second, first * third], -1)
    found = explain_game(together, method)
    expected = [[0.5, 0.5, 0], [0, 0, 0], [0.5, 0, 0.5]]
    np.testing.assert_allclose(found.attributions, expected, atol=1e-12)


@pytest.mark.parametrize("method", ADDITIVE)
def test_the_numbers_add_up_exactly_however_few_are_drawn(method):
    found = explain_game(random_table(PLAYERS), method, n_samples=60)
    np.testing.assert_allclose(found.delta, 0, atol=1e-9)
    assert (found.error_estimate > 0).all()


# Halved between sentences, which a new line ends, then in the middle: the earlier boundary of two.
TREES = {
    "a b c d e": ((0, 1), (2, (3, 4))),
    "a\nb c d": (0, (1, (2, 3))),
    "a b\nc d e": ((0, 1), (2, (3, 4))),
    "a\nb\nc d e f": ((0, 1), ((2, 3), (4, 5))),
    "a b c d\ne\nf": (((0, 1), (2, 3)), (4, 5)),
}


@pytest.mark.parametrize("text", TREES)
def test_owen_values_are_the_mean_over_the_orders_that_keep_sentences_together(text):
    values = random_table(sum(letter.isalpha() for letter in text))
    found = explain_game(values, "partition_shap", text)
    np.testing.assert_allclose(found.attributions, mean_over(fitting_orders(TREES[text]), values), atol=1e-9)
    assert (found.error_estimate == 0).all()


def test_tokens_of_a_word_are_together_in_the_tree():
    text = "my wonderfulness"
    tokens, words = (
        explain(tiny_model("bert"), text, method="partition_shap", granularity=granularity)
        for granularity in ("token", "word")
    )
    assert len(tokens.units) > 5, (
        "the second word has many tokens, so that the middle is not between the words"
    )
    assert tokens.units[0].text == "my"
    summed = np.stack([tokens.attributions[:, 0], tokens.attributions[:, 1:-1].sum(1)], -1)
    np.testing.assert_allclose(summed, words.attributions[:, :2], atol=1e-6)


TRUTH = {
    KernelShap: lambda values: explain_game(values, "kernel_shap", n_samples=2**PLAYERS).attributions,
    ShapleySampling: lambda values: (
        explain_game(values, "shapley_sampling", n_samples=2**PLAYERS).attributions
    ),
    PartitionShap: lambda values: explain_game(values, "partition_shap", n_samples=2**PLAYERS).attributions,
}


@pytest.mark.parametrize("kind", TRUTH)
def test_the_reported_error_is_the_spread_over_seeds(kind):
    values = random_table(PLAYERS, seed=5)
    play = player(lambda seed: kind(baseline="zero", n_samples=90, seed=seed), values)
    found = [play(seed) for seed in range(60)]
    errors = np.array([each.values for each in found]) - TRUTH[kind](values)
    actual = np.sqrt((errors**2).mean(0)).max(1)
    reported = np.array([each.error_estimate for each in found]).mean(0)
    assert (reported / actual > 0.8).all()
    assert (reported / actual < 1.6).all()


@pytest.mark.parametrize("kind", TRUTH)
def test_more_samples_mean_a_smaller_error(kind):
    values = random_table(PLAYERS, seed=6)
    coarse, fine = (
        player(lambda seed, n=n: kind(baseline="zero", n_samples=n, seed=seed), values)(0).error_estimate
        for n in ((60, 120) if kind is PartitionShap else (100, 1600))
    )
    assert (fine < coarse / 1.2).all()
