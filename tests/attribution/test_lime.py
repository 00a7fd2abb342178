"""LIME: the ridge regression of its text explainer, on texts drawn as it draws them."""

import numpy as np
import pytest

from setfit_explain import Lime, explain
from setfit_explain.attribution.game import Game
from setfit_explain.errors import OptionError
from tests.attribution.games import PLAYERS, game_of, player, presence, random_table, text_of
from tests.attribution.oracles import lime_coefficients, lime_counts


def explain_game(values, **settings):
    text = text_of(int(np.log2(len(values))))
    return explain(game_of(values), text, method=Lime(baseline="zero", **settings), output="logit")


@pytest.mark.parametrize("players", [1, 2, 6])
@pytest.mark.parametrize("knobs", [{}, {"kernel_width": 60, "alpha": 0.1}])
def test_few_words_have_the_coefficients_of_all_subsets_as_often_as_lime_draws_them(players, knobs):
    values, kept = random_table(players), presence(players)
    found = explain_game(values, n_samples=400, **knobs)
    expected = lime_coefficients(kept, values, lime_counts(kept, 398), **knobs)
    np.testing.assert_allclose(found.attributions, expected, atol=1e-8)
    assert (found.error_estimate == 0).all()


def test_drawn_texts_are_fitted_as_lime_fits_them(monkeypatch):
    drawn = []
    ask = Game.__call__
    monkeypatch.setattr(Game, "__call__", lambda game, kept: (drawn.append(kept), ask(game, kept))[1])
    values = random_table(PLAYERS)
    found = explain_game(values, n_samples=200)
    kept = max(drawn, key=len).astype(float)
    assert kept[0].all(), "the text itself comes first"
    scores = values[(kept @ 2 ** np.arange(PLAYERS)).astype(int)]
    np.testing.assert_allclose(found.attributions, lime_coefficients(kept, scores, np.ones(199)), atol=1e-8)
    sizes = np.bincount((PLAYERS - kept[1:].sum(1)).astype(int), minlength=PLAYERS + 1)
    assert sizes[0] == 0, "every other text lacks a word"
    assert (sizes[1:] > 198 / PLAYERS / 3).all()


def test_the_reported_error_is_the_spread_over_seeds():
    values, kept = random_table(PLAYERS, seed=5), presence(PLAYERS)
    truth = lime_coefficients(kept, values, lime_counts(kept, 298))
    play = player(lambda seed: Lime(baseline="zero", n_samples=300, seed=seed), values)
    found = [play(seed) for seed in range(60)]
    actual = np.sqrt(((np.array([each.values for each in found]) - truth) ** 2).mean(0)).max(1)
    reported = np.array([each.error_estimate for each in found]).mean(0)
    assert (reported / actual > 0.8).all()
    assert (reported / actual < 1.6).all()


@pytest.mark.parametrize("knob", ["kernel_width", "alpha"])
@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "25", None])
def test_a_kernel_or_ridge_that_gives_no_numbers_is_refused(knob, value):
    with pytest.raises(OptionError, match=f"{knob} must be a positive number, got"):
        Lime(**{knob: value})
