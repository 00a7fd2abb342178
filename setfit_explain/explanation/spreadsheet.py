"""CSV that is safe to open in a spreadsheet: one row for each text, target and unit.

A spreadsheet computes a cell that begins like a formula, and a text is anyone's. As OWASP advises against CSV
injection, such a cell is written with an apostrophe before it, and every string in quotes. A text that begins
with an apostrophe gets one too, so that removing one (``str.removeprefix("'")``) gives every text back.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.serialization import replacing
from setfit_explain.explanation.tables import without_surrogates

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation

COLUMNS = (
    "text_index",
    "text",
    "target",
    "unit",
    "start",
    "end",
    "special",
    "attribution",
    "score",
    "baseline_score",
    "delta",
    "error_estimate",
    "converged",
    "predicted",
    "true_label",
    "output",
    "method",
    "failure",
)
_PER_TARGET = ("score", "baseline_score", "delta", "error_estimate", "converged")
# Also the signs' full-width forms, which some spreadsheets fold, and either behind white space.
_BEGINS_A_FORMULA = re.compile(r"['\0\t\r\n]|\s*[=+\-@＝＋－＠]")


def write_csv(items: "Iterable[Explanation | Failure]", file: TextIO, *, first_index: int = 0) -> None:
    """Write explanations as they come, holding one at a time.

    The columns are ``COLUMNS``. Numbers are written in full and read back equal; NaN is an empty cell. The text
    stands in the first of its rows only: a table would else grow with the square of a text's length. A text that
    failed, and a target without units, is one row. Several predicted or true labels are joined by commas. Lone
    surrogates are replaced by U+FFFD.

    Parameters
    ----------
    items
        Explanations and failures, such as ``Explainer.stream`` yields.
    file
        Open for writing text, best with ``newline=""``.
    first_index
        ``text_index`` of the first; the others count up from it.

    Examples
    --------
    ::

        with open("explanations.csv", "w", encoding="utf-8-sig", newline="") as file:
            write_csv(explainer.stream(texts), file)
    """
    writer = csv.DictWriter(file, COLUMNS, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writeheader()
    for index, item in enumerate(items, first_index):
        rows = [_failure_row(item)] if isinstance(item, Failure) else _explanation_rows(item)
        for row in rows:
            writer.writerow({"text_index": index} | {name: _cell(value) for name, value in row.items()})


def to_csv(
    items: "Iterable[Explanation | Failure]", to: str | Path | TextIO | None = None
) -> str | Path | None:
    """Write ``items`` to a path, all or nothing, or to an open file; or return the rows as one string.

    A path is written as UTF-8 with the mark by which Excel knows it, read back with ``encoding="utf-8-sig"``.

    Returns
    -------
    str, Path or None
        The rows where ``to`` is ``None``, the path written where it is one.
    """
    if to is None:
        buffer = io.StringIO(newline="")
        write_csv(items, buffer)
        return buffer.getvalue()
    if not isinstance(to, str | Path):
        write_csv(items, to)
        return None
    with replacing(to) as temporary, temporary.open("x", encoding="utf-8-sig", newline="") as file:
        write_csv(items, file)
    return Path(to)


def _failure_row(item: Failure) -> dict[str, Any]:
    return {"text": item.text, "failure": f"{item.error}: {item.message}"}


def _explanation_rows(item: "Explanation") -> Iterator[dict[str, Any]]:
    label = item.true_label
    of_text = {
        "predicted": ", ".join(item.predicted),
        "true_label": ", ".join(label) if isinstance(label, tuple) else label,
        "output": item.output,
        "method": item.method,
    }
    text = {"text": item.text}
    for index, target in enumerate(item.targets):
        of_target = {"target": target} | {name: getattr(item, name)[index].item() for name in _PER_TARGET}
        units = [
            {
                "unit": unit.text,
                "start": unit.start,
                "end": unit.end,
                "special": unit.special,
                "attribution": value,
            }
            for unit, value in zip(item.units, item.attributions[index].tolist(), strict=True)
        ]
        for of_unit in units or [{}]:
            yield of_text | text | of_target | of_unit
            text = {}


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        text = without_surrogates(value)
        return f"'{text}" if _BEGINS_A_FORMULA.match(text) else text
    return None if isinstance(value, float) and math.isnan(value) else value
