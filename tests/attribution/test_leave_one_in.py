"""Leave-one-in, its mean with leave-one-out, and occlusion of windows."""

import numpy as np
import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion

from setfit_explain import Explainer, Occlusion, explain
from setfit_explain.errors import OptionError
from tests.attribution.games import game_of, presence, random_table, text_of
from tests.models import LONG, minilm_model, tiny_model

PLAYERS = 7


def explain_game(values, method):
    text = text_of(int(np.log2(len(values))))
    return explain(game_of(values), text, method=method, baseline="zero", output="logit")


def test_each_number_is_the_gain_of_predict_proba_when_all_other_words_are_masked():
    model = minilm_model("three")
    body, head = model.model_body, model.model_head
    found = explain(model, LONG, method="leave_one_in", baseline="mask")
    words, features = body.tokenizer(LONG).word_ids(), body.tokenize([LONG])

    def answer(word):
        ids = features["input_ids"].clone()
        ids[0, [index for index, own in enumerate(words) if own not in (None, word)]] = (
            body.tokenizer.mask_token_id
        )
        with torch.no_grad():
            return head.predict_proba(body({**features, "input_ids": ids})["sentence_embedding"].numpy())[0]

    gains = [answer(word) - answer(-1) for word in range(len(found.units) - 1)]
    np.testing.assert_allclose(found.attributions[:, :-1], np.array(gains).T, atol=2e-6)
    assert (found.attributions[:, -1] == 0).all()


def test_the_mean_of_both_is_the_mean_and_costs_no_pass_twice():
    values = random_table(PLAYERS)
    lost, gained, both = (
        explain_game(values, method) for method in ("leave_one_out", "leave_one_in", "leave_one_out_in")
    )
    np.testing.assert_allclose(both.attributions, (lost.attributions + gained.attributions) / 2, atol=1e-12)
    codes = 2 ** np.arange(PLAYERS)
    np.testing.assert_allclose(lost.attributions, (values[-1] - values[2**PLAYERS - 1 - codes]).T, atol=1e-12)
    np.testing.assert_allclose(gained.attributions, (values[codes] - values[0]).T, atol=1e-12)
    assert lost.settings["evaluations"] == gained.settings["evaluations"] == PLAYERS + 2
    assert both.settings["evaluations"] == 2 * PLAYERS + 2


def test_the_mean_of_both_is_the_shapley_value_where_words_act_in_pairs():
    sets = presence(PLAYERS)
    pairs = np.random.default_rng(0).standard_normal((3, PLAYERS, PLAYERS))
    values = np.einsum("rp,tpq,rq->rt", sets, pairs, sets)
    both, shapley = (explain_game(values, method) for method in ("leave_one_out_in", "shapley_sampling"))
    np.testing.assert_allclose(both.attributions, shapley.attributions, atol=1e-9)
    np.testing.assert_allclose(both.delta, 0, atol=1e-9)


def test_leave_one_out_is_another_name_of_occlusion():
    named, found = (explain(tiny_model("bert"), LONG, method=name) for name in ("leave_one_out", "occlusion"))
    assert named == found


@pytest.mark.parametrize("window", [1, 2, 3, PLAYERS, PLAYERS + 5])
def test_captums_occlusion_gives_the_same_numbers_for_windows(window):
    explainer = Explainer(
        game_of(random_table(PLAYERS)), method=Occlusion(window=window, baseline="zero"), output="logit"
    )
    found = explainer(text_of(PLAYERS))
    bound = explainer.classifier.bind(text_of(PLAYERS))
    shape = (min(window, PLAYERS), bound.word_embeddings.shape[-1])
    for column in range(3):
        captum = CaptumOcclusion(bound).attribute(bound.word_embeddings, shape, target=column, baselines=0)
        np.testing.assert_allclose(found.attributions[column], captum[0, :, 0], atol=1e-5)


def test_a_window_does_not_reach_into_the_special_tokens():
    model = tiny_model("bert")
    alone, windows = (
        explain(model, LONG, method=Occlusion(window=window, special_tokens="replace")) for window in (1, 3)
    )
    np.testing.assert_allclose(windows.attributions[:, -1], alone.attributions[:, -1], atol=1e-7)
    assert np.abs(windows.attributions - alone.attributions).max() > 1e-3
    assert windows.settings["window"] == 3
    assert windows.settings["evaluations"] == len(alone.units) - 1 - 2 + 1 + 2


@pytest.mark.parametrize("window", [0, -1, 1.5, 2.0, True])
def test_a_window_of_no_unit_is_refused(window):
    with pytest.raises(OptionError, match="window must be a whole number, at least 1"):
        Occlusion(window=window)


@pytest.mark.parametrize("method", ["leave_one_in", "leave_one_out_in"])
def test_the_explanation_says_that_the_numbers_need_not_add_up(method):
    found = explain(tiny_model("bert"), LONG, method=method)
    assert "not add up" in str(found)
    assert np.abs(found.delta).max() > 1e-4
