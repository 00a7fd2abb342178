"""Gradient SHAP and expected gradients: Captum, closed forms, brute force over all baselines, honest errors."""

import warnings

import numpy as np
import pytest
import torch
from captum.attr import GradientShap as CaptumGradientShap

from setfit_explain import ExpectedGradients, Explainer, GradientShap, IntegratedGradients, explain
from setfit_explain.attribution.gradient_shap import Sampling
from setfit_explain.attribution.random_paths import generator
from setfit_explain.errors import ConvergenceWarning, OptionError
from tests.attribution.bent import bent_model
from tests.bodies.architectures import static_body
from tests.bodies.vocabularies import word_piece
from tests.models import LONG, TEXTS, fitted, tiny_model

NAMED = ["mean", "mask", "pad", "unk"]
REFERENCES = ["parcel refund late", "broken shop"]
TEXT = TEXTS[1]
SAMPLED = (GradientShap, ExpectedGradients)


def test_a_list_of_baselines_gives_the_mean_of_the_integrated_gradients():
    found = explain(tiny_model("bert"), TEXT, method="expected_gradients", baseline=NAMED)
    each = [explain(tiny_model("bert"), TEXT, baseline=name) for name in NAMED]
    for name in ("attributions", "baseline_score", "delta", "error_estimate"):
        expected = np.mean([getattr(one, name) for one in each], axis=0)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-9)
    assert found.converged.all()
    assert found.settings["baseline"] == "mean of vocabulary, mask, pad, unk"
    assert found == explain(tiny_model("bert"), TEXT, method="expected_gradients", baseline="auto")
    np.testing.assert_allclose(found.completeness_gap, 0, atol=1e-9)


def test_a_note_that_one_baseline_needs_is_told_of_that_one():
    found = explain(tiny_model("bert"), LONG, method=ExpectedGradients(baseline=["zero", "mask", "unk"]))
    alone = {name: explain(tiny_model("bert"), LONG, baseline=name).notes for name in ("zero", "mask", "unk")}
    expected = [f"{name}: {note}" for name, notes in alone.items() for note in notes]
    assert 0 < len(expected) < 3
    assert list(found.notes) == expected


def test_captums_gradient_shap_gives_the_same_at_the_same_places(monkeypatch):
    explainer = Explainer(tiny_model("bert"), method=GradientShap(baseline="mask"), granularity="token")
    found, bound = explainer(TEXT), explainer.classifier.bind(TEXT)
    random = generator(0)
    torch.randint(1, (50,), generator=random)  # which of one baseline
    places = Sampling(50, 0).places(random)
    monkeypatch.setattr(np.random, "uniform", lambda *_args: places)
    for column in range(3):
        captum, delta = CaptumGradientShap(bound).attribute(
            bound.word_embeddings.requires_grad_(),
            explainer.baseline(TEXT),
            n_samples=50,
            target=column,
            return_convergence_delta=True,
        )
        per_token = captum[0, 1:-1].sum(-1).detach().numpy()
        np.testing.assert_allclose(found.attributions[column, :-1], per_token, atol=1e-6)
        np.testing.assert_allclose(found.delta[column], delta.mean().item(), atol=1e-5)


@pytest.mark.parametrize("kind", SAMPLED)
def test_a_linear_score_needs_one_sample_a_baseline(kind):
    model = fitted(static_body(word_piece()))
    baselines = [torch.zeros(32), torch.ones(32)] if kind is ExpectedGradients else [torch.ones(32)]
    found = explain(model, LONG, method=kind(baseline=baselines), output="logit", granularity="token")
    bag, tokenizer = model.model_body[0].embedding.weight, model.model_body.tokenizer
    rows = bag[tokenizer.encode(LONG, add_special_tokens=False).ids].detach().double().numpy()
    expected = (
        model.model_head.coef_ @ (rows - np.mean([each.numpy() for each in baselines], 0)).T / len(rows)
    )
    np.testing.assert_allclose(found.attributions, expected, atol=1e-6)
    np.testing.assert_allclose(found.delta, 0, atol=1e-5)


def exact_mean_over_stretches():
    """Integrated gradients from every stretch of the references, each by itself, and averaged."""
    explainer = Explainer(bent_model())
    look_up, encode = explainer.classifier.tap.look_up, explainer.classifier.encode
    ids = torch.cat([encode(text).ids for text in REFERENCES]).tolist()
    count = len(encode(TEXT).ids)
    stretches = [[ids[(start + k) % len(ids)] for k in range(count)] for start in range(len(ids))]
    return np.mean(
        [
            explain(bent_model(), TEXT, baseline=look_up(torch.tensor(each)), n_steps=60).attributions
            for each in stretches
        ],
        axis=0,
    )


@pytest.mark.parametrize("kind", SAMPLED)
def test_from_reference_texts_the_error_estimate_is_the_distance_to_the_mean_over_all_of_them(kind):
    truth = exact_mean_over_stretches()
    found = [
        explain(bent_model(), TEXT, method=kind(reference_texts=REFERENCES, n_samples=32, seed=seed))
        for seed in range(20)
    ]
    errors = np.array([each.attributions - truth for each in found])
    true_error = np.sqrt((errors**2).mean(0))
    assert (np.abs(errors.mean(0)) < 4 * true_error / np.sqrt(len(found))).all(), "unbiased"
    reported = np.mean([each.error_estimate for each in found], axis=0)
    # A root mean square over 20 seeds has a standard deviation of 16 %: three of them.
    assert (true_error.max(1) < 1.5 * reported).all()
    assert (reported < 2 * true_error.max(1)).all()


@pytest.mark.parametrize("method", ["gradient_shap", "expected_gradients"])
def test_sampled_baselines_have_converged_where_delta_and_error_are_within_the_tolerance_asked(method):
    asked = {"method": method, "reference_texts": REFERENCES}
    any_error, loose = (
        explain(bent_model(), TEXT, n_samples=32, **asked, **tolerance)
        for tolerance in ({}, {"tolerance": 1.0})
    )
    assert any_error.converged.all()
    assert loose.converged.all()
    largest = np.abs(loose.attributions).max(1)
    errors, deltas = loose.error_estimate / largest, np.abs(loose.delta) / largest
    assert (errors > 1e-3).all()
    for tolerance in (1e-6, *((errors.max() + deltas.max()) * np.array([0.3, 0.6, 1.0]))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = explain(bent_model(), TEXT, n_samples=32, tolerance=tolerance, **asked)
        np.testing.assert_array_equal(found.converged, np.maximum(errors, deltas) <= tolerance)
        assert found.settings["tolerance"] == tolerance
        np.testing.assert_array_equal(found.attributions, any_error.attributions)


@pytest.mark.parametrize("kind", SAMPLED)
def test_sampled_baselines_that_miss_the_tolerance_are_warned_of(kind):
    with pytest.warns(ConvergenceWarning, match="more n_samples may help"):
        found = explain(tiny_model("bert"), TEXT, method=kind(reference_texts=REFERENCES, tolerance=1e-6))
    assert not found.converged.any()


def test_a_tolerance_is_that_of_each_baseline_in_a_list():
    strict, usual = (
        explain(tiny_model("bert"), TEXT, method="expected_gradients", baseline=["zero", "mask"], **tolerance)
        for tolerance in ({"tolerance": 1e-5}, {})
    )
    assert strict.settings["tolerance"] == 1e-5
    assert usual.settings["tolerance"] == IntegratedGradients().tolerance
    assert strict.converged.all()
    assert (strict.error_estimate <= 1e-5 * np.abs(strict.attributions).max(1) + 1e-6).all()


def test_a_number_of_nodes_is_that_of_each_baseline_in_a_list():
    settings = {"n_steps": 8, "tolerance": 0.05}
    found = explain(tiny_model("bert"), TEXT, method="expected_gradients", baseline=NAMED, **settings)
    each = [explain(tiny_model("bert"), TEXT, baseline=name, **settings) for name in NAMED]
    for name in ("attributions", "baseline_score", "delta", "error_estimate"):
        expected = np.mean([getattr(one, name) for one in each], axis=0)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-9)
    np.testing.assert_array_equal(found.converged, np.all([one.converged for one in each], axis=0))
    assert (found.settings["quadrature"], found.settings["nodes"]) == ("gausslegendre", 32)


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_a_list_with_too_few_nodes_has_not_converged():
    found = explain(tiny_model("bert"), TEXT, method=ExpectedGradients(n_steps=2, tolerance=1e-5))
    assert not found.converged.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 7}, "n_samples and seed are of sampled baselines.* give n_steps"),
        ({"baseline": ["mask", "pad"], "seed": 0}, "n_samples and seed are of sampled baselines"),
        ({"baseline": "mean", "reference_texts": REFERENCES, "seed": 9}, "are of sampled baselines"),
        ({"reference_texts": REFERENCES, "n_steps": 8}, "n_steps is of a list .* give n_samples"),
        ({"baseline": "sampled", "reference_texts": REFERENCES, "n_steps": 8}, "n_steps is of a list"),
        ({"n_steps": 1}, "n_steps must be a whole number, at least 2, got 1"),
        ({"n_steps": "8"}, "n_steps must be a whole number, at least 2, got '8'"),
    ],
)
def test_a_setting_of_the_other_kind_of_baselines_is_refused(settings, message):
    with pytest.raises(OptionError, match=message):
        ExpectedGradients(**settings)


def test_stratified_places_take_one_from_each_part_of_the_way():
    places = Sampling(16, 0, stratified=True).places(generator(0))
    assert ((places * 16).astype(int) == np.arange(16)).all()


def test_noise_moves_the_text_and_is_told():
    quiet, noisy = (
        explain(tiny_model("bert"), TEXT, method=GradientShap(noise_level=level, n_samples=8))
        for level in (0.0, 0.5)
    )
    assert np.abs(quiet.attributions - noisy.attributions).max() > 1e-4
    assert noisy.settings["noise_level"] == 0.5
    assert "means over random samples" in " ".join(str(quiet).split())


@pytest.mark.parametrize("level", [-0.1, np.inf, np.nan, "0.5"])
def test_noise_of_no_known_size_is_refused(level):
    with pytest.raises(OptionError, match="noise_level must be 0 or a positive number, got"):
        GradientShap(noise_level=level)


@pytest.mark.parametrize("tolerance", [0, np.inf, "0.1"])
@pytest.mark.parametrize("kind", SAMPLED)
def test_a_tolerance_that_is_no_positive_number_is_refused(kind, tolerance):
    with pytest.raises(OptionError, match="tolerance must be a positive number, got"):
        kind(tolerance=tolerance)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "sampled"}, r"none: give reference_texts"),
        ({"baseline": []}, "list of baselines is empty"),
        ({"baseline": ["mask"], "reference_texts": REFERENCES}, "'sampled' and 'mean' only"),
        ({"baseline": ["maks"]}, "'maks' is not known"),
        ({"reference_texts": [""]}, "hold no words"),
        ({"special_tokens": "drop", "reference_texts": REFERENCES}, "special_tokens='drop'"),
        ({"n_samples": 1}, "at least 2"),
    ],
)
@pytest.mark.parametrize("kind", SAMPLED)
def test_baselines_that_cannot_be_are_refused(kind, settings, message):
    with pytest.raises(OptionError, match=message):
        Explainer(tiny_model("bert"), method=kind(**settings))


def test_a_list_of_baselines_for_a_method_of_one_names_the_method_that_averages():
    with pytest.raises(OptionError, match="expected_gradients"):
        Explainer(tiny_model("bert"), baseline=["mask", "mean"])
