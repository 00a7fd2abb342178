from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain.errors import InputError
from setfit_explain.explanation.aggregation import aggregate
from setfit_explain.explanation.segmentation import word_spans
from setfit_explain.explanation.units import Grouping, group_tokens

Tokens = tuple[str, list[tuple[int, int]], list[Any]]


def group(
    text: str, spans: list[tuple[int, int]], kinds: list[Any] | None = None, granularity: Any = "word"
) -> Grouping:
    return group_tokens(text, np.array(spans).reshape(-1, 2), kinds or ["text"] * len(spans), granularity)


def units(grouping: Grouping) -> list[str]:
    return [unit.text for unit in grouping.units]


@st.composite
def messy_tokens(draw: st.DrawFn) -> Tokens:
    alphabet = st.one_of(st.characters(), st.sampled_from(" \n.,'a1é\u0301\u200d👩👧🇫🇷東ดี\ud800"))
    text = draw(st.text(alphabet, max_size=24))
    position = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(position, position).map(lambda s: (min(s), max(s))), max_size=12))
    kinds = draw(
        st.lists(
            st.sampled_from(["text", "text", "special", "prompt"]), min_size=len(spans), max_size=len(spans)
        )
    )
    return text, spans, kinds


def cut_in_threes(text: str) -> list[tuple[int, int]]:
    """Cut a text without regard for words, leaving every third piece out."""
    return [(start, min(start + 3, len(text))) for start in range(0, len(text), 3) if start % 9]


GRANULARITIES = st.sampled_from(["token", "word", "sentence", cut_in_threes])


@given(messy_tokens(), GRANULARITIES)
def test_units_and_gaps_spell_the_text_exactly(tokens: Tokens, granularity: Any) -> None:
    text, spans, kinds = tokens
    grouping = group(text, spans, kinds, granularity)
    spelled, position = "", 0
    for unit in grouping.units:
        if unit.special is None:
            assert position <= unit.start < unit.end <= len(text)
            assert unit.text == text[unit.start : unit.end]
            spelled += text[position : unit.start] + unit.text
            position = unit.end
    assert spelled + text[position:] == text


@given(messy_tokens(), GRANULARITIES)
def test_every_token_is_in_exactly_one_unit_that_shares_its_characters(
    tokens: Tokens, granularity: Any
) -> None:
    text, spans, kinds = tokens
    grouping = group(text, spans, kinds, granularity)
    assert grouping.membership.shape == (len(spans),)
    assert set(grouping.membership.tolist()) == set(range(len(grouping.units)))
    for (start, end), kind, index in zip(spans, kinds, grouping.membership, strict=True):
        unit = grouping.units[index]
        if kind != "text":
            assert unit.special == kind
        elif text[start:end].strip():
            assert unit.special is None
            assert max(start, unit.start) < min(end, unit.end)


@given(messy_tokens(), GRANULARITIES)
def test_a_unit_is_blank_only_where_no_token_shows_anything(tokens: Tokens, granularity: Any) -> None:
    text, spans, kinds = tokens
    grouping = group(text, spans, kinds, granularity)
    shown = any(
        kind == "text" and text[slice(*span)].strip() for span, kind in zip(spans, kinds, strict=True)
    )
    blank = [unit for unit in grouping.units if unit.special is None and unit.text.isspace()]
    assert not (shown and blank)


@given(messy_tokens())
def test_white_space_goes_with_the_next_visible_token_or_else_the_last(tokens: Tokens) -> None:
    text, spans, kinds = tokens
    membership = group(text, spans, kinds).membership
    pieces = [text[slice(*span)] if kind == "text" else "" for span, kind in zip(spans, kinds, strict=True)]
    visible = [index for index, piece in enumerate(pieces) if piece.strip()]
    for index, piece in enumerate(pieces):
        if visible and piece.isspace() and not shares_a_word(text, spans[index]):
            owner = min((v for v in visible if v > index), default=visible[-1])
            assert membership[index] == membership[owner]


def shares_a_word(text: str, span: tuple[int, int]) -> bool:
    """A sign such as a joined emoji may hold white space of its own."""
    return any(start < span[1] and span[0] < end for start, end in word_spans(text))


@given(messy_tokens(), GRANULARITIES)
def test_buckets_come_last_and_only_when_they_hold_a_token(tokens: Tokens, granularity: Any) -> None:
    grouping = group(*tokens, granularity)
    specials = [unit.special for unit in grouping.units]
    assert specials == sorted(specials, key=[None, "special", "prompt"].index)
    assert specials.count("special") <= 1
    assert ("prompt" in specials) == ("prompt" in tokens[2])


@given(messy_tokens(), GRANULARITIES, st.integers(0, 2**32 - 1))
def test_units_sum_to_the_token_total(tokens: Tokens, granularity: Any, seed: int) -> None:
    grouping = group(*tokens, granularity)
    # Whole numbers add exactly, so that any lost or doubled token shows.
    values = np.random.default_rng(seed).integers(-1000, 1000, (3, len(tokens[1]))).astype(float)
    sums = aggregate(values, grouping.membership, len(grouping.units))
    assert sums.shape == (3, len(grouping.units))
    np.testing.assert_array_equal(sums.sum(axis=1), values.sum(axis=1))


@given(messy_tokens())
def test_words_are_never_split_between_tokens_of_the_same_word(tokens: Tokens) -> None:
    text, spans, kinds = tokens
    found = [(u.start, u.end) for u in group(text, spans, kinds).units if u.special is None]
    for start, end in word_spans(text):
        touching = [span for span in found if max(start, span[0]) < min(end, span[1])]
        assert len(touching) <= 1
        assert all(span[0] <= start and end <= span[1] for span in touching)


CASES: dict[str, tuple[str, list[tuple[int, int]], Any, list[str], list[int]]] = {
    "pieces of a word join": (
        "unlovable!",
        [(0, 2), (2, 6), (6, 9), (9, 10)],
        "word",
        ["unlovable", "!"],
        [0, 0, 0, 1],
    ),
    "leading white space is trimmed": ("I am", [(0, 1), (1, 4)], "word", ["I", "am"], [0, 1]),
    "a token over two words joins them": (
        "New York is",
        [(0, 8), (9, 11)],
        "word",
        ["New York", "is"],
        [0, 1],
    ),
    "a token over a newline joins the words": ("a\nb c", [(0, 3), (4, 5)], "word", ["a\nb", "c"], [0, 1]),
    "glued punctuation joins": ('say "no"', [(0, 3), (3, 7), (7, 8)], "word", ["say", '"no', '"'], [0, 1, 2]),
    "joined pairs join in a chain": ("a b c d", [(0, 3), (2, 5), (6, 7)], "word", ["a b c", "d"], [0, 0, 1]),
    "byte tokens share a character": ("é!", [(0, 1), (0, 1), (1, 2)], "word", ["é", "!"], [0, 0, 1]),
    "overlaps of Unigram are joined": ("東京へ", [(0, 1), (0, 2), (2, 3)], "word", ["東京", "へ"], [0, 0, 1]),
    "white space goes with what follows": ("a  b", [(0, 1), (1, 3), (3, 4)], "word", ["a", "b"], [0, 1, 1]),
    "white space goes with a token that follows": (
        "a  b",
        [(0, 1), (1, 3), (3, 4)],
        "token",
        ["a", "b"],
        [0, 1, 1],
    ),
    "white space at the end goes with what precedes": (
        "a b \n",
        [(0, 1), (1, 3), (3, 4), (4, 5)],
        "word",
        ["a", "b"],
        [0, 1, 1, 1],
    ),
    "white space between sentences goes with the next": (
        "Yes. No!",
        [(0, 4), (4, 5), (5, 8)],
        "sentence",
        ["Yes.", "No!"],
        [0, 1, 1],
    ),
    "white space within a sentence stays in it": (
        "Yes  no",
        [(0, 3), (3, 5), (5, 7)],
        "sentence",
        ["Yes  no"],
        [0, 0, 0],
    ),
    "nothing but white space is a unit a token": (" \n", [(0, 1), (1, 2)], "word", [" ", "\n"], [0, 1]),
    "white space and an empty token go their ways": (
        "a b",
        [(0, 1), (1, 1), (1, 2), (2, 3)],
        "word",
        ["a", "b"],
        [0, 0, 1, 1],
    ),
    "an empty token joins the one before": ("a b", [(0, 1), (1, 1), (2, 3)], "word", ["a", "b"], [0, 0, 1]),
    "a first empty token joins the one after": (
        "a b",
        [(0, 0), (0, 1), (2, 3)],
        "word",
        ["a", "b"],
        [0, 0, 1],
    ),
    "empty tokens alone go to the special bucket": ("", [(0, 0)], "word", ["[special tokens]"], [0]),
    "what was cut has no unit": ("one two three", [(0, 3), (4, 7)], "word", ["one", "two"], [0, 1]),
    "tokens keep their own spans": (
        "unlovable",
        [(0, 2), (2, 6), (6, 9)],
        "token",
        ["un", "lova", "ble"],
        [0, 1, 2],
    ),
    "tokens lose their white space": ("I am", [(0, 1), (1, 4)], "token", ["I", "am"], [0, 1]),
    "tokens that overlap are joined": (
        "東京へ",
        [(0, 1), (0, 2), (2, 3)],
        "token",
        ["東京", "へ"],
        [0, 0, 1],
    ),
    "tokens keep a base with its mark": (
        "e\u0301a",
        [(0, 1), (1, 2), (2, 3)],
        "token",
        ["e\u0301", "a"],
        [0, 0, 1],
    ),
    "a joiner belongs to what it follows": (
        "👩\u200d👧",
        [(0, 1), (1, 2), (2, 3)],
        "token",
        ["👩\u200d", "👧"],
        [0, 0, 1],
    ),
    "sentences": ("Yes. No!", [(0, 3), (3, 4), (4, 7), (7, 8)], "sentence", ["Yes.", "No!"], [0, 0, 1, 1]),
}


@pytest.mark.parametrize(
    ("text", "spans", "granularity", "expected", "membership"), CASES.values(), ids=CASES.keys()
)
def test_grouping(
    text: str, spans: list[tuple[int, int]], granularity: Any, expected: list[str], membership: list[int]
) -> None:
    grouping = group(text, spans, granularity=granularity)
    assert units(grouping) == expected
    assert grouping.membership.tolist() == membership


def test_what_a_users_function_leaves_out_is_a_unit_of_its_own() -> None:
    grouping = group("ab cd ef", [(0, 2), (3, 5), (6, 8)], granularity=lambda _: [(0, 2), (6, 8)])
    assert units(grouping) == ["ab", "cd", "ef"]


def test_white_space_of_a_text_that_shows_nothing_else_stays_out_of_the_buckets() -> None:
    grouping = group("  ", [(0, 0), (0, 2), (0, 0)], ["prompt", "text", "special"])
    assert units(grouping) == ["  ", "[special tokens]", "[prompt]"]
    assert grouping.membership.tolist() == [2, 0, 1]


def test_white_space_that_a_users_function_claims_joins_that_unit() -> None:
    grouping = group("a  b", [(0, 1), (1, 3), (3, 4)], granularity=lambda _: [(0, 3), (3, 4)])
    assert units(grouping) == ["a  ", "b"]
    assert grouping.membership.tolist() == [0, 0, 1]


def test_special_and_prompt_tokens_go_to_their_buckets() -> None:
    grouping = group("good", [(0, 0), (0, 0), (0, 4), (0, 0)], ["special", "prompt", "text", "special"])
    assert [(u.text, u.start, u.end, u.special) for u in grouping.units] == [
        ("good", 0, 4, None),
        ("[special tokens]", 0, 0, "special"),
        ("[prompt]", 0, 0, "prompt"),
    ]
    assert grouping.membership.tolist() == [1, 2, 0, 1]


def test_a_text_without_tokens_has_no_units() -> None:
    assert group("", []).units == ()


@pytest.mark.parametrize(
    ("spans", "kinds", "message"),
    [
        ([[0, 9]], ["text"], r"\(0, 9\) is not inside a text of 4"),
        ([[3, 1]], ["text"], r"\(3, 1\) is not inside"),
        ([[0, 1]], ["text", "text"], r"shape \(1, 2\) for 2 token kinds"),
        ([[0, 1]], ["word"], r"kind 'word' is unknown"),
    ],
)
def test_unusable_tokens_are_refused(spans: list[list[int]], kinds: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        group_tokens("text", np.array(spans), kinds)


@pytest.mark.parametrize("text", ["word " * 20_000, "e" + "\u0301" * 99_999, " " * 100_000])
def test_a_long_text_that_the_model_cuts_is_grouped_in_time_that_grows_with_its_length(text: str) -> None:
    # Not by the clock: linear takes tenths of a second, and quadratic would keep the suite for minutes.
    spans = np.stack([np.arange(512), np.arange(512) + 1], axis=1)
    grouping = group_tokens(text, spans, ["text"] * 512)
    assert sorted(set(grouping.membership)) == list(range(len(grouping.units)))


def test_aggregation_adds_float64_exactly_where_floats_can() -> None:
    sums = aggregate(np.array([[0.5, 0.25, -1.0], [1.0, 2.0, 4.0]]), np.array([1, 1, 0]), 3)
    assert sums.dtype == np.float64
    assert sums.tolist() == [[-1.0, 0.75, 0.0], [4.0, 3.0, 0.0]]


@pytest.mark.parametrize(
    ("shape", "membership", "message"),
    [
        ((2, 3), [0, 0], "do not fit"),
        ((3,), [0, 0, 0], "do not fit"),
        ((1, 2), [0, 2], "outside 0 to 1"),
        ((1, 2), [-1, 0], "outside 0 to 1"),
    ],
)
def test_aggregation_refuses_what_does_not_fit(
    shape: tuple[int, ...], membership: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        aggregate(np.zeros(shape), np.array(membership), 2)
