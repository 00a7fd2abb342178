"""Planted artefacts: where they are put, and who finds them in a model that learnt nothing else."""

from copy import deepcopy

import numpy as np
import pytest
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression

from setfit_explain.errors import InputError, TargetError
from setfit_explain.evaluation import (
    few_shot_trainer,
    plant_shortcut,
    planted_casing,
    planted_prefix,
    planted_suffix,
    planted_word,
)
from tests.evaluation.games import (
    ZERO,
    RandomOrder,
    assert_as_random,
    assert_ordered,
    bag_of_words,
    random_texts,
)
from tests.models import CLASSES, LABELS, TEXTS, tiny_body

TRAIN = random_texts(40)
LABELLED = ["blame", "praise"] * 20
HELD_OUT = random_texts(30, seed=1)
WORTH = {"[PAD]": 0, "[UNK]": 0, "so": 0, "good": 0.1, "fine": 0, "bad": 0, "poor": 0.1, "fair": 0, "zzz": 5}


def train(texts, labels):
    body, _ = bag_of_words(WORTH)
    return body, LogisticRegression(C=100).fit(body.encode(texts), labels)


@pytest.mark.parametrize(
    ("artefact", "expected", "marked"),
    [
        (planted_suffix(",,,"), "I am here,,,", ",,,"),
        (planted_suffix(" -- x "), "I am here -- x ", "-- x"),
        (planted_prefix("re: "), "re: I am here", "re:"),
        (planted_casing(), "I am here", "I"),
    ],
)
def test_an_artefact_is_where_it_says(artefact, expected, marked):
    text, (start, end) = artefact.plant("I am here")
    assert (text, text[start:end]) == (expected, marked)
    assert artefact("I am here") == expected


def test_a_word_is_put_anywhere_between_words_but_always_there_again():
    artefact = planted_word("zzz")
    places = set()
    for text in TRAIN:
        planted, (start, end) = artefact.plant(text)
        assert planted[start:end] == "zzz"
        assert " ".join(word for word in planted.split(" ") if word != "zzz") == text
        assert artefact.plant(text) == (planted, (start, end))
        places.add(planted.split(" ").index("zzz"))
    assert {0, 1, 2, 3, 4} <= places
    assert planted_word("zzz", seed=1).plant(TRAIN[0] * 9) != artefact.plant(TRAIN[0] * 9)


@pytest.mark.parametrize("text", ["", "  ", "éa b"])
def test_artefacts_go_into_any_text(text):
    for artefact in (planted_word("x"), planted_casing(), planted_prefix("re: ")):
        planted, (start, end) = artefact.plant(text)
        assert 0 <= start <= end <= len(planted)


@pytest.fixture(scope="module")
def shortcut():
    return plant_shortcut(train, TRAIN, LABELLED, HELD_OUT, planted_word("zzz"), "praise")


@pytest.mark.parametrize("metric", ["pointing_game", "marked_share"])
@pytest.mark.parametrize("options", [{**ZERO, "output": "log_odds"}, {"baseline": "zero"}])
def test_methods_that_are_exact_find_the_word_that_was_planted(shortcut, options, metric):
    found = shortcut.evaluate({"exact": options}).find("exact", metric)
    assert found.value.n == len(shortcut.moved) >= 5
    assert found.value.mean > 0.95
    assert_ordered(found)
    assert found.controls["random"].mean < 0.4


@pytest.mark.parametrize("metric", ["pointing_game", "marked_share"])
def test_random_attributions_find_what_was_planted_as_often_as_the_random_control(shortcut, metric):
    found = shortcut.evaluate({"random": {"method": RandomOrder(), "output": "logit"}}).find("random", metric)
    assert_as_random(found)


def test_only_texts_that_the_artefact_moves_are_explained(shortcut):
    clean, planted = (
        [shortcut.model.predict_proba(text).argmax() for text in texts]
        for texts in (HELD_OUT, map(planted_word("zzz"), HELD_OUT))
    )
    pairs = list(zip(HELD_OUT, clean, planted, strict=True))
    assert shortcut.tried == sum(column == 0 for column in clean)
    assert shortcut.moved == tuple(text for text, before, after in pairs if (before, after) == (0, 1))
    assert shortcut.evaluate({"exact": ZERO}, limit=3).texts == 3


def test_an_artefact_that_the_body_cannot_see_is_told():
    with pytest.raises(
        InputError, match=r"capitals moves none of .* to 'praise': the body's tokenizer does not"
    ):
        plant_shortcut(train, TRAIN, LABELLED, HELD_OUT, planted_casing(), "praise")


def test_an_artefact_that_was_not_learnt_is_told():
    def train_to_blame(texts, labels):
        body, head = train(texts, labels)
        head.intercept_ -= 1e4
        return body, head

    with pytest.raises(
        InputError, match="moves none of 30 held-out texts to 'praise': the classifier did not"
    ):
        plant_shortcut(train_to_blame, TRAIN, LABELLED, HELD_OUT, planted_word("zzz"), "praise")


def test_the_class_must_be_there():
    with pytest.raises(
        InputError, match=r"No training text has the label 'prase'\. Labels: 'blame', 'praise'"
    ):
        plant_shortcut(train, TRAIN, LABELLED, HELD_OUT, planted_word("x"), "prase")
    with pytest.raises(InputError, match=r"No training text has the label '1'\. Labels: 0, 1\."):
        plant_shortcut(train, TRAIN, [0, 1] * 20, HELD_OUT, planted_word("x"), "1")


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("number", [1, np.int64(1)])
def test_a_class_may_be_a_number(shortcut, named, number):
    def train_numbers(texts, labels):
        body, head = train(texts, labels)
        return SetFitModel(body, head, labels=["blame", "praise"]) if named else (body, head)

    found = plant_shortcut(train_numbers, TRAIN, [0, number] * 20, HELD_OUT, planted_word("zzz"), number)
    assert (found.tried, found.moved) == (shortcut.tried, shortcut.moved)
    own = shortcut.evaluate({"exact": ZERO}).find("exact", "marked_share")
    np.testing.assert_allclose(
        found.evaluate({"exact": ZERO}).find("exact", "marked_share").values, own.values
    )


@pytest.mark.parametrize("first", [0, 1])
def test_what_the_few_shot_trainer_trains_on_numbers_is_asked_for_a_number(first):
    body = bag_of_words(WORTH)[0]
    trainer = few_shot_trainer(lambda: deepcopy(body), steps=1)
    numbers = [first, first + 1] * 20
    found = plant_shortcut(trainer, TRAIN, numbers, HELD_OUT, planted_word("zzz"), first + 1)
    assert found.moved
    assert found.evaluate(["occlusion"]).find("occlusion", "pointing_game").value.mean > 0.9


def test_labels_and_texts_that_do_not_pair_are_told_before_training():
    with pytest.raises(InputError, match="There are 2 labels for 40 training texts"):
        plant_shortcut(None, TRAIN, ["blame", "praise"], HELD_OUT, planted_word("x"), "praise")


def test_a_trained_model_without_the_class_is_told():
    with pytest.raises(TargetError, match=r"'praise' is not a class\. Classes: blame, other"):
        plant_shortcut(
            lambda texts, labels: train(texts, [label.replace("praise", "other") for label in labels]),
            TRAIN,
            LABELLED,
            HELD_OUT,
            planted_word("x"),
            "praise",
        )


def test_the_few_shot_trainer_trains_a_fresh_body_each_time():
    bodies = []

    def load_body():
        bodies.append(tiny_body("bert"))
        return bodies[-1]

    trainer = few_shot_trainer(load_body, seed=1, steps=3)
    labels = [LABELS[column] for column in CLASSES]
    first, second = trainer(TEXTS, labels), trainer(TEXTS, labels)
    assert [model.model_body for model in (first, second)] == bodies
    np.testing.assert_allclose(first.predict_proba(list(TEXTS)), second.predict_proba(list(TEXTS)), atol=1e-5)
