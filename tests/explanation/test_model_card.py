"""A section of a model card: what the classifier goes by, read by a CommonMark parser as it was meant."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from setfit_explain.errors import OptionError
from setfit_explain.explanation import ExplanationSet, Failure, Unit
from setfit_explain.views.formatting import printable
from tests.views.panels import ATTACKS

from .explanations import OF_NO_CLASS, UNSIGNED, build_explanation

MARKDOWN = [
    "a | b",
    "`code`",
    "``",
    "\\",
    "\\|",
    "*strong*",
    "[link](javascript:alert(1))",
    "![x](http://evil)",
    "<http://evil>",
    "# heading",
    "---",
    "$x$",
    ":smile:",
    "{{ 7*7 }}{% raw %}",
    "a\nb",
    "| - | - |",
]
# What a cell of ours may hold beside plain text: nothing.
INLINE = {"text", "text_special"}


def parsed(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(markdown)


def cells(tokens: list[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in ("td_open", "th_open"):
            assert {child.type for child in token.children or ()} <= INLINE
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def test_the_strongest_units_of_every_target_are_named() -> None:
    other = build_explanation(
        text="LOVED it",
        units=(Unit("LOVED", 0, 5), Unit("it", 6, 8)),
        attributions=np.array([[0.0, 0.0], [0.125, -0.25]]),
    )
    rows = cells(parsed(ExplanationSet([build_explanation(), other]).to_model_card(n=1)))
    assert rows[:3] == [
        ["Class", "Towards it", "Away from it"],
        ["negative", "it +0.03 (×2)", "loved -0.19 (×2)"],
        ["positive", "loved +0.25 (×2)", "it -0.16 (×2)"],
    ]


def test_a_target_counts_the_texts_that_were_explained_for_it() -> None:
    ones = {name: [0.5] for name in ("score", "baseline_score", "delta", "error_estimate", "converged")}
    units = (Unit("it", 0, 2),)
    sets = [
        build_explanation(text="it", units=units, targets=(name,), attributions=[[value]], **ones)
        for name, value in (("negative", 0.5), ("positive", -0.25), ("negative", 0.25))
    ]
    rows = cells(parsed(ExplanationSet(sets).to_model_card()))
    assert rows[1:3] == [["negative", "it +0.38 (×2)", "–"], ["positive", "–", "it -0.25 (×1)"]]


def test_the_figures_of_exactness_are_those_of_the_set() -> None:
    known = build_explanation(delta=[-0.125, 0.0625], error_estimate=[np.nan, 0.25], reproduction_error=1e-7)
    section = ExplanationSet([known, Failure(1, "x", "TextError", "")]).to_model_card()
    figures = dict(cells(parsed(section))[4:])
    assert figures == {
        "Texts explained": "1 of 2",
        "Within the tolerance": "0 of 1",
        "Largest convergence delta": "1.2e-01",
        "Largest error estimate": "2.5e-01",
        "Largest difference to the model's own answer": "1.0e-07",
        "Method": "integrated gradients",
        "Baseline": "mask",
        "Model": "abc",
    }
    unknown = build_explanation(error_estimate=[np.nan, np.nan])
    assert "| Largest error estimate | not estimated |" in ExplanationSet([unknown]).to_model_card()


def test_where_no_tolerance_was_asked_none_is_said_to_be_met() -> None:
    drawn, held = (
        build_explanation(settings={"seed": 0, "tolerance": tolerance}, converged=[True, True])
        for tolerance in (None, 0.1)
    )
    assert "| Within the tolerance | none was asked |" in ExplanationSet([drawn]).to_model_card()
    assert "| Within the tolerance | 1 of 1 |" in ExplanationSet([drawn, held]).to_model_card()


def test_a_method_without_signs_has_one_column_of_units_and_says_so() -> None:
    section = ExplanationSet([build_explanation(**UNSIGNED)] * 2).to_model_card(n=1)
    rows = cells(parsed(section))
    assert rows[:3] == [
        ["Class", "Strongest for it, up or down"],
        ["negative", "loved 0.38 (×2)"],
        ["positive", "loved 0.38 (×2)"],
    ]
    assert "the mean strength, without a sign, and how often" in section
    assert "\nA note\\.\n" in section
    assert "owards" not in section


def test_a_method_that_explains_no_class_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'attention_rollout' explains no class.*'occlusion'"):
        ExplanationSet([build_explanation(**OF_NO_CLASS)]).to_model_card()


def test_only_notes_on_all_texts_are_told() -> None:
    section = ExplanationSet(
        [build_explanation(), build_explanation(notes=("Mine.", "A note."))]
    ).to_model_card()
    assert "A note" in section
    assert "Mine" not in section


def check_harmless(text: str) -> None:
    names = (text, "b" if text != "b" else "c")
    attacked = build_explanation(
        text=text,
        units=(Unit(text, 0, len(text)),),
        attributions=[[0.5], [-0.5]],
        classes=names,
        targets=names,
        predicted=names,
        settings={"baseline": text},
        notes=(text,),
        model_fingerprint=text,
    )
    section = ExplanationSet([attacked]).to_model_card()
    tokens = parsed(section)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2", "h3"]
    assert not [token for token in tokens if token.type in ("html_block", "hr", "code_block", "fence")]
    rows = cells(tokens)
    assert [len(row) for row in rows] == 3 * [3] + 9 * [2]
    if len(text) < 12 and text.isalnum():
        assert rows[1][0] == printable(text)
    section.encode()


@pytest.mark.parametrize("text", [*MARKDOWN, *ATTACKS])
def test_no_text_becomes_markup(text: str) -> None:
    check_harmless(text)


@given(
    st.text(st.characters(exclude_categories=()), min_size=1, max_size=60).filter(lambda t: t.strip() != "")
)
def test_no_text_at_all_becomes_markup(text: str) -> None:
    check_harmless(text)


def test_an_empty_set_says_so() -> None:
    assert "No text was explained." in ExplanationSet().to_model_card()
