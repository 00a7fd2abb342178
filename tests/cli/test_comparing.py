"""``setfit-explain compare``: two models, or two files, as a table, as lines and as a page."""

import json

import pytest
from setfit import SetFitModel

from setfit_explain import ExplanationSet, explain
from tests.models import TEXTS

FAST = ("--tolerance", "0.5")


@pytest.fixture(scope="session")
def other(model, tmp_path_factory):
    """Give a model that takes two of the classes for one another."""
    folder = tmp_path_factory.mktemp("other") / "saved"
    changed = SetFitModel.from_pretrained(model)
    changed.model_head.coef_ = changed.model_head.coef_[[1, 0, 2]]
    changed.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    labels = ["refund", "refund", "0", "delay", "1", "1", "praise", "", "2"]
    rows = [f'"{text}",{label}' for text, label in zip(TEXTS, labels, strict=True)]
    path.write_text("\n".join(["text,label", *rows, ""]))
    return path


def test_two_models_are_compared_on_one_data_set(run, model, other, data):
    models = [SetFitModel.from_pretrained(place) for place in (model, other)]
    answers = [list(found.predict(list(TEXTS))) for found in models]
    changed = sum(one != two for one, two in zip(*answers, strict=True))
    code, out, _ = run("compare", model, other, data, "--label-column", "label", *FAST, "--output", "jsonl")
    assert code == 0
    first, *texts = map(json.loads, out.splitlines())
    assert (first["texts"], first["labelled"], first["changed"]) == (9, 8, changed)
    assert first["changed"] > 0
    assert [text["text"] for text in texts] == list(TEXTS)
    assert [[text[f"{side}_predicted"] for text in texts] for side in ("first", "second")] == [
        [[name] for name in side] for side in answers
    ]
    assert texts[7]["true_label"] is None
    assert [text["true_label"] for text in texts[2:5]] == ["refund", "delay", "delay"]
    expected = explain(models[1], TEXTS[0], tolerance=0.5)
    member = texts[0]["targets"][1]
    assert member["target"] == "delay"
    assert member["second_score"] == pytest.approx(expected.score[1], abs=1e-6)
    assert [unit["second"] for unit in member["units"]] == pytest.approx(
        expected.attributions[1].tolist(), abs=1e-6
    )


def test_the_table_says_what_changed(run, model, other, data):
    code, out, _ = run("compare", model, other, data, "--label-column", "label", *FAST)
    assert code == 0
    for part in (
        "predictions changed",
        "right answers",
        "same strongest unit",
        "Scores",
        "refund",
        "Predictions that changed",
    ):
        assert part in out


def test_two_files_are_compared_without_a_model(run, model, other, tmp_path):
    names = [tmp_path / "first.jsonl", tmp_path / "second.parquet"]
    for name, place in zip(names, (model, other), strict=True):
        explain(place, list(TEXTS[:4]), tolerance=0.5).save(name)
    code, out, err = run("compare", *names, "-o", tmp_path / "page.html")
    assert (code, out) == (0, "")
    assert "Wrote" in err
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Units that changed most" in page
    code, _, err = run("compare", *names, "--scale", "logit", "--limit", "3")
    assert code == 2
    assert "--limit, --scale would change nothing: two files hold explanations already." in err


def test_texts_that_fail_are_said_with_exit_code_5(run, model, other):
    rows = '{"text": "parcel"}\n{"text": null}\n'
    code, out, err = run(
        "compare", model, other, "-", "--input-format", "jsonl", *FAST, "--output", "jsonl", stdin=rows
    )
    assert code == 5
    assert json.loads(out.splitlines()[0])["failed"] == 1
    assert "1 of 2 texts could not be explained by both." in err


def test_wrong_usage_is_told(run, model, tmp_path):
    code, _, err = run("compare", model, model)
    assert code == 2
    assert "two .jsonl or .parquet files that explain wrote, or two models and then the texts" in err
    code, _, err = run("compare", "a", "b", "-o", tmp_path / "out.csv")
    assert code == 2
    assert "not written as csv. Accepted: terminal, jsonl, html." in err


def test_a_file_is_reported_without_its_model(run, tmp_path, model):
    saved = explain(model, list(TEXTS[:2]), tolerance=0.5).save(tmp_path / "saved.parquet")
    code, _, err = run("report", saved, "-o", tmp_path / "page.html", "--title", "Two <texts>")
    assert code == 0, err
    kept = ExplanationSet.load(saved)
    assert (tmp_path / "page.html").read_text() == kept.to_html(title="Two <texts>")
    code, _, err = run("report", model)
    assert code == 2
    assert "name the texts after the model" in err


def test_an_input_is_never_replaced_by_the_output(run, tmp_path, model):
    names = [explain(model, TEXTS[:1], tolerance=0.5).save(tmp_path / f"{name}.jsonl") for name in "ab"]
    content = names[1].read_text()
    for arguments in (
        ("report", names[1]),
        ("compare", *names),
        ("compare", model, model, names[1]),
        ("explain", model, names[0], "--reference-texts", names[1], "--baseline", "mean"),
    ):
        code, _, err = run(*arguments, "-o", names[1])
        assert (code, f"{str(names[1])!r} is read here and would be replaced" in err) == (2, True), arguments
    assert names[1].read_text() == content
