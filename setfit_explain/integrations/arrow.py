"""The explainer from Arrow tables to Arrow tables, the form in which engines hand over their rows."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from setfit_explain.errors import OptionError
from setfit_explain.explainer import Explainer
from setfit_explain.explanation.explanation_set import ExplanationSet, Failure
from setfit_explain.explanation.parquet import row_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from setfit_explain.explaining import Options


class TableExplainer:
    """A model, loaded and verified once, that explains the texts of tables.

    Parameters
    ----------
    model
        As for `Explainer`.
    key_column
        Names the texts in the result; not one of our columns.
    text_column, label_column
        The texts, and their true labels if there are any.
    **options
        As for `Explainer`; here a text that cannot be explained is recorded as failed, unless
        ``on_error="raise"``.

    Raises
    ------
    OptionError
        The key is a column of ours; when a table's turn comes, it lacks a column.
    SetFitExplainError
        As `Explainer`.
    """

    def __init__(
        self,
        model: Any,
        *,
        key_column: str,
        text_column: str = "text",
        label_column: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        check_key(key_column)
        self.key_column, self.text_column, self.label_column = key_column, text_column, label_column
        settings: Options = {"on_error": "record", "show_progress": False, **options}
        self.explainer = Explainer(model, **settings)

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Explain a table's texts; yield a table for each, in their order.

        Its columns are the key, then those of `ExplanationSet.to_arrow` but for ``text_index``; its rows the
        targets explained, by each of a list of methods. A failure's index is 0: the key names its text.
        """
        check_columns(table.column_names, self.key_column, self.text_column, self.label_column)
        labels = None if self.label_column is None else table[self.label_column].to_pylist()
        items = self.explainer(table[self.text_column].to_pylist(), true_labels=labels)
        each = len(self.explainer.methods)
        for place in range(len(table)):
            of_text = items[place * each : (place + 1) * each]
            own = (replace(item, index=0) if isinstance(item, Failure) else item for item in of_text)
            rows = ExplanationSet(own).to_arrow().drop_columns("text_index")
            keyed = table.select([self.key_column]).take([place] * len(rows))
            for name in rows.column_names:
                keyed = keyed.append_column(rows.field(name), rows[name])
            yield keyed.replace_schema_metadata()  # it counts the texts of one table, not of all


def check_key(key_column: str) -> None:
    """Refuse a key that would stand beside a column of the same name."""
    if key_column in row_schema().names:
        raise OptionError(
            f"key_column={key_column!r} is a column of the explanations. Rename that of the texts."
        )


def check_columns(known: Sequence[str], *columns: str | None) -> None:
    """Refuse columns, but for None, that are not among those known."""
    for column in columns:
        if column is not None and column not in known:
            near = difflib.get_close_matches(column, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"There is no column {column!r}. Columns: {', '.join(known)}.{hint}")
