from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain.errors import OptionError
from setfit_explain.explanation.segmentation import granularity_name, segment, sentence_spans, word_spans

WORDS = {
    "apostrophes stay between letters": (
        "Don't rock'n'roll me’s 'quoted'",
        ["Don't", "rock'n'roll", "me’s", "'", "quoted", "'"],
    ),
    "points and commas stay between digits": (
        "3.14 or 1,000.5. x.y 5,a",
        ["3.14", "or", "1,000.5", ".", "x", ".", "y", "5", ",", "a"],
    ),
    "a hyphen is a unit": ("well-made", ["well", "-", "made"]),
    "an underscore is part of a word": ("a_b __init__", ["a_b", "__init__"]),
    "each punctuation mark is a unit": ("no!?…", ["no", "!", "?", "…"]),
    "an emoji with its joiners and tones is one": ("👨‍👩‍👧👍🏽 ❤️", ["👨‍👩‍👧", "👍🏽", "❤️"]),
    "two flags are two": ("🇫🇷🇩🇪", ["🇫🇷", "🇩🇪"]),
    "a keycap is one": ("1️⃣2", ["1️⃣2"]),
    "Chinese is cut by character": ("我爱你。", ["我", "爱", "你", "。"]),
    "Japanese is cut by character": ("東京タワーへ", ["東", "京", "タ", "ワ", "ー", "へ"]),
    "Korean writes words": ("한국어 입니다.", ["한국어", "입니다", "."]),
    "Thai is cut by cluster": ("ดีนี้", ["ดี", "นี้"]),
    "Arabic": ("الفيلم كان رائعا!", ["الفيلم", "كان", "رائعا", "!"]),
    "a Persian joiner stays inside": ("می‌خواهم", ["می‌خواهم"]),
    "Hindi marks stay inside": ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया", "।"]),
    "a decomposed accent stays inside": ("e\u0301te\u0301", ["e\u0301te\u0301"]),
    "Russian": ("не понравилось", ["не", "понравилось"]),
    "a mark after white space is no white space": (" \u0301", ["\u0301"]),
    "a lone surrogate is a unit": ("a\ud800b", ["a", "\ud800", "b"]),
    "nothing but white space": (" \t\n\u3000\x1c\u2028", []),
    "an empty text": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), WORDS.values(), ids=WORDS.keys())
def test_words(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "No!" Then left...', ['He said "No!"', "Then left..."]),
        ("It cost 3.50 at x.com", ["It cost 3.50 at x.com"]),
        ("東京。はい！「え？」", ["東京。", "はい！", "「え？」"]),
        ("first line\nsecond\r\n\r\nthird", ["first line", "second", "third"]),
        (" \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] == expected


@given(st.text(st.characters()))
def test_words_are_all_that_is_not_white_space(text: str) -> None:
    spans = word_spans(text)
    inside = {position for start, end in spans for position in range(start, end)}
    assert sum(end - start for start, end in spans) == len(inside)
    assert all(text[i].isspace() for i in range(len(text)) if i not in inside)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


@pytest.mark.parametrize("piece", ["a'", "a", ".", "word ", "\u0301", " ", "👍", "1,", "ด", '"!', "a\u200d"])
def test_200000_characters_are_segmented_in_time_that_grows_with_their_number(piece: str) -> None:
    # Not by the clock: linear takes tenths of a second, and quadratic would keep the suite for minutes.
    text = (piece * 200_000)[:200_000]
    for spans in (word_spans(text), sentence_spans(text)):
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert bool(spans) == bool(text.strip())


def test_an_unknown_granularity_is_refused_with_a_suggestion() -> None:
    with pytest.raises(OptionError, match=r"'wrod' is unknown.*Did you mean 'word'\?"):
        segment("text", "wrod")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 5)], r"gave the span \(0, 5\).*text of 4 characters"),
        ([(-1, 2)], r"gave the span \(-1, 2\)"),
        ([(2, 2)], r"gave the span \(2, 2\)"),
        ([(2, 4), (0, 2)], r"gave the span \(0, 2\) after one that ends at 4"),
        ([(0, 3), (2, 4)], r"gave the span \(2, 4\) after one that ends at 3"),
        ([(0, 1.5)], r"gave \(0, 1.5\).*whole numbers"),
        (["abc"], r"gave 'abc'"),
    ],
)
def test_spans_of_a_function_are_checked(spans: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        segment("text", lambda _: spans)


def test_a_function_of_granularity_is_recorded_by_its_name() -> None:
    assert granularity_name(word_spans) == "word_spans"
    assert granularity_name("sentence") == "sentence"
