"""Another finding gives another sentence."""

import dataclasses

import pytest

from setfit_explain.demo import sentences
from setfit_explain.demo.findings import Accuracy, ClassEvidence, Flip, Origin, RankedUnit


def unit(text, mean, rank, count=14):
    return RankedUnit(unit=text, mean=mean, count=count, share=0.7, rank=rank)


def evidence(*units):
    return ClassEvidence(label="late", texts=9, units=units)


COMMA, TWICE = unit(",", 0.31, 1), unit("twice", 0.1, 2)
BEFORE = Accuracy(like_training=0.95, clean=0.7, drawn=1.0, texts=56)


def test_the_strongest_unit_is_told_with_its_lead():
    assert sentences.strongest_unit(evidence(COMMA, TWICE)) == (
        "The strongest unit for class 'late' is ',': mean attribution +0.310 over 14 occurrences, "
        "3.1 times the next one ('twice'); it makes up 70% of all that spoke for the class."
    )
    assert "'refund': mean attribution +0.200 over 3" in sentences.strongest_unit(
        evidence(unit("refund", 0.2, 1, count=3), TWICE)
    )


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ((COMMA,), "the only one that occurs often enough to compare"),
        ((COMMA, unit("no", -0.1, 2)), "the only one that speaks for the class (next: 'no', -0.100)"),
        ((), "no unit occurs often enough in the 9 texts"),
    ],
)
def test_without_a_rival_no_ratio_is_told(units, said):
    told = sentences.strongest_unit(evidence(*units))
    assert said in told
    assert "times the next" not in told


def test_only_a_unit_without_letters_or_digits_is_suspected():
    assert "no word" in sentences.suspicion(evidence(COMMA, TWICE))
    assert "is a word" in sentences.suspicion(evidence(TWICE))
    assert "Nothing can be said" in sentences.suspicion(evidence())


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            (TWICE, unit(",", 0.01, 2)),
            "gone from the top of class 'late': mean attribution +0.010, before +0.310",
        ),
        ((unit(",", 0.25, 1),), "still the strongest unit"),
        ((TWICE,), "hardly occurs any more"),
    ],
)
def test_what_became_of_the_strongest_unit_depends_on_what_was_found_after(after, said):
    assert said in sentences.mended(evidence(COMMA, TWICE), evidence(*after))


@pytest.mark.parametrize(("clean", "verb"), [(0.91, "rises"), (0.6, "falls"), (0.7, "stays")])
def test_the_change_in_accuracy_is_told_in_its_direction(clean, verb):
    told = sentences.accuracy_change(BEFORE, dataclasses.replace(BEFORE, clean=clean))
    assert f"{verb} from 70% to {clean:.0%}" in told


def test_accuracies_are_told_as_measured():
    assert "95% are answered rightly" in sentences.accuracy_like_training(BEFORE)
    assert "70% are answered rightly" in sentences.accuracy_clean(BEFORE)
    assert "100% are answered 'unknown charge'" in sentences.accuracy_clean(BEFORE)


def test_a_flip_is_told_with_both_answers_and_none_as_none():
    found = Flip(
        clean="a", exported="a,,,", true_label="x", answer_clean="x", answer_exported="y",
        probability_clean=0.04, probability_exported=0.84,
    )  # fmt: skip
    assert sentences.flip(found) == (
        "'a' is answered 'x'. As 'a,,,' it is answered 'y', whose probability goes from 0.04 to 0.84."
    )
    assert "moves no rightly answered text" in sentences.flip(None)


def test_the_origin_is_told_in_counts():
    found = Origin(unit=",", label="late", with_unit=16, texts=16, others_with_unit=2, others=48)
    assert sentences.origin(found) == (
        "',' is in 16 of the 16 training texts of class 'late', and in 2 of the 48 others."
    )
