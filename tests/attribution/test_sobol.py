"""Total Sobol indices: shares of the variance of the score, of games whose shares are known."""

import numpy as np
import pytest

from setfit_explain import Explanation, Sobol, explain
from setfit_explain.errors import OptionError
from tests.attribution.games import PLAYERS, game_of, player, presence, random_table, text_of
from tests.attribution.oracles import total_sobol_indices
from tests.models import TEXTS, tiny_model


def explain_game(values, **settings):
    text = text_of(int(np.log2(len(values))))
    return explain(game_of(values), text, method="sobol", baseline="zero", output="logit", **settings)


@pytest.mark.parametrize("players", [1, 2, 6])
def test_few_words_have_their_mean_conditional_variance(players):
    values = random_table(players)
    found = explain_game(values)
    np.testing.assert_allclose(found.attributions, total_sobol_indices(values), atol=1e-9)
    assert (found.error_estimate == 0).all()


def test_known_games_have_their_known_shares():
    first, second, third = presence(3).T
    games = np.stack([first * second, first != second, 3 * first - 4 * third], -1)
    expected = [[2 / 3, 2 / 3, 0], [1, 1, 0], [9 / 25, 0, 16 / 25]]
    np.testing.assert_allclose(explain_game(games).attributions, expected, atol=1e-12)


def test_a_score_that_never_changes_has_no_shares():
    found = explain_game(np.ones((2**PLAYERS, 3)), n_samples=100)
    np.testing.assert_array_equal(found.attributions, 0)
    np.testing.assert_array_equal(found.error_estimate, 0)


def test_words_that_always_act_together_are_told_apart_by_the_draws():
    """Thresholded Sobol points keep some of 12 words always together or never; then these would seem idle."""
    sets = presence(PLAYERS)
    same = np.stack(
        [(sets[:, a] == sets[:, b]) * sets[:, c] for a, b, c in ((0, 8, 1), (4, 11, 2), (3, 7, 5))], -1
    )
    found = explain_game(same, n_samples=PLAYERS * 200)
    np.testing.assert_allclose(found.attributions, total_sobol_indices(same), atol=0.15)


def test_the_reported_error_is_the_spread_over_seeds():
    values = random_table(PLAYERS, seed=5)
    play = player(lambda seed: Sobol(baseline="zero", n_samples=32 * (PLAYERS + 1) + 2, seed=seed), values)
    found = [play(seed) for seed in range(60)]
    errors = np.array([each.values for each in found]) - total_sobol_indices(values)
    actual = np.sqrt((errors**2).mean(0)).max(1)
    reported = np.array([each.error_estimate for each in found]).mean(0)
    assert (reported / actual > 0.8).all()
    assert (reported / actual < 1.6).all()


def test_the_explanation_says_that_the_numbers_have_no_sign():
    found = explain_game(random_table(3))
    assert "They have no sign" in str(found)
    assert (found.attributions >= 0).all()


def test_shares_of_the_variance_are_not_added_to_a_score():
    found = explain(tiny_model("bert"), TEXTS[1], method="sobol")
    assert np.isfinite(found.score).all()
    assert np.isnan([found.baseline_score, found.delta]).all()
    assert found == Explanation.from_json(found.to_json())
    for view in (str(found), found.to_html(), found._repr_html_()):
        assert "share of the variance" in view
        assert "from the units" not in view
        assert "delta" not in view.partition("<script")[0]
    with pytest.raises(OptionError, match="'sobol' has no baseline score to start a waterfall from"):
        found.plot(kind="waterfall")
    assert found.plot(kind="bar").get_xlabel().startswith("share of the variance, without a sign\n")
