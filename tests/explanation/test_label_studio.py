"""Tasks have the form of https://labelstud.io/guide/predictions, and fit the labeling configuration."""

import json
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from setfit_explain.errors import OptionError, TargetError
from setfit_explain.explanation import ExplanationSet, Failure, Unit
from setfit_explain.explanation.label_studio import labeling_config

from .explanations import OF_NO_CLASS, UNSIGNED, build_explanation


def check_against_config(task: dict[str, Any], config: str) -> None:
    """Check a task as Label Studio does: every region's control, object, type and labels are in the configuration."""
    view = ElementTree.fromstring(config)
    controls = {tag.get("name"): tag for tag in view if tag.get("toName")}
    objects = {tag.get("name"): tag for tag in view if tag.get("value")}
    for prediction in task["predictions"]:
        assert isinstance(prediction["model_version"], str)
        assert 0 <= prediction["score"] <= 1
        for region in prediction["result"]:
            control = controls[region["from_name"]]
            assert region["to_name"] == control.get("toName")
            text = task["data"][objects[region["to_name"]].get("value").removeprefix("$")]
            assert region["type"] == control.tag.lower()
            values = region["value"][region["type"]]
            assert values
            assert set(values) <= {tag.get("value") for tag in control}
            if region["type"] == "labels":
                assert text[region["value"]["start"] : region["value"]["end"]] == region["value"]["text"]
    ids = [region["id"] for prediction in task["predictions"] for region in prediction["result"]]
    assert len(set(ids)) == len(ids)


def test_a_task_has_the_answer_and_the_strongest_units_as_spans() -> None:
    (task,) = ExplanationSet([build_explanation()]).to_label_studio(n=2)
    check_against_config(task, labeling_config(("negative", "positive")))
    (prediction,) = task["predictions"]
    assert (prediction["score"], prediction["model_version"]) == (0.9375, "abc")
    choice, loved, it = prediction["result"]
    assert choice["value"] == {"choices": ["positive"]}
    assert (loved["value"]["labels"], loved["score"]) == (["towards"], 0.375)
    assert (it["value"]["labels"], it["score"]) == (["away"], 0.0625)


def test_another_target_marks_its_own_units() -> None:
    explanations = ExplanationSet([build_explanation()])
    (task,) = explanations.to_label_studio("negative", n=1)
    assert task["predictions"][0]["result"][1]["value"]["labels"] == ["away"]
    with pytest.raises(TargetError, match="was not explained"):
        explanations.to_label_studio("neutral")


def test_units_without_a_sign_are_marked_as_strong() -> None:
    (task,) = ExplanationSet([build_explanation(**UNSIGNED)]).to_label_studio(n=2)
    check_against_config(task, labeling_config(("negative", "positive"), signed=False))
    labels = [region["value"]["labels"] for region in task["predictions"][0]["result"][1:]]
    assert labels == [["strong"], ["strong"]]


def test_a_method_that_explains_no_class_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'attention_rollout' explains no class.*Label Studio"):
        ExplanationSet([build_explanation(**OF_NO_CLASS)]).to_label_studio()


def test_units_that_did_nothing_and_buckets_are_not_marked() -> None:
    values = np.array([[0.0, np.nan, 0.0, 0.0, 0.5]] * 2)
    (task,) = ExplanationSet([build_explanation(attributions=values)]).to_label_studio()
    assert [region["type"] for region in task["predictions"][0]["result"]] == ["choices"]


def test_odd_texts_and_classes_fit_the_configuration_and_json() -> None:
    names = ('a"b', "<c>&'\x1b$d")
    text = "🙂 \ud800 =x"
    odd = build_explanation(
        text=text,
        units=(Unit("🙂", 0, 1), Unit("\ud800", 2, 3), Unit("=x", 4, 6)),
        attributions=[[1.0, -1.0, 0.5]] * 2,
        classes=names,
        targets=names,
        predicted=names,
        true_label=None,
    )
    (task,) = json.loads(json.dumps(ExplanationSet([odd]).to_label_studio()))
    config = labeling_config(names, multi_label=True)
    check_against_config(task, config)
    assert 'choice="multiple"' in config
    assert len(task["predictions"][0]["result"]) == 4


def test_no_text_is_left_out_and_no_id_comes_twice() -> None:
    unanswered = build_explanation(predicted=(), probabilities=[np.nan, np.nan])
    tasks = ExplanationSet(
        [build_explanation(), Failure(1, "x", "TextError", ""), build_explanation(), unanswered]
    ).to_label_studio()
    assert [task["data"]["text_index"] for task in tasks] == [0, 1, 2, 3]
    assert tasks[1]["predictions"] == []
    assert tasks[3]["predictions"][0]["score"] == 0
    ids = [region["id"] for task in tasks for made in task["predictions"] for region in made["result"]]
    assert len(set(ids)) == len(ids)
    for task in tasks:
        check_against_config(task, labeling_config(("negative", "positive")))
