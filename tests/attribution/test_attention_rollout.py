"""Attention rollout: the paper's product of matrices, for bodies that have them, and no explanation of a class."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import AutoModel

from setfit_explain import Explainer, explain
from setfit_explain.errors import OptionError, UnsupportedBodyError
from setfit_explain.explanation import ExplanationSet
from tests.bodies.architectures import model_of
from tests.models import LONG, TEXTS, _saved_transformer, fitted, modules, tiny_body, tiny_model
from tests.snapshots import snapshot

POOLING = {
    "mean": lambda count: np.full(count, 1 / count),
    "cls": lambda count: np.eye(count)[0],
    "lasttoken": lambda count: np.eye(count)[-1],
    "weightedmean": lambda count: np.arange(1, count + 1) / (count * (count + 1) / 2),
    "mean_sqrt_len_tokens": lambda count: np.full(count, 1 / count),
}


def rolled_out(transformer, features):
    """Abnar and Zuidema's recursion, rows normalised, from attentions that transformers itself gives."""
    with torch.no_grad():
        attentions = transformer(**features, output_attentions=True).attentions
    rollout = np.eye(attentions[0].shape[-1])
    for attention in attentions:
        residual = attention[0].double().mean(0).numpy() + np.eye(len(rollout))
        rollout = residual / residual.sum(1, keepdims=True) @ rollout
    return rollout


@pytest.mark.parametrize("pooling", POOLING)
@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_shares_are_the_papers_product_pooled_as_the_body_pools(architecture, pooling):
    body = tiny_body(architecture, pooling_mode=pooling)
    found = explain(fitted(body), LONG, method="attention_rollout", granularity="token")
    eager = AutoModel.from_pretrained(_saved_transformer(architecture), attn_implementation="eager").eval()
    features = {
        name: each for name, each in body.tokenizer(LONG, return_tensors="pt").items() if name != "modality"
    }
    expected = POOLING[pooling](features["input_ids"].shape[1]) @ rolled_out(eager, features)
    special = np.array(
        body.tokenizer(LONG, return_special_tokens_mask=True)["special_tokens_mask"], dtype=bool
    )
    np.testing.assert_allclose(found.attributions[0, :-1], expected[~special], atol=1e-6)
    np.testing.assert_allclose(found.attributions[0, -1], expected[special].sum(), atol=1e-6)
    assert found.attributions.sum() == pytest.approx(1, abs=1e-6)


def test_attention_that_looks_everywhere_alike_gives_every_token_the_same_share():
    body = tiny_body("bert")
    with torch.no_grad():
        for name, parameter in body.named_parameters():
            if ".query." in name:
                parameter.zero_()
    found = explain(fitted(body), LONG, method="attention_rollout", granularity="token")
    tokens = len(body.tokenizer(LONG)["input_ids"])
    np.testing.assert_allclose(found.attributions[0, :-1], 1 / tokens, atol=1e-6)


def test_it_is_one_row_for_all_targets_and_says_in_every_view_that_it_explains_no_class():
    asked = explain(tiny_model("bert"), LONG, method="attention_rollout", targets="predicted")
    found = explain(tiny_model("bert"), LONG, method="attention_rollout")
    assert found == asked
    assert found.targets == ("attention",)
    assert np.isnan([found.score, found.baseline_score, found.delta]).all()
    plots = [found.plot(), found.plot(kind="heat_map"), ExplanationSet([found]).plot(kind="bar")]
    labels = [axes.get_xlabel() for axes in plots]
    plt.close("all")
    assert all("strength, without a sign, of no class" in label for label in labels)
    for view in (str(found), found.to_html(), found._repr_html_(), *labels):
        assert "This explains no class" in " ".join(view.split())
        assert "nan" not in view
    assert type(found).from_json(found.to_json()) == found


@pytest.mark.parametrize("name", ["FNet", "Longformer", "StaticEmbedding"])
def test_a_body_without_the_weights_is_refused(name):
    with pytest.raises(
        UnsupportedBodyError, match=r"attention_rollout needs the attention weights.*occlusion"
    ):
        Explainer(model_of(name), method="attention_rollout")


class Joined(nn.Module):
    """Several poolings, one after the other in the sentence embedding."""

    def __init__(self, *modes):
        super().__init__()
        self.poolings = nn.ModuleList(modules.Pooling(32, mode) for mode in modes)

    def forward(self, features):
        pooled = [pooling(dict(features))["sentence_embedding"] for pooling in self.poolings]
        return {**features, "sentence_embedding": torch.cat(pooled, dim=-1)}


def body_pooling_by(*modes):
    return SentenceTransformer(modules=[tiny_body("bert")[0], Joined(*modes)], device="cpu")


@pytest.mark.parametrize("modes", [("max",), ("mean", "max")])
def test_a_body_that_pools_by_the_maximum_is_refused(modes):
    with pytest.raises(
        UnsupportedBodyError, match=r"no weighted mean of the transformer's tokens.*occlusion"
    ):
        Explainer(fitted(body_pooling_by(*modes)), method="attention_rollout")


@pytest.mark.filterwarnings("ignore:lbfgs failed")  # the head's fit, which nobody asks here
def test_a_body_that_joins_several_means_counts_them_alike():
    joined, *single = (
        explain(fitted(each), LONG, method="attention_rollout").attributions
        for each in (body_pooling_by("cls", "lasttoken"), *map(body_pooling_by, ("cls", "lasttoken")))
    )
    np.testing.assert_allclose(joined, np.mean(single, axis=0), atol=1e-6)


def test_there_is_no_baseline():
    with pytest.raises(OptionError, match="compares the text with no baseline"):
        Explainer(tiny_model("bert"), method="attention_rollout").baseline(LONG)


def implementation(model):
    return model.model_body[0].auto_model.config._attn_implementation


@pytest.mark.parametrize("make", [lambda: tiny_body("bert"), lambda: tiny_body("roberta")])
def test_the_model_keeps_its_own_attention_also_after_an_error(make, monkeypatch):
    model = fitted(make())
    own, before = implementation(model), snapshot(model)
    explainer = Explainer(model, method="attention_rollout")
    explainer(TEXTS[0])
    assert (implementation(model), snapshot(model)) == (own, before)
    seen = []

    def failing(*_args, **_kwargs):
        seen.append(implementation(model))
        raise KeyboardInterrupt

    monkeypatch.setattr(model.model_body[0].auto_model.encoder, "forward", failing)
    attentions = explainer._assembler.attributors["attention_rollout"]._attentions
    with pytest.raises(KeyboardInterrupt):
        attentions(explainer.classifier.encode(TEXTS[0]))
    assert seen == ["eager"]
    assert implementation(model) == own
