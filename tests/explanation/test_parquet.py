import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from setfit_explain.errors import MissingExtraError, SchemaError
from setfit_explain.explanation import Explanation, ExplanationSet, Failure, Unit
from setfit_explain.explanation.serialization import SCHEMA_VERSION

from .explanations import build_explanation
from .test_serialization import NUMBERS, TEXTS

FIXTURES = Path(__file__).parent / "saved"
CUT = Failure(7, "half \ud800", "TextError", "No tokens: \udfff")


def every_kind() -> ExplanationSet:
    """Every value that a field may have: also what the files of `saved` hold."""
    return ExplanationSet(
        [
            build_explanation(),
            Failure(1, "", "TextError", "No tokens."),
            build_explanation(
                text="",
                units=(),
                attributions=np.zeros((1, 0)),
                targets=("positive vs negative",),
                **{name: [value] for name, value in ONE_TARGET.items()},
                probabilities=[np.nan, np.nan],
                predicted=(),
                true_label=(),
                truncated_span=(0, 0),
                notes=(),
                settings={"none": None, "flag": True, "one": 1, "float": 1.0, "text": "1"},
                versions={},
            ),
            CUT,
            build_explanation(true_label=None, notes=("half \ud800", "�")),
            build_explanation(true_label=("a", "b"), model_fingerprint="another"),
        ]
    )


ONE_TARGET = {
    "score": np.inf,
    "baseline_score": -np.inf,
    "delta": -0.0,
    "error_estimate": 5e-324,
    "converged": False,
}


@given(text=TEXTS.filter(bool), numbers=st.lists(NUMBERS, min_size=4, max_size=4), name=TEXTS)
def test_a_table_comes_back_equal(text: str, numbers: list[float], name: str) -> None:
    explanation = build_explanation(
        text=text,
        units=(Unit(text, 0, len(text)), Unit("[prompt]", 0, 0, "prompt")),
        attributions=np.array(numbers).reshape(2, 2),
        score=numbers[:2],
        error_estimate=numbers[2:],
        classes=("negative", name),
        notes=(name, text),
        settings={name: text},
        true_label=(name,),
    )
    kept = ExplanationSet([explanation, Failure(0, text, name, text)])
    assert ExplanationSet.from_arrow(kept.to_arrow()) == kept


def test_a_file_comes_back_equal_in_every_kind_of_value(tmp_path: Path) -> None:
    kept = every_kind()
    loaded = ExplanationSet.load(kept.save(tmp_path / "set.parquet"))
    assert loaded == kept
    assert loaded.to_json() == kept.to_json()
    assert [type(value) for value in loaded.explanations[1].settings.values()] == [
        bool, float, type(None), int, str,
    ]  # fmt: skip
    assert np.signbit(loaded.explanations[1].delta)
    assert [file.name for file in tmp_path.iterdir()] == ["set.parquet"]


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_a_set_of_any_length_comes_back_in_its_order(tmp_path: Path, count: int) -> None:
    kept = ExplanationSet(Failure(index, str(index), "TextError", "") for index in range(count))
    path = kept.save(tmp_path / "set.parquet")
    assert ExplanationSet.load(path) == kept
    assert parquet.ParquetFile(path).num_row_groups == -(-count // 256)


def test_the_same_set_gives_the_same_bytes(tmp_path: Path) -> None:
    forwards = ExplanationSet([build_explanation(settings={"a": 1, "b": 2})]).save(tmp_path / "a.parquet")
    backwards = ExplanationSet([build_explanation(settings={"b": 2, "a": 1})]).save(tmp_path / "b.parquet")
    assert forwards.read_bytes() == backwards.read_bytes()


def test_others_read_one_row_a_text_and_target_with_the_units_as_structs(tmp_path: Path) -> None:
    path = every_kind().save(tmp_path / "set.parquet")
    table = pd.read_parquet(path)
    assert list(zip(table["text_index"], table["target"].fillna("-"), strict=True))[:4] == [
        (0, "negative"), (0, "positive"), (1, "-"), (2, "positive vs negative"),
    ]  # fmt: skip
    assert table["units"][1][1] == {
        "text": "loved", "start": 2, "end": 7, "special": None, "attribution": 0.375,
    }  # fmt: skip
    assert table["score"][1] == 0.9375
    assert table["failure"][2] == {"index": 1, "error": "TextError", "message": "No tokens."}
    assert table["text"][4] == "half �"


def test_the_metadata_name_the_version_and_what_all_explanations_share(tmp_path: Path) -> None:
    kept = ExplanationSet([build_explanation(settings={"a": 1, "nodes": n}) for n in (9, 17)])
    header = json.loads(
        parquet.read_metadata(kept.save(tmp_path / "set.parquet")).metadata[b"setfit_explain"]
    )
    assert header == {
        "schema_version": 1,
        "kind": "explanation_set",
        "count": 2,
        "settings": {
            "a": 1,
            "granularity": "word",
            "method": "integrated_gradients",
            "model_fingerprint": "abc",
            "output": "probability",
        },
    }


def test_tables_are_joined_and_carry_columns_of_others() -> None:
    one, other = (ExplanationSet([build_explanation(true_label=label)]) for label in "ab")
    joined = pa.concat_tables([one.to_arrow().replace_schema_metadata(), other.to_arrow()])
    joined = joined.drop_columns("text_index").append_column("key", [[1, 1, 2, 2]])
    joined = joined.replace_schema_metadata()
    assert ExplanationSet.from_arrow(joined) == ExplanationSet([*one, *other])


Change = Callable[[pa.Table], pa.Table]
HEADER = {b"setfit_explain": b'{"schema_version": 2, "kind": "explanation_set"}'}
TAMPERINGS: dict[str, tuple[Change, str]] = {
    "a newer file": (lambda t: t.replace_schema_metadata(HEADER), r"schema_version is 2\. .*upgrade"),
    "newer rows": (lambda t: put(t, "schema_version", 2), r"schema_version is 2\. .*upgrade"),
    "a lacking column": (lambda t: t.drop_columns("delta"), "lacks delta"),
    "a row fewer": (lambda t: t.slice(1), "'positive' .* has the index 1 where 0 is due"),
    "a text fewer": (lambda t: t.slice(2), "holds 5 texts but its header says 6"),
    "another order": (lambda t: t.take([1, 0]), "has the index 1 where 0 is due"),
    "rows of another text": (lambda t: t.take([3, 1]), "has the index 1 where 0 is due"),
    "a changed text": (lambda t: put(t, "text", "I hated it!"), "'loved' at .* is not a slice"),
    "no score": (lambda t: put(t, "converged", None), "converged: None is not of type bool"),
    "scores of another type": (lambda t: t.set_column(5, "score", [["x"] * len(t)]), "does not fit together"),
    "no unit": (lambda t: put(t, "units", [None]), "does not fit together"),
    "broken settings": (lambda t: put(t, "settings", "{"), "Not JSON"),
}


def put(table: pa.Table, name: str, value: Any) -> pa.Table:
    """Write ``value`` into all rows of the first text, and drop the rest."""
    place = table.schema.get_field_index(name)
    column = pa.array([value, value], table.schema.field(name).type)
    return table.slice(0, 2).set_column(place, table.schema.field(name), column)


@pytest.mark.parametrize(("change", "message"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_tampered_table_is_refused(change: Change, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        ExplanationSet.from_arrow(change(every_kind().to_arrow()))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}\n"])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.parquet"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="is not Parquet"):
        ExplanationSet.load(path)


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ExplanationSet([CUT]).save(tmp_path / "set.parquet")
    monkeypatch.setattr(
        parquet.ParquetWriter, "write_batch", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        every_kind().save(path)
    assert ExplanationSet.load(path) == ExplanationSet([CUT])
    assert list(tmp_path.iterdir()) == [path]


def test_without_pyarrow_the_extra_is_named(
    explanation: Explanation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for attempt in (
        ExplanationSet([explanation]).to_arrow,
        lambda: ExplanationSet([explanation]).save(tmp_path / "set.parquet"),
        lambda: ExplanationSet.load(tmp_path / "set.parquet"),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[parquet\]'"):
            attempt()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_files_of_every_version_stay_readable(path: Path) -> None:
    assert ExplanationSet.load(path) == every_kind()


def test_every_version_has_a_file_of_each_kind() -> None:
    versions = range(1, SCHEMA_VERSION + 1)
    expected = {f"version-{version}.{suffix}" for version in versions for suffix in ("jsonl", "parquet")}
    assert {path.name for path in FIXTURES.iterdir()} == expected
