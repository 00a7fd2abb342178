"""Two sets of explanations compared: pairs, changes, and what cannot be compared."""

import math

import numpy as np
import pytest

from setfit_explain.errors import InputError, OptionError
from setfit_explain.explanation import Explanation, ExplanationSet, Failure, Unit, compare

from .explanations import build_explanation

BROKEN = Failure(0, "I loved it!", "TextError", "No tokens.")


def answered(*predicted: str, **changes: object) -> Explanation:
    return build_explanation(predicted=predicted, **changes)


def of_words(text: str, values: list[list[float]], **changes: object) -> Explanation:
    """An explanation whose units are the words of ``text``."""
    starts = [sum(len(word) + 1 for word in text.split()[:place]) for place in range(len(text.split()))]
    units = [Unit(word, start, start + len(word)) for word, start in zip(text.split(), starts, strict=True)]
    return build_explanation(text=text, units=tuple(units), attributions=np.array(values), **changes)


def test_a_set_compared_with_itself_has_no_change() -> None:
    kept = ExplanationSet([build_explanation(), build_explanation(true_label=None)])
    found = compare(kept, kept)
    assert (len(found.texts), found.failed, found.only_first, found.only_second) == (2, 0, 0, 0)
    assert found.changed == ()
    assert found.unit_changes() == []
    for member in found.of_target("positive"):
        assert member.score_change == 0
        assert member.rank_correlation == pytest.approx(1)
        assert member.first_strongest == member.second_strongest == Unit("loved", 2, 7)


def test_two_explanations_that_are_in_no_list_are_refused() -> None:
    one = build_explanation()
    for first, second in ((one, one), ([one], one)):
        with pytest.raises(InputError, match=r"Got one Explanation\. Accepted: a list of"):
            compare(first, second)
    with pytest.raises(InputError, match="Item 1 is of type str"):
        compare([one], [one, "I loved it!"])


def test_changed_answers_are_counted_with_what_they_mended_and_broke() -> None:
    first = [
        answered("negative", true_label="positive"),
        answered("positive", true_label="positive"),
        answered("positive", true_label=None),
        answered("positive", true_label="positive"),
    ]
    second = [answered("positive"), answered("negative"), answered("negative"), answered("positive")]
    found = compare(first, [second[0], second[1], answered("negative", true_label=None), second[3]])
    assert [text.index for text in found.changed] == [0, 1, 2]
    assert [text.index for text in found.mended] == [0]
    assert [text.index for text in found.broken] == [1]
    assert [text.index for text in found.labelled] == [0, 1, 3]
    assert found.accuracies == (2 / 3, 2 / 3)


def test_answers_of_several_labels_are_sets() -> None:
    one, other = answered("negative", "positive", true_label=()), answered("positive", "negative")
    assert not compare([one], [other]).texts[0].changed
    assert compare([one], [answered(true_label=())]).mended


def test_scores_and_units_are_subtracted_by_target_and_place() -> None:
    first = of_words("good food", [[-0.5, 0.1], [0.5, -0.1]], score=[0.25, 0.75], predicted=("positive",))
    second = of_words(
        "good food", [[0.3, 0.4], [-0.3, -0.4]], score=[0.625, 0.375], targets=("positive", "negative"),
        predicted=("negative",),
    )  # fmt: skip
    found = compare([first], [second]).texts[0]
    positive = found.target("positive")
    assert positive is not None
    assert found.target() is positive, "the first set answered it"
    assert positive.score_change == 0.625 - 0.75
    assert positive.first.tolist() == [0.5, -0.1]
    assert positive.second.tolist() == [0.3, 0.4]
    assert (positive.first_strongest, positive.second_strongest) == (Unit("good", 0, 4), Unit("food", 5, 9))
    assert positive.rank_correlation == pytest.approx(-1)
    assert found.target("neutral") is None


def test_units_that_only_one_has_are_left_out() -> None:
    merged = build_explanation(
        text="good food", units=(Unit("good food", 0, 9),), attributions=[[1.0], [-1.0]]
    )
    apart = of_words("good food", [[0.5, 0.1], [0.2, 0.3]])
    member = compare([merged], [apart]).texts[0].targets[0]
    assert member.units == ()
    assert (member.first_strongest, member.second_strongest) == (Unit("good food", 0, 9), Unit("good", 0, 4))


def test_the_units_that_changed_most_are_those_with_the_largest_total_change() -> None:
    first = [of_words("Bad good bad", [[0, 0, 0], [0.1, 0.5, 0.3]]), of_words("bad", [[0], [0.2]])]
    second = [of_words("Bad good bad", [[0, 0, 0], [0.0, 0.2, 0.0]]), of_words("bad", [[0], [0.0]])]
    bad, good = compare(first, second).unit_changes("positive")
    assert (bad.unit, bad.count, good.unit, good.count) == ("bad", 3, "good", 1)
    assert (bad.first_mean, bad.second_mean) == pytest.approx((0.2, 0.0))
    assert good.change == pytest.approx(-0.3)
    assert [unit.unit for unit in compare(first, second).unit_changes("positive", n=1)] == ["bad"]


def test_texts_are_paired_by_themselves_repeats_in_their_order() -> None:
    def of(text: str, score: float) -> Explanation:
        return of_words(text, [[0.0], [0.0]], score=[0, score])

    first = [of("a", 1), of("b", 2), of("a", 3), of("c", 4)]
    second = [of("a", 10), of("a", 30), of("d", 40), of("b", 20)]
    found = compare(first, second)
    scores = [
        (text.index, member.first_score, member.second_score)
        for text in found.texts
        for member in text.targets[1:]
    ]
    assert scores == [(0, 1, 10), (1, 2, 20), (2, 3, 30)]
    assert (found.only_first, found.only_second) == (1, 1)


def test_texts_that_failed_in_one_are_counted() -> None:
    whole = build_explanation()
    found = compare([whole, BROKEN, whole], [BROKEN, BROKEN, whole])
    assert (len(found.texts), found.failed) == (1, 2)


def test_without_a_common_target_answers_are_compared_still() -> None:
    first = build_explanation(
        targets=("positive",), attributions=[[0] * 5], **dict.fromkeys(["score", "baseline_score", "delta", "error_estimate"], (0,)), converged=[True]
    )  # fmt: skip
    second = build_explanation(
        targets=("negative",), attributions=[[0] * 5], **dict.fromkeys(["score", "baseline_score", "delta", "error_estimate"], (0,)), converged=[True],
        predicted=("negative",),
    )  # fmt: skip
    found = compare([first], [second])
    assert len(found.changed) == 1
    assert (found.targets, found.of_target(), found.unit_changes()) == ((), (), [])
    assert found.texts[0].target() is None


def test_nothing_compared_with_nothing_is_nothing() -> None:
    found = compare([], [])
    assert found.texts == ()
    assert all(map(math.isnan, found.accuracies))


def test_what_cannot_be_compared_is_refused() -> None:
    one = build_explanation()
    with pytest.raises(InputError, match="no text in common"):
        compare([one], [of_words("other", [[0], [0]])])
    with pytest.raises(OptionError, match="explains the probability and the second the log_odds"):
        compare([one], [build_explanation(output="log_odds")])
    with pytest.raises(OptionError, match="No class is in both sets: negative, positive and a, b"):
        compare([one], [build_explanation(classes=("a", "b"), targets=("a", "b"), predicted=("a",))])
