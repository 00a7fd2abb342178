"""What holds for every method that takes gradients or attention (design invariants I1, I3, I4, I6, I8)."""

import numpy as np
import pytest

from setfit_explain import Explainer, explain
from tests.models import TEXTS, tiny_model
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


@pytest.mark.parametrize("name", ["saliency", "input_x_gradient", "vargrad", "gradient_shap"])
def test_all_targets_at_once_equal_one_at_a_time(name):
    output, targets = "log_odds", ["refund", ("refund", "delay"), "delay"]
    together = explain(tiny_model("bert"), TEXTS[0], targets=targets, output=output, **options(name))
    for row, target in enumerate(targets):
        alone = explain(tiny_model("bert"), TEXTS[0], targets=[target], output=output, **options(name))
        scale = np.abs(together.attributions).max()
        np.testing.assert_allclose(alone.attributions[0], together.attributions[row], atol=5e-6 * scale)


@pytest.mark.parametrize("text", ["", "refund"])
@pytest.mark.parametrize("name", ["smoothgrad", "gradient_shap", "attention_rollout"])
def test_texts_of_hardly_any_word_are_explained(name, text):
    found = explain(tiny_model("bert"), text, **options(name))
    assert np.isfinite(found.attributions).all()
    assert found.to_html()


@pytest.mark.parametrize("name", ["input_x_gradient", "gradient_shap"])
def test_words_are_the_sums_of_their_tokens(name):
    tokens, words, sentences = (
        explain(tiny_model("bert"), TEXTS[1], granularity=granularity, **options(name)).attributions.sum(1)
        for granularity in ("token", "word", "sentence")
    )
    np.testing.assert_allclose(tokens, sentences, atol=1e-6)
    np.testing.assert_allclose(words, sentences, atol=1e-6)
