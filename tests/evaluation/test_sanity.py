"""Randomised models: copies are, and the explanations change as far as they depend on the model."""

from copy import deepcopy

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from setfit_explain.errors import InputError, UnsupportedHeadError
from setfit_explain.evaluation import (
    body_randomisation,
    few_shot_trainer,
    head_randomisation,
    label_shuffled_refit,
)
from setfit_explain.evaluation.sanity import similarity
from tests.evaluation.games import ZERO, RandomOrder, assert_as_random, bag_of_words, random_texts
from tests.models import CLASSES, LABELS, LONG, TEXTS, tiny_body, tiny_model, tiny_svm

OCCLUSION = {"method": "occlusion", "baseline": "mask"}


@pytest.fixture
def untouched():
    model = tiny_model("bert")
    before = {name: tensor.clone() for name, tensor in model.model_body.state_dict().items()}
    coefficients = model.model_head.coef_.copy()
    yield model
    for name, tensor in model.model_body.state_dict().items():
        assert tensor.equal(before[name]), name
    np.testing.assert_array_equal(model.model_head.coef_, coefficients)


def test_the_same_model_gives_the_same_attributions():
    (found,) = similarity(tiny_model("bert"), [("itself", tiny_model("bert"))], TEXTS, OCCLUSION)
    np.testing.assert_allclose(found.values, 1)
    np.testing.assert_allclose(found.reversed, 1)
    assert found.controls["random"].high < 0.6
    assert found.gain_over(found.random).high < 0


def test_random_attributions_are_as_similar_as_the_random_control():
    options = {"method": RandomOrder(), "output": "logit"}
    (found,) = similarity(bag_of_words(), [("itself", bag_of_words())], random_texts(40), options)
    assert_as_random(found)


def test_a_head_that_is_turned_round_is_seen_as_the_same_ranking():
    body, head = bag_of_words()
    turned = LogisticRegression().fit(np.eye(2), ["blame", "praise"])
    turned.coef_, turned.intercept_ = -head.coef_, head.intercept_
    (found,) = similarity(
        (body, head), [("turned", (body, turned))], ["good so bad"], {**ZERO, "output": "logit"}
    )
    assert found.values[0] == 1


def test_a_randomised_head_changes_explanations_and_leaves_the_users_alone(untouched):
    found = head_randomisation(untouched, TEXTS, OCCLUSION, method="occlusion")
    assert found.name == "similarity_after_head"
    assert found.value.high < 0.9
    assert "2106.07475" in found.note
    again = head_randomisation(untouched, TEXTS, OCCLUSION)
    np.testing.assert_array_equal(found.values, again.values)
    other = head_randomisation(untouched, TEXTS, OCCLUSION, seed=1)
    assert not np.array_equal(found.values, other.values)


def test_the_body_is_randomised_from_its_top_layer_down(untouched):
    found = body_randomisation(untouched, TEXTS, OCCLUSION)
    assert [each.name.removeprefix("similarity_after_body_") for each in found] == [
        "top_1_of_3",
        "top_2_of_3",
        "top_3_of_3",
    ]
    means = [each.value.mean for each in found]
    assert means[0] > means[2]
    assert found[2].value.low < found[2].controls["random"].high


def test_a_head_with_only_a_decision_function_is_checked_too():
    model, options = tiny_svm(), {**OCCLUSION, "output": "logit"}
    found = [head_randomisation(model, [LONG], options), *body_randomisation(model, [LONG], options)]

    def train(texts, labels):
        return model[0], LinearSVC().fit(model[0].encode(texts), labels)

    labels = [LABELS[column] for column in CLASSES]
    found.append(label_shuffled_refit(model, [LONG], options, train, TEXTS, labels))
    assert [each.value.n for each in found] == [1] * 5


def test_a_head_without_weights_is_refused_with_the_way_out():
    body = tiny_body("bert")
    head = KNeighborsClassifier(3).fit(body.encode(list(TEXTS)), CLASSES)
    with pytest.raises(UnsupportedHeadError, match=r"no weights to randomise\. label_shuffled_refit"):
        head_randomisation((body, head), TEXTS, OCCLUSION)


def test_a_refit_gets_the_same_texts_with_their_labels_shuffled():
    body, given = tiny_body("bert"), []

    def train(texts, labels):
        given.append((texts, labels))
        return body, LogisticRegression(C=10).fit(body.encode(texts), labels)

    labels = [LABELS[column] for column in CLASSES]
    model = train(list(TEXTS), labels)
    found = label_shuffled_refit(model, TEXTS, OCCLUSION, train, TEXTS, labels)
    assert given[1][0] == list(TEXTS)
    assert given[1][1] != labels
    assert sorted(given[1][1]) == sorted(labels)
    assert found.name == "similarity_after_label_shuffled_refit"
    assert found.value.mean < 0.9


@pytest.mark.parametrize("named", [False, True])
def test_the_same_model_with_its_classes_in_another_order_gives_the_same_attributions(named):
    model = tiny_model("bert")
    order = [2, 0, 1]
    turned = deepcopy(model.model_head)
    turned.coef_, turned.intercept_ = turned.coef_[order], turned.intercept_[order]
    turned.classes_ = np.array([LABELS[k] for k in order] if named else order)
    (found,) = similarity(model, [("turned", (model.model_body, turned))], TEXTS, OCCLUSION)
    (same,) = similarity(model, [("itself", model)], TEXTS, OCCLUSION)
    np.testing.assert_allclose(found.values, 1)
    np.testing.assert_allclose(found.random, same.random)


@pytest.mark.parametrize("labels", [CLASSES, [LABELS[column] for column in CLASSES]])
def test_the_few_shot_trainer_refits_a_model_whose_classes_are_in_another_order(labels):
    train = few_shot_trainer(lambda: tiny_body("bert"), steps=1)
    found = label_shuffled_refit(tiny_model("bert"), TEXTS[:3], OCCLUSION, train, TEXTS, labels)
    assert found.value.n == 3
    assert found.value.mean < 0.9


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_labels": ["refund"]}, "There are 1 labels for 9 training texts"),
        ({"train_labels": ["refund", "delay", "prase"] * 3}, "labels are refund, delay, prase; both must"),
        ({"train_labels": [0, 1, 0] * 3}, "labels are 0, 1; both must have refund, delay, praise"),
        ({"options": {"method": "guess"}}, "'guess' is not known"),
        ({"texts": [5]}, "5"),
    ],
)
def test_what_is_wrong_is_told_before_a_model_is_refitted(changed, message):
    given = {"texts": [LONG], "options": OCCLUSION, "train_texts": TEXTS, "train_labels": CLASSES}
    with pytest.raises(InputError, match=message):
        label_shuffled_refit(tiny_model("bert"), train=None, **given | changed)


def test_other_classes_are_not_compared():
    with pytest.raises(InputError, match="classes are blame, praise; both must have refund, delay, praise"):
        similarity(tiny_model("bert"), [("other", bag_of_words())], TEXTS, {"method": "occlusion"})
