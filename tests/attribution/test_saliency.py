"""Saliency and its averages over noise: Captum's gradients, closed forms, and errors that are as large as they say."""

from functools import partial

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel
from captum.attr import Saliency as CaptumSaliency

from setfit_explain import Explainer, Saliency, SmoothGrad, SquareGrad, VarGrad, explain
from setfit_explain.errors import OptionError
from tests.attribution.bent import bent_model
from tests.attribution.test_jacobian import many_classes, passes_of
from tests.bodies.architectures import body_of, named, static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, TEXTS, fitted, tiny_body, tiny_model

NOISY = (SmoothGrad, SquareGrad, VarGrad)
TEXT = TEXTS[0]


def per_word(explainer, gradient):
    """Sum ``(tokens, dim)`` over the tokens of each word, the special tokens last: no code of ours but the ids."""
    ids = explainer.classifier.body.tokenizer(TEXT).word_ids()
    count = max(index for index in ids if index is not None) + 1
    unit = np.array([count if index is None else index for index in ids])
    return np.array([gradient[unit == index].sum() for index in range(count + 1)])


@pytest.mark.parametrize("model", [tiny_model("bert", "binary"), tiny_model("mpnet", "multi_label")])
def test_norm_and_sum_are_those_of_captums_gradient(model):
    explainer = Explainer(model, method="saliency")
    summed = explain(model, TEXT, method=Saliency(reduction="sum"))
    found = explainer(TEXT)
    bound = explainer.classifier.bind(TEXT)
    for column in range(len(found.classes)):
        gradient = CaptumSaliency(bound).attribute(
            bound.word_embeddings.requires_grad_(), target=column, abs=False
        )[0]
        expected = np.sqrt(per_word(explainer, gradient.double().numpy() ** 2))
        np.testing.assert_allclose(found.attributions[column], expected, rtol=1e-4)
        expected = per_word(explainer, gradient.double().numpy())
        np.testing.assert_allclose(summed.attributions[column], expected, rtol=1e-4, atol=1e-5)


def test_the_slope_is_what_a_small_step_of_all_numbers_of_a_token_does():
    model = fitted(body_of(named("Qwen3")).double())  # in BERT a LayerNorm takes such a step away
    explainer = Explainer(model, method=Saliency(reduction="sum"), output="log_odds", granularity="token")
    found, bound = explainer(TEXT), explainer.classifier.bind(TEXT)
    step = torch.zeros_like(bound.word_embeddings)
    step[0, 0] = 1e-4
    ends = [bound(bound.word_embeddings + sign * step).double() for sign in (1, -1)]
    above, below = (torch.log(end / (1 - end)) for end in ends)
    slope = ((above - below) / 2e-4)[0].numpy()
    np.testing.assert_allclose(found.attributions[:, 0], slope, rtol=1e-3)


@pytest.mark.parametrize("method", [Saliency(reduction="sum"), SmoothGrad(reduction="sum", n_samples=4)])
def test_a_sum_that_a_layer_norm_takes_away_is_told_to_be_rounding(method):
    vanished = explain(tiny_model("bert"), TEXT, method=method)
    assert any("these numbers are rounding" in note for note in vanished.notes)
    there = explain(fitted(body_of(named("T5"))), TEXT, method=method)
    assert not any("rounding" in note for note in there.notes)
    norm = explain(tiny_model("bert"), TEXT, method="saliency")
    assert not any("rounding" in note for note in norm.notes)


def test_a_mean_of_word_embeddings_has_the_same_slope_everywhere_and_no_variance():
    model = fitted(static_body(word_piece()))
    options = {"output": "logit", "granularity": "token"}
    tokens = len(explain(model, TEXT, method="saliency", **options).units)
    slope = np.linalg.norm(model.model_head.coef_, axis=1, keepdims=True) / tokens
    for name, expected in [
        ("saliency", slope),
        ("smoothgrad", slope),
        ("squaregrad", slope**2),
        ("vargrad", 0),
    ]:
        found = explain(model, TEXT, method=name, **options)
        np.testing.assert_allclose(found.attributions, np.broadcast_to(expected, (3, tokens)), atol=1e-6)
        np.testing.assert_allclose(found.error_estimate, 0, atol=1e-4)
    words = explain(model, TEXT, method="saliency", output="logit")
    sizes = np.sqrt((words.attributions / slope) ** 2)[0] ** 2
    np.testing.assert_allclose(sizes, np.round(sizes), atol=1e-4)
    assert sizes.sum() == pytest.approx(tokens)


@pytest.mark.parametrize(
    ("method", "kind"),
    [(SmoothGrad(), "smoothgrad"), (SquareGrad(), "smoothgrad_sq"), (VarGrad(), "vargrad")],
)
def test_with_the_same_noise_captums_noise_tunnel_gives_the_same(method, kind):
    explainer = Explainer(tiny_model("bert"), method=method)
    found, bound = explainer(TEXT), explainer.classifier.bind(TEXT)
    spread = bound.word_embeddings.double().std(correction=0).item()
    for column in range(3):
        torch.manual_seed(0)
        tunnel = (
            NoiseTunnel(CaptumSaliency(bound))
            .attribute(
                bound.word_embeddings,
                nt_type=kind,
                nt_samples=50,
                stdevs=0.5 * spread,
                target=column,
                abs=False,
            )[0]
            .detach()
            .double()
            .numpy()
        )
        if kind == "smoothgrad":
            expected = np.sqrt(per_word(explainer, tunnel**2))
        else:
            expected = per_word(explainer, tunnel) * (50 / 49 if kind == "vargrad" else 1)
        np.testing.assert_allclose(found.attributions[column], expected, rtol=1e-3)


@pytest.mark.parametrize("kind", [SmoothGrad, SquareGrad, VarGrad, partial(SmoothGrad, reduction="sum")])
def test_the_error_estimate_is_the_error_of_sampling(kind):
    def explained(samples, seed):
        return explain(bent_model(), TEXT, method=kind(n_samples=samples, seed=seed, noise_level=2.0))

    truth = explained(800, 0).attributions
    found = [explained(16, seed) for seed in range(1, 21)]
    true_error = np.sqrt(np.mean([(each.attributions - truth) ** 2 for each in found], axis=0)).max(1)
    reported = np.mean([each.error_estimate for each in found], axis=0)
    # A root mean square over 20 seeds has a standard deviation of 16 %: three of them.
    assert (true_error < 1.5 * reported).all()
    if kind not in (SmoothGrad, VarGrad):  # whose estimates are bounds
        assert (reported < 2 * true_error).all()


def test_all_classes_take_one_forward_pass_and_no_more_backward_passes_than_decisions(monkeypatch):
    explainer = Explainer(many_classes(tiny_body("bert")), method="saliency")
    forwards = []
    decide = explainer.classifier.decide_rows
    monkeypatch.setattr(
        explainer.classifier, "decide_rows", lambda *args: forwards.append(1) or decide(*args)
    )
    counted = passes_of(monkeypatch)
    explainer(TEXT)
    assert len(forwards) == 2, "one with gradients, one for the answer"
    assert len(counted) == 39 + 40, "through the body, and through the score alone"


@pytest.mark.parametrize("kind", NOISY)
def test_noise_is_the_same_for_each_text_and_leaves_torchs_own_alone(kind):
    explainer = Explainer(tiny_model("bert"), method=kind(n_samples=8))
    before = torch.random.get_rng_state()
    alone, (_, together) = explainer(LONG), explainer([TEXT, LONG])
    assert alone == together
    assert torch.equal(torch.random.get_rng_state(), before)
    other = explain(tiny_model("bert"), LONG, method=kind(n_samples=8, seed=1))
    assert np.abs(other.attributions - alone.attributions).max() > 0


def test_what_has_neither_baseline_nor_sign_says_so():
    found = explain(tiny_model("bert"), TEXT, method="saliency")
    assert np.isnan([found.baseline_score, found.delta]).all()
    assert found.converged.all()
    for view in (str(found), found.to_html(), found._repr_html_()):
        assert "nan" not in view
        assert "Nor do they have a sign" in " ".join(view.split())
        assert "towards refund" not in view
    with pytest.raises(OptionError, match="'saliency' compares the text with no baseline"):
        Explainer(tiny_model("bert"), method="saliency").baseline(TEXT)
    with pytest.raises(OptionError, match="baseline is not a setting of method 'saliency'"):
        Explainer(tiny_model("bert"), method="saliency", baseline="mask")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reduction": "mean"}, "reduction='mean' is not known. Accepted: norm, sum"),
        ({"n_samples": 3}, "at least 4"),
        ({"n_samples": 2.5}, "whole number"),
        ({"seed": -1}, "seed must be"),
        ({"noise_level": 0}, "noise_level must be a positive"),
        ({"noise_level": float("inf")}, "noise_level must be a positive number, got inf"),
        ({"noise_level": "0.5"}, "noise_level must be a positive number, got '0.5'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(OptionError, match=message):
        SmoothGrad(**settings)
