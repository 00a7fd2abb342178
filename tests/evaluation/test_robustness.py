"""Sensitivity and agreement beside closed forms of the model that adds up its words."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest

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
