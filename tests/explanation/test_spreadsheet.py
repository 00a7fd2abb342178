"""A spreadsheet computes nothing of a CSV file, and a program reads all of it back."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain.explanation import Explanation, ExplanationSet, Failure, Unit
from setfit_explain.explanation.spreadsheet import COLUMNS, to_csv, write_csv

from .explanations import build_explanation
from .test_serialization import NUMBERS, TEXTS

# https://owasp.org/www-community/attacks/CSV_Injection, and the field separators and quotes that it warns of.
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    "＝1+1",
    "  =1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil","x")',
    'a","=1',
    "a,=1",
    "a;=1",
    "'=1",
    "''",
    '"=1',
]


def read(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def of_text(text: str, **changes: Any) -> Explanation:
    units = (Unit(text, 0, len(text)),)
    return build_explanation(text=text, units=units, attributions=np.array([[-0.1], [0.1]]), **changes)


def restored(cell: str) -> str:
    return cell.removeprefix("'")


def test_each_target_and_unit_is_a_row(explanation: Explanation) -> None:
    rows = read(explanation.to_csv())
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["target"], row["unit"], row["start"], row["end"], row["special"]) for row in rows[4:7]] == [
        ("negative", "[special tokens]", "0", "0", "special"),
        ("positive", "I", "0", "1", ""),
        ("positive", "loved", "2", "7", ""),
    ]
    assert [row["text"] for row in rows] == ["I loved it!"] + 9 * [""]
    assert {(row["predicted"], row["true_label"], row["output"]) for row in rows} == {
        ("positive", "positive", "probability")
    }
    assert [(row["delta"], row["error_estimate"], row["converged"]) for row in rows[::5]] == [
        ("-0.0625", "", "True"),
        ("0.0625", "0.001", "False"),
    ]


@given(values=st.lists(NUMBERS, min_size=2, max_size=2), text=TEXTS.filter(bool))
def test_numbers_and_texts_are_read_back_equal(values: list[float], text: str) -> None:
    given = of_text(text, score=values, true_label=text)
    rows = read(given.to_csv())
    scores = [float(row["score"]) if row["score"] else math.nan for row in rows]
    np.testing.assert_array_equal(scores, values)
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for row in rows:
        assert restored(row["unit"]) == restored(row["true_label"]) == expected
    assert restored(rows[0]["text"]) == expected


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_text_begins_as_a_formula(formula: str) -> None:
    evil = of_text(
        formula, targets=(formula, "b"), classes=(formula, "b"), predicted=(formula,), true_label=(formula,)
    )
    rows = read(ExplanationSet([evil, Failure(1, formula, formula, formula)]).to_csv())
    cells = [
        row[name] for row in rows for name in ("text", "target", "unit", "predicted", "true_label", "failure")
    ]
    assert not [
        cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝＋－＠") or cell[:1] in tuple("\t\r\n\0")
    ]
    assert {restored(cell) for cell in cells} == {formula, "", "b", f"{formula}: {formula}"}


def test_strings_are_quoted_and_negative_numbers_are_numbers(explanation: Explanation) -> None:
    line = explanation.to_csv().splitlines()[2]
    assert line == (
        '0,"","negative","loved",2,7,"",-0.375,0.0625,0.5,-0.0625,"",True,"positive","positive","probability",'
        '"integrated_gradients",""'
    )


def test_no_text_is_left_out() -> None:
    without_units = build_explanation(text="", units=(), attributions=np.zeros((2, 0)), true_label=None)
    rows = read(ExplanationSet([without_units, Failure(1, "x", "TextError", "No tokens.")]).to_csv())
    assert [(row["text_index"], row["target"], row["attribution"], row["failure"]) for row in rows] == [
        ("0", "negative", "", ""),
        ("0", "positive", "", ""),
        ("1", "", "", "TextError: No tokens."),
    ]


def test_pandas_reads_the_file_as_numbers_and_text(explanation: Explanation, tmp_path: Path) -> None:
    path = ExplanationSet([explanation, of_text("=naïve 好")]).to_csv(tmp_path / "set.csv")
    table = pd.read_csv(path)
    assert table["text_index"].tolist() == 10 * [0] + 2 * [1]
    np.testing.assert_array_equal(table["attribution"][:10], explanation.attributions.ravel())
    assert table["text"].dropna().str.removeprefix("'").tolist() == ["I loved it!", "=naïve 好"]
    assert [file.name for file in tmp_path.iterdir()] == ["set.csv"]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # by which Excel knows UTF-8


def test_a_stream_is_written_one_explanation_at_a_time(explanation: Explanation) -> None:
    file = io.StringIO(newline="")
    lengths: list[int] = []

    def stream() -> Any:
        for _ in range(3):
            lengths.append(len(file.getvalue()))
            yield explanation

    write_csv(stream(), file, first_index=7)
    assert lengths[0] < lengths[1] < lengths[2]
    assert [row["text_index"] for row in read(file.getvalue())[::10]] == ["7", "8", "9"]
    assert ExplanationSet([explanation]).to_csv(file) is None
    assert file.getvalue().endswith(explanation.to_csv())


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text("before")
    with pytest.raises(AttributeError):
        to_csv([build_explanation(), None], path)  # type: ignore[list-item]
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["set.csv"]
