"""What a token did belongs to the word it came from, in whichever place the model read it."""

import numpy as np
import pytest

from setfit_explain.errors import InputError
from setfit_explain.explanation import Unit
from setfit_explain.explanation.spans import SpanInSentence, explain_span
from tests.explanation.explanations import build_explanation

SENTENCE = "good food: cold"
SPAN = SpanInSentence(SENTENCE, (5, 9), (0, 9))


def by_token(spans, **changes):
    text = SPAN.rendered
    units = [Unit(text[start:end], start, end) for start, end in spans]
    units.append(Unit("[special tokens]", 0, 0, "special"))
    values = 2.0 ** np.arange(len(units))
    return build_explanation(
        text=text,
        units=tuple(units),
        attributions=np.array([values, -values]),
        granularity="token",
        **changes,
    )


def sums(explained):
    return dict(explained.explanation.for_target(0))


def test_both_places_are_added_and_the_colon_is_apart():
    # good food:good food: cold
    explained = explain_span(
        "aspect", SPAN, by_token([(0, 4), (5, 9), (9, 10), (10, 14), (15, 19), (19, 20), (21, 25)]), "word"
    )
    assert sums(explained) == {
        "good": 1 + 8, "food": 2 + 16, ":": 32, "cold": 64, "[special tokens]": 128, "[separator]": 4,
    }  # fmt: skip
    assert explained.prepended[0].tolist() == [1, 2, 0, 0, 0, 0]
    assert explained.rendered.for_target(0)[2] == (":", 4)


def test_a_token_that_reaches_over_the_colon_is_the_colons():
    explained = explain_span("aspect", SPAN, by_token([(0, 4), (5, 14), (15, 19), (19, 25)]), "word")
    assert sums(explained) == {
        "good": 1, "food": 4, ": cold": 8, "[special tokens]": 16, "[separator]": 2,
    }  # fmt: skip


def test_a_token_of_a_part_of_a_word_goes_to_the_whole_word():
    span = SpanInSentence(SENTENCE, (6, 8), (6, 8))  # "oo:good food: cold"
    units = (Unit("oo", 0, 2), Unit(":", 2, 3), Unit("food", 8, 12))
    token = build_explanation(
        text=span.rendered, units=units, attributions=np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    )
    assert sums(explain_span("aspect", span, token, "word")) == {"food": 5, "[separator]": 2}


@pytest.mark.parametrize(
    ("cut", "expected"), [((14, 25), (4, 15)), ((5, 25), (0, 15)), ((0, 3), None), (None, None)]
)
def test_what_was_cut_is_told_in_characters_of_the_sentence(cut, expected):
    explained = explain_span("aspect", SPAN, by_token([(0, 4)], truncated_span=cut), "word")
    assert explained.explanation.truncated_span == expected
    assert explained.rendered.truncated_span == cut


def test_words_and_sentences_are_those_of_the_sentence():
    tokens = by_token([(0, 4), (5, 9), (9, 10), (10, 14), (15, 19), (19, 20), (21, 25)])
    explained = explain_span("polarity", SPAN, tokens, "sentence")
    assert [unit.text for unit in explained.explanation.units] == [
        SENTENCE,
        "[special tokens]",
        "[separator]",
    ]
    assert explained.explanation.granularity == "sentence"
    np.testing.assert_allclose(explained.explanation.completeness_gap, tokens.completeness_gap, atol=1e-12)


@pytest.mark.parametrize(("span", "prepended"), [((5, 5), (0, 9)), ((5, 9), (6, 9)), ((5, 16), (0, 16))])
def test_a_span_outside_its_context_or_sentence_is_refused(span, prepended):
    with pytest.raises(InputError, match="is not inside a text of 15 characters"):
        SpanInSentence(SENTENCE, span, prepended)


def test_an_explanation_of_another_string_is_refused():
    with pytest.raises(InputError, match="is of 'I loved it!', not of 'good food:good food: cold'"):
        explain_span("aspect", SPAN, build_explanation(), "word")
