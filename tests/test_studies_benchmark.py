"""The benchmark of studies pools the texts of all data sets."""

import sys

import numpy as np
import pytest

from benchmarks import studies
from benchmarks.labelled import DataSet, Labelled
from setfit_explain.evaluation import Direction, Measurement, estimate
from tests.models import LABELS, TEXTS, tiny_model


def measurement(values, random=None, method="occlusion", metric="max_sensitivity"):
    control = None if random is None else np.array(random)
    return Measurement(
        method=method,
        metric=metric,
        removal=None,
        direction=Direction.LOWER,
        unit="",
        values=np.array(values),
        random=control,
    )


def test_a_row_has_the_mean_over_the_texts_of_all_data_sets_with_its_interval_and_control():
    pooled = [0.1, 0.5, 0.9, 0.3]
    found = [measurement(pooled[:1], [0.2]), measurement(pooled[1:], [0.4, 0.4, 0.6])]
    row = studies._row("max_sensitivity", {"occlusion": found})
    interval = estimate(pooled)
    assert row[""] == "max sensitivity"
    assert row["occlusion"] == f"0.45 [{interval.low:.2f}, {interval.high:.2f}] (0.40)"
    assert interval.low < 0.45 < interval.high


def test_texts_that_a_metric_is_undefined_for_count_neither_for_it_nor_for_its_control():
    found = [measurement([0.25, np.nan], [0.5, 0.9]), measurement([np.nan], [0.9])]
    assert studies._row("m", {"occlusion": found})["occlusion"] == "0.25 [0.25, 0.25] (0.50)"


def test_without_a_control_there_are_no_brackets():
    assert studies._row("m", {"occlusion": [measurement([0.25])]})["occlusion"] == "0.25 [0.25, 0.25]"


@pytest.mark.parametrize("measurements", [{}, {"saliency": [measurement([np.nan, np.nan], [np.nan, 0.5])]}])
def test_a_metric_that_a_method_lacks_is_a_dash(measurements):
    row = studies._row("agreement_across_seeds", measurements)
    assert list(row) == ["", *studies.METHODS]
    assert set(list(row.values())[1:]) == {"-"}


def test_the_page_pools_what_is_measured_on_each_data_set(tmp_path, monkeypatch):
    rows = tuple(Labelled(text, LABELS[place // 3]) for place, text in enumerate(TEXTS))
    sets = [DataSet(f"set {place}", rows, rows[place:], (), tmp_path) for place in range(2)]
    methods = {
        "smoothgrad": {"method": "smoothgrad", "n_samples": 4},
        "saliency": {"method": "saliency"},
    }
    seen: list[Measurement] = []

    def measured(data):
        assert len(data.held_out) == 1
        found = list(measure(data))
        seen.extend(found)
        return found

    measure = studies.measured
    monkeypatch.setattr(studies, "measured", measured)
    monkeypatch.setattr(studies, "METHODS", methods)
    monkeypatch.setattr(studies, "data_sets", lambda *_: sets)
    monkeypatch.setattr(studies, "prepare", lambda: None)  # it sets up the process
    monkeypatch.setattr(DataSet, "_trained", lambda *_: tiny_model("bert"))
    monkeypatch.setattr(sys, "argv", ["studies", "--texts", "1", "--out", str(tmp_path)])
    studies.main()

    lines = (tmp_path / "studies.md").read_text("utf-8").splitlines()
    names, _, *cells = (line.strip("|").split("|") for line in lines if line.startswith("| "))
    table = {
        row[0].strip(): dict(zip(methods, (cell.strip() for cell in row[1:]), strict=True)) for row in cells
    }
    assert [name.strip() for name in names] == ["", *methods]
    assert set(table) == {found.metric.replace("_", " ") for found in seen} - {"seconds"}
    assert {"max sensitivity", "similarity after head", "similarity after label shuffled refit"} <= set(table)
    assert table["agreement across seeds"]["saliency"] == "-"  # it draws nothing
    for metric, by_method in table.items():
        for name, cell in by_method.items():
            values = [
                found.values
                for found in seen
                if (found.metric.replace("_", " "), found.method) == (metric, name)
            ]
            assert len(values) == 2
            mean = estimate(np.concatenate(values)).mean
            assert cell.split(" [")[0] == ("-" if np.isnan(mean) else f"{mean:.2f}")
