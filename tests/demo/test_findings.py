"""Findings come from predictions and attributions alone."""

import numpy as np
import pytest

from setfit_explain.demo.data import Example
from setfit_explain.demo.findings import (
    Origin,
    find_flip,
    find_origin,
    find_suspect,
    gather_evidence,
    measure,
)
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet
from setfit_explain.explanation.units import Unit

LABELS = ("unknown charge", "wrong amount")


def explanation(words, values, answer):
    text = " ".join(words)
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])]).tolist()
    one = np.zeros(1)
    return Explanation(
        text=text,
        units=tuple(Unit(w, s, s + len(w)) for w, s in zip(words, starts, strict=True)),
        classes=LABELS,
        targets=(answer,),
        attributions=np.array([values]),
        score=np.array([sum(values)]),
        baseline_score=one,
        delta=one,
        error_estimate=one,
        converged=np.array([True]),
        probabilities=np.array([1.0, 0.0]),
        predicted=(answer,),
        true_label=None,
        output="probability",
        method="integrated_gradients",
        granularity="word",
        settings={},
        truncated_span=None,
        reproduction_error=0.0,
        notes=(),
        versions={},
        model_fingerprint="",
    )


class CommaModel:
    """Answers 'unknown charge' to whatever holds ',,', else 'wrong amount'."""

    labels = LABELS

    def predict(self, texts, **_):
        return [LABELS[0] if ",," in text else LABELS[1] for text in texts]

    def predict_proba(self, texts, **_):
        return np.array([[0.9, 0.1] if ",," in text else [0.2, 0.8] for text in texts])


EXAMPLES = (Example("who was it", LABELS[0]), Example("too much", LABELS[1]), Example("a, b", LABELS[1]))


def test_a_class_is_ranked_over_the_texts_answered_with_it():
    explained = ExplanationSet(
        [
            explanation(["Who", ",", ",", ","], [0.1, 0.3, 0.1, 0.2], LABELS[0]),
            explanation(["who", "who", "rare", "rare"], [0.2, 0.15, 0.2, 0.25], LABELS[0]),
            explanation(["who", "who", "who"], [9.0, -1.0, 4.0], LABELS[1]),
        ]
    )
    first, second = gather_evidence(explained, LABELS)
    assert first.texts == 2
    assert [(unit.unit, unit.count, unit.rank) for unit in first.units] == [(",", 3, 1), ("who", 3, 2)]
    assert [unit.mean for unit in first.units] == pytest.approx([0.2, 0.15])
    assert [unit.share for unit in first.units] == pytest.approx([0.4, 0.3])
    assert second.find("who").mean == pytest.approx(4.0)
    assert second.find(",") is None
    assert find_suspect([first, second]) is second


def test_a_class_that_no_text_was_answered_with_has_no_units():
    (evidence,) = gather_evidence(ExplanationSet(), LABELS[:1])
    assert (evidence.texts, evidence.units) == (0, ())


def test_accuracy_is_measured_on_both_forms_of_the_texts():
    accuracy = measure(CommaModel(), EXAMPLES)
    assert (accuracy.like_training, accuracy.clean, accuracy.drawn) == (1.0, pytest.approx(2 / 3), 1.0)


def test_a_flip_is_a_rightly_answered_text_that_the_export_moves():
    flip = find_flip(CommaModel(), EXAMPLES)
    assert (flip.clean, flip.exported) == ("too much", "too much,,,")
    assert (flip.probability_clean, flip.probability_exported) == (0.2, 0.9)
    assert find_flip(CommaModel(), (*EXAMPLES[:1], Example("x,, y", LABELS[1]))) is None


def test_the_origin_counts_training_texts_that_hold_the_unit():
    assert find_origin(",", LABELS[1], EXAMPLES) == Origin(
        unit=",", label=LABELS[1], with_unit=1, texts=2, others_with_unit=0, others=1
    )
