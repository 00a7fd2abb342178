"""Settings of tokenizer and body that change what the model reads: padding side, prompts, truncation side."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer, explain
from tests.bodies.architectures import DIM, body_of, model_of, named
from tests.models import LONG, TEXTS, fitted, modules

pytestmark = pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
FAMILIES = ["Bert", "MPNet", "Roberta", "XLMRoberta", "Gemma3Text", "Qwen3", "XLNet", "T5"]


def reproduced(model, text=LONG):
    explanation = explain(model, text, targets="predicted")
    expected = model.predict_proba([text], as_numpy=True)[0]
    np.testing.assert_allclose(explanation.probabilities, expected, atol=1e-6)
    return explanation


@pytest.mark.parametrize("name", FAMILIES)
def test_left_padding_is_reproduced(name):
    body = body_of(named(name))
    body.tokenizer.padding_side = "left"
    reproduced(fitted(body))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_cut_on_either_side_is_named(name, side):
    body = body_of(named(name))
    body.tokenizer.truncation_side = side
    body.max_seq_length = 12
    start, end = reproduced(fitted(body)).truncated_span
    assert (start if side == "left" else len(LONG) - end) == 0
    assert 0 < end - start < len(LONG)


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_prompt_is_reproduced_and_kept_apart(name, include_prompt):
    pooling = modules.Pooling(DIM, include_prompt=include_prompt)
    body = SentenceTransformer(modules=[body_of(named(name))[0], pooling], device="cpu")
    body.prompts, body.default_prompt_name = {"classify": "classify the order: "}, "classify"
    explanation = reproduced(fitted(body))
    assert explanation.units[-1].special == "prompt"
    assert not explanation.attributions[:, -1].any()


@pytest.mark.parametrize("name", ["Roberta", "XLMRoberta", "MPNet", "Bert"])
def test_literal_special_tokens_in_the_text_are_reproduced(name):
    model = model_of(name)
    for token in ("<pad>", "<mask>", "</s>"):
        reproduced(model, f"My parcel {token} came late")


@pytest.mark.parametrize("name", ["Bert", "MPNet", "XLNet", "Longformer"])
def test_eight_threads_that_explain_and_predict_give_the_answers_of_one(name):
    body = body_of(named(name))
    body.max_seq_length = 8  # all cut the texts, or else one of them would give another answer
    model = fitted(body)
    explainer = Explainer(model, n_steps=6)
    texts = TEXTS[:3]
    expected = [explainer(text) for text in texts]
    probabilities = [model.predict_proba([text], as_numpy=True)[0] for text in texts]
    tokenizer = model.model_body.tokenizer.backend_tokenizer.to_str()

    def explain_all():
        return [explainer(text) for text in texts] == expected

    def predict_all():
        answers = [model.predict_proba([text], as_numpy=True)[0] for text in texts * 3]
        return np.abs(np.subtract(answers, probabilities * 3)).max() <= 1e-6

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(work) for work in (explain_all, predict_all) * 4]
    assert all(future.result() for future in futures)
    assert model.model_body.tokenizer.backend_tokenizer.to_str() == tokenizer
    assert torch.is_grad_enabled()
