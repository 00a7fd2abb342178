"""Perturbation: the model's own answer to a text some of whose units are taken out."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from setfit_explain import Explainer
from setfit_explain.attribution.perturbation import Perturbation, make_removal
from setfit_explain.classifier.loading import load_model
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.errors import OptionError
from setfit_explain.explanation.units import group_tokens
from tests.bodies.architectures import BODIES, model_of
from tests.models import LONG, tiny_model

TEXT = "My parcel came late: I want a refund!"

pytestmark = [
    # torch scripts part of DeBERTa when transformers imports it.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
]


def perturbation_of(model, text, removal, granularity="word", **settings):
    classifier = TextClassifier(load_model(model))
    encoded = classifier.encode(text)
    membership = group_tokens(encoded.text, encoded.spans, encoded.kinds, granularity).membership
    made = make_removal(classifier, removal, settings.pop("special_tokens", "keep"), None)
    return Perturbation(classifier, encoded, membership, made, **settings)


def answers(perturbation, kept):
    return perturbation.classifier.head.answer(perturbation.decide(kept)).numpy()


def answer_to_ids(model, text, keep):
    """The model's own answer to the ids kept of a text, through its own forward and head: row by row, no tap."""
    body = deepcopy(model.model_body).eval()  # a short text changes BigBird for good
    features = getattr(body, "preprocess", body.tokenize)([text])  # sentence-transformers 6, and 5
    count = features["input_ids"].shape[-1]
    cut = {}
    for name, value in features.items():
        if not isinstance(value, torch.Tensor):
            cut[name] = value
        elif name == "sentence_lengths":
            cut[name] = torch.tensor([sum(keep)])
        else:
            cut[name] = value[..., keep] if value.shape[-1] == count and name != "offsets" else value
    with torch.no_grad():
        embedding = body.forward(cut)["sentence_embedding"].numpy()
    return model.model_head.predict_proba(embedding)[0]


@pytest.mark.parametrize("name", BODIES)
def test_deleted_words_leave_the_models_own_answer_to_the_ids_that_are_left(name):
    perturbation = perturbation_of(model_of(name), TEXT, "delete", granularity="token")
    kept = np.random.default_rng(0).random((6, perturbation.units)) < 0.6
    kept[0] = True
    found = answers(perturbation, kept)
    is_text = perturbation.encoded.is_text
    for row, units in zip(found, kept, strict=True):
        expected = answer_to_ids(model_of(name), TEXT, units[perturbation.membership] | ~is_text)
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("name", BODIES)
def test_a_text_all_of_whose_words_are_deleted_is_answered(name):
    perturbation = perturbation_of(model_of(name), TEXT, "delete")
    found = answers(perturbation, np.zeros((2, perturbation.units), dtype=bool))
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    if name != "Qwen3":  # which has no special tokens and cannot read an empty text
        expected = model_of(name).predict_proba([""], as_numpy=True)[0]
        np.testing.assert_allclose(found[1], expected, atol=1e-5)


@pytest.mark.parametrize("removal", ["mask", "zero", "delete"])
def test_no_more_than_the_distinct_rows_are_computed_and_never_twice(removal, monkeypatch):
    perturbation = perturbation_of(tiny_model("bert"), LONG, removal)
    kept = np.random.default_rng(1).random((20, perturbation.units)) < 0.5
    kept = np.vstack([kept, kept[:5]])
    kept[:, -1] = np.arange(25) % 2  # the special tokens, which stay whatever is asked
    first = perturbation.decide(kept)
    assert perturbation.evaluations == 20
    monkeypatch.setattr(type(perturbation.classifier.body), "session", None)  # what is known needs none
    torch.testing.assert_close(perturbation.decide(kept[::-1].copy()), first.flip(0), atol=0, rtol=0)
    assert perturbation.evaluations == 20
    np.testing.assert_array_equal(perturbation.removable, [True] * (perturbation.units - 1) + [False])


@pytest.mark.parametrize("removal", ["mask", "delete"])
@pytest.mark.parametrize("size", [1, 3])
def test_the_batch_size_does_not_change_the_answer(removal, size):
    whole = perturbation_of(tiny_model("roberta"), LONG, removal)
    kept = np.random.default_rng(2).random((12, whole.units)) < 0.5
    split = perturbation_of(tiny_model("roberta"), LONG, removal, internal_batch_size=size)
    torch.testing.assert_close(split.decide(kept), whole.decide(kept), atol=1e-5, rtol=1e-5)


def test_no_rows_have_no_answers():
    perturbation = perturbation_of(tiny_model("bert"), LONG, "mask")
    assert perturbation.decide(np.zeros((0, perturbation.units), dtype=bool)).shape == (0, 3)


def test_special_tokens_are_taken_out_only_when_asked():
    kept, replaced = (
        perturbation_of(tiny_model("bert"), LONG, "mask", special_tokens=how) for how in ("keep", "replace")
    )
    assert not kept.removable[-1]
    assert replaced.removable.all()


@pytest.mark.parametrize(
    ("removal", "special_tokens", "texts", "message"),
    [
        ("cut", "keep", None, "Accepted: auto, mean, mask, pad, unk, zero, delete, or a tensor"),
        ("delete", "replace", None, "special_tokens='keep' is the one that is accepted with it"),
        ("delete", "keep", ["text"], "reference_texts, which weight baseline='mean', are not"),
    ],
)
def test_a_removal_that_is_not_known_or_ignores_a_setting_is_refused(removal, special_tokens, texts, message):
    classifier = TextClassifier(load_model(tiny_model("bert")))
    with pytest.raises(OptionError, match=message):
        make_removal(classifier, removal, special_tokens, texts)


def test_there_are_no_baseline_embeddings_of_a_text_that_is_cut():
    explainer = Explainer(tiny_model("bert"), method="occlusion", baseline="delete")
    with pytest.raises(OptionError, match="no baseline embeddings of the text's length"):
        explainer.baseline(LONG)
