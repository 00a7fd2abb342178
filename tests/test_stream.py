"""Many texts: they come and go one by one, and none is computed twice in a row of repeats."""

import gc
import weakref
from itertools import count, islice

import numpy as np
import pytest

from setfit_explain import Explainer, Explanation, ExplanationSet, Failure
from setfit_explain import explainer as module
from setfit_explain.errors import OptionError, TextError
from setfit_explain.explanation.streams import json_lines
from tests.models import TEXTS, tiny_model


@pytest.fixture
def counted(monkeypatch):
    """An explainer, and the texts that it really computed."""
    explainer = Explainer(tiny_model("bert"), on_error="record")
    computed = []
    compute = explainer._assembler.explanations
    monkeypatch.setattr(
        explainer._assembler,
        "explanations",
        lambda asked: computed.extend(text for text, _ in asked) or compute(asked),
    )
    return explainer, computed


def test_a_stream_gives_what_a_list_gives_in_its_order_while_the_texts_come(counted):
    explainer, _ = counted
    taken = []

    def source():
        for index in count():
            taken.append(index)
            yield TEXTS[index % 5]

    found = list(islice(explainer.stream(source(), read_ahead=1), 3))
    alone = [explainer(text) for text in TEXTS[:3]]
    assert found == alone
    assert taken == [0, 1, 2], "an endless source is read as far as it is asked for"
    taken.clear()
    together = list(islice(explainer.stream(source(), read_ahead=4), 5))
    assert taken == list(range(8)), "as many texts ahead as was said"
    for one, other in zip(together, alone, strict=False):
        np.testing.assert_allclose(one.attributions, other.attributions, atol=1e-6)


def test_a_list_computes_a_text_once_however_many_others_lie_between(counted, monkeypatch):
    explainer, computed = counted
    monkeypatch.setattr(module, "LATELY", 2)
    texts = [f"parcel {index}" for index in range(5)]
    found = explainer(texts + texts)
    assert computed == texts
    assert list(found[:5]) == list(found[5:])


def test_a_stream_keeps_no_more_explanations_than_it_needs(counted, monkeypatch):
    explainer, _ = counted
    monkeypatch.setattr(module, "LATELY", 3)
    given = []
    for explanation in explainer.stream((f"parcel {index}" for index in range(8)), read_ahead=1):
        given.append(weakref.ref(explanation))
        del explanation
        gc.collect()
        assert sum(reference() is not None for reference in given) <= 3 + 1, (
            "those held, and the one just given"
        )


def test_identical_texts_are_computed_once_and_keep_their_own_labels(counted):
    explainer, computed = counted
    found = explainer([TEXTS[0], TEXTS[1], TEXTS[0]], true_labels=["refund", "delay", "praise"])
    assert computed == [TEXTS[0], TEXTS[1]]
    assert [explanation.true_label for explanation in found] == ["refund", "delay", "praise"]
    np.testing.assert_array_equal(found[0].attributions, found[2].attributions)


def test_the_same_text_with_other_targets_is_another_question(counted):
    explainer, computed = counted
    found = explainer([TEXTS[0]] * 3, targets=[["refund"], ["delay"], ["refund"]])
    assert len(computed) == 2
    assert [explanation.targets for explanation in found] == [("refund",), ("delay",), ("refund",)]


def test_a_long_text_ends_the_reading_ahead(counted, monkeypatch):
    explainer, _ = counted
    monkeypatch.setattr(module, "READ_AHEAD_CHARACTERS", 20)
    taken = []
    texts = (taken.append(index) or f"parcel {index}" for index in range(8))
    next(explainer.stream(texts))
    assert taken == [0, 1, 2]


def test_texts_before_a_bad_one_are_given_and_its_error_names_it():
    stream = Explainer(tiny_model("bert")).stream([TEXTS[0], TEXTS[1], 7])
    assert [next(stream).text, next(stream).text] == list(TEXTS[:2])
    with pytest.raises(TextError, match="int") as raised:
        next(stream)
    assert raised.value.__notes__ == ["While explaining text 2."]


@pytest.mark.parametrize("wrong", [0, "3", 2.5])
def test_reading_ahead_is_a_whole_number_of_texts(wrong):
    with pytest.raises(OptionError, match="read_ahead must be a whole number, at least 1, got"):
        next(Explainer(tiny_model("bert")).stream(["parcel"], read_ahead=wrong))


def test_failures_keep_their_place_in_a_stream(counted):
    explainer, _ = counted
    found = list(explainer.stream(["parcel", 7, "\ud800", "parcel"]))
    assert [isinstance(item, Failure) for item in found] == [False, True, True, False]
    assert [item.index for item in found[1:3]] == [1, 2]


def test_a_stream_written_as_json_lines_is_read_back_with_its_failures(counted, tmp_path):
    explainer, _ = counted
    with (tmp_path / "explanations.jsonl").open("w") as file:
        file.writelines(json_lines(explainer.stream([TEXTS[0], None, TEXTS[1]])))
    found = ExplanationSet.load(tmp_path / "explanations.jsonl")
    assert [type(item) for item in found] == [Explanation, Failure, Explanation]
    assert found[0] == explainer(TEXTS[0])


def test_one_string_is_no_stream(counted):
    with pytest.raises(TextError, match=r"explainer\(text\)"):
        next(counted[0].stream("parcel"))


def test_a_stream_reads_its_labels_side_by_side_with_its_texts(counted):
    explainer, _ = counted
    found = list(
        islice(explainer.stream(("parcel" for _ in count()), true_labels=(n % 3 for n in count())), 4)
    )
    assert [explanation.true_label for explanation in found] == ["refund", "delay", "praise", "refund"]


def test_labels_of_another_number_are_no_labels_of_a_stream(counted):
    with pytest.raises(OptionError, match="more texts than true_labels; each text needs one"):
        list(counted[0].stream(["parcel", "late"], true_labels=["delay"]))
    with pytest.raises(OptionError, match="more true_labels than texts"):
        list(counted[0].stream(["parcel"], true_labels=["delay", None]))
