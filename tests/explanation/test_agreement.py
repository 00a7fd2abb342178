"""Rank agreement of methods: hand-computed correlations, and what has nothing to rank."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from setfit_explain import ExplanationSet
from setfit_explain.explanation.agreement import rank_correlations
from tests.explanation.explanations import build_explanation

ROWS = np.array([[0.0, -0.375, 0.0625, -0.0625, -0.125], [0.0, 0.375, -0.0625, 0.0625, 0.125]])


def by(method, **changes):
    return build_explanation(method=method, **changes)


def tau_b(first, second):
    """Kendall's tau-b by its definition, pair by pair."""
    pairs = list(combinations(range(len(first)), 2))
    signs = [(np.sign(first[i] - first[j]), np.sign(second[i] - second[j])) for i, j in pairs]
    return sum(a * b for a, b in signs) / math.sqrt(
        sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
    )


@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_those_of_their_definitions_ties_included(seed):
    first, second = np.random.default_rng(seed).integers(0, 6, (2, 9)).astype(float)
    rho, tau = rank_correlations(first, second)
    ranks = pd.DataFrame({"first": first, "second": second}).rank()
    assert rho == pytest.approx(np.corrcoef(ranks["first"], ranks["second"])[0, 1])
    assert tau == pytest.approx(tau_b(first, second))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "values", [([], []), ([1.0], [2.0]), ([1.0, 1.0], [1.0, 2.0]), ([math.nan, 1.0], [1.0, 2.0])]
)
def test_what_has_nothing_to_rank_has_no_correlation_and_no_warning(values):
    assert np.isnan(rank_correlations(*map(np.array, values))).all()


def test_each_pair_of_methods_is_compared_for_each_target_over_the_texts():
    other = np.flip(ROWS[:, :4], 1)
    other = np.hstack([other, ROWS[:, 4:]])
    same, turned = by("a"), by("b", attributions=other)
    found = ExplanationSet([same, turned, by("c"), same, by("b")]).agreement()
    names = [(each.first, each.second, each.target, each.texts) for each in found]
    assert names == [
        (first, second, target, 2 if (first, second) == ("a", "b") else 1)
        for first, second in [("a", "b"), ("a", "c"), ("b", "c")]
        for target in ("negative", "positive")
    ]
    expected = (tau_b(ROWS[0, :4], other[0, :4]) + 1) / 2
    assert found[0].kendall == pytest.approx(expected)
    assert found[2].spearman == pytest.approx(1)


def test_signs_are_left_out_where_one_method_has_none_and_attention_is_compared_with_every_target():
    strengths = by("b", attributions=np.abs(ROWS), settings={"signed": False})
    unknown = np.full(1, np.nan)
    attention = by(
        "c", targets=("attention",), attributions=np.abs(ROWS[:1]), score=unknown, baseline_score=unknown,
        delta=unknown, error_estimate=unknown, converged=np.ones(1, bool), settings={"signed": False},
    )  # fmt: skip
    for each in ExplanationSet([by("a"), strengths, attention]).agreement():
        assert each.spearman == pytest.approx(1)
        assert each.target in ("negative", "positive")


def test_only_neighbours_of_one_text_are_compared():
    longer = by("b", text="I loved it!!")
    assert ExplanationSet([by("a"), longer, by("b")]).agreement() == []
    assert ExplanationSet().agreement() == []


def test_a_printed_set_of_many_texts_ends_with_the_agreement_on_the_classes_shown():
    printed = " ".join(str(ExplanationSet([by("a"), by("b")] * 2)).split())
    assert "a and b on 'positive': rank agreement +1.00 (Spearman), +1.00 (Kendall), 2 texts." in printed
    assert "on 'negative'" not in printed
    assert "2 texts" not in str(ExplanationSet([by("a"), by("b")])), "one text has it in its own view"


def test_the_view_of_one_text_has_kendalls_tau_of_its_methods():
    other = np.hstack([np.roll(ROWS[:, :4], 1, axis=1), ROWS[:, 4:]])
    both = ExplanationSet([by("a"), by("b", attributions=other)])
    tau, found = tau_b(ROWS[1, :4], other[1, :4]), both.agreement()[1]
    assert f"{found.spearman:+.2f}" != f"{tau:+.2f}", "else the test cannot tell them apart"
    for view in (both._repr_html_(), both.to_html(), str(both)):
        assert f"{tau:+.2f}".replace("-", "\N{MINUS SIGN}") in view.split("ank agreement")[-2]
