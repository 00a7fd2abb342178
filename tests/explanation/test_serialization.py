import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain.errors import SchemaError
from setfit_explain.explanation import Explanation, ExplanationSet, Unit
from setfit_explain.explanation.serialization import write_atomically

from .explanations import build_explanation

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
# A high and a low surrogate side by side are one character to JSON.
TEXTS = st.text(st.characters(exclude_categories=())).filter(lambda t: t == json.loads(json.dumps(t)))


@given(text=TEXTS.filter(bool), numbers=st.lists(NUMBERS, min_size=4, max_size=4), name=TEXTS)
def test_json_comes_back_equal(text: str, numbers: list[float], name: str) -> None:
    explanation = build_explanation(
        text=text,
        units=(Unit(text, 0, len(text)), Unit("[prompt]", 0, 0, "prompt")),
        attributions=np.array(numbers).reshape(2, 2),
        score=numbers[:2],
        error_estimate=numbers[2:],
        classes=("negative", name),
        notes=(name, text),
        truncated_span=(0, len(text)),
        true_label=(name,),
    )
    content = explanation.to_json()
    assert content.isascii()
    assert Explanation.from_json(content) == explanation


@pytest.mark.parametrize("label", [None, "positive", ("a", "b"), ()])
def test_true_labels_of_every_kind_come_back(label: Any) -> None:
    explanation = build_explanation(true_label=label)
    assert Explanation.from_json(explanation.to_json()).true_label == label


def test_an_explanation_without_units_comes_back() -> None:
    explanation = build_explanation(text="", units=(), attributions=np.zeros((2, 0)))
    assert Explanation.from_json(explanation.to_json(indent=2)) == explanation


def test_the_same_explanation_gives_the_same_bytes() -> None:
    forwards = build_explanation(settings={"a": 1, "b": 2}).to_json()
    assert build_explanation(settings={"b": 2, "a": 1}).to_json() == forwards


def test_json_is_strict_and_says_its_version(explanation: Explanation) -> None:
    data = json.loads(explanation.to_json(), parse_constant=lambda name: pytest.fail(name))
    assert data["schema_version"] == 1
    assert data["error_estimate"] == [None, 0.001]
    assert data == explanation.to_dict()


def tampered(change: Callable[[dict[str, Any]], Any]) -> str:
    data = json.loads(build_explanation().to_json())
    change(data)
    return json.dumps(data)


TAMPERINGS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "newer": (lambda d: d.update(schema_version=2), r"schema_version is 2. Accepted: 1. .*upgrade"),
    "version of another type": (lambda d: d.update(schema_version=True), "schema_version is True"),
    "no version": (lambda d: d.pop("schema_version"), "schema_version is None"),
    "another kind": (lambda d: d.update(kind="failure"), "kind is 'failure'. Accepted here: 'explanation'"),
    "missing field": (lambda d: d.pop("delta"), "lacks delta"),
    "unknown field": (lambda d: d.update(more=1), "has more, which version 1 does not know"),
    "text of another type": (lambda d: d.update(text=5), "text: 5 is not of type str"),
    "changed text": (lambda d: d.update(text="I hated it!"), "'loved' at \\(2, 7\\) is not a slice"),
    "number as text": (lambda d: d["score"].__setitem__(0, "1"), "'1' is not a number"),
    "flag as number": (lambda d: d["score"].__setitem__(0, True), "True is not a number"),
    "number as flag": (lambda d: d["converged"].__setitem__(0, 1), "converged: 1 is not of type bool"),
    "one unit fewer": (lambda d: d["units"].pop(), "'attributions' has the shape"),
    "ragged attributions": (lambda d: d["attributions"][0].pop(), "does not fit together"),
    "unknown kind of unit": (lambda d: d["units"][0].update(special="x"), "'x' is not a kind of unit"),
    "unit without an end": (lambda d: d["units"][0].pop("end"), "does not fit together"),
    "span of one number": (lambda d: d.update(truncated_span=[1]), "does not fit together"),
    "label of another type": (lambda d: d.update(true_label=3), "true_label: 3 is not of type str"),
    "version of a package": (lambda d: d["versions"].update(torch=2), "versions: 2 is not of type str"),
}


@pytest.mark.parametrize(("change", "message"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_tampered_file_is_refused(change: Callable[[dict[str, Any]], Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        Explanation.from_json(tampered(change))


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "[]", "null", '"text"'])
def test_what_is_no_explanation_is_refused(content: str) -> None:
    with pytest.raises(SchemaError):
        Explanation.from_json(content)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file.html"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "a" * 100_000 + "\ud800")
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["file.html"]


@pytest.mark.parametrize("suffix", ["html", "csv", "jsonl", "parquet"])
def test_a_path_that_cannot_be_written_is_named_as_it_was_given(
    explanation: Explanation, tmp_path: Path, suffix: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / f"folder.{suffix}").mkdir()
    kept = ExplanationSet([explanation])
    write = {"html": kept.to_html, "csv": kept.to_csv}.get(suffix, kept.save)
    for path, error in (
        (tmp_path / "none" / f"x.{suffix}", FileNotFoundError),
        (tmp_path / "file" / f"x.{suffix}", NotADirectoryError),
        (tmp_path / f"folder.{suffix}", IsADirectoryError),
    ):
        with pytest.raises(error) as caught:
            write(path)
        assert caught.value.filename == str(path)
        assert ".tmp" not in str(caught.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", f"folder.{suffix}"]


def test_a_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    usual = (tmp_path / "usual").stat().st_mode
    assert write_atomically(tmp_path / "file", "").stat().st_mode == usual
