"""`precision`: a copy of the body in another number format, whose distance to the model is measured."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from setfit_explain import Explainer, explain
from setfit_explain.attribution import integrated_gradients
from setfit_explain.attribution.quadrature import FIRST_NODES
from setfit_explain.classifier.precision import ROUNDING
from setfit_explain.errors import OptionError, VerificationError
from tests.models import LONG, fitted, minilm_model, tiny_body, tiny_model
from tests.snapshots import snapshot


def half_body(dtype=torch.bfloat16):
    """A model whose body was converted to half precision, and the same model before."""
    full = tiny_model("bert")
    model = fitted(tiny_body("bert"))
    model.model_head = full.model_head
    model.model_body = deepcopy(full.model_body).to(dtype)
    return model, full


def relative(found, expected):
    largest = np.abs(expected.attributions).max(1)
    return (np.abs(found.attributions - expected.attributions).max(1) / largest).max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_model_is_explained_in_float32_and_the_difference_told(dtype):
    model, _ = half_body(dtype)
    found = explain(model, LONG, precision="float32", tolerance=1e-3)
    rounded = deepcopy(model.model_body).float()
    expected = explain((rounded, model.model_head), LONG, tolerance=1e-3)
    np.testing.assert_allclose(found.attributions, expected.attributions, atol=1e-6)
    own = model.predict_proba([LONG], as_numpy=True)[0]
    np.testing.assert_array_equal(found.probabilities, own)
    assert found.reproduction_error == pytest.approx(np.abs(found.score - own).max())
    assert found.reproduction_error > 1e-6
    assert found.settings["precision"] == "float32"
    assert 1e-4 < found.settings["precision_error"] < 0.1
    assert found.converged.all()
    assert not any("rounding" in note for note in found.notes)


@pytest.mark.parametrize("kind", ["binary", "three", "multi_label"])
def test_a_bfloat16_copy_is_within_a_few_hundredths_of_the_largest_attribution(kind):
    model = minilm_model(kind)
    found = explain(model, LONG, precision="bfloat16")
    exact = explain(model, LONG, tolerance=1e-4)
    assert 1e-4 < relative(found, exact) < 0.05
    assert found.converged.all()
    assert any("bfloat16" in note for note in found.notes)
    assert found.settings["precision"] == "bfloat16"
    assert 1e-4 < found.settings["precision_error"] < 0.05


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
@pytest.mark.parametrize(("roundings", "enough"), [(1.5, True), (3, False)])
def test_what_rounding_does_to_both_ends_asks_for_no_more_nodes(monkeypatch, roundings, enough):
    integral = integrated_gradients._integral

    def rounded(path, *rest):
        found = integral(path, *rest)
        off = roundings * ROUNDING[torch.bfloat16] * integrated_gradients._magnitude(found, path)
        return replace(found, score=found.values.sum(1) + found.baseline_score + off)

    monkeypatch.setattr(integrated_gradients, "_integral", rounded)
    found = explain(minilm_model("three"), LONG, precision="bfloat16")
    assert (found.settings["nodes"] == FIRST_NODES) is enough
    assert bool(found.converged.all()) is enough


def test_the_error_of_a_precision_is_that_of_its_derivatives_on_the_path():
    errors = {
        precision: explain(minilm_model("three"), LONG, precision=precision).settings["precision_error"]
        for precision in ("float64", "bfloat16")
    }
    assert 0 < errors["float64"] < 1e-5
    assert errors["bfloat16"] > 1e3 * errors["float64"]


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_a_float64_copy_agrees_with_float32():
    model = minilm_model("three")
    double, single = (explain(model, LONG, precision=name, n_steps=16) for name in ("float64", None))
    assert relative(single, double) < 1e-5


def test_the_users_model_is_left_in_its_own_precision_and_remains_the_one_named():
    model = fitted(tiny_body("bert"))
    before = snapshot(model)
    copied, plain = Explainer(model, precision="bfloat16"), Explainer(model)
    copied(LONG)
    assert snapshot(model) == before
    assert copied.classifier.fingerprint == plain.classifier.fingerprint
    assert copied.classifier.dtype == torch.bfloat16


def test_the_models_own_precision_needs_no_copy():
    model = tiny_model("bert")
    explainer = Explainer(model, precision="float32")
    assert explainer.classifier.body.module is model.model_body
    assert explainer(LONG) == explain(model, LONG)


def test_a_copy_that_answers_otherwise_than_the_model_is_refused():
    explainer = Explainer(tiny_model("bert"), precision="bfloat16")
    original = explainer.classifier.original
    own = original.predict_proba(LONG)
    original.predict_proba = lambda _text: own + np.array([0.1, -0.1, 0])
    with pytest.raises(VerificationError, match=r"accepted: 5e-02.*Leave precision='bfloat16' out"):
        explainer(LONG)


def test_occlusion_has_precisions_too():
    found = explain(tiny_model("bert"), LONG, method="occlusion", precision="float64")
    expected = explain(tiny_model("bert"), LONG, method="occlusion")
    np.testing.assert_allclose(found.attributions, expected.attributions, atol=1e-5)


def test_an_unknown_precision_is_refused():
    with pytest.raises(
        OptionError, match=r"'int8' is not known\. Accepted: float64, float32, bfloat16, float16"
    ):
        Explainer(tiny_model("bert"), precision="int8")
