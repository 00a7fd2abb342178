"""Texts from files of every kind: what is read, and what is said of a file that cannot be."""

import csv
import io
import json
import sys

import pandas as pd
import pytest

from setfit_explain.cli.reading import InputFormat, Row, Source
from setfit_explain.errors import InputError, MissingExtraError


@pytest.fixture
def read(tmp_path):
    """Write content under a name, and read it."""

    def reading(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(Source(str(path), **options).rows())

    return reading


def test_lines_end_with_a_newline_only_and_keep_what_else_is_in_them(read):
    assert read("a.txt", "one\r\n\ntwo\u2028still two\x0c\nthree") == [
        Row("one"), Row(""), Row("two\u2028still two\x0c"), Row("three"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl"])
def test_an_empty_file_has_no_rows(read, name):
    assert read(name, "") == []


@pytest.mark.parametrize("content", ["text,label\n", "\ufefftext,label\r\n", "text,label"])
def test_a_header_alone_has_no_rows(read, content):
    assert read("a.csv", content, label_column="label") == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_keeps_quoted_newlines_quotes_and_commas_whatever_ends_its_lines(read, end):
    content = end.join(["text,label", f'"late, ""again""{end}parcel",1', "thanks,", ""])
    assert read("a.csv", content, label_column="label") == [
        Row(f'late, "again"{end}parcel', "1"), Row("thanks", None),
    ]  # fmt: skip


def test_a_csvs_texts_may_be_long_with_a_limit_that_fits_a_c_long_everywhere(read):
    assert read("a.csv", f"text\n{'late ' * 100_000}\n") == [Row("late " * 100_000)]
    assert csv.field_size_limit() == 2**31 - 1


def test_a_tsv_is_cut_at_tabs(read):
    assert read("a.tsv", 'text\tlabel\na, b\tx\n"c\td"\ty\n', label_column="label") == [
        Row("a, b", "x"), Row("c\td", "y"),
    ]  # fmt: skip


def test_json_lines_keep_the_types_of_their_labels(read):
    rows = [{"text": "a", "label": 2}, {"text": None, "label": ["x", "y"]}]
    content = "\n\n".join(map(json.dumps, rows))
    assert read("a.ndjson", content, label_column="label") == [Row("a", 2), Row(None, ["x", "y"])]


def test_parquet_is_read_in_its_order_over_row_groups(tmp_path):
    texts = [f"text {n}" for n in range(2500)]
    table = pd.DataFrame({"id": range(2500), "message": texts, "label": [1.0, None] * 1250})
    table.to_parquet(tmp_path / "a.parquet", row_group_size=999)
    rows = list(Source(str(tmp_path / "a.parquet"), text_column="message", label_column="label").rows())
    assert [row.text for row in rows] == texts
    assert rows[0].label == 1.0
    with pytest.raises(
        InputError, match=r"no column 'massage' at row 1. Columns: id, message, label.*'message'"
    ):
        list(Source(str(tmp_path / "a.parquet"), text_column="massage").rows())
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(Source(__file__, InputFormat.PARQUET).rows())


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[parquet\]'"):
        list(Source(str(tmp_path / "a.parquet")).rows())


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_text(read, name):
    content = {"a.txt": "late\n", "a.csv": "text\nlate\n", "a.jsonl": '{"text": "late"}\n'}[name]
    assert read(name, content.encode("utf-8-sig")) == [Row("late")]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("cp1252", r"is not UTF-8 \(line 3, byte 4 of the line\).*iconv -f WINDOWS-1252 -t UTF-8 .*a.csv > utf8-a.csv"),
        ("utf-16", r"is not UTF-8 \(line 1, byte 1 of the line\).*iconv -f UTF-16"),
    ],
)  # fmt: skip
def test_another_encoding_is_refused_with_its_place_and_the_mend(read, encoding, message):
    with pytest.raises(InputError, match=message):
        read("a.csv", "text\nplain\ncafé\n".encode(encoding))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label\nhello, world,x\n", "Line 2 has more fields than .* commas into double quotes"),
        ("a.tsv", "text\na\tb\n", "tabs into double quotes"),
        ("a.csv", 'text\n"open\n', "broken at line 2"),
        ("a.csv", "Text\na\n", r"no column 'text' at line 2\. Columns: Text\. .*Did you mean 'Text'\?"),
        ("a.jsonl", '{"text": "a"}\n{]\n', "Line 2 is not JSON"),
        ("a.jsonl", "[1]\n", "not a JSON object but list"),
    ],
)
def test_a_broken_file_is_refused_with_the_line(read, name, content, message):
    with pytest.raises(InputError, match=message):
        read(name, content)


def test_json_that_is_no_lines_is_not_read_as_plain_text(read):
    with pytest.raises(
        InputError, match=r"'.*a.JSON' is JSON\. Accepted: .* ends in \.jsonl, .* jq -c '\.\[\]' .*a.JSON"
    ):
        read("a.JSON", '[\n{"text": "good"}\n]\n')
    assert read("a.json", '{"text": "good"}\n', input_format=InputFormat.JSONL) == [Row("good")]
    assert read("a.json", "[\n", input_format=InputFormat.TEXT) == [Row("[")]


def test_labels_need_columns():
    with pytest.raises(InputError, match="--label-column needs a file with columns"):
        Source("a.txt", label_column="label")


def test_standard_input_is_read_again_once_it_is_kept(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    once = Source("-")
    with once.kept() as kept, kept.kept() as same:
        assert (once.read_once, kept.read_once) == (True, False)
        assert list(kept.rows()) == list(kept.rows()) == [Row("one"), Row("two")]
        assert same is kept
