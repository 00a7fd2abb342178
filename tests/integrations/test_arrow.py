import pyarrow as pa
import pytest

from setfit_explain import Explainer, ExplanationSet
from setfit_explain.errors import OptionError
from setfit_explain.explanation.parquet import row_schema
from setfit_explain.integrations.arrow import TableExplainer
from tests.documents import blocks

from .conftest import GUIDE, ROWS


def test_a_tables_texts_become_a_table_each_with_their_key(model):
    table = pa.Table.from_pylist(ROWS[:3])
    explain = TableExplainer(model, key_column="id", text_column="message", label_column="truth")
    tables = list(explain(table))
    assert [table["id"].to_pylist() for table in tables] == [[f"key-{index}"] * 3 for index in range(3)]
    assert tables[0].schema.remove(0) == row_schema()
    expected = Explainer(model)(
        [row["message"] for row in ROWS[:3]], true_labels=[row["truth"] for row in ROWS[:3]]
    )
    assert ExplanationSet.from_arrow(pa.concat_tables(tables)) == expected


def test_with_several_methods_a_texts_table_has_the_rows_of_each_under_its_key(model):
    table = pa.Table.from_pylist([*ROWS[:2], {"id": "none", "message": None}, ROWS[3]])
    options = {"targets": "predicted", "method": ["occlusion", "leave_one_in"]}
    tables = list(TableExplainer(model, key_column="id", text_column="message", **options)(table))
    assert [found["id"].to_pylist() for found in tables] == [[key] * 2 for key in table["id"].to_pylist()]
    texts = [ROWS[index]["message"] for index in (0, 1, 3)]
    explained = pa.concat_tables(found for found in tables if found["failure"].null_count)
    assert ExplanationSet.from_arrow(explained) == Explainer(model, **options)(texts)
    assert [failure.index for failure in ExplanationSet.from_arrow(tables[2]).failures] == [0, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, r"no column 'text'\. Columns: id, message, truth\."),
        ({"text_column": "mesage"}, r"no column 'mesage'.* Did you mean 'message'"),
        ({"text_column": "message", "key_column": "key"}, "no column 'key'"),
        ({"text_column": "message", "label_column": "class"}, "no column 'class'"),
    ],
)
def test_a_tables_missing_column_is_named_beside_those_that_it_has(model, columns, message):
    explain = TableExplainer(model, **{"key_column": "id", **columns})
    with pytest.raises(OptionError, match=message):
        list(explain(pa.Table.from_pylist(ROWS[:1])))


def test_a_key_cannot_be_called_as_a_column_of_the_explanations():
    with pytest.raises(OptionError, match="key_column='text' is a column of the explanations"):
        TableExplainer("no model is looked for", key_column="text")


def test_the_guides_function_for_spark_maps_record_batches(folder):
    code = next(block for _, block in blocks(GUIDE, "python") if "def explain_batches" in block)
    names = {}
    exec(compile(code.replace("/models/my-model", str(folder)), GUIDE.name, "exec"), names)
    rows = [{"id": index, "text": row["message"]} for index, row in enumerate(ROWS[:6])]
    batches = pa.Table.from_pylist(rows).to_batches(max_chunksize=2)
    found = pa.Table.from_batches(names["explain_batches"](iter(batches)))
    assert ExplanationSet.from_arrow(found) == Explainer(str(folder))([row["text"] for row in rows])
    assert found["id"].to_pylist() == [index for index in range(6) for _ in range(3)]
