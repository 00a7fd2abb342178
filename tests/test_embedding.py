"""One integration of the embedding's Jacobian explains every linear head over it."""

import numpy as np
import pytest
import torch
from torch import nn

from setfit_explain import Explainer, IntegratedGradients, explain_embedding
from setfit_explain.classifier.tokenized import read_tokenized
from setfit_explain.errors import ConvergenceWarning, InputError, OptionError, TextError
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
    found = explain_embedding(Explainer(model), "please give me a refund")
    (words,) = found.through(model.model_body.encode("I want my money back"))
    units = [unit.text for unit in found.units]
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


@pytest.fixture(scope="module")
def tiny():
    model = tiny_model("bert")
    return model, explain_embedding(Explainer(model, n_steps=24), LONG)


def test_each_dimension_says_whether_it_converged_to_the_tolerance(tiny):
    model, fine = tiny
    with pytest.warns(ConvergenceWarning, match=r"^\d+ of 32 dimensions did not converge") as warned:
        rough = explain_embedding(Explainer(model, n_steps=2, tolerance=1e-4), LONG)
    assert str(warned[0].message).startswith(f"{np.sum(~rough.converged)} of ")
    assert warned[0].filename == __file__
    dim = len(fine.embedding)
    assert fine.converged.shape == rough.converged.shape == (dim,)
    assert fine.converged.all()
    largest = np.abs(rough.values).max(0)
    assert (np.maximum(np.abs(rough.delta), rough.error_estimate) > 1e-3 * largest).any()
    assert not rough.converged.all()


def test_settings_are_those_of_an_explanation_and_read_only(tiny):
    model, found = tiny
    expected = dict(Explainer(model, output="logit", n_steps=24)(LONG).settings)
    assert found.settings == expected
    assert (expected["nodes"], expected["tolerance"]) == (24, 0.01)
    with pytest.raises(TypeError):
        found.settings["nodes"] = 1


def test_notes_say_that_half_precision_rounds_and_that_the_text_was_rebuilt(tiny):
    model, found = tiny
    assert found.notes == ()
    half = explain_embedding(Explainer(model, precision="bfloat16", method=STEPS), LONG)
    assert half.settings["precision"] == "bfloat16"
    assert [note.split(",")[0] for note in half.notes] == ["The body computes in bfloat16"]
    ids = model.model_body.tokenizer(LONG)
    rebuilt = explain_embedding(Explainer(model, method=STEPS), read_tokenized(ids))
    assert [note.split(" as ")[0] for note in rebuilt.notes][:1] == ["The model was asked about token ids"]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((3, 7)), r"shape \(3, 7\)\. Accepted: finite numbers of shape \(\d+,\) or \(targets, \d+\)"),
        (1.0, r"shape \(\)"),
        (np.ones((1, 1, 32)), r"shape \(1, 1, 32\)"),
        ([[1.0, 2.0], [3.0]], r"of type list, is no array of numbers"),
        ("coef_", r"of type str, is no array of numbers"),
        (None, r"shape \(\)"),
        (nn.Parameter(torch.ones(32)), r"of type Parameter, is no array of numbers: .*detach"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_what_is_accepted(tiny, weight, message):
    with pytest.raises(InputError, match=message):
        tiny[1].through(weight)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(tiny, wrong):
    weight = np.ones((2, len(tiny[1].embedding)))
    weight[1, 3] = wrong
    with pytest.raises(InputError, match=rf"1 of the weight's {weight.size} numbers are NaN or infinite"):
        tiny[1].through(weight)


@pytest.mark.parametrize("given", [tiny_model, "my-model", None])
def test_a_model_instead_of_an_explainer_is_refused_with_the_call_to_make(given):
    model = given("bert") if callable(given) else given
    message = rf"needs an Explainer, got {type(model).__name__}\. .*explain_embedding\(Explainer\(model\)"
    with pytest.raises(InputError, match=message):
        explain_embedding(model, LONG)


@pytest.mark.parametrize("text", [None, 3, ["two", "texts"]])
def test_what_is_no_text_is_refused(tiny, text):
    with pytest.raises(TextError):
        explain_embedding(Explainer(tiny[0], method=STEPS), text)
