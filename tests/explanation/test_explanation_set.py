from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from setfit_explain.errors import InputError, OptionError, SchemaError, TargetError
from setfit_explain.explanation import Explanation, ExplanationSet, Failure, Unit

from .explanations import OF_NO_CLASS

Make = Callable[..., Explanation]


@pytest.fixture
def mixed(make_explanation: Make) -> ExplanationSet:
    other = make_explanation(
        text="LOVED it",
        units=(Unit("LOVED", 0, 5), Unit("it", 6, 8)),
        attributions=np.array([[0.0, 0.0], [0.125, -0.25]]),
    )
    return ExplanationSet([make_explanation(), Failure(1, "\ud800", "TextError", "No tokens."), other])


def test_a_set_keeps_the_callers_order(mixed: ExplanationSet) -> None:
    assert [type(item).__name__ for item in mixed] == ["Explanation", "Failure", "Explanation"]
    assert len(mixed.explanations) == 2
    assert [failure.index for failure in mixed.failures] == [1]


def test_what_is_neither_explanation_nor_failure_is_refused(explanation: Explanation) -> None:
    accepted = r"Accepted: a list of Explanation or Failure"
    for wrong in (["a"], "ab", [explanation, "ab"]):
        with pytest.raises(InputError, match=rf"is of type str\. {accepted}"):
            ExplanationSet(wrong)
    with pytest.raises(InputError, match=rf"Got one Explanation\. {accepted}, such as \[explanation\]"):
        ExplanationSet(explanation)


def test_a_slice_is_a_set(mixed: ExplanationSet) -> None:
    assert isinstance(mixed[1:], ExplanationSet)
    assert mixed[1:] == ExplanationSet(list(mixed)[1:])
    assert mixed[0] == mixed.explanations[0]
    assert mixed[:2] != mixed


def test_the_strongest_units_are_averaged_over_texts_without_case(mixed: ExplanationSet) -> None:
    strongest = mixed.strongest_units("positive")
    assert [(unit.unit, unit.count, unit.mean, unit.total) for unit in strongest] == [
        ("loved", 2, 0.25, 0.5),
        ("!", 1, 0.0625, 0.0625),
        ("i", 1, 0.0, 0.0),
        ("it", 2, -0.15625, -0.3125),
    ]
    assert len(mixed.strongest_units("positive", n=2)) == 2


def test_the_strongest_units_of_an_unknown_target_are_refused(mixed: ExplanationSet) -> None:
    with pytest.raises(TargetError, match="'neutral' was not explained"):
        mixed.strongest_units("neutral")


def test_the_table_numbers_the_texts_as_the_caller_did(mixed: ExplanationSet) -> None:
    table = mixed.to_dataframe()
    assert table.columns[0] == "text_index"
    assert table["text_index"].value_counts(sort=False).to_dict() == {0: 10, 2: 4}
    assert list(ExplanationSet().to_dataframe().columns) == list(table.columns)


def test_json_comes_back_equal(mixed: ExplanationSet) -> None:
    assert ExplanationSet.from_json(mixed.to_json()) == mixed
    assert ExplanationSet.from_json(ExplanationSet().to_json()) == ExplanationSet()


def test_a_saved_set_comes_back_equal_and_draws_the_same(mixed: ExplanationSet, tmp_path: Path) -> None:
    path = mixed.save(tmp_path / "set.jsonl")
    loaded = ExplanationSet.load(path)
    assert loaded == mixed
    assert loaded.to_html() == mixed.to_html()
    assert path.read_bytes().isascii()
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize("name", ["set.json", "set.parquet.gz", "set"])
def test_another_suffix_is_refused(mixed: ExplanationSet, tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"Accepted: \.jsonl, \.parquet"):
        mixed.save(tmp_path / name)
    with pytest.raises(OptionError, match=r"Accepted: \.jsonl, \.parquet"):
        ExplanationSet.load(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_is_refused(mixed: ExplanationSet, tmp_path: Path) -> None:
    path = mixed.save(tmp_path / "set.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(SchemaError, match="holds 2 texts but its header says 3"):
        ExplanationSet.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("not json\n", "Not JSON"),
        ('{"schema_version": 2, "kind": "explanation_set", "count": 0}\n', "newer setfit_explain"),
        ('{"schema_version": 1, "kind": "explanation", "count": 0}\n', "Accepted here: 'explanation_set'"),
        ("[]\n", "as a JSON object, got list"),
    ],
)
def test_a_file_that_is_no_saved_set_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(content)
    with pytest.raises(SchemaError, match=message):
        ExplanationSet.load(path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SchemaError, match="not UTF-8"):
        ExplanationSet.load(path)


@pytest.mark.parametrize(
    "failure",
    [
        '{"index": "1", "text": "", "error": "", "message": ""',
        '{"index": 1',
        '{"index": 1, "text": "", "error": "", "message": "", "more": 1',
    ],
)
def test_a_tampered_failure_is_refused(failure: str) -> None:
    item = failure + ', "schema_version": 1, "kind": "failure"}'
    with pytest.raises(SchemaError, match="A saved failure has"):
        ExplanationSet.from_json(f'{{"schema_version": 1, "kind": "explanation_set", "items": [{item}]}}')


def test_a_set_without_items_is_refused() -> None:
    with pytest.raises(SchemaError, match="lacks its list of items"):
        ExplanationSet.from_json('{"schema_version": 1, "kind": "explanation_set"}')


def test_every_view_names_the_failures(mixed: ExplanationSet) -> None:
    for view in (mixed.to_html(), mixed._repr_html_(), str(mixed)):
        assert "The text at index 1 was not explained" in view
        assert "No tokens." in view
    assert repr(mixed) == "<ExplanationSet: 2 explained, 1 failed>"


def test_short_views_say_what_they_leave_out(make_explanation: Make) -> None:
    many = ExplanationSet([make_explanation()] * 23)
    for view in (many._repr_html_(), str(many)):
        assert "3 more texts are not shown here" in view
        assert view.count("predicted") == 20
    assert many.to_html().count("<article") == 23


def test_a_text_by_several_methods_is_one_panel_in_a_notebook_as_in_a_report(make_explanation: Make) -> None:
    by_methods = [make_explanation(), make_explanation(method="occlusion", notes=("Of occlusion.",))]
    both = ExplanationSet([*by_methods, make_explanation(text="I loved it!?")])
    for view, panel in ((both._repr_html_(), "max-width:860px"), (both.to_html(), "<article")):
        assert view.count(panel) == 2
        assert view.count("Rank agreement (Kendall") == 2, "for each class"
        assert view.count("Of occlusion.") == 1
    many = ExplanationSet(by_methods * 23)
    assert "3 more texts are not shown here" in many._repr_html_()


@pytest.mark.parametrize("order", [1, -1])
def test_attention_is_shown_beside_methods_that_explain_classes(make_explanation: Make, order: int) -> None:
    both = ExplanationSet([make_explanation(), make_explanation(**OF_NO_CLASS)][::order])
    for view in (both._repr_html_(), both.to_html()):
        assert "strength, without a sign, of no class" in view
        assert "pushes towards positive" in view
        assert "pushes towards negative" in view
    assert both._repr_html_().count('<details style="border-top') == 2, "negative and attention are folded"
    assert both._repr_html_().count("<details open") == 1


def test_an_empty_set_says_so() -> None:
    for view in (ExplanationSet().to_html(), ExplanationSet()._repr_html_(), str(ExplanationSet())):
        assert "No texts." in view
