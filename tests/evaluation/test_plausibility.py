"""Plausibility beside scikit-learn's average precision and sets counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from setfit_explain import Explainer
from setfit_explain.errors import InputError
from setfit_explain.evaluation import PLAUSIBILITY, evaluate
from setfit_explain.evaluation.case import Cases
from setfit_explain.evaluation.plausibility import (
    AveragePrecision,
    MarkedShare,
    PointingGame,
    TokenF1,
    TokenIoU,
)
from tests.evaluation.games import (
    TEXT,
    ZERO,
    RandomOrder,
    assert_as_random,
    assert_ordered,
    bag_of_words,
    case_of,
    random_texts,
)

SPANS = [(0, 4, 1.0), (5, 9, 0.6), (13, 16, 0.2)]  # good, fine, bad
VALUES = np.array([0.1, 0.4, 0.3, -0.2])


def test_characters_become_weights_of_units():
    case = case_of(TEXT, rationale=[(0, 2, 1.0), (4, 12, 0.5), (13, 16, 1.0)])
    np.testing.assert_allclose(case.rationale, [0.5, 0.5, 0.5, 1.0])


def test_where_marks_overlap_the_largest_vote_counts():
    twice = case_of(TEXT, rationale=[(0, 4, 1.0), (0, 4, 1.0), (2, 9, 0.5)])
    np.testing.assert_allclose(twice.rationale, [1, 0.5, 0, 0])
    assert PointingGame()(twice, np.array([4.0, 3, 2, 1])) == 1
    # The first threshold finds 1 of 1.5, the second the rest among two units.
    assert AveragePrecision()(twice, np.array([4.0, 3, 2, 1])) == pytest.approx(1 / 1.5 + 0.5 / 1.5 * 0.75)


def test_average_precision_is_scikit_learns_with_votes_as_weights():
    votes = case_of(rationale=SPANS).rationale
    expected = average_precision_score(
        [1, 1, 1, 1, 0, 0, 0, 0], [*VALUES, *VALUES], sample_weight=[*votes, *(1 - votes)]
    )
    assert AveragePrecision()(case_of(rationale=SPANS), VALUES) == pytest.approx(expected)
    tied = np.array([0.1, 0.1, 0.3, 0.3])
    marked = [(0, 4, 1.0)]
    expected = average_precision_score([1, 0, 0, 0], tied)
    assert AveragePrecision()(case_of(rationale=marked), tied) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (TokenF1, 2 * 1.6 / (3 + 1.8)),  # of three with 1.8 votes the top three, fine, so and good, have 1.6
        (TokenIoU, 1.6 / (3 + 0.2)),
        (PointingGame, 0.6),
        (MarkedShare, (0.1 * 1 + 0.4 * 0.6) / 0.8),
    ],
)
def test_overlaps_are_those_counted_by_hand(metric, expected):
    assert metric()(case_of(rationale=SPANS), VALUES) == pytest.approx(expected)


@pytest.mark.parametrize(("metric", "expected"), [(TokenF1, 1 / 2), (TokenIoU, 1 / 3)])
def test_votes_of_everybody_count_units(metric, expected):
    # Of good and fine the top two, fine and so, hold one.
    assert metric()(case_of(rationale=[(0, 9, 1.0)]), VALUES) == pytest.approx(expected)


@pytest.mark.parametrize(("metric", "found", "missed"), [(TokenF1, 2 * 0.4 / 1.4, 0), (TokenIoU, 0.4, 0)])
def test_a_rationale_of_a_minority_counts_by_its_votes(metric, found, missed):
    case = case_of(rationale=[(5, 9, 0.4)])
    assert metric()(case, VALUES) == pytest.approx(found)
    assert metric()(case, -VALUES) == missed


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ((0, 99), r"span \[0, 99\] of text 1 is not within its 16 characters"),
        ((-1, 4), r"span \[-1, 4\] of text 1 is not within"),
        ((4, 0), r"span \[4, 0\] of text 1 is not within its 16 characters: 0 <= start <= end"),
        ((0, 4, 1.5), r"vote 1.5 for \[0, 4\] of text 1 is not from 0 to 1"),
        ((0, 4, float("nan")), "vote nan for"),
        ((0,), r"rationale \[\(0,\)\] of text 1 is not readable"),
    ],
)
def test_a_mark_that_is_none_is_said_with_its_text(span, message):
    with pytest.raises(InputError, match=message):
        evaluate(bag_of_words(), ["good", TEXT], metrics=["token_f1"], rationales=[[(0, 4)], [span]])


def test_without_a_positive_attribution_nothing_is_marked():
    assert MarkedShare()(case_of(rationale=SPANS), -np.ones(4)) == 0


@pytest.mark.parametrize("metric", PLAUSIBILITY.values())
@pytest.mark.parametrize("rationale", [None, [], [(0, 16, 1.0)]])
def test_without_a_rationale_or_with_nothing_but_it_there_is_no_number(metric, rationale):
    assert np.isnan(metric()(case_of(rationale=rationale), VALUES))


@pytest.mark.parametrize("metric", PLAUSIBILITY.values())
def test_a_text_without_a_unit_has_no_number(metric):
    assert np.isnan(metric()(case_of("", rationale=[]), np.array([])))


@pytest.mark.parametrize(
    ("name", "half", "whole"),
    [
        ("average_precision", 0.5, np.nan),
        ("token_f1", np.nan, np.nan),  # the only unit is the rationale
        ("token_iou", np.nan, np.nan),
        ("pointing_game", 0.5, np.nan),
        ("marked_share", 0.5, np.nan),
    ],
)
def test_a_text_of_one_unit_has_the_value_computed_by_hand(name, half, whole):
    for vote, expected in ((0.5, half), (1.0, whole)):
        found = PLAUSIBILITY[name]()(case_of("good", rationale=[(0, 4, vote)]), np.array([2.0]))
        assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("metric", "possible"),
    [
        (AveragePrecision, {1 / 4}),  # all at one threshold: a quarter is marked
        (MarkedShare, {1 / 4}),
        (TokenF1, {0, 1}),  # one of four, drawn: the one that is marked or not
        (TokenIoU, {0, 1}),
        (PointingGame, {0, 1}),
    ],
)
def test_attributions_that_are_all_equal_find_as_much_as_chance(metric, possible):
    classifier = Explainer(bag_of_words(), method="occlusion").classifier
    found = [
        metric()(Cases(classifier, seed=seed).of(TEXT, 1, [(0, 4, 1.0)]), np.ones(4)) for seed in range(400)
    ]
    assert set(found) == possible
    # Four deviations of the mean of 400 draws with odds of 1 in 4.
    assert np.mean(found) == pytest.approx(1 / 4, abs=4 * (3 / 16 / 400) ** 0.5)


@pytest.fixture(scope="module", params=[1.0, 0.4])
def controlled(request):
    texts = [text for text in random_texts(60) if "good" in text.split() and len(set(text.split())) > 2]
    return evaluate(
        bag_of_words(),
        texts,
        methods={"exact": ZERO, "random": {"method": RandomOrder(), "output": "logit"}},
        metrics=[*PLAUSIBILITY],
        rationales=[[(text.index("good"), text.index("good") + 4, request.param)] for text in texts],
        labels=["praise"] * len(texts),
    )


@pytest.mark.parametrize("name", PLAUSIBILITY)
def test_the_marked_words_beat_random_ones_which_beat_reversed_ones(controlled, name):
    assert_ordered(controlled.find("exact", name))


@pytest.mark.parametrize("name", PLAUSIBILITY)
def test_random_attributions_are_as_plausible_as_the_random_control(controlled, name):
    assert_as_random(controlled.find("random", name))
