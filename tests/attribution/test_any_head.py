"""What holds of every method that takes units out: any head, unit, removal and text, by seed and budget."""

import re
from pathlib import Path

import numpy as np
import pytest

from setfit_explain import ExpectedGradients, Explainer, GradientShap, KernelShap, SmoothGrad, explain
from setfit_explain.arguments import METHODS
from setfit_explain.attribution.game import RemovalMethod
from setfit_explain.attribution.sampling import SamplingMethod
from setfit_explain.errors import OptionError
from tests.absa_models import absa_model
from tests.attribution.games import PLAYERS, game_of, random_table, text_of
from tests.attribution.test_occlusion import in_steps
from tests.models import LONG, TEXTS, tiny_model
from tests.snapshots import snapshot

SAMPLED = [name for name, kind in METHODS.items() if issubclass(kind, SamplingMethod)]
NAMES = [*SAMPLED, *(name for name, kind in METHODS.items() if issubclass(kind, RemovalMethod))]
TWO_SENTENCES = "My parcel came late. I want a refund!"


def explain_game(method, players=PLAYERS, **settings):
    values = random_table(players)
    return explain(
        game_of(values), text_of(players), method=method, baseline="zero", output="logit", **settings
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("head", ["forest", "neighbours"])
@pytest.mark.parametrize("removal", ["mean", "delete"])
def test_a_head_that_answers_in_steps_is_explained_by_its_own_answers(name, head, removal):
    body, fitted = in_steps(head)
    found = explain((body, fitted), TEXTS[1], method=name, baseline=removal)
    np.testing.assert_allclose(found.score, fitted.predict_proba(body.encode([TEXTS[1]]))[0], atol=1e-5)
    assert np.isfinite(found.attributions).all()
    # A forest that another scikit-learn draws may have no step here.
    assert head == "forest" or np.abs(found.attributions).max() > 1e-2
    assert found.converged.all()
    if METHODS[name].additive:
        np.testing.assert_allclose(found.delta, 0, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("granularity", ["token", "sentence", lambda text: [(0, 9), (10, len(text))]])
def test_units_of_any_size_are_explained(name, granularity):
    found = explain(tiny_model("bert"), TWO_SENTENCES, method=name, granularity=granularity, baseline="mask")
    assert np.isfinite(found.attributions).all()
    assert np.abs(found.attributions).max() > 1e-3
    if METHODS[name].additive:
        np.testing.assert_allclose(found.attributions.sum(1), found.score - found.baseline_score, atol=1e-9)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name != "sobol"]
)  # whose indices are no differences
def test_attributions_of_a_softmax_heads_probabilities_sum_to_zero_over_the_classes(name):
    found = explain(tiny_model("bert"), LONG, method=name, baseline="mask")
    assert np.abs(found.attributions).max() > 1e-3
    np.testing.assert_allclose(found.attributions.sum(0), 0, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", " ", "word"])
@pytest.mark.parametrize("removal", ["mask", "delete"])
def test_texts_of_no_word_and_of_one_are_answered(name, text, removal):
    found = explain(tiny_model("bert"), text, method=name, baseline=removal)
    assert found.attributions.shape == (3, len(found.units))
    assert found.converged.all()
    assert (found.error_estimate == 0).all()
    if METHODS[name].additive:
        np.testing.assert_allclose(found.attributions.sum(1), found.score - found.baseline_score, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_all_classes_at_once_equal_one_class_at_a_time(name):
    explainer = Explainer(tiny_model("roberta"), method=name, output="log_odds")
    together = explainer(TEXTS[1])
    for column, target in enumerate(together.targets):
        alone = explainer(TEXTS[1], targets=[target])
        np.testing.assert_allclose(alone.attributions[0], together.attributions[column], atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_alone_equals_the_text_in_a_list_whatever_the_batch_size(name):
    alone = Explainer(tiny_model("bert"), method=name, baseline="delete")(LONG)
    listed = Explainer(tiny_model("bert"), method=name, baseline="delete", internal_batch_size=5)
    np.testing.assert_allclose(listed([TEXTS[0], LONG])[1].attributions, alone.attributions, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_special_tokens_get_nothing_unless_they_are_replaced(name):
    kept, replaced = (
        explain(tiny_model("bert"), TEXTS[0], method=name, special_tokens=how) for how in ("keep", "replace")
    )
    assert (kept.attributions[:, -1] == 0).all()
    assert np.abs(replaced.attributions[:, -1]).max() > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_left_as_found(name):
    model = tiny_model("bert")
    before = snapshot(model)
    explain(model, TEXTS[2], method=name, baseline="delete")
    assert snapshot(model) == before


@pytest.mark.parametrize("name", SAMPLED)
def test_a_seed_gives_the_same_numbers_and_another_one_others(name):
    first, again, other = (explain_game(name, n_samples=80, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.settings["seed"] == 3
    assert np.abs(first.attributions - other.attributions).max() > 1e-4


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("n_samples", [50, 90, 300])
def test_no_more_texts_are_asked_about_than_the_budget_holds(name, n_samples):
    found = explain_game(name, n_samples=n_samples)
    assert found.settings["evaluations"] <= n_samples
    assert found.settings["n_samples"] == n_samples
    assert name == "partition_shap" or found.settings["evaluations"] > 0.7 * n_samples


@pytest.mark.parametrize("name", SAMPLED)
def test_sampling_stops_when_the_tolerance_is_met(name):
    found = explain_game(name, n_samples=1000, tolerance=0.3)
    assert found.converged.all()
    assert (found.error_estimate <= 0.3 * np.abs(found.attributions).max(1)).all()
    assert found.settings["evaluations"] < 700


@pytest.mark.parametrize("name", SAMPLED)
def test_a_tolerance_that_the_budget_does_not_meet_is_marked_and_warned_of(name):
    with pytest.warns(UserWarning, match="more n_samples may help"):
        found = explain_game(name, n_samples=80, tolerance=1e-6)
    assert not found.converged.any()


@pytest.mark.parametrize("name", SAMPLED)
def test_without_a_tolerance_the_budget_is_used_and_the_error_told(name):
    found = explain_game(name, n_samples=80)
    assert found.converged.all()
    assert (found.error_estimate > 0).all()


def test_an_absa_model_is_explained_by_a_method_that_adds_up():
    text = "The parcel came late; I want a refund."
    found = explain(absa_model(), text, method="kernel_shap", n_samples=120)
    assert len(found) == 4
    for item in found:
        np.testing.assert_allclose(item.explanation.delta, 0, atol=1e-9)
        assert (item.explanation.error_estimate > 0).all()


def test_the_page_of_methods_has_a_row_for_each():
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    names = {kind.name for kind in METHODS.values()}
    assert {row.split("`")[1] for row in rows} == names
    assert all(re.fullmatch(r"\de[+-]\d\d", row.split(" | ")[1]) for row in rows), "a measured difference"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 0}, "n_samples must be a whole number, at least 1, got 0"),
        ({"n_samples": 100.5}, "n_samples must be a whole number, at least 1, got 100.5"),
        ({"n_samples": "100"}, "n_samples must be a whole number, at least 1, got '100'"),
        ({"n_samples": True}, "n_samples must be a whole number, at least 1, got True"),
        ({"tolerance": 0}, "tolerance must be a positive number, got 0"),
        ({"tolerance": "0.1"}, "tolerance must be a positive number, got '0.1'"),
        ({"tolerance": True}, "tolerance must be a positive number, got True"),
        ({"tolerance": np.inf}, "tolerance must be a positive number, got inf"),
        ({"tolerance": np.nan}, "tolerance must be a positive number, got nan"),
        ({"seed": -1}, "seed must be a whole number, at least 0, got -1"),
        ({"seed": 0.5}, "seed must be a whole number, at least 0, got 0.5"),
        ({"seed": False}, "seed must be a whole number, at least 0, got False"),
    ],
)
def test_a_setting_that_is_out_of_range_is_refused(settings, message):
    with pytest.raises(OptionError, match=message):
        KernelShap(**settings)


@pytest.mark.parametrize("name", [*SAMPLED, "gradient_shap", "smoothgrad"])
def test_whole_numbers_of_numpy_are_settings_too(name):
    settings = {"n_samples": 24, "seed": 3}
    plain, of_numpy = (
        explain(
            tiny_model("bert"), TEXTS[0], method=name, **{key: kind(value) for key, value in settings.items()}
        )
        for kind in (int, np.int64)
    )
    assert of_numpy.to_json() == plain.to_json()


@pytest.mark.parametrize("settings", [{"n_samples": 8.0}, {"n_samples": True}, {"seed": 1.5}, {"seed": True}])
@pytest.mark.parametrize("kind", [GradientShap, ExpectedGradients, SmoothGrad])
def test_methods_that_sample_gradients_refuse_them_too(kind, settings):
    with pytest.raises(OptionError, match=r"must be a whole number, at least .*got "):
        kind(**settings)


def test_a_setting_of_sampling_is_refused_by_a_method_that_draws_nothing():
    with pytest.raises(OptionError, match="n_samples is not a setting of method 'occlusion'"):
        Explainer(tiny_model("bert"), method="occlusion", n_samples=10)


SAMPLED_GRADIENTS = ["gradient_shap", "smoothgrad", "squaregrad", "vargrad"]


@pytest.mark.parametrize("name", [*SAMPLED, *SAMPLED_GRADIENTS])
def test_an_error_that_no_tolerance_was_asked_of_is_shown_instead_of_converged(name):
    found = explain(tiny_model("bert"), LONG, method=name, n_samples=64)
    assert (found.error_estimate > 0).all()
    for view in (str(found), found._repr_html_(), found.to_html().partition("<script")[0]):
        assert f"standard error of sampling up to {found.error_estimate[0]:.3f}" in " ".join(view.split())
        assert "onverged" not in view


@pytest.mark.parametrize("name", SAMPLED)
def test_what_needed_no_drawing_or_met_a_tolerance_has_converged(name):
    exact = explain(tiny_model("bert"), TEXTS[1], method=name, n_samples=4000)
    held = explain(tiny_model("bert"), LONG, method=name, tolerance=0.9)
    for found in (exact, held):
        assert "standard error of sampling" not in str(found)
        assert ", converged" in found._repr_html_()
