"""DeepLIFT: Captum's numbers where its rules hold, a clear refusal elsewhere."""

from threading import Thread

import numpy as np
import pytest
import torch
from captum.attr import DeepLift as CaptumDeepLift
from torch import nn

from setfit_explain import Explainer, explain
from setfit_explain.attribution.deeplift import rescaled
from setfit_explain.errors import OptionError, UnsupportedBodyError
from tests.attribution.bent import dense
from tests.bodies.architectures import DIM, static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, TEXTS, fitted, modules, tiny_model
from tests.snapshots import snapshot


class Twin(nn.Module):
    """The same classifier in plain torch, from word embeddings to logits."""

    def __init__(self, model):
        super().__init__()
        layers = [layer for _, layer in model.model_body.named_children()][1:]
        self.linear, self.activation = layers[0].linear, layers[0].activation_function
        self.head = nn.Linear(16, 3)
        self.head.weight.data = torch.tensor(model.model_head.coef_).float()
        self.head.bias.data = torch.tensor(model.model_head.intercept_).float()

    def forward(self, words):
        return self.head(self.activation(self.linear(words.mean(1))))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Captum's own, of its hooks
@pytest.mark.parametrize(
    "activation", [nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(), nn.Softplus(), nn.Identity()]
)
def test_captum_gives_the_same_contributions(activation):
    model = fitted(static_body(word_piece(), dense(activation)))
    explainer = Explainer(model, method="deeplift", output="logit", granularity="token")
    found, bound = explainer(LONG), explainer.classifier.bind(LONG)
    for column in range(3):
        captum = CaptumDeepLift(Twin(model)).attribute(
            bound.word_embeddings, explainer.baseline(LONG), target=column
        )
        expected = captum[0].sum(-1).detach().numpy()
        np.testing.assert_allclose(found.attributions[column], expected, atol=1e-6)
    np.testing.assert_allclose(found.delta, 0, atol=1e-5)
    assert found.converged.all()


def test_the_rules_follow_one_another_and_differ_from_the_gradient():
    model = fitted(
        static_body(word_piece(), dense(nn.Tanh()), modules.Dense(16, 8, activation_function=nn.ReLU()))
    )
    found = explain(model, LONG, method="deeplift", output="logit", targets=["refund", ("refund", "delay")])
    np.testing.assert_allclose(found.delta, 0, atol=1e-5)
    gradient = explain(
        model, LONG, method="input_x_gradient", baseline="auto", output="logit", targets="refund"
    )
    assert np.abs(gradient.attributions[0] - found.attributions[0]).max() > 1e-4


class Gelu(nn.Module):
    def forward(self, features):
        return {**features, "sentence_embedding": nn.functional.gelu(features["sentence_embedding"])}


@pytest.mark.parametrize(
    "model",
    [
        lambda: tiny_model("bert"),
        lambda: fitted(static_body(word_piece(), modules.Normalize())),
        lambda: fitted(static_body(word_piece(), modules.LayerNorm(DIM))),
        lambda: fitted(static_body(word_piece(), Gelu())),
        lambda: fitted(static_body(word_piece()), normalize_embeddings=True),
    ],
    ids=["transformer", "normalised", "LayerNorm", "functional GELU", "normalize_embeddings"],
)
def test_a_model_that_does_something_else_is_refused(model):
    with pytest.raises(UnsupportedBodyError, match=r"rules for linear operations.*integrated_gradients"):
        Explainer(model(), method="deeplift", output="logit")


def test_a_scale_that_is_not_linear_is_refused():
    with pytest.raises(OptionError, match=r"output='probability' is no linear function.*output='logit'"):
        explain(fitted(static_body(word_piece())), LONG, method="deeplift")


def test_the_model_is_left_as_found_also_after_an_interrupt(monkeypatch):
    model = fitted(static_body(word_piece(), dense(nn.Tanh())))
    explainer = Explainer(model, method="deeplift", output="logit")
    before = snapshot(model)
    explainer(TEXTS[0])
    assert snapshot(model) == before

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.autograd, "grad", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explainer(TEXTS[0])
    assert snapshot(model) == before


def test_another_thread_predicts_with_the_same_model_meanwhile():
    model = fitted(static_body(word_piece(), dense(nn.Tanh())))
    expected, answers = model.model_body.encode([LONG]), []
    with rescaled(model.model_body):
        thread = Thread(target=lambda: answers.append(model.model_body.encode([LONG])))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(answers, [expected])
