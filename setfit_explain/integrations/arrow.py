"""The explainer from Arrow tables to Arrow tables, the form in which engines hand over their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from setfit_explain.explainer import Explainer
from setfit_explain.explanation.explanation_set import ExplanationSet, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self.key_column, self.text_column, self.label_column = key_column, text_column, label_column
        settings: Options = {"on_error": "record", "show_progress": False, **options}
        self.explainer = Explainer(model, **settings)

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Explain a table's texts; yield a table for each, in their order.

        Its columns are the key, then those of `ExplanationSet.to_arrow` but for ``text_index``; its rows the
        targets explained, by each of a list of methods. A failure's index is 0: the key names its text.
        """
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
