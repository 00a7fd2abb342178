"""Every metric's value on a model whose score is a sum over its words, computed by hand."""

from zlib import crc32

import numpy as np
import pytest

from setfit_explain import Explainer
from setfit_explain.errors import OptionError
from setfit_explain.evaluation import FAITHFULNESS, evaluate
from setfit_explain.evaluation.case import REMOVALS, Cases
from setfit_explain.evaluation.faithfulness import (
    Comprehensiveness,
    Deletion,
    Insertion,
    LeaveOneOutCorrelation,
    Monotonicity,
    SoftComprehensiveness,
    SoftSufficiency,
    Sufficiency,
)
from setfit_explain.evaluation.robustness import Infidelity
from tests.evaluation.games import (
    EXACT,
    TEXT,
    ZERO,
    RandomOrder,
    assert_as_random,
    assert_ordered,
    bag_of_words,
    case_of,
    random_texts,
)
from tests.models import LONG, tiny_model

# Of four words the bins 1, 5, 10, 20 and 50 % are 1, 1, 1, 1 and 2. Zero leaves the sum of the other words.
BY_HAND = [
    (Comprehensiveness, EXACT, 1.1),
    (Comprehensiveness, -EXACT, -0.5),
    (Sufficiency, EXACT, -0.1),
    (Sufficiency, -EXACT, 1.5),
    (Insertion, EXACT, (0 / 2 + 1 + 1.5 + 1.5 + 1 / 2) / 4),
    (Insertion, -EXACT, (0 / 2 - 0.5 - 0.5 + 0 + 1 / 2) / 4),
    (Deletion, EXACT, (1 / 2 + 0 - 0.5 - 0.5 + 0 / 2) / 4),
    (Deletion, -EXACT, (1 / 2 + 1.5 + 1.5 + 1 + 0 / 2) / 4),
    (LeaveOneOutCorrelation, EXACT, 1),
    (LeaveOneOutCorrelation, np.array([3.0, 4.0, 2.0, 1.0]), 4 / 6),
    (Monotonicity, EXACT, 1),
    (Monotonicity, -EXACT, -1),
]


@pytest.mark.parametrize(("metric", "values", "expected"), BY_HAND)
def test_a_metric_has_the_value_computed_by_hand(metric, values, expected):
    assert metric(removal="zero")(case_of(), values) == pytest.approx(expected, abs=1e-6)


def test_words_that_are_cut_out_leave_the_mean_of_the_others():
    # good alone out: (2 + 0 - 2) / 3; good and fine out: (0 - 2) / 2. Left of the first: 4; of both: 3.
    assert Comprehensiveness(removal="delete")(case_of(), EXACT) == pytest.approx((4 * 1 + 2) / 5, abs=1e-6)
    assert Sufficiency(removal="delete")(case_of(), EXACT) == pytest.approx((4 * -3 - 2) / 5, abs=1e-6)


def test_the_word_in_a_words_place_has_its_own_worth():
    # The mean word of "bad" is worth -2: without "good" the score is (-2 + 2 + 0 - 2) / 4.
    case = case_of(reference_texts=["bad"])
    assert Comprehensiveness(removal="mean", bins=[0.25])(case, EXACT) == pytest.approx(1.5, abs=1e-6)


# Scaled to [0, 1] the attributions are 1, 2/3, 1/3 and 0, the odds with which each word stays or goes.
@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        (SoftSufficiency, EXACT, 1 - (1 + 0.5 * 2 / 3)),
        (SoftComprehensiveness, EXACT, 1 - (0.5 / 3 - 0.5)),
        (SoftSufficiency, -EXACT, 1 - (0.5 / 3 - 0.5)),
        # Attributions that are their own price have no error; their opposite has twice it: 4 (variance + mean²).
        (Infidelity, EXACT, 0),
        (Infidelity, -EXACT, 4 * ((1 + 0.25 + 0.25) / 4 + 0.5**2)),
    ],
)
def test_a_metric_that_draws_has_the_mean_computed_by_hand(metric, values, expected):
    found = metric(removal="zero", n_samples=8000)(case_of(), values)
    assert found == pytest.approx(expected, abs=0.05 if metric is Infidelity else 0.02)
    assert metric(removal="zero")(case_of(), values) == metric(removal="zero")(case_of(), values)


def test_infidelity_is_the_mean_square_of_the_paper():
    # Yeh et al. 2019, definition 2.1, by the rows that the metric draws.
    removed = np.random.default_rng([0, crc32(TEXT.encode())]).integers(2, size=(32, 4))
    values = np.array([0.3, -0.2, 0.1, 0.9])
    expected = np.mean((removed @ values - removed @ EXACT) ** 2)
    assert Infidelity(removal="zero")(case_of(), values) == pytest.approx(expected, rel=1e-5)


# Attributions of 2 a word, where "good" is worth 4: alone it costs 4, one of two 2. A rank needs two different values,
# and so does scaling to [0, 1].
CONSTANT = {
    "comprehensiveness": {"good": 4, "good good": 2},
    "sufficiency": {"good": 0, "good good": 2},
    "insertion": {"good": (0 + 4) / 2, "good good": (0 / 2 + 2 + 4 / 2) / 2},
    "deletion": {"good": (4 + 0) / 2, "good good": (4 / 2 + 2 + 0 / 2) / 2},
    "infidelity": {"good": (2 - 4) ** 2 / 2, "good good": 0},
}


@pytest.mark.parametrize("name", FAITHFULNESS)
@pytest.mark.parametrize("text", ["good", "good good", ""])
def test_texts_of_one_word_equal_words_or_none_have_the_value_computed_by_hand(name, text):
    case, expected = case_of(text), CONSTANT.get(name, {}).get(text, np.nan)
    settings = {"n_samples": 4000} if name == "infidelity" else {}
    found = FAITHFULNESS[name](removal="zero", **settings)(case, np.full(case.n, 2.0))
    # Infidelity draws whether the word is taken out: its deviation over 4000 draws is 2 / sqrt(4000) = 0.03.
    tolerance = 0.1 if name == "infidelity" else 1e-6
    assert found == pytest.approx(expected, abs=tolerance, nan_ok=True)


@pytest.fixture(scope="module")
def controlled():
    return evaluate(
        bag_of_words(),
        random_texts(40),
        methods={"exact": ZERO, "random": {"method": RandomOrder(), "output": "logit"}},
        metrics=list(FAITHFULNESS),
        removals=["zero"],
        labels=["praise"] * 40,
        output="logit",
    )


@pytest.mark.parametrize("name", FAITHFULNESS)
def test_random_attributions_score_as_the_random_control_does(controlled, name):
    found = controlled.find("random", name, "zero")
    assert found.value.n == 40
    assert_as_random(found)


@pytest.mark.parametrize("name", FAITHFULNESS)
def test_exact_attributions_beat_random_ones_which_beat_reversed_ones(controlled, name):
    assert_ordered(controlled.find("exact", name, "zero"))


@pytest.mark.parametrize("removal", REMOVALS)
def test_rows_of_a_transformer_are_the_models_own_answers(removal):
    model = tiny_model("bert")
    classifier = Explainer(model, method="occlusion").classifier
    case = Cases(classifier, output="probability").of(LONG)
    full, nothing = np.ones((1, case.n), bool), np.zeros((1, case.n), bool)
    own = model.predict_proba([LONG], as_numpy=True)[0]
    np.testing.assert_allclose(case.scores(removal, full), own.max(), atol=1e-5)
    if removal == "delete":
        empty = model.predict_proba([""], as_numpy=True)[0, own.argmax()]
        np.testing.assert_allclose(case.scores(removal, nothing), empty, atol=1e-5)
    else:
        half = case.blended_scores(removal, np.vstack([full, nothing]).astype(float))
        np.testing.assert_allclose(half[0], own.max(), atol=1e-5)
        np.testing.assert_allclose(half[1], case.scores(removal, nothing)[0], atol=1e-5)


def test_long_texts_take_several_words_a_step():
    case = case_of(" ".join(random_texts(12)))
    assert case.n > 40
    asked = []
    object.__setattr__(
        case, "scores", lambda _removal, kept: asked.extend(kept.sum(1)) or kept.sum(1) / case.n
    )
    assert Insertion()(case, np.arange(case.n, dtype=float)) == pytest.approx(0.5)
    assert (len(asked), asked[0], asked[-1]) == (21, 0, case.n)


@pytest.mark.parametrize("bins", [[], [0.0], [1.5], 0.5, ["a"]])
def test_bins_are_shares(bins):
    with pytest.raises(OptionError, match="bins are shares of the units"):
        Comprehensiveness(bins=bins)


@pytest.mark.parametrize("metric", [SoftSufficiency, SoftComprehensiveness, Infidelity])
def test_what_is_taken_out_in_part_is_replaced_and_drawn_at_least_once(metric):
    with pytest.raises(OptionError, match=f"{metric.name} takes units out in part, which removal='delete'"):
        metric(removal="delete")
    for wrong in (0, 2.5, "16"):
        with pytest.raises(OptionError, match="n_samples must be a whole number, at least 1, got"):
            metric(n_samples=wrong)
