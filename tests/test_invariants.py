"""What must always hold, on the real MiniLM and on tiny random bodies (design invariants I1-I6, I8)."""

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients

from setfit_explain import Explainer, IntegratedGradients, explain
from tests.models import LABELS, LONG, TEXTS, fitted, minilm, minilm_model, tiny_body, tiny_model
from tests.snapshots import snapshot

MODELS = [
    *(("minilm", kind) for kind in ("binary", "three", "multi_label")),
    *(
        (architecture, kind)
        for architecture in ("bert", "mpnet", "roberta")
        for kind in ("three", "multi_label")
    ),
    ("bert", "binary"),
]
# Comparisons at equal, few nodes: what they compare need not have converged.
few_nodes = pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
OUTPUTS = ("probability", "log_probability", "log_odds", "logit")


def model_of(architecture, kind):
    return minilm_model(kind) if architecture == "minilm" else tiny_model(architecture, kind)


@pytest.fixture(params=MODELS, ids="-".join)
def model(request):
    return model_of(*request.param)


def test_the_explained_score_is_predict_proba(model):
    explanations = explain(model, list(TEXTS[:3]))
    expected = model.predict_proba(list(TEXTS[:3]), as_numpy=True)
    for explanation, probabilities in zip(explanations, expected, strict=True):
        np.testing.assert_allclose(explanation.score, probabilities, atol=1e-5)
        np.testing.assert_allclose(explanation.probabilities, probabilities, atol=1e-5)
        assert explanation.reproduction_error <= 1e-5
        assert explanation.classes == tuple(model.labels)


@pytest.mark.parametrize("kind", ["binary", "three", "multi_label"])
def test_every_scale_is_the_formula_it_is_named_after(kind):
    model = minilm_model(kind)
    embedding = model.encode([LONG])
    probabilities = model.model_head.predict_proba(embedding)[0]
    decision = model.model_head.decision_function(embedding)
    expected = {
        "probability": probabilities,
        "log_probability": np.log(probabilities),
        "log_odds": np.log(probabilities / (1 - probabilities)),
        "logit": np.array([-decision[0], decision[0]]) if kind == "binary" else decision[0],
    }
    for output in OUTPUTS:
        explanation = explain(model, LONG, output=output, tolerance=0.5)
        np.testing.assert_allclose(explanation.score, expected[output], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("output", OUTPUTS)
def test_attributions_add_up_to_the_score_difference(model, output):
    explanation = explain(model, LONG, output=output)
    sums = explanation.attributions.sum(1)
    np.testing.assert_allclose(
        sums + explanation.baseline_score, explanation.score + explanation.delta, atol=1e-9
    )
    assert explanation.converged.all()
    largest = np.abs(explanation.attributions).max(1)
    assert (np.abs(explanation.delta) <= 1e-2 * largest + 1e-5).all()


@few_nodes
def test_the_true_error_is_below_the_reported_one(model):
    adaptive = explain(model, LONG, granularity="token", tolerance=1e-2)
    reference = explain(model, LONG, granularity="token", n_steps=300)
    error = np.abs(adaptive.attributions - reference.attributions).max(1)
    assert (error <= adaptive.error_estimate + 1e-6).all()


def test_what_does_not_converge_is_marked_and_warned_of():
    method = IntegratedGradients(baseline="mask", max_nodes=21, tolerance=1e-9)
    with pytest.warns(UserWarning, match="did not converge"):
        explanation = explain(tiny_model("bert"), LONG, method=method)
    assert not explanation.converged.any()
    assert explanation.settings["nodes"] == 21
    with pytest.warns(UserWarning, match="2 of 2 explanations did not converge"):
        explain(tiny_model("bert"), [LONG, LONG], method=method)


@few_nodes
def test_a_text_alone_equals_the_text_in_any_batch_and_order(model):
    explainer = Explainer(model, n_steps=12)
    alone = explainer(LONG)
    forwards, backwards = explainer([*TEXTS[:2], LONG]), explainer([LONG, *TEXTS[:2]])
    for batched in (forwards[2], backwards[0]):
        np.testing.assert_allclose(batched.attributions, alone.attributions, atol=1e-6)


@few_nodes
@pytest.mark.parametrize("rows", [1, 3, 7])
def test_the_internal_batch_size_does_not_change_the_answer(model, rows):
    whole = explain(model, LONG, n_steps=12)
    split = explain(model, LONG, n_steps=12, internal_batch_size=rows)
    np.testing.assert_allclose(split.attributions, whole.attributions, atol=1e-6)


@few_nodes
@pytest.mark.parametrize("output", OUTPUTS)
def test_all_classes_at_once_equal_one_class_at_a_time(model, output):
    together = explain(model, LONG, output=output, n_steps=12)
    for column, name in enumerate(together.targets):
        alone = explain(model, LONG, output=output, n_steps=12, targets=name)
        assert alone.targets == (name,)
        scale = 1 if output == "probability" else np.abs(together.attributions).max()
        np.testing.assert_allclose(alone.attributions[0], together.attributions[column], atol=2e-6 * scale)


@pytest.mark.parametrize("architecture", ["minilm", "bert", "mpnet", "roberta"])
def test_attributions_of_a_softmax_heads_probabilities_sum_to_zero_over_the_classes(architecture):
    explanation = explain(model_of(architecture, "three"), LONG)
    np.testing.assert_allclose(explanation.attributions.sum(0), 0, atol=1e-12)


@pytest.mark.parametrize("output", ["probability", "log_odds", "logit"])
def test_binary_class_0_is_minus_class_1(output):
    explanation = explain(minilm_model("binary"), LONG, output=output)
    np.testing.assert_allclose(explanation.attributions[0], -explanation.attributions[1], rtol=0, atol=1e-9)


@few_nodes
def test_a_contrast_is_the_difference_of_log_probabilities():
    model = minilm_model("three")
    contrast = explain(model, LONG, targets=("refund", "delay"), n_steps=40)
    logs = explain(model, LONG, output="log_probability", n_steps=40)
    assert contrast.targets == ("refund vs delay",)
    np.testing.assert_allclose(
        contrast.attributions[0], logs.attributions[0] - logs.attributions[1], atol=1e-5
    )


@few_nodes
@pytest.mark.parametrize(
    "quadrature", ["gausslegendre", "riemann_trapezoid", "riemann_right", "riemann_middle"]
)
@pytest.mark.parametrize("architecture", ["minilm", "bert", "mpnet", "roberta"])
def test_it_agrees_with_captum_at_equal_nodes(architecture, quadrature):
    explainer = Explainer(
        model_of(architecture, "three"),
        method=IntegratedGradients(n_steps=10, quadrature=quadrature, baseline="mask"),
        granularity="token",
    )
    ours = explainer(LONG)
    bound = explainer.classifier.bind(LONG)
    captum = CaptumIntegratedGradients(bound)
    for target in range(3):
        theirs = captum.attribute(
            bound.word_embeddings,
            baselines=explainer.baseline(LONG),
            target=target,
            n_steps=10,
            method=quadrature,
            internal_batch_size=4,
        )
        tokens = theirs.sum(-1)[0].double().numpy()
        kinds = np.array(bound.encoded.kinds)
        in_text = [unit.special is None for unit in ours.units]
        # Byte-level tokens may share a character, and so a unit; their sum is then compared.
        starts = {
            start: k for k, start in enumerate(unit.start for unit in ours.units if unit.special is None)
        }
        summed = np.zeros(len(starts))
        for token, (start, end) in enumerate(bound.encoded.spans):
            if kinds[token] == "text":
                visible = start + len(LONG[start:end]) - len(LONG[start:end].lstrip())
                summed[starts[visible]] += tokens[token]
        np.testing.assert_allclose(ours.attributions[target][in_text], summed, atol=1e-6)


@pytest.mark.parametrize("architecture", ["bert", "mpnet", "roberta", "minilm"])
def test_the_gradient_equals_a_finite_difference(architecture):
    bound = Explainer(model_of(architecture, "three")).classifier.bind(LONG)
    words = bound.word_embeddings.requires_grad_()
    (gradient,) = torch.autograd.grad(bound(words)[0, 1], words)
    noise = torch.randn(words.shape, generator=torch.Generator().manual_seed(0))
    # Half along the gradient, so that the difference stands out of float32's rounding; half anywhere.
    step = 1e-2 * (gradient / gradient.norm() + noise / noise.norm())
    with torch.no_grad():
        difference = (bound(words + step)[0, 1] - bound(words - step)[0, 1]) / 2
    assert float(difference) == pytest.approx(float((gradient * step).sum()), rel=1e-2)


@pytest.fixture
def unusual_model():
    """A model in an unusual state: some modules training, some parameters frozen, own tokenizer settings."""
    model = fitted(tiny_body("bert"))
    model.model_body.train()
    model.model_body[1].eval()
    next(model.model_body.parameters()).requires_grad_(False)
    model.model_body.tokenizer.backend_tokenizer.enable_truncation(17)
    model.model_body.tokenizer.backend_tokenizer.no_padding()
    return model


def test_the_model_is_left_as_found(unusual_model):
    before = snapshot(unusual_model)
    explain(unusual_model, [LONG, TEXTS[0]])
    assert snapshot(unusual_model) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("calls_before", [0, 1, 2])
def test_the_model_is_left_as_found_when_its_forward_fails(unusual_model, error, calls_before, monkeypatch):
    explainer = Explainer(unusual_model, internal_batch_size=8)  # for several batches of nodes
    before = snapshot(unusual_model)
    forward, calls = unusual_model.model_body[1].forward, []

    def failing(*arguments, **options):
        calls.append(1)
        if len(calls) > calls_before:
            raise error("stop")
        return forward(*arguments, **options)

    monkeypatch.setattr(unusual_model.model_body[1], "forward", failing)
    with pytest.raises(error, match="stop"):
        explainer(LONG)
    assert snapshot(unusual_model) == before


def test_explaining_within_no_grad_and_inference_mode_gives_the_same():
    expected = explain(tiny_model("bert"), LONG)
    with torch.no_grad():
        assert explain(tiny_model("bert"), LONG) == expected
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert explain(tiny_model("bert"), LONG) == expected
        assert torch.is_inference_mode_enabled()


def test_two_runs_are_byte_equal_in_json_and_html():
    first, second = (
        explain(fitted(minilm()), [LONG, TEXTS[0]], true_labels=[LABELS[0]] * 2) for _ in range(2)
    )
    assert first.to_json() == second.to_json()
    assert first.to_html() == second.to_html()
