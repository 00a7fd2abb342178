"""Input times gradient: Captum's numbers, and exactness where the score is linear."""

import numpy as np
import pytest
from captum.attr import InputXGradient as CaptumInputXGradient

from setfit_explain import Explainer, InputXGradient, explain
from tests.bodies.architectures import static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, TEXTS, fitted, tiny_model


@pytest.mark.parametrize("model", [tiny_model("bert", "binary"), tiny_model("roberta")])
def test_captum_gives_the_same_numbers(model):
    explainer = Explainer(model, method=InputXGradient(special_tokens="replace"), granularity="token")
    found, bound = explainer(TEXTS[1]), explainer.classifier.bind(TEXTS[1])
    text = explainer.classifier.encode(TEXTS[1]).is_text
    for column in range(len(found.classes)):
        captum = CaptumInputXGradient(bound).attribute(bound.word_embeddings.requires_grad_(), target=column)
        per_token = captum[0].sum(-1).detach().numpy()
        expected = [*per_token[text], per_token[~text].sum()]
        np.testing.assert_allclose(found.attributions[column], expected, atol=1e-6)


@pytest.mark.parametrize("baseline", ["zero", "mean"])
def test_a_linear_score_adds_up_from_any_baseline(baseline):
    model = fitted(static_body(word_piece()))
    found = explain(model, LONG, method="input_x_gradient", output="logit", baseline=baseline)
    np.testing.assert_allclose(found.delta, 0, atol=1e-5)
    exact = explain(model, LONG, method="integrated_gradients", output="logit", baseline=baseline)
    np.testing.assert_allclose(found.attributions, exact.attributions, atol=1e-6)


def test_what_the_slope_at_the_text_leaves_out_is_delta():
    found = explain(tiny_model("bert"), LONG, method="input_x_gradient")
    np.testing.assert_allclose(found.completeness_gap, 0, atol=1e-9)
    assert np.abs(found.delta).max() > 1e-3
    assert found.settings["baseline"] == "zero"
    assert "need not add up" in " ".join(str(found).split())
