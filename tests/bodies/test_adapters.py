"""Bodies with low-rank adapters are explained as the same bodies with the adapters merged by hand."""

import copy

import numpy as np
import pytest
import torch

from setfit_explain import Explainer
from setfit_explain.errors import UnsupportedBodyError
from tests.bodies.architectures import body_of, named
from tests.models import LONG, TEXTS, fitted
from tests.snapshots import snapshot

peft = pytest.importorskip("peft")
# peft itself uses what transformers 5 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
RANK, ALPHA = 4, 8


def settings(*target_modules):
    return peft.LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.3, target_modules=list(target_modules))


def added(body, config):
    body.add_adapter(config)


def wrapped(body, config):
    name = "model" if hasattr(body[0], "model") else "auto_model"  # of sentence-transformers 6, and of 5
    setattr(body[0], name, peft.get_peft_model(body[0].auto_model, config))


def adapted(plain, adapt, *target_modules):
    """A copy of ``plain`` with random adapters."""
    body = copy.deepcopy(plain)
    adapt(body, settings(*target_modules))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in body.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
    return body


def merged(plain, body):
    """A copy of ``plain`` with the weights of ``body``, to which ``alpha / rank * B @ A`` is added."""
    found, weights = dict(body.named_parameters()), {}
    for name, value in found.items():
        if "lora_" not in name:
            b, a = (found.get(name.replace("base_layer.weight", f"lora_{k}.default.weight")) for k in "BA")
            delta = ALPHA / RANK * b @ a if "base_layer.weight" in name else 0
            weights[name.replace("base_layer.", "").replace("base_model.model.", "")] = value.detach() + delta
    copied = copy.deepcopy(plain)
    copied.load_state_dict(weights)
    return copied


def with_body(model, body):
    other = copy.copy(model)
    other.model_body = body
    return other


@pytest.mark.parametrize("adapt", [added, wrapped])
@pytest.mark.parametrize(
    ("architecture", "targets"), [("Bert", ("query", "value")), ("Qwen3", ("q_proj", "v_proj", "down_proj"))]
)
def test_an_adapted_body_is_explained_as_its_merged_weights(adapt, architecture, targets):
    plain = body_of(named(architecture))
    model = fitted(adapted(plain, adapt, *targets))
    before = snapshot(model)
    explainer = Explainer(model)
    reference = Explainer(with_body(model, merged(plain, model.model_body)))
    for text in (LONG, TEXTS[0]):
        found = explainer(text)
        np.testing.assert_allclose(found.attributions, reference(text).attributions, atol=1e-5)
        np.testing.assert_allclose(
            found.probabilities, model.predict_proba([text], as_numpy=True)[0], atol=1e-6
        )
    assert snapshot(model) == before
    unadapted = Explainer(with_body(model, plain))(LONG)
    assert np.abs(unadapted.attributions - explainer(LONG).attributions).max() > 1e-2, "the adapters matter"


def test_an_adapter_of_the_word_embeddings_reads_the_ids_too_and_is_refused():
    body = adapted(body_of(named("Bert")), added, "word_embeddings")
    with pytest.raises(UnsupportedBodyError, match="something else in the body reads the token ids"):
        Explainer(fitted(body))
