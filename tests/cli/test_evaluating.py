"""``setfit-explain evaluate``: the numbers of `evaluate` as a table, JSON or CSV."""

import csv
import io
import json

import pytest

from setfit_explain.cli.evaluating import _variants
from setfit_explain.evaluation import evaluate
from tests.models import LABELS, TEXTS, fitted, tiny_body, tiny_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "saved"
    fitted(tiny_body("bert")).save_pretrained(folder)
    return folder


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.jsonl"
    rows = [{"text": text, "label": LABELS[0], "why": [[0, 5]]} for text in TEXTS]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


SHORT = ("--limit", 3, "--method", "occlusion", "--metric", "aopc_suff", "--removal", "mask")


def test_json_holds_what_evaluate_finds(run, saved, texts):
    code, out, err = run("evaluate", saved, texts, *SHORT, "--output", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    expected = evaluate(
        tiny_model("bert"), TEXTS[:3], methods=["occlusion"], metrics=["sufficiency"], removals=["mask"]
    ).to_dict()
    assert found["texts"] == 3
    for ours, theirs in zip(found["measurements"][1:], expected["measurements"][1:], strict=True):
        assert ours["value"] == pytest.approx(theirs["value"], abs=1e-6)
        assert {name: ours[name] for name in ("metric", "removal", "better", "n")} == {
            "metric": "sufficiency",
            "removal": "mask",
            "better": "lower",
            "n": 3,
        }


def test_csv_has_a_line_for_each_measurement(run, saved, texts):
    code, out, _ = run("evaluate", saved, texts, *SHORT, "--output", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["metric"] for row in rows] == ["seconds", "sufficiency"]
    assert float(rows[1]["low"]) <= float(rows[1]["value"]) <= float(rows[1]["high"])


def test_the_table_shows_intervals_controls_and_what_is_undefined(run, saved, texts, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    with texts.open("a") as file:
        file.write(json.dumps({"text": "refund"}) + "\n")
    options = ("--metric", "monotonicity", "--metric", "head_randomisation", "--removal", "pad")
    code, out, _ = run("evaluate", saved, texts, "--method", "occlusion", *options)
    assert code == 0
    for part in ("monotonicity (pad)", "higher", "random", "reversed", "similarity_after_head", "2106.07475"):
        assert part in " ".join(out.split())
    assert "1 texts are left out of monotonicity (pad) of occlusion: it is undefined for" in " ".join(
        out.split()
    )


def test_rationales_and_labels_are_columns(run, saved, texts):
    columns = ("--rationale-column", "why", "--label-column", "label")
    code, out, _ = run(
        "evaluate", saved, texts, *SHORT, "--metric", "pointing_game", *columns, "--output", "json"
    )
    assert code == 0
    assert json.loads(out)["measurements"][2]["metric"] == "pointing_game"


@pytest.mark.parametrize("name", ["texts.csv", "texts.jsonl"])
def test_labels_are_numbers_as_a_file_holds_them(run, saved, tmp_path, name):
    written = {
        "texts.csv": "text,label\nWhere is my parcel?,0\n",
        "texts.jsonl": '{"text": "Where is my parcel?", "label": 0.0}\n',
    }
    (tmp_path / name).write_text(written[name])
    code, out, err = run(
        "evaluate", saved, tmp_path / name, *SHORT, "--label-column", "label", "--output", "json"
    )
    assert (code, err) == (0, "")
    expected = evaluate(
        tiny_model("bert"),
        ["Where is my parcel?"],
        methods=["occlusion"],
        metrics=["sufficiency"],
        removals=["mask"],
        labels=[LABELS[0]],
    )
    value = expected.find("occlusion", "sufficiency", "mask").value.mean
    assert json.loads(out)["measurements"][1]["value"] == pytest.approx(value, abs=1e-6)


def test_methods_are_combined_with_baselines_and_scales(run, saved, texts):
    variations = (
        "--baseline",
        "mask",
        "--baseline",
        "pad,delete",
        "--scale",
        "probability",
        "--scale",
        "log_odds",
    )
    code, out, _ = run("evaluate", saved, texts, *SHORT, *variations, "--output", "json")
    assert code == 0
    assert sorted({row["method"] for row in json.loads(out)["measurements"]}) == [
        f"occlusion from {baseline} of {scale}"
        for baseline in ("mask", "pad,delete")
        for scale in ("log_odds", "probability")
    ]


def test_settings_go_to_the_methods_that_know_them_as_in_python(run, saved, texts, tmp_path):
    (tmp_path / "references.csv").write_text("text\nrefund my order\nthank you\n")
    options = ("--metric", "sufficiency", "--removal", "mean", "--limit", 3, "--output", "json")
    settings = ("--reference-texts", tmp_path / "references.csv", "--tolerance", 0.5, "--n-samples", 5)
    names = ("integrated_gradients", "smoothgrad", "occlusion", "saliency")
    methods = [word for name in names for word in ("--method", name)]
    code, out, err = run("evaluate", saved, texts, *options, *settings, *methods)
    assert (code, err) == (0, "")
    references = ["refund my order", "thank you"]
    own = {
        "integrated_gradients": {"tolerance": 0.5, "reference_texts": references},
        "smoothgrad": {"n_samples": 5},
        "occlusion": {"reference_texts": references},
        "saliency": {},
    }

    def found(own, references):
        return evaluate(
            tiny_model("bert"),
            TEXTS[:3],
            methods={name: {"method": name, **given} for name, given in own.items()},
            metrics=["sufficiency"],
            removals=["mean"],
            reference_texts=references,
        )

    expected, without = found(own, references), found({name: {} for name in own}, None)
    values = {
        row["method"]: row["value"]
        for row in json.loads(out)["measurements"]
        if row["metric"] == "sufficiency"
    }
    for name in names:
        same = expected.find(name, "sufficiency", "mean").value.mean
        assert values[name] == pytest.approx(same, abs=1e-6)
        assert without.find(name, "sufficiency", "mean").value.mean != pytest.approx(same, abs=1e-6)


def test_variants_have_each_what_they_know():
    settings = {"tolerance": 0.5, "n_samples": 7, "reference_texts": ["a"]}
    found = _variants(["smoothgrad", "occlusion", "kernel_shap"], ["mask", "mean, mask"], [], settings)
    texts = {"reference_texts": ["a"]}
    assert found == {
        "smoothgrad": {"method": "smoothgrad", "n_samples": 7},
        "occlusion from mask": {"method": "occlusion", "baseline": "mask"},
        "occlusion from mean, mask": {"method": "occlusion", "baseline": ["mean", "mask"], **texts},
        "kernel_shap from mask": {
            "method": "kernel_shap",
            "baseline": "mask",
            "tolerance": 0.5,
            "n_samples": 7,
        },
        "kernel_shap from mean, mask": {
            "method": "kernel_shap",
            "baseline": ["mean", "mask"],
            **settings,
        },
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--n-samples", 8),
            "--n-samples would change nothing for integrated_gradients, occlusion. Leave it out, or add a method that "
            "takes it: smoothgrad, ",
        ),
        (("--baseline", "mask", "--method", "saliency"), "--baseline would change nothing for saliency."),
        (("--tolerance", 0.1, "--method", "occlusion"), "--tolerance would change nothing for occlusion."),
        (
            ("--reference-texts", "references.txt", "--baseline", "mask"),
            "--reference-texts would change nothing for integrated_gradients, occlusion. Leave it out, or add a method "
            "that takes it from the baseline auto, mean or sampled: integrated_gradients, ",
        ),
        (("--tolerance", -1), "tolerance must be a positive number, got -1.0"),
        (("--n-samples", 0, "--method", "smoothgrad"), "n_samples must be a whole number, at least "),
    ],
)
def test_a_setting_that_no_method_takes_or_that_cannot_be_is_refused(
    run, saved, texts, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "references.txt").write_text("refund my order\n")
    code, out, err = run("evaluate", saved, texts, *options)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split())


def test_a_projects_default_that_no_method_takes_may_stand(run, saved, texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.setfit_explain]\nn-samples = 8\n")
    code, out, _ = run("evaluate", saved, texts, *SHORT, "--output", "json")
    assert (code, json.loads(out)["texts"]) == (0, 3)


def test_reference_texts_that_are_not_there_are_told(run, saved, texts):
    code, out, err = run("evaluate", saved, texts, *SHORT, "--reference-texts", "none.csv")
    assert (code, out) == (3, "")
    assert "none.csv" in err


def test_rationales_in_a_csv_are_json(run, saved, tmp_path):
    file = tmp_path / "texts.csv"
    file.write_text('text,why\nWhere is my parcel?,"[[12, 18]]"\nGreat service,\n')
    options = (
        "--rationale-column",
        "why",
        "--metric",
        "token_f1",
        "--method",
        "occlusion",
        "--output",
        "json",
    )
    code, out, _ = run("evaluate", saved, file, *options)
    assert code == 0
    assert json.loads(out)["measurements"][1]["n"] == 1
    file.write_text("text,why\nWhere is my parcel?,parcel\n")
    code, _, err = run("evaluate", saved, file, *options)
    assert code == 3
    assert "'parcel' is not JSON" in err


def test_a_text_that_fails_is_told_and_the_others_measured(run, saved, tmp_path):
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "Where is my parcel?"}\n{"text": 5}\n')
    code, out, err = run("evaluate", saved, file, *SHORT, "--output", "json")
    assert code == 5
    assert "Text 1: TextError" in err
    assert json.loads(out)["measurements"][1]["n"] == 1


def test_a_method_that_cannot_explain_the_model_is_told_and_the_others_measured(run, saved, texts):
    code, out, err = run("evaluate", saved, texts, *SHORT, "--method", "deeplift", "--output", "json")
    assert code == 5
    assert "Method deeplift: UnsupportedBodyError" in " ".join(err.split())
    assert {row["method"] for row in json.loads(out)["measurements"]} == {"occlusion"}


@pytest.mark.parametrize("baseline", ["mask,delete", "delete"])
def test_a_baseline_that_one_method_cannot_take_is_told_and_the_others_measured(run, saved, texts, baseline):
    both = (*SHORT, "--method", "integrated_gradients", "--baseline", baseline, "--output", "json")
    code, out, err = run("evaluate", saved, texts, *both)
    assert code == 5
    assert "Method integrated_gradients: OptionError: " in err
    assert {row["method"] for row in json.loads(out)["measurements"]} == {"occlusion"}
    alone = ("--method", "integrated_gradients", "--metric", "aopc_suff", "--baseline", baseline)
    assert run("evaluate", saved, texts, *alone)[:2] == (2, "")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--metric", "sufficiancy"), 2, "Did you mean 'sufficiency'?"),
        (("--method", "guess"), 2, "Method 'guess' is not known"),
        (("--baseline", "maks"), 2, "Baseline 'maks' is not known"),
        (("--seed", -1), 2, "seed must be a whole number, at least 0, got -1"),
        (("--removal", "blank"), 2, "Removal 'blank' is not known"),
        (("--rationale-column", "y"), 3, "There is no column 'y'"),
    ],
)
def test_what_cannot_be_meant_is_said(run, saved, texts, options, code, words):
    found = run("evaluate", saved, texts, *options)
    assert (found[0], found[1]) == (code, "")
    assert words in found[2]


def test_an_empty_file_is_exit_code_3(run, saved, tmp_path):
    (tmp_path / "none.txt").write_text("")
    code, _, err = run("evaluate", saved, tmp_path / "none.txt")
    assert code == 3
    assert "holds no text to evaluate on" in err


def test_columns_of_a_pipe_are_refused(run, saved):
    code, _, err = run("evaluate", saved, "-", "--label-column", "label", stdin="a")
    assert code == 2
    assert "not from standard input" in err


def test_a_json_file_is_read_where_its_format_is_said(run, saved, texts):
    renamed = texts.rename(texts.with_suffix(".json"))
    code, out, err = run("evaluate", saved, renamed, *SHORT)
    assert (code, out) == (3, "")
    assert "texts.json' is JSON. Accepted: " in err
    code, out, _ = run("evaluate", saved, renamed, *SHORT, "--input-format", "jsonl", "--output", "json")
    assert (code, json.loads(out)["texts"]) == (0, 3)
