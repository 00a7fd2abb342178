"""The benchmark of faithfulness measures each block once, the defaults first."""

import dataclasses
import math
import re
import shutil
from copy import deepcopy

import numpy as np
import pytest

from benchmarks import blocks as module
from benchmarks.blocks import Found
from benchmarks.cells import (
    ANOTHER_BODY,
    BASELINES,
    OTHER_REMOVALS,
    PLANTED_OTHERWISE,
    REMOVALS,
    SCALES,
    SEEDS,
    SHARPER,
    USUAL,
    VARIANTS,
    Cell,
    Stage,
    every_setting,
    own,
    stages,
)
from benchmarks.elsewhere import located, on_units
from benchmarks.faithfulness import blocks, measure_until
from benchmarks.labelled import SHARPER as SHARPER_BY
from benchmarks.labelled import Labelled, Subject, data_sets
from benchmarks.report import Report
from benchmarks.sharing import answers_shared
from benchmarks.summary import summarise, summed_up
from setfit_explain import Explainer
from setfit_explain.arguments import METHODS
from setfit_explain.attribution.perturbation import Perturbation, make_removal
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.demo.weights import load_body
from setfit_explain.evaluation import PlantedShortcut, evaluate, planted_word
from tests.models import tiny_model


@pytest.fixture
def data(tmp_path):
    return data_sets(None, tmp_path)[0]


def test_training_and_held_out_texts_are_apart(data):
    assert len(data.train) == 64
    assert len(data.held_out) + len(data.long) == 56
    assert not {row.text for row in data.train} & {row.text for row in data.held_out + data.long}
    assert (
        max(len(row.text.split()) for row in data.held_out)
        <= 16
        < min(len(row.text.split()) for row in data.long)
    )


def test_data_sets_are_read_with_the_votes_of_annotators(tmp_path):
    folder = tmp_path / "tweet_selected_text"
    folder.mkdir()
    line = '{"text": "so good", "label": "positive", "rationale": [[3, 7]], "votes": [[3, 7, 0.6]]}\n'
    (folder / "train.jsonl").write_text('{"text": "bad", "label": "negative"}\n')
    (folder / "test.jsonl").write_text(line)
    (read,) = data_sets(tmp_path, tmp_path)
    assert read.held_out == (Labelled("so good", "positive", ((3, 7, 0.6),)),)


def test_the_defaults_come_first_and_every_method_is_among_them():
    planned = stages()
    assert planned[0].cells[0] == own("integrated_gradients")
    usual = [stage for stage in planned if stage.name in ("defaults", "costly") and stage.subjects == USUAL]
    kinds = {kind.name for kind in METHODS.values()}
    assert {cell.name for stage in usual for cell in stage.cells} == kinds


def test_every_combination_of_method_baseline_and_scale_is_measured():
    cells = every_setting(4).cells
    assert len({cell.name for cell in cells}) == len(cells)
    kinds = {kind.name: kind() for kind in METHODS.values()}
    takes = [name for name, kind in kinds.items() if hasattr(kind, "baseline")]
    assert len(cells) == len(SCALES) * (len(BASELINES) * len(takes) + len(kinds) - len(takes))
    cell = own("occlusion", "pad", "log_odds")
    assert cell in cells
    assert cell.name == "occlusion from pad, log_odds"
    assert cell.options == {"method": "occlusion", "baseline": "pad", "output": "log_odds"}


def test_blocks_take_the_data_sets_in_turns_and_no_text_twice(data):
    stage = Stage("defaults", (own("occlusion"),), 0, 25)
    other = dataclasses.replace(data, name="other")
    found = [(each.name, block) for each, _, block in blocks({USUAL: [data, other]}, [stage])]
    assert found == [(name, block) for block in ((0, 10), (10, 20), (20, 25)) for name in ("demo", "other")]
    assert [*Stage("", (), 40, 200).blocks(56)] == [(40, 50), (50, 56)]
    assert [*Stage("", (), 0, 3, size=2).blocks(56)] == [(0, 2), (2, 3)]


def test_a_block_is_measured_once_and_another_one_for_other_texts(data, tmp_path, monkeypatch):
    calls = []
    record = {"table": {}, "seconds": {}, "refused": {}}
    monkeypatch.setattr(module, "measured", lambda *given, **_: calls.append(given) or record)
    stage = Stage("defaults", (own("occlusion"),), 0, 20)
    for _ in range(2):
        measure_until(math.inf, {USUAL: [data]}, [stage], tmp_path)
    assert len(calls) == 2
    measure_until(math.inf, {USUAL: [data.first(15)]}, [stage], tmp_path)
    assert len(calls) == 3
    measure_until(-math.inf, {USUAL: [data.first(5)]}, [stage], tmp_path)
    assert len(calls) == 3


def test_another_setting_under_the_same_name_is_another_block(data, tmp_path):
    files = {
        module.file_of(data, Stage("s", (cell,), 0, 10, removals=removals), (0, 10), tmp_path)
        for cell in (Cell("a", {"n_steps": 8}), Cell("a", {"n_steps": 9}))
        for removals in (REMOVALS, OTHER_REMOVALS)
    }
    assert len(files) == 4


def test_texts_that_another_tool_cannot_explain_are_counted(data, monkeypatch):
    def explain(text, spans, _):
        if text == data.held_out[1].text:
            raise RuntimeError("not this one")
        return np.arange(len(spans))

    subject = Subject(tiny_model("bert"), ())
    monkeypatch.setattr(type(data), "subject", subject)
    monkeypatch.setattr(type(data), "answers", property(lambda self: ["x"] * len(self.held_out)))
    monkeypatch.setattr(type(data), "shortcut", None)
    stage = Stage("s", (Cell("tool", maker=lambda _: explain),), 0, 3)
    record = module.measured(data, stage, (0, 3))
    assert record["failed"] == {"tool": (1, "tool: tool raised RuntimeError: not this one")}
    assert record["seconds"]["tool"] > 0
    found = Found(6)
    for start in (0, 3):
        found.add(start, record)
    assert found.failed["tool"][0] == 2
    values = found.array("tool", "comprehensiveness (mask)")
    assert np.isnan(values).tolist() == [False, True, False] * 2


def test_the_table_is_sorted_and_compares_with_the_default_text_by_text():
    found = Found(3)
    for start, name, comprehensive in ((0, "integrated_gradients", [0.2, 0.4]), (1, "occlusion", [0.8, 0.6])):
        table = {
            f"{metric} ({removal})": {"values": comprehensive if metric[0] == "c" else [0.1, 0.1]}
            for metric in ("comprehensiveness", "sufficiency")
            for removal in module.REMOVALS
        }
        found.add(start, {"table": {name: table}, "seconds": {name: 2.0}, "refused": {}})
    rows = summed_up(["integrated_gradients", "occlusion", "never"], [found])
    assert [row["method"] for row in rows] == ["occlusion", "integrated_gradients"]
    assert str(rows[0]["over the default"]) == "0.400 [0.400, 0.400]"
    assert (rows[0]["sets"], rows[0]["texts"], rows[0]["time"]) == ("1 above, 0 below", 1, 1.0)
    assert rows[0]["faithfulness"].mean == pytest.approx(0.6)
    assert str(rows[0]["planted"]) == "undefined"


def test_a_method_is_judged_by_removals_that_it_does_not_use_on_the_texts_that_have_both(
    data, tmp_path, monkeypatch
):
    default, other = (own(name) for name in ("integrated_gradients", "occlusion"))
    gains = {("defaults", "occlusion"): 0.5, ("other removals", "occlusion"): 0.1}

    def measured(_, stage, block):
        start, stop = block
        table = {
            cell.name: {
                f"{metric} ({removal})": {"values": [value] * (stop - start)}
                for metric, value in (
                    ("comprehensiveness", gains.get((stage.name, cell.name), 0) * (1 + start)),
                    ("sufficiency", 0),
                )
                for removal in stage.removals
            }
            for cell in stage.cells
        }
        seconds = {cell.name: 3.0 - stage.cells.index(cell) for cell in stage.cells}
        return {"table": table, "seconds": seconds if stage.subjects == ANOTHER_BODY else {}, "refused": {}}

    monkeypatch.setattr(module, "measured", measured)
    planned = [
        Stage("defaults", (default, other), 0, 20),
        Stage("other removals", (default, other), 0, 10, removals=OTHER_REMOVALS),
        Stage("defaults", (default, other), 0, 10, VARIANTS),
        Stage("claimed", (default, other), 0, 15, SEEDS),
        Stage("claimed", (default, other), 0, 5, ANOTHER_BODY),
        Stage("defaults", (default, other), 0, 10, PLANTED_OTHERWISE),
    ]
    monkeypatch.setattr(type(data), "answers", property(lambda self: ["x"] * len(self.held_out)))
    monkeypatch.setattr(type(data), "shortcut", None)
    subjects = {
        USUAL: [data],
        VARIANTS: data.variants(),
        SEEDS: data.of_seeds()[:1],
        ANOTHER_BODY: [data.of_body("models/tiny-bert")],
        SHARPER: [data.sharper()],
        PLANTED_OTHERWISE: [data.otherwise_planted()],
    }
    measure_until(math.inf, subjects, planned, tmp_path)
    report = Report("faithfulness", "Which?")
    summarise(report, subjects, planned, tmp_path, tmp_path)
    page = (report.write(tmp_path) or tmp_path / "faithfulness.md").read_text()
    assert "| occlusion | 0.500 [0.500, 0.500] | 0.100 [0.100, 0.100], n = 10 |" in page
    assert (
        "| method | usual | seed 1 | 3 layers | long texts | seed 2 | tiny-bert | time, tiny-bert |" in page
    )
    assert re.search(r"\| occlusion \| .* n = 15 \| .* n = 5 \| 0\.667 \|", page)
    assert "Classifiers that are sure" not in page
    assert "## Another artefact: word 'blorp'\n\n- demo, word 'blorp': it moves none." in page


def test_a_classifier_of_another_body_is_trained_once_and_has_all_its_layers(data, tmp_path):
    folder = tmp_path / "tiny-bert"
    tiny_model("bert").model_body.save(str(folder))
    other = dataclasses.replace(data.of_body(str(folder)), train=data.train[::8], layers=1)
    layers = load_body(str(folder))[0].auto_model.config.num_hidden_layers
    assert other.name == "demo, tiny-bert"
    assert len(other.model.model_body[0].auto_model.encoder.layer) == layers
    shutil.rmtree(folder)
    assert dataclasses.replace(other).model.labels == other.model.labels  # out of the cache


def test_of_a_classifier_with_another_artefact_only_that_is_asked(data, monkeypatch):
    artefact = planted_word("blorp")
    model = Explainer(tiny_model("bert")).classifier
    shortcut = PlantedShortcut(artefact, "refund", model, 3, ("late parcel", "where is it"))
    subject = Subject(tiny_model("bert"), ())
    for name, value in (("subject", subject), ("planted", subject), ("shortcut", shortcut)):
        monkeypatch.setattr(type(data), name, value)
    stage = Stage("defaults", (own("occlusion"),), 0, 10, PLANTED_OTHERWISE)
    record = module.measured(data, stage, (0, 10))
    assert {name.startswith(module.PLANTED) for name in record["table"]["occlusion"]} == {True}
    assert len(record["table"]["occlusion"][f"{module.PLANTED}pointing_game"]["values"]) == 2
    assert record["seconds"] == {}
    usual = module.measured(data, dataclasses.replace(stage, subjects=USUAL), (10, 20))
    assert set(usual["table"]["occlusion"]) & set(record["table"]["occlusion"]) == set()


def test_methods_that_are_measured_together_ask_the_same_once_and_another_removal_anew(monkeypatch):
    asked, decide = [], TextClassifier.decide

    def count(self, text, rows):
        asked.append(len(rows))
        return decide(self, text, rows)

    def measured(*baselines):
        asked.clear()
        methods = {str(k): {"method": "occlusion", "baseline": start} for k, start in enumerate(baselines)}
        found = evaluate(
            tiny_model("bert"),
            ["my parcel is late"],
            methods=methods,
            metrics=["sufficiency"],
            removals=["mask"],
        )
        return sum(asked), [found.find(name, "sufficiency", "mask").value.mean for name in methods]

    monkeypatch.setattr(TextClassifier, "decide", count)
    alone, (value,) = measured("mask")
    several, values = measured("mask", "mask", "pad")
    with answers_shared():
        shared, same = measured("mask", "mask", "pad")
        again, _ = measured("mask", "mask", "mask")
    assert same == pytest.approx(values, rel=1e-6)
    assert values[:2] == [value, value]
    assert again < alone < shared < several
    assert measured("mask", "mask", "pad")[0] == several


def test_removals_of_one_name_that_are_not_the_same_share_nothing():
    classifier = Explainer(tiny_model("bert")).classifier
    encoded = classifier.encode("my parcel is late")
    tokens = np.arange(encoded.ids.shape[-1])

    def answers():
        removals = [
            make_removal(classifier, "mean", "keep", [text])
            for text in ("my parcel is late", "refund refund")
        ]
        asked = [Perturbation(classifier, encoded, tokens, removal) for removal in removals]
        return [each.decide(tokens[None] > 2).numpy() for each in asked]

    alone = answers()
    assert np.abs(alone[0] - alone[1]).max() > 1e-4
    with answers_shared():
        together = answers()
    np.testing.assert_array_equal(together, alone)


def test_a_surer_classifier_answers_the_same_with_more_extreme_probabilities(data, monkeypatch):
    monkeypatch.setattr(type(data), "_trained", lambda *_: deepcopy(tiny_model("bert")))
    texts = [row.text for row in data.held_out]
    usual, sharper = (each.model.predict_proba(texts, as_numpy=True) for each in (data, data.sharper()))
    assert (usual.argmax(1) == sharper.argmax(1)).all()
    ratio = np.log(sharper[:, 0] / sharper[:, 1]) / np.log(usual[:, 0] / usual[:, 1])
    np.testing.assert_allclose(ratio, SHARPER_BY, rtol=1e-3)


def test_values_of_other_tools_go_to_the_unit_that_holds_most_of_their_piece():
    units = [(0, 4), (5, 9), (9, 10)]
    pieces = [(0, 2, 1.0), (2, 4, 2.0), (3, 9, 4.0), (9, 10, 8.0), (0, 0, 16.0)]
    assert on_units(pieces, units).tolist() == [3, 4, 8]
    assert located("The cat, the", ["[CLS]", "the", "cat", ",", "the"]) == [
        (0, 0),
        (0, 3),
        (4, 7),
        (7, 8),
        (9, 12),
    ]
