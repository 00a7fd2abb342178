"""What holds for every method that takes gradients or attention (design invariants I1, I3, I4, I6, I8)."""

import numpy as np
import pytest

from setfit_explain import Explainer, explain
from tests.models import LONG, TEXTS, tiny_model
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
    return {"method": name} | ({"n_samples": 6} if name in SAMPLED else {})


@pytest.mark.parametrize("name", [*SCORED, "attention_rollout"])
def test_neither_company_nor_batches_nor_a_second_run_change_the_answer_and_the_model_stays(name):
    model = tiny_model("mpnet")
    before = snapshot(model)
    explainer = Explainer(model, **options(name))
    first, alone = explainer([TEXTS[0], LONG])[1], explainer(LONG)
    assert alone == first
    assert alone.to_json() == Explainer(model, **options(name))(LONG).to_json()
    split = Explainer(model, internal_batch_size=2, **options(name))(LONG)
    scale = np.abs(alone.attributions).max()
    np.testing.assert_allclose(split.attributions, alone.attributions, atol=2e-6 * max(1, scale))
    assert snapshot(model) == before
    own = model.predict_proba([LONG], as_numpy=True)[0]
    np.testing.assert_allclose(alone.probabilities, own, atol=1e-5)
    if name in SCORED:
        np.testing.assert_allclose(alone.score, own, atol=1e-5)


@pytest.mark.parametrize("output", ["probability", "log_odds"])
@pytest.mark.parametrize("name", SCORED)
def test_all_targets_at_once_equal_one_at_a_time(name, output):
    targets = ["refund", "praise", ("refund", "delay"), "delay"]
    together = explain(tiny_model("bert"), TEXTS[0], targets=targets, output=output, **options(name))
    for row, target in enumerate(targets):
        alone = explain(tiny_model("bert"), TEXTS[0], targets=[target], output=output, **options(name))
        scale = np.abs(together.attributions).max()
        tolerance = 1e-2 if name == "expected_gradients" else 5e-6  # each target to its own tolerance
        np.testing.assert_allclose(alone.attributions[0], together.attributions[row], atol=tolerance * scale)


@pytest.mark.parametrize("text", ["", "   ", "refund"])
@pytest.mark.parametrize("name", [*SCORED, "attention_rollout"])
def test_texts_of_hardly_any_word_are_explained(name, text):
    found = explain(tiny_model("bert"), text, **options(name))
    assert np.isfinite(found.attributions).all()
    assert found.to_html()


@pytest.mark.parametrize("name", ["input_x_gradient", "gradient_shap", "expected_gradients"])
def test_words_are_the_sums_of_their_tokens(name):
    tokens, words, sentences = (
        explain(tiny_model("bert"), LONG, granularity=granularity, **options(name))
        for granularity in ("token", "word", "sentence")
    )
    for found in (tokens, words):
        atol = 1e-2 if name == "expected_gradients" else 1e-6
        np.testing.assert_allclose(found.attributions.sum(1), sentences.attributions.sum(1), atol=atol)
