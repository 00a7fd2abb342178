"""What holds for every method that takes gradients or attention (design invariants I1, I3, I4, I6, I8)."""

import numpy as np
import pytest
from torch import nn

from setfit_explain import (
    ExpectedGradients,
    Explainer,
    GradientShap,
    InputXGradient,
    Saliency,
    SmoothGrad,
    explain,
)
from tests.attribution.bent import bent_model, dense
from tests.bodies.architectures import static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, TEXTS, fitted, tiny_model
from tests.snapshots import snapshot

SCORED = (
    "saliency",
    "input_x_gradient",
    "smoothgrad",
    "squaregrad",
    "vargrad",
    "gradient_shap",
    "expected_gradients",
)
SAMPLED = {"smoothgrad", "squaregrad", "vargrad", "gradient_shap"}


def options(name):
    return {"method": name} | ({"n_samples": 4} if name in SAMPLED else {})


@pytest.mark.parametrize("name", [*SCORED, "attention_rollout"])
def test_neither_company_nor_batches_nor_a_second_run_change_the_answer_and_the_model_stays(name):
    model = tiny_model("mpnet")
    before = snapshot(model)
    explainer = Explainer(model, **options(name))
    first, alone = explainer([TEXTS[1], TEXTS[0]])[1], explainer(TEXTS[0])
    assert alone == first
    assert alone.to_json() == Explainer(model, **options(name))(TEXTS[0]).to_json()
    split = Explainer(model, internal_batch_size=2, **options(name))(TEXTS[0])
    scale = np.abs(alone.attributions).max()
    np.testing.assert_allclose(split.attributions, alone.attributions, atol=2e-6 * max(1, scale))
    assert snapshot(model) == before
    own = model.predict_proba([TEXTS[0]], as_numpy=True)[0]
    np.testing.assert_allclose(alone.probabilities, own, atol=1e-5)
    if name in SCORED:
        np.testing.assert_allclose(alone.score, own, atol=1e-5)


@pytest.mark.parametrize("name", SCORED)
def test_all_targets_at_once_equal_one_at_a_time(name):
    output, targets = "log_odds", ["refund", ("refund", "delay"), "delay"]
    together = explain(tiny_model("bert"), TEXTS[0], targets=targets, output=output, **options(name))
    for row, target in enumerate(targets):
        alone = explain(tiny_model("bert"), TEXTS[0], targets=[target], output=output, **options(name))
        scale = np.abs(together.attributions).max()
        np.testing.assert_allclose(alone.attributions[0], together.attributions[row], atol=5e-6 * scale)


@pytest.mark.parametrize(
    "method",
    [
        InputXGradient(),
        GradientShap(n_samples=8),
        ExpectedGradients(),
        ExpectedGradients(reference_texts=TEXTS[2:5], n_samples=8),
        Saliency(reduction="sum"),
        SmoothGrad(reduction="sum", n_samples=8),
    ],
    ids=lambda method: (
        f"{method.name}, {getattr(method, 'reduction', None) or getattr(method, 'baseline', None)}"
    ),
)
def test_attributions_of_a_softmax_heads_probabilities_sum_to_zero_over_the_classes(method):
    # The sum of a gradient through a LayerNorm of the embeddings is 0, so that of a BERT would show nothing.
    found = explain(bent_model(), LONG, method=method)
    largest = np.abs(found.attributions).max()
    assert largest > 1e-4
    np.testing.assert_allclose(found.attributions.sum(0), 0, atol=1e-6 * largest)


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Identity()])
def test_what_holds_of_every_method_holds_of_deeplift_where_it_can_run(activation):
    model = fitted(static_body(word_piece(), dense(activation)))
    before = snapshot(model)
    asked = {"method": "deeplift", "output": "logit"}
    explainer = Explainer(model, **asked)
    first, alone = explainer([TEXTS[1], LONG])[1], explainer(LONG)
    assert np.abs(alone.attributions).max() > 1e-3
    assert alone == first
    assert alone.to_json() == Explainer(model, **asked)(LONG).to_json()
    split = Explainer(model, internal_batch_size=1, **asked)(LONG)
    np.testing.assert_allclose(split.attributions, alone.attributions, atol=1e-6)
    for row, target in enumerate(alone.targets):
        single = explain(model, LONG, targets=target, **asked)
        np.testing.assert_allclose(single.attributions[0], alone.attributions[row], atol=1e-6)
    np.testing.assert_allclose(alone.probabilities, model.predict_proba([LONG], as_numpy=True)[0], atol=1e-5)
    decision = model.model_head.decision_function(model.model_body.encode([LONG]))[0]
    np.testing.assert_allclose(alone.score, decision, atol=1e-5)
    assert snapshot(model) == before


@pytest.mark.parametrize("text", ["", "refund"])
@pytest.mark.parametrize("name", ["smoothgrad", "gradient_shap", "attention_rollout"])
def test_texts_of_hardly_any_word_are_explained(name, text):
    found = explain(tiny_model("bert"), text, **options(name))
    assert np.isfinite(found.attributions).all()
    assert found.to_html()


@pytest.mark.parametrize("name", ["input_x_gradient", "gradient_shap"])
def test_words_are_the_sums_of_their_tokens(name):
    tokens, words, sentences = (
        explain(tiny_model("bert"), LONG, granularity=granularity, **options(name))
        for granularity in ("token", "word", "sentence")
    )
    assert len(tokens.units) > len(words.units) > len(sentences.units)
    for larger in (words, sentences):
        for unit, values in zip(larger.units, larger.attributions.T, strict=True):
            within = [
                each.special == unit.special and unit.start <= each.start and each.end <= unit.end
                for each in tokens.units
            ]
            np.testing.assert_allclose(tokens.attributions[:, within].sum(1), values, atol=1e-6)
