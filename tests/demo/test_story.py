"""The whole story, with real trainings."""

import io
import logging
import random
import warnings

import numpy as np
import pytest
import torch
from rich.console import Console

from setfit_explain.cli.checking import check_model
from setfit_explain.demo import story, training
from setfit_explain.demo.data import EXPORT_CLASS, load_train
from setfit_explain.demo.weights import load_body
from setfit_explain.errors import OptionError


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    console = Console(file=io.StringIO(), width=200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "TEXTS_A_CLASS", 4)
        folder = tmp_path_factory.mktemp("demo")
        result = story.run_demo(None, folder / "report.html", 0, console, keep=folder / "model")
    return result, console.file.getvalue()


def test_the_mended_classifier_is_kept_and_reproduced_to_1e_6(told):
    result, _ = told
    facts = dict(
        check_model(
            str(result.report.parent / "model"), baseline="auto", scale="probability", trust_pickle=False
        )
    )
    assert float(facts["difference to predict_proba"]) < 1e-6
    assert facts["classes"] == "charged twice, unannounced fee, unknown charge, wrong amount"


def test_a_folder_that_is_there_already_is_not_overwritten(tmp_path):
    with pytest.raises(OptionError, match="is there already"):
        story.run_demo(None, tmp_path / "report.html", 0, Console(file=io.StringIO()), keep=tmp_path)


def test_the_comma_is_the_strongest_unit_before_and_not_after(told):
    result, _ = told
    before, after = result.before.suspect, result.after.evidence_for(EXPORT_CLASS)
    assert before.label == EXPORT_CLASS
    assert before.units[0].unit == ","
    assert before.units[0].share > 0.5
    assert before.units[0].mean > 1.5 * before.units[1].mean
    assert after.units[0].unit != ","
    assert after.find(",") is None or after.find(",").mean < before.units[0].mean / 4


def test_accuracy_hides_the_artefact_and_cleaning_mends_it(told):
    result, _ = told
    assert result.before.accuracy.like_training >= 0.9
    assert result.before.accuracy.clean <= 0.8
    assert result.before.accuracy.drawn >= 0.8
    assert result.after.accuracy.clean >= 0.85
    assert result.after.accuracy.drawn <= 0.15


def test_a_text_is_shown_whose_answer_the_commas_move(told):
    flip = told[0].before.flip
    assert flip.answer_clean == flip.true_label != EXPORT_CLASS == flip.answer_exported
    assert {flip.clean, flip.exported} < {e.text for e in told[0].before.shown.explanations}


def test_terminal_and_report_tell_the_same_sentences(told):
    result, printed = told
    page = result.report.read_text(encoding="utf-8")
    for sentence in (
        story.sentences.strongest_unit(result.before.suspect),
        story.sentences.accuracy_change(result.before.accuracy, result.after.accuracy),
    ):
        assert " ".join(sentence.split()) in " ".join(printed.split())
    for heading in ("Before: trained on the texts as they came", "After: trained on cleaned texts"):
        assert heading in page
    assert page.count("<script") == 1  # the report's own


def test_training_leaves_the_process_as_found_and_repeats_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    examples = load_train()
    body = load_body()
    steps = []
    found = _process_state()
    first = training.train(body, examples, seed=3, steps=2, on_step=lambda done, of: steps.append((done, of)))
    assert _process_state() == found
    random.seed(0)
    torch.manual_seed(0)
    second = training.train(load_body(), examples, seed=3, steps=2)
    texts = [example.text for example in examples[:5]]
    np.testing.assert_array_equal(
        first.predict_proba(texts, as_numpy=True), second.predict_proba(texts, as_numpy=True)
    )
    assert steps == [(1, 2), (2, 2)]
    assert not body.training
    assert list(tmp_path.iterdir()) == []


def test_a_report_in_a_folder_that_is_not_there_is_refused_before_any_training(tmp_path):
    with pytest.raises(OptionError, match="does not exist"):
        story.run_demo(None, tmp_path / "no" / "report.html", 0, Console(file=io.StringIO()))


def _process_state():
    return (
        random.getstate(),
        tuple(np.random.get_state()[1]),  # noqa: NPY002 - the state that transformers.set_seed changes
        torch.get_rng_state().tolist(),
        list(warnings.filters),
        logging.getLogger("setfit").level,
    )
