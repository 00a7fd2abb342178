import copy
import dataclasses
import io
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from setfit_explain._version import __version__, versions
from setfit_explain.errors import InputError, MissingExtraError, TargetError
from setfit_explain.explanation import Explanation, Unit

Make = Callable[..., Explanation]


def test_the_completeness_gap_is_zero_where_the_numbers_add_up(explanation: Explanation) -> None:
    # By hand, for "positive": 0.5 + (0.375 - 0.0625 + 0.0625 + 0.125) = 1.0 = 0.9375 + 0.0625.
    assert explanation.completeness_gap.tolist() == [0.0, 0.0]


def test_the_completeness_gap_shows_a_lost_attribution(
    make_explanation: Make, explanation: Explanation
) -> None:
    lost = np.where(explanation.attributions == 0.375, 0.0, explanation.attributions)
    assert make_explanation(attributions=lost).completeness_gap.tolist() == [0.0, -0.375]


def test_the_special_token_share_is_the_part_in_the_buckets(explanation: Explanation) -> None:
    assert explanation.special_token_share.tolist() == [0.2, 0.2]


def test_the_special_token_share_of_nothing_is_zero(make_explanation: Make) -> None:
    assert make_explanation(attributions=np.zeros((2, 5))).special_token_share.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "name",
    [
        f.name
        for f in dataclasses.fields(Explanation)
        if f.name
        in (
            "attributions",
            "score",
            "baseline_score",
            "delta",
            "error_estimate",
            "converged",
            "probabilities",
        )
    ],
)
def test_arrays_are_copied_and_read_only(make_explanation: Make, name: str) -> None:
    given = np.array(getattr(make_explanation(), name))
    kept = getattr(make_explanation(**{name: given}), name)
    given[...] = 0
    assert not np.array_equal(kept, given)
    with pytest.raises(ValueError, match="read-only"):
        kept[...] = 0


def test_fields_and_mappings_are_frozen(explanation: Explanation) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.text = "other"  # type: ignore[misc]
    with pytest.raises(TypeError, match="mappingproxy"):
        explanation.settings["n_steps"] = 1  # type: ignore[index]
    with pytest.raises(TypeError, match="unhashable"):
        hash(explanation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attributions": np.zeros((2, 4))}, r"'attributions' has the shape \(2, 4\). Accepted: \(2, 5\)"),
        ({"score": np.zeros(3)}, r"'score' has the shape \(3,\). Accepted: \(2,\)"),
        ({"probabilities": np.zeros((1, 2))}, r"'probabilities' has the shape \(1, 2\)"),
        ({"text": "I hated it!"}, r"Unit 'loved' at \(2, 7\) is not a slice of the text"),
        ({"settings": {"a": [1]}}, r"Setting 'a' is \[1\]"),
        ({"settings": {"a": float("nan")}}, r"Setting 'a' is nan"),
        ({"truncated_span": (5, 99)}, r"Truncated span \(5, 99\) is not inside"),
    ],
)
def test_what_does_not_fit_is_refused(make_explanation: Make, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_explanation(**changes)


@pytest.mark.parametrize(
    "units",
    [
        (Unit("lo", 2, 4), Unit("ov", 3, 5)),
        (Unit("loved", 2, 7), Unit("I", 0, 1)),
        (Unit("[prompt]", 0, 0, "prompt"), Unit("I", 0, 1)),
        (Unit("", 2, 2), Unit("loved", 2, 7)),
    ],
    ids=["overlapping", "unsorted", "bucket first", "empty"],
)
def test_units_that_are_not_in_order_are_refused(make_explanation: Make, units: tuple[Unit, ...]) -> None:
    with pytest.raises(InputError, match="is not a slice of the text"):
        make_explanation(units=units, attributions=np.zeros((2, 2)))


def test_an_explanation_without_targets_is_refused(make_explanation: Make) -> None:
    none = {name: np.zeros(0) for name in ("score", "baseline_score", "delta", "error_estimate", "converged")}
    with pytest.raises(InputError, match="no target"):
        make_explanation(targets=(), attributions=np.zeros((0, 5)), **none)


def test_the_predicted_class_is_shown_first_where_it_was_explained(make_explanation: Make) -> None:
    assert make_explanation().shown_target == 1
    assert make_explanation(predicted=("other", "negative")).shown_target == 0
    assert make_explanation(predicted=()).shown_target == 0


def test_for_target_reads_in_order_and_top_by_strength(explanation: Explanation) -> None:
    assert explanation.for_target("positive") == [
        ("I", 0.0),
        ("loved", 0.375),
        ("it", -0.0625),
        ("!", 0.0625),
        ("[special tokens]", 0.125),
    ]
    assert explanation.for_target(0)[1] == ("loved", -0.375)
    assert explanation.top(n=3) == [("loved", 0.375), ("[special tokens]", 0.125), ("it", -0.0625)]


def test_nan_ranks_last(make_explanation: Make) -> None:
    odd = make_explanation(attributions=np.array([[np.nan, 0.1, np.nan, -np.inf, -0.2]] * 2))
    assert [text for text, _ in odd.top(n=3)] == ["!", "[special tokens]", "loved"]


@pytest.mark.parametrize("target", ["postive", 2, -1])
def test_a_target_that_was_not_explained_is_refused(explanation: Explanation, target: str | int) -> None:
    with pytest.raises(
        TargetError, match=f"Target {target!r} was not explained. Explained: negative, positive"
    ):
        explanation.top(target)


def test_a_misspelt_target_gets_a_suggestion(explanation: Explanation) -> None:
    with pytest.raises(TargetError, match=r"Did you mean 'positive'\?"):
        explanation.for_target("postive")


def test_the_table_has_a_row_for_each_target_and_unit(explanation: Explanation) -> None:
    table = explanation.to_dataframe()
    assert list(table.columns) == ["target", "unit", "start", "end", "special", "attribution"]
    assert table.groupby("target")["attribution"].sum().to_dict() == {"negative": -0.5, "positive": 0.5}
    assert table[table["special"] == "special"]["unit"].tolist() == ["[special tokens]"] * 2


def test_the_table_names_the_pip_line_without_pandas(
    explanation: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[dataframe\]'"):
        explanation.to_dataframe()


def test_equality_counts_every_field_and_nan_as_itself(make_explanation: Make) -> None:
    assert make_explanation() == make_explanation()
    assert make_explanation() != make_explanation(method="other")
    assert make_explanation() != make_explanation(delta=np.array([0.0, 0.0625]))
    assert make_explanation() != make_explanation(error_estimate=np.array([0.0, 0.001]))
    assert make_explanation() != "other"


@pytest.mark.parametrize("remade", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_is_equal_and_as_immutable(explanation: Explanation, remade: Callable[[Any], Any]) -> None:
    twin = remade(explanation)
    assert twin == explanation
    assert not twin.attributions.flags.writeable


def test_print_shows_no_escape_where_stdout_is_no_terminal(explanation: Explanation) -> None:
    assert "\x1b" not in str(explanation)
    assert "loved(+0.38)" in str(explanation)


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False), ("", True)])
def test_print_has_colours_on_a_terminal_unless_no_color(
    explanation: Explanation, monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert ("\x1b[" in str(explanation)) == coloured


def test_rich_draws_it(explanation: Explanation) -> None:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(explanation)
    assert "predicted: positive (0.938)" in capture.get()


def test_html_is_returned_or_written_whole(explanation: Explanation, tmp_path: Path) -> None:
    page = explanation.to_html(title="Mine")
    path = explanation.to_html(tmp_path / "page.html", title="Mine")
    assert path.read_text(encoding="utf-8") == page
    assert "<h1>Mine</h1>" in page
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_class_whose_name_looks_like_a_contrast_is_a_class(make_explanation: Make) -> None:
    names = ("a", "b", "a vs b")
    page = make_explanation(
        classes=names, probabilities=np.zeros(3), targets=("a vs b", "b"), predicted=("a vs b",)
    ).to_html()
    assert "pushes towards a vs b" in page
    assert "pushes away from a vs b" in page


def test_a_contrast_pushes_towards_one_of_its_two_classes(make_explanation: Make) -> None:
    page = make_explanation(targets=("positive vs negative", "negative"), output="contrast").to_html()
    assert "pushes towards positive" in page
    assert "pushes towards negative" in page
    assert "nats" in page


def test_every_view_says_by_which_version_the_numbers_were_made(make_explanation: Make) -> None:
    explanation = make_explanation(versions=versions())
    for view in (explanation.to_html(), explanation._repr_html_(), str(explanation)):
        assert f"setfit-explain {__version__}" in " ".join(view.split())
