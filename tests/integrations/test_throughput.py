"""The tool whose number the guide's hours are reckoned from."""

import importlib

import pytest

from setfit_explain.demo.data import load_test


@pytest.fixture
def throughput(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the tool sets it for its process; this one's is put back
    return importlib.import_module("tools.throughput")


def test_every_text_measured_is_another_since_repeated_ones_are_explained_once(throughput):
    texts = throughput.distinct_texts(120)
    assert len(set(texts)) == len(texts) == 120
    assert texts[:56] == [example.text for example in load_test()]


@pytest.mark.parametrize("count", [0, 121])
def test_more_texts_than_there_are_or_none_are_refused(throughput, count):
    with pytest.raises(SystemExit, match=f"{count} texts .* 1 to 120"):
        throughput.distinct_texts(count)
