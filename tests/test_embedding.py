"""One integration of the embedding's Jacobian explains every linear head over it."""

import numpy as np
import pytest

from setfit_explain import Explainer, IntegratedGradients, explain_embedding
from setfit_explain.errors import OptionError
from tests.models import LONG, minilm_model, tiny_model

STEPS = IntegratedGradients(n_steps=24, tolerance=1)


@pytest.mark.parametrize("kind", ["binary", "three", "multi_label"])
def test_through_a_heads_weights_it_is_the_explanation_of_the_logits(kind):
    model = tiny_model("bert", kind)
    explainer = Explainer(model, output="logit", method=STEPS)
    expected = explainer(LONG)
    head = model.model_head
    weight = np.concatenate([member.coef_ for member in getattr(head, "estimators_", [head])])
    weight = np.vstack([-weight, weight]) if kind == "binary" else weight
    found = explain_embedding(explainer, LONG)
    assert [unit.text for unit in found.units] == [unit.text for unit in expected.units]
    np.testing.assert_allclose(found.through(weight), expected.attributions, atol=1e-5)


def test_it_adds_up_to_the_embedding_that_encode_gives():
    model = minilm_model("three")
    found = explain_embedding(Explainer(model, method=STEPS), LONG)
    np.testing.assert_allclose(found.embedding, model.model_body.encode(LONG), atol=1e-6)
    total = found.values.sum(0) + found.baseline_embedding
    np.testing.assert_allclose(total, found.embedding + found.delta, atol=1e-12)
    assert np.abs(found.delta).max() < 1e-3
    assert found.values.shape == (len(found.units), 384)


def test_the_similarity_to_another_text_is_explained_word_by_word():
    model = minilm_model("three")
    explainer = Explainer(model, method=STEPS)
    other = model.model_body.encode("I want my money back")
    (words,) = explain_embedding(explainer, "please give me a refund").through(other)
    units = [unit.text for unit in explain_embedding(explainer, "please give me a refund").units]
    assert units[int(words.argmax())] == "refund"


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float64"])
def test_an_embedding_is_explained_by_a_copy_in_another_precision(precision):
    model = tiny_model("bert")
    found = explain_embedding(Explainer(model, precision=precision, method=STEPS), LONG)
    expected = explain_embedding(Explainer(model, method=STEPS), LONG)
    error = np.abs(found.values - expected.values).max() / np.abs(expected.values).max()
    assert error < (1e-5 if precision == "float64" else 0.1)


def test_the_explainer_is_left_as_it_was():
    explainer = Explainer(tiny_model("bert"))
    before = explainer(LONG)
    explain_embedding(explainer, LONG)
    assert explainer(LONG) == before


@pytest.mark.parametrize("method", ["occlusion", "kernel_shap", "gradient_shap"])
def test_another_method_explains_no_embedding(method):
    with pytest.raises(OptionError, match=f"'{method}' does not explain embeddings"):
        explain_embedding(Explainer(tiny_model("bert"), method=method), LONG)
