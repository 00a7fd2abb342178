"""Bodies in half and double precision are explained in it, within what its rounding allows."""

from functools import cache

import numpy as np
import pytest
import torch

from setfit_explain import Explainer
from setfit_explain.errors import VerificationError
from tests.bodies.architectures import body_of, named
from tests.models import LONG, TEXTS, fitted, tiny_body
from tests.snapshots import snapshot

pytestmark = pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")

# Twice the spacing of the format, relative to the score.
ROUNDING = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2, torch.float64: 1e-6}


@cache
def model_of(name, dtype):
    return fitted(body_of(named(name)).to(dtype))


@pytest.mark.parametrize("output", ["probability", "log_odds"])
@pytest.mark.parametrize("name", ["Bert", "MPNet", "Roberta", "ModernBert", "Qwen3"])
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_a_body_is_explained_in_its_own_precision(dtype, name, output):
    model = model_of(name, dtype)
    before = snapshot(model)
    explainer = Explainer(model, output=output, granularity="token")
    assert explainer.classifier.dtype is dtype
    for text in (TEXTS[0], LONG):
        found = explainer(text)
        expected = model.predict_proba([text], as_numpy=True)[0]
        np.testing.assert_allclose(found.probabilities, expected, atol={torch.float64: 1e-6}.get(dtype, 1e-2))
        # Rounding is relative to the score; of a logarithmic one, which may be near 0, to one nat at least.
        least = 1.0 if output == "log_odds" else 0.0
        floor = ROUNDING[dtype] * np.maximum(
            np.maximum(np.abs(found.score), np.abs(found.baseline_score)), least
        )
        largest = np.abs(found.attributions).max(1)
        # Delta holds the rounding of both ends. Of small scores in bfloat16 that may be above the floor; then the
        # explanation says so.
        assert found.converged.all() or dtype is torch.bfloat16
        assert ((np.abs(found.delta) <= 1e-2 * largest + 2 * floor) | ~found.converged).all()
    assert snapshot(model) == before


def test_half_precision_agrees_with_float32_and_says_what_it_costs():
    full, half = tiny_body("bert"), tiny_body("bert").to(torch.float16)
    model = fitted(full)
    reference = Explainer(model)(LONG)
    model.model_body = half
    found = Explainer(model)(LONG)
    np.testing.assert_allclose(found.attributions, reference.attributions, atol=5e-3)
    assert any("computes in float16" in note and "0.2%" in note for note in found.notes)
    assert not any("computes in" in note for note in reference.notes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_larger_difference_than_the_precision_explains_is_refused(dtype):
    model = fitted(tiny_body("bert").to(dtype))
    explainer = Explainer(model)
    answer = explainer.classifier.predict_proba(LONG)
    explainer.classifier.model.__dict__["predict_proba"] = lambda _text: answer + np.array([0.05, -0.05, 0.0])
    with pytest.raises(VerificationError, match=rf"by 0\.0[45].*accepted in {str(dtype)[6:]}\..*float\(\)"):
        explainer(LONG)
