"""A list of baselines: units are taken out in several ways, and the score is the mean."""

import numpy as np
import pytest
import torch

from setfit_explain import Explainer, explain
from setfit_explain.arguments import METHODS
from setfit_explain.attribution.game import RemovalMethod
from setfit_explain.attribution.sampling import SamplingMethod
from setfit_explain.errors import OptionError
from tests.attribution.games import PLAYERS, game_of, random_table, text_of
from tests.models import LONG, minilm_model

BOTH = ("mask", "delete")
PERTURBING = [name for name, kind in METHODS.items() if issubclass(kind, RemovalMethod | SamplingMethod)]


def alone_and_together(method, **options):
    each = [
        explain(minilm_model("three"), LONG, method=method, baseline=baseline, **options) for baseline in BOTH
    ]
    return each, explain(minilm_model("three"), LONG, method=method, baseline=[*BOTH], **options)


@pytest.mark.parametrize("method", ["occlusion", "leave_one_in", "leave_one_out_in"])
def test_attributions_scores_and_delta_are_the_mean_of_each_baselines(method):
    each, both = alone_and_together(method)
    for name in ("attributions", "baseline_score", "delta"):
        expected = np.mean([getattr(one, name) for one in each], axis=0)
        assert getattr(both, name) == pytest.approx(expected, abs=1e-6)
    assert both.score == pytest.approx(each[0].score, abs=1e-6)
    assert both.settings["baseline"] == "mask, delete"
    assert both.settings["evaluations"] == sum(one.settings["evaluations"] for one in each)


@pytest.mark.parametrize("method", ["shapley_sampling", "kernel_shap"])
def test_sampled_attributions_still_add_up(method):
    _, both = alone_and_together(method, n_samples=64)
    assert np.abs(both.delta).max() < 1e-6
    assert (both.error_estimate > 0).all()


@pytest.mark.parametrize("method", ["lime", "partition_shap", "sobol"])
def test_where_both_take_out_the_same_the_list_changes_nothing(method):
    model, text = game_of(random_table(4)), text_of(4)
    one, both = (
        explain(model, text, method=method, output="logit", baseline=baseline)
        for baseline in ("zero", ["zero", "zero"])
    )
    assert both.attributions == pytest.approx(one.attributions, abs=1e-12)


def test_reference_texts_weight_the_mean_among_others():
    texts = ["a parcel", "my parcel is late"]
    settings = {"method": "occlusion", "reference_texts": texts}
    both = Explainer(minilm_model("three"), baseline=["mean", "mask"], **settings)(LONG)
    assert both.settings["baseline"] == "mean of reference texts, mask"
    with pytest.raises(OptionError, match=r"not by \['pad', 'mask'\]"):
        Explainer(minilm_model("three"), baseline=["pad", "mask"], **settings)


ONES = np.ones(384)
DIM = PLAYERS + 2  # of the one-hot embeddings of a game


@pytest.mark.parametrize("method", PERTURBING)
@pytest.mark.parametrize(
    "listed", [["zero", torch.zeros(DIM)], [np.zeros(DIM), torch.zeros(DIM)], ["delete", [0.0] * DIM]]
)
def test_tensors_and_arrays_may_be_in_the_list(method, listed):
    model, text = game_of(random_table(4)), text_of(4)
    one, both = (
        explain(model, text, method=method, output="logit", baseline=baseline)
        for baseline in ("zero", listed)
    )
    assert both.attributions == pytest.approx(one.attributions, abs=1e-12)


def test_a_list_of_an_array_and_a_name_gives_the_mean_of_both():
    mask, ones, both = (
        Explainer(minilm_model("three"), method="occlusion", baseline=baseline)(LONG).attributions
        for baseline in ("mask", ONES, ["mask", ONES])
    )
    assert both == pytest.approx((mask + ones) / 2, abs=1e-6)


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients", "expected_gradients"])
@pytest.mark.parametrize("numbers", [ONES.tolist(), list(torch.ones(384))])
def test_a_list_of_numbers_is_one_baseline(method, numbers):
    array, listed = (
        explain(minilm_model("three"), LONG, method=method, baseline=baseline) for baseline in (ONES, numbers)
    )
    assert listed == array


@pytest.mark.parametrize("method", [*PERTURBING, "integrated_gradients", "deeplift", "input_x_gradient"])
def test_an_empty_list_is_refused(method):
    with pytest.raises(OptionError, match="list of baselines is empty; name at least one"):
        Explainer(minilm_model("three"), method=method, baseline=[])


def test_several_tensors_for_a_method_of_one_baseline_are_refused():
    with pytest.raises(OptionError, match=r"got the list \['tensor', 'tensor'\].*expected_gradients"):
        Explainer(minilm_model("three"), baseline=[torch.zeros(384), ONES])


def test_an_unknown_name_in_a_list_is_named():
    with pytest.raises(OptionError, match="'blank' is not known"):
        Explainer(minilm_model("three"), method="occlusion", baseline=["mask", "blank"])
