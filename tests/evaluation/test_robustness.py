"""Sensitivity and agreement beside closed forms of the model that adds up its words."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

from setfit_explain import AttentionRollout, IntegratedGradients, Lime
from setfit_explain.errors import OptionError
from setfit_explain.evaluation import across_baselines, across_seeds, agreement, max_sensitivity
from tests.evaluation.games import (
    EXACT,
    TEXT,
    ZERO,
    RandomOrder,
    assert_as_random,
    assert_ordered,
    bag_of_words,
    random_texts,
)
from tests.models import LONG, TEXTS, tiny_model, tiny_svm


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients"])
def test_max_sensitivity_is_the_largest_relative_change(method):
    found = max_sensitivity(
        bag_of_words(), [TEXT], {**ZERO, "method": method, "targets": "praise"}, n_samples=5
    )
    size = 0.1 * np.sqrt(np.mean([16, 0, 4, 0, 0, 0, 4, 0]))
    noise = np.random.default_rng([0, crc32(TEXT.encode())]).uniform(-size, size, (5, 4, 2))
    expected = np.linalg.norm(noise[:, :, 0] / 4, axis=1).max() / np.linalg.norm(EXACT)
    assert found.values[0] == pytest.approx(expected, rel=1e-4)
    assert found.random[0] > found.values[0]
    assert found.reversed is None


def test_an_explanation_of_nothing_has_no_sensitivity():
    found = max_sensitivity(bag_of_words(), ["so so", ""], ZERO)
    assert (found.value.n, found.undefined) == (0, 2)


def test_attributions_that_are_the_same_in_any_order_have_no_sensitivity_as_they_have_no_control():
    found = max_sensitivity(bag_of_words(), ["good", "good good", "good bad"], ZERO)
    np.testing.assert_array_equal(np.isnan(found.values), [True, True, False])
    np.testing.assert_array_equal(np.isnan(found.random), [True, True, False])
    assert found.random[2] > 0
    assert found.undefined_for == "texts of fewer than two units, or where all attributions are equal"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_samples": 0}, "n_samples must be a whole number, at least 1, got 0"),
        ({"radius": -1}, "radius must be a positive number, got -1"),
        ({"radius": float("nan")}, "radius must be a positive number, got nan"),
    ],
)
def test_noise_that_is_none_is_told(setting, message):
    with pytest.raises(OptionError, match=message):
        max_sensitivity(bag_of_words(), [TEXT], ZERO, **setting)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "attention_rollout"},
        {"method": "occlusion", "baseline": "delete"},
        {"method": "kernel_shap", "baseline": ["delete"]},
    ],
)
def test_a_method_that_does_not_see_the_noise_has_no_sensitivity(options):
    found = max_sensitivity(tiny_model("bert"), [LONG], options)
    assert (found.value.n, found.undefined) == (0, 1)
    assert found.undefined_for == (
        f"{options['method']} with these settings, which reads token ids and so does not see the noise"
    )


def test_a_method_that_sees_the_noise_in_part_has_a_sensitivity():
    found = max_sensitivity(
        tiny_model("bert"), [LONG], {"method": "occlusion", "baseline": ["mask", "delete"]}
    )
    assert found.values[0] > 0


def test_baselines_that_only_shift_the_attributions_agree_on_their_order():
    found = agreement(
        bag_of_words(), [TEXT, "good"], across_baselines(ZERO, ["zero", "mean"]), method="occlusion"
    )
    assert found.name == "agreement_across_baselines"
    np.testing.assert_allclose(found.values, [1, np.nan])
    np.testing.assert_allclose(found.reversed, [-1, np.nan])


def test_agreement_on_the_truth_beats_random_order_which_beats_its_reverse():
    found = agreement(bag_of_words(), random_texts(20), across_baselines(ZERO, ["zero", "mean"]))
    assert_ordered(found)


def test_random_attributions_agree_as_the_random_control_does():
    variations = {str(seed): {"method": RandomOrder(seed), "output": "logit"} for seed in (1, 2, 3)}
    found = agreement(bag_of_words(), random_texts(40), variations)
    assert_as_random(found)
    assert_as_random(replace(found, random=found.reversed))


def test_random_attributions_are_as_sensitive_as_the_random_control():
    found = max_sensitivity(bag_of_words(), random_texts(40), {"method": RandomOrder(), "output": "logit"})
    assert_as_random(found)


def test_agreement_on_a_real_architecture_is_above_its_controls():
    found = agreement(tiny_model("bert"), TEXTS, across_baselines({"method": "occlusion"}), seed=1)
    assert found.gain_over(found.random).low > 0
    assert found.controls["reversed"].mean < found.controls["random"].mean


def test_a_head_with_only_a_decision_function_has_agreement():
    found = agreement(tiny_svm(), [LONG], across_baselines({"method": "occlusion", "output": "logit"}))
    assert found.value.n == 1


def test_one_variation_agrees_with_nothing():
    with pytest.raises(OptionError, match="two variations or more; got 1"):
        agreement(bag_of_words(), [TEXT], across_baselines(ZERO, ["zero"]))


def test_seeds_vary_what_draws():
    assert across_seeds({"method": "lime"}, [3, 4]) == {
        "3": {"method": "lime", "seed": 3},
        "4": {"method": "lime", "seed": 4},
    }


@pytest.mark.parametrize("vary", [across_seeds, across_baselines])
def test_a_method_object_is_varied_as_its_name_is(vary):
    lime = Lime(n_samples=64, kernel_width=0.5)
    (one, *_), (other, *_) = (
        vary(options).values()
        for options in ({"method": lime, "output": "logit"}, {"method": "lime", "output": "logit"})
    )
    setting = {across_seeds: "seed", across_baselines: "baseline"}[vary]
    assert getattr(one["method"], setting) == other[setting]
    assert (one["method"].n_samples, one["method"].kernel_width, one["output"]) == (64, 0.5, "logit")
    assert (lime.seed, lime.baseline) == (0, "auto")
    assert agreement(tiny_model("bert"), [LONG], vary({"method": lime})).value.n == 1


@pytest.mark.parametrize(
    "options",
    [
        {"method": "integrated_gradients", "reference_texts": list(TEXTS)},
        {"method": IntegratedGradients(reference_texts=list(TEXTS))},
        {"reference_texts": list(TEXTS)},
    ],
)
def test_reference_texts_stay_where_a_baseline_takes_them(options):
    found = agreement(tiny_model("bert"), [LONG], across_baselines(options, ["mean", "mask"]))
    assert found.value.n == 1
    mean, mask = across_baselines(options, ["mean", "mask"]).values()
    taken = [
        each.get("reference_texts", getattr(each.get("method"), "reference_texts", None))
        for each in (mean, mask)
    ]
    assert taken == [list(TEXTS), None]


@pytest.mark.parametrize("method", ["attention_rollout", AttentionRollout(), "saliency"])
def test_a_method_without_a_baseline_cannot_vary_it(method):
    with pytest.raises(OptionError, match=r"^(attention_rollout|saliency), which has no baseline to vary$"):
        across_baselines({"method": method})
    with pytest.raises(OptionError, match="which has no seed to vary"):
        across_seeds({"method": method})
