"""Occlusion: the drop of the model's own answer when a unit's tokens are replaced, for every head."""

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from setfit_explain import Explainer, Occlusion, explain
from setfit_explain.errors import (
    HeadNotDifferentiableError,
    OptionError,
    UnsupportedHeadError,
    VerificationError,
)
from tests.heads.rows import fit
from tests.heads.test_conversion import STEPS
from tests.models import CLASSES, LABELS, LONG, TEXTS, minilm_model, tiny_body, tiny_model

TRUTH = np.eye(3, dtype=int)[list(CLASSES)]


def answer_for_ids(body, head, features, ids):
    """The model's own answer for other ids: no tap, no converted head."""
    with torch.no_grad():
        embedding = body({**features, "input_ids": ids})["sentence_embedding"].numpy()
    return (
        head.predict_proba(embedding)[0]
        if hasattr(head, "predict_proba")
        else head.decision_function(embedding)[0]
    )


def drops_by_masked_ids(body, head, explanation):
    """F(text) - F(text with a word's ids replaced by [MASK]) for each word, and the special bucket's 0."""
    features = body.tokenize([explanation.text])
    words = body.tokenizer(explanation.text).word_ids()
    ids = features["input_ids"]
    full = answer_for_ids(body, head, features, ids)
    drops = []
    for word in range(max(index for index in words if index is not None) + 1):
        masked = ids.clone()
        masked[0, [index for index, own in enumerate(words) if own == word]] = body.tokenizer.mask_token_id
        drops.append(full - answer_for_ids(body, head, features, masked))
    return np.array([*drops, np.zeros_like(full)]).T


@pytest.mark.parametrize("kind", ["binary", "three", "multi_label"])
def test_each_number_is_the_drop_of_predict_proba_when_the_word_is_masked(kind):
    model = minilm_model(kind)
    found = explain(model, LONG, method="occlusion", baseline="mask")
    expected = drops_by_masked_ids(model.model_body, model.model_head, found)
    np.testing.assert_allclose(found.attributions, expected, atol=2e-6)


def in_steps(name):
    body = tiny_body("bert")
    return body, fit(STEPS[name], np.array(CLASSES), body.encode(list(TEXTS)))


# Nine texts are too few for what splits them again; hard voting has no score at all.
FITTED = [name for name in STEPS if name not in ("search", "histogram boosting", "hard voting")]


@pytest.mark.parametrize("name", FITTED)
def test_heads_that_answer_in_steps_are_explained_by_their_own_answers(name):
    body, head = in_steps(name)
    output = "probability" if hasattr(head, "predict_proba") else "logit"
    found = explain((body, head), LONG, method="occlusion", baseline="mask", output=output)
    own = answer_for_ids(body, head, *_features(body))
    np.testing.assert_allclose(found.score, own, atol=1e-5)
    np.testing.assert_allclose(found.attributions, drops_by_masked_ids(body, head, found), atol=1e-5)
    answered = head.predict(body.encode([LONG]))[0]  # an ensemble of three may answer with a tie
    np.testing.assert_allclose(own[int(found.predicted[0])], own[answered])


def _features(body):
    features = body.tokenize([LONG])
    return features, features["input_ids"]


def test_a_chain_of_hard_labels_is_explained_label_by_label():
    body = tiny_body("bert")
    chain = ClassifierChain(LogisticRegression(C=10)).fit(body.encode(list(TEXTS)), TRUTH)
    model = SetFitModel(model_body=body, model_head=chain, labels=list(LABELS))
    found = explain(model, LONG, method="occlusion")
    assert found.classes == LABELS
    np.testing.assert_allclose(found.score, np.asarray(model.predict_proba([LONG]))[0], atol=1e-5)


class Rounded(nn.Module):
    """A torch head whose answer is rounded, so that no gradient passes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 3)

    def predict_proba(self, embeddings):
        return self.layer(embeddings).softmax(-1).detach()


def test_a_torch_head_without_gradient_is_explained_and_left_in_its_own_dtype():
    head = Rounded()
    found = explain((tiny_body("bert"), head), LONG, method="occlusion")
    assert head.layer.weight.dtype == torch.float32
    assert head.layer.weight.requires_grad
    assert np.abs(found.attributions).max() > 0


def test_captums_feature_ablation_gives_the_same_numbers():
    explainer = Explainer(tiny_model("bert"), method=Occlusion(baseline="mean"))
    found = explainer(LONG)
    bound = explainer.classifier.bind(LONG)
    words = explainer.classifier.body.tokenizer(LONG).word_ids()
    count = max(index for index in words if index is not None) + 1
    mask = torch.tensor([count if index is None else index for index in words])
    for column in range(3):
        ablated = FeatureAblation(bound).attribute(
            bound.word_embeddings,
            baselines=explainer.baseline(LONG),
            target=column,
            feature_mask=mask[None, :, None].expand(bound.word_embeddings.shape),
        )
        per_word = [ablated[0, mask == unit, 0][0].item() for unit in range(count + 1)]
        np.testing.assert_allclose(found.attributions[column], per_word, atol=1e-5)


def test_special_tokens_are_replaced_only_when_asked():
    kept, replaced = (
        explain(tiny_model("bert"), LONG, method="occlusion", special_tokens=how)
        for how in ("keep", "replace")
    )
    assert np.abs(kept.attributions[:, -1]).max() == 0
    assert np.abs(replaced.attributions[:, -1]).max() > 1e-3


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_batch_size_does_not_change_the_answer(size):
    expected = explain(tiny_model("bert"), LONG, method="occlusion")
    found = explain(tiny_model("bert"), LONG, method="occlusion", internal_batch_size=size)
    np.testing.assert_allclose(found.attributions, expected.attributions, atol=1e-6)


@pytest.mark.parametrize("text", ["", " ", "word"])
def test_texts_of_no_word_and_of_one_are_answered(text):
    found = explain(tiny_model("bert"), text, method="occlusion")
    np.testing.assert_allclose(found.attributions.sum(1), (found.score - found.baseline_score), atol=1e-6)


def test_the_explanation_says_that_the_numbers_need_not_add_up():
    found = explain(tiny_model("bert"), LONG, method="occlusion")
    assert "need not add up" in str(found)
    np.testing.assert_allclose(found.completeness_gap, 0, atol=1e-12)
    assert np.abs(found.delta).max() > 1e-3


def test_a_probability_of_exactly_zero_has_no_logarithm_to_explain():
    body, head = in_steps("neighbours")
    with pytest.raises(OptionError, match=r"exactly 0 or 1.*output='probability'"):
        explain(
            (body, KNeighborsClassifier(1).fit(head._fit_X, CLASSES)),
            LONG,
            method="occlusion",
            output="log_odds",
        )


def test_a_head_with_labels_and_no_score_is_refused():
    with pytest.raises(UnsupportedHeadError, match="VotingClassifier has neither predict_proba nor decision"):
        Explainer(in_steps("hard voting"), method="occlusion")


def test_gradients_are_still_refused_for_a_head_in_steps():
    with pytest.raises(HeadNotDifferentiableError, match="method='occlusion' can"):
        Explainer(in_steps("forest"))


def test_two_heads_that_differ_have_two_fingerprints():
    body, head = in_steps("neighbours")
    other = KNeighborsClassifier(2).fit(body.encode(list(TEXTS)), np.array(CLASSES))
    prints = {
        Explainer((body, each), method="occlusion").classifier.fingerprint for each in (head, head, other)
    }
    assert len(prints) == 2


def test_a_setting_of_another_method_is_refused_by_name():
    with pytest.raises(OptionError, match=r"tolerance is not a setting of method 'occlusion'.*baseline"):
        Explainer(tiny_model("bert"), method="occlusion", tolerance=0.1)


class Cautious(LogisticRegression):
    """Answers otherwise than the class that it is converted as."""

    def predict_proba(self, X):  # noqa: N803 - scikit-learn's name
        return 0.9 * super().predict_proba(X) + 0.1 / len(self.classes_)


def cautious():
    body = tiny_body("bert")
    return body, Cautious().fit(body.encode(list(TEXTS)), list(CLASSES))


def test_a_subclass_with_an_answer_of_its_own_is_asked_itself():
    body, head = cautious()
    found = explain((body, head), LONG, method="occlusion", baseline="mask")
    np.testing.assert_allclose(found.attributions, drops_by_masked_ids(body, head, found), atol=2e-6)
    assert found.reproduction_error <= 1e-5


def test_a_patched_estimator_that_cannot_be_pickled_is_asked_itself():
    body, head = cautious()
    head.predict_proba = lambda embeddings: Cautious.predict_proba(head, embeddings)
    found = explain((body, head), LONG, method="occlusion")
    np.testing.assert_allclose(found.score, head.predict_proba(body.encode([LONG]))[0], atol=1e-6)


def test_a_subclass_with_an_answer_of_its_own_has_no_gradient():
    model = cautious()
    verified = Explainer(model, method="occlusion").classifier
    for given in (model, verified):
        with pytest.raises(VerificationError, match="on probe embeddings"):
            Explainer(given)


class WithoutParameters(nn.Module):
    def predict_proba(self, embeddings):
        return torch.softmax(embeddings[:, :3], -1)


def test_a_torch_head_without_parameters_is_asked_itself():
    body = tiny_body("bert")
    found = explain((body, WithoutParameters()), LONG, method="occlusion")
    expected = torch.softmax(torch.as_tensor(body.encode([LONG]))[0, :3], -1)
    np.testing.assert_allclose(found.score, expected, atol=1e-6)
