"""Both directions of differentiation give the same numbers, and the cheaper one is taken."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression
from torch import nn

from setfit_explain import Explainer, IntegratedGradients, explain
from setfit_explain.attribution import jacobian
from tests.models import CLASSES, LONG, TEXTS, tiny_body, tiny_model

FIXED = IntegratedGradients(n_steps=8)


@pytest.mark.parametrize(
    ("dtype", "kept", "tokens", "batches"),
    [
        (torch.float32, 64_000, 512, 25),  # 4 rows each
        (torch.float64, 128_000, 512, 50),  # 2 rows each
        (torch.bfloat16, 32_000, 512, 50),  # 8 rows each, without attention's tokens x tokens a head
        (torch.float32, 64_000, 32, 2),
        (torch.float32, 640_000, 512, 100),
    ],
)
def test_a_batch_has_fewer_rows_where_each_takes_more_memory(dtype, kept, tokens, batches):
    body = SimpleNamespace(device=torch.device("cpu"))
    classifier = SimpleNamespace(dtype=dtype, body=body, bytes_per_token=kept)
    path = SimpleNamespace(classifier=classifier, start=torch.zeros(tokens, 4), internal_batch_size=None)
    assert len(jacobian.Path.batches(path, 100)) == batches
    path.internal_batch_size = 7
    assert jacobian.Path.batches(path, 100)[0] == slice(0, 7)


@pytest.fixture
def always_forward(monkeypatch):
    monkeypatch.setattr(jacobian, "FORWARD_COST", 0)


going_forward = pytest.mark.usefixtures("always_forward")


def passes_of(monkeypatch):
    """Count the backward passes through any body."""
    counted = []
    grad = torch.autograd.grad
    monkeypatch.setattr(
        torch.autograd, "grad", lambda *args, **kwargs: counted.append(1) or grad(*args, **kwargs)
    )
    return counted


def both(model, monkeypatch, **options):
    backward = explain(model, LONG, method=FIXED, **options)
    monkeypatch.setattr(jacobian, "FORWARD_COST", 0)
    return backward, explain(model, LONG, method=FIXED, **options)


@pytest.mark.parametrize("architecture", ["bert", "mpnet", "roberta", "xlm-roberta"])
@pytest.mark.parametrize("kind", ["binary", "three", "multi_label"])
def test_forward_mode_gives_what_backward_passes_give(architecture, kind, monkeypatch):
    backward, forward = both(tiny_model(architecture, kind), monkeypatch)
    np.testing.assert_allclose(forward.attributions, backward.attributions, atol=1e-6)
    np.testing.assert_allclose(forward.error_estimate, backward.error_estimate, atol=1e-6)


@pytest.mark.parametrize("output", ["probability", "log_probability", "log_odds", "logit"])
@pytest.mark.parametrize("granularity", ["token", "word", "sentence"])
def test_forward_mode_serves_every_scale_and_granularity(output, granularity, monkeypatch):
    options = {
        "output": output,
        "granularity": granularity,
        "targets": ["refund", ("refund", "delay"), "praise"],
    }
    backward, forward = both(tiny_model("bert"), monkeypatch, **options)
    scale = np.abs(backward.attributions).max()
    np.testing.assert_allclose(forward.attributions, backward.attributions, atol=1e-5 * scale)


@pytest.mark.parametrize("size", [1, 3])
@going_forward
def test_batches_of_nodes_and_blocks_of_tangents_do_not_change_the_answer(size, monkeypatch):
    expected = explain(tiny_model("bert"), LONG, method=FIXED)
    monkeypatch.setattr(jacobian, "TANGENT_BUDGET", 100)
    found = explain(tiny_model("bert"), LONG, method=FIXED, internal_batch_size=size)
    np.testing.assert_allclose(found.attributions, expected.attributions, atol=1e-6)


@pytest.mark.parametrize("text", ["", "refund"])
@going_forward
def test_texts_of_hardly_any_token_go_forward_too(text):
    assert explain(tiny_model("bert"), text).converged.all()


def many_classes(body, count=40):
    texts = [f"{text} {index}" for index in range(count) for text in TEXTS[:2]]
    head = LogisticRegression(C=10).fit(body.encode(texts), np.repeat(np.arange(count), 2))
    return SetFitModel(model_body=body, model_head=head, labels=[f"class {index}" for index in range(count)])


def test_few_units_and_many_classes_are_differentiated_forward_and_else_backward(monkeypatch):
    explainer = Explainer(many_classes(tiny_body("bert")), method=FIXED)
    explainer("where is my parcel")  # looks whether forward mode works, which takes one pass
    counted = passes_of(monkeypatch)
    explainer("where is my parcel")
    forward = len(counted)
    explainer(" ".join([LONG] * 2))
    assert len(counted) - forward >= 39, "one pass a class but one"
    before = len(counted)
    explainer("where is my parcel", targets="predicted")
    assert len(counted) - before < 10, "one class needs one pass"


@going_forward
@pytest.mark.parametrize(("special_tokens", "tangents"), [("keep", 4), ("replace", 5)])
def test_special_tokens_that_are_kept_take_no_tangent(monkeypatch, special_tokens, tangents):
    taken = []
    slopes = jacobian.ForwardMode.slopes
    monkeypatch.setattr(
        jacobian.ForwardMode, "slopes", lambda *given: taken.append(given[-1].shape[1]) or slopes(*given)
    )
    method = IntegratedGradients(n_steps=8, special_tokens=special_tokens)
    explainer = Explainer(tiny_model("bert"), method=method)
    explainer("late")  # looks whether forward mode works
    taken.clear()
    found = explainer("where is my parcel")
    assert set(taken) == {tangents}
    assert found.attributions.shape[1] == 5
    assert found.attributions[:, 4].any() == (special_tokens == "replace")


@going_forward
def test_attention_is_plain_in_forward_mode_alone_also_after_an_error_in_it(monkeypatch):
    explainer = Explainer(many_classes(tiny_body("bert")), method=FIXED)
    explainer(LONG)
    assert torch.backends.cuda.flash_sdp_enabled()

    def interrupted(*_args, **_kwargs):
        assert not torch.backends.cuda.flash_sdp_enabled()
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.func, "vmap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explainer(LONG)
    assert torch.backends.cuda.flash_sdp_enabled()


class Square(torch.autograd.Function):
    """An operation that knows its backward pass alone."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values * values

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


class Squared(nn.Module):
    def forward(self, features):
        return {**features, "sentence_embedding": Square.apply(features["sentence_embedding"])}


@going_forward
def test_a_body_without_forward_mode_is_differentiated_backward():
    first, pooling = tiny_body("bert")
    body = SentenceTransformer(modules=[first, pooling, Squared()], device="cpu")
    explainer = Explainer((body, LogisticRegression().fit(body.encode(list(TEXTS)), CLASSES)))
    assert explainer(LONG).converged.all()
    assert not explainer._assembler.attributors["integrated_gradients"].forward_mode.works
