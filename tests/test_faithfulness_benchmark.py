"""The benchmark of faithfulness measures each cell once, the defaults first."""

import numpy as np
import pytest

from benchmarks import cells as module
from benchmarks.cells import FAITHFULNESS, SCALES, Cell, Found, cells, measured
from benchmarks.faithfulness import table
from benchmarks.labelled import DataSet, Labelled, data_sets

CELL = Cell("demo", "occlusion", "pad", "log_odds")


@pytest.fixture
def data(tmp_path):
    return data_sets(None, tmp_path)[0]


def found(cell, comprehensive, sufficient):
    names = [f"{metric} ({removal})" for metric in module.METRICS for removal in module.REMOVALS]
    values = {name: list(comprehensive if name[0] == "c" else sufficient) for name in names}
    nothing = {name: [0.0] * len(comprehensive) for name in names}
    return Found(cell, 0.5, values, nothing, nothing)


def test_training_and_held_out_texts_are_apart(data):
    assert len(data.train) == 64
    assert len(data.held_out) == 56
    assert not {row.text for row in data.train} & {row.text for row in data.held_out}


def test_data_sets_are_read_with_the_votes_of_annotators(tmp_path):
    folder = tmp_path / "tweet_selected_text"
    folder.mkdir()
    line = '{"text": "so good", "label": "positive", "rationale": [[3, 7]], "votes": [[3, 7, 0.6]]}\n'
    (folder / "train.jsonl").write_text('{"text": "bad", "label": "negative"}\n')
    (folder / "test.jsonl").write_text(line)
    (read,) = data_sets(tmp_path, tmp_path)
    assert read.held_out == (Labelled("so good", "positive", ((3, 7, 0.6),)),)
    assert read.marked


def test_every_combination_is_a_cell_and_the_defaults_come_first(data):
    every = cells(data)
    assert len(set(every)) == len(every)
    departures = [cell.departures for cell in every]
    assert departures == sorted(departures)
    assert {cell.scale for cell in every} == set(SCALES)
    assert CELL in every
    assert (CELL.name, CELL.options) == (
        "occlusion from pad, log_odds",
        {"method": "occlusion", "baseline": "pad", "output": "log_odds"},
    )


def test_a_cell_is_measured_once_and_then_read(data, tmp_path, monkeypatch):
    first = found(CELL, [0.5, None], [0.1, None])
    monkeypatch.setattr(module, "_measure", lambda *_: first)
    assert measured(data, CELL, 3, tmp_path) is first
    monkeypatch.setattr(module, "_measure", None)
    assert measured(data, CELL, 3, tmp_path) == first
    with pytest.raises(TypeError):
        measured(data, CELL, 4, tmp_path)
    with pytest.raises(TypeError):
        measured(data.first(2), CELL, 3, tmp_path)


def test_the_table_is_sorted_and_compares_with_the_default_text_by_text():
    default = Cell("demo", "integrated_gradients", "auto", "probability")
    rows = table([found(default, [0.2, 0.4], [0.1, 0.1]), found(CELL, [0.6, 0.8], [0.1, 0.1])])
    assert [row["method"] for row in rows] == ["occlusion from pad, log_odds", "integrated_gradients"]
    assert rows[0][FAITHFULNESS].mean == pytest.approx(0.6)
    assert str(rows[0]["over default"]) == "0.400 [0.400, 0.400]"
    assert str(rows[0]["plausibility"]) == "undefined"
    assert np.isnan(rows[0]["planted"].mean)


def test_a_data_set_without_marks_says_so(data):
    assert not data.marked
    assert isinstance(data, DataSet)
