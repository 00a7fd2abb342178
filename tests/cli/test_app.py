"""The command line: what goes in, what comes out, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from setfit import SetFitModel
from setfit.span.modeling import SpanSetFitModel
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from setfit_explain import ExplanationSet, __version__, explain
from setfit_explain.classifier.encoding import PROBE_TEXT
from tests.absa_models import absa_model
from tests.models import CLASSES, LABELS, LONG, TEXTS, fitted, tiny_body


def texts_of(output):
    lines = [json.loads(line) for line in output.splitlines()]
    return [line["text"] for line in lines if line["kind"] in ("explanation", "failure")]


def test_a_text_is_explained_on_the_terminal_without_colour_when_piped(run, model):
    code, out, _ = run("explain", model, "--text", LONG)
    assert code == 0
    assert "parcel" in out
    assert "\x1b" not in out


def test_texts_come_from_lines_of_stdin(run, model):
    code, out, _ = run("explain", model, "-", "--output", "jsonl", stdin=f"{LONG}\r\n\nlate\u2028parcel\n")
    assert code == 0
    assert texts_of(out) == [LONG, "", "late\u2028parcel"]


def test_json_lines_on_stdout_are_what_save_writes(run, model, tmp_path):
    _, out, _ = run("explain", model, "--text", LONG, "-t", TEXTS[0], "--output", "jsonl")
    saved = explain(model, [LONG, TEXTS[0]]).save(tmp_path / "saved.jsonl")
    assert saved.read_text() == out


@pytest.mark.parametrize("name", ["texts.csv", "texts.jsonl"])
def test_texts_and_labels_come_from_columns(run, model, tmp_path, name):
    if name.endswith("csv"):
        (tmp_path / name).write_text('id,message,truth\n1,"late, ""again""\nparcel",delay\n2,thanks,praise\n')
    else:
        rows = [
            {"message": 'late, "again"\nparcel', "truth": "delay"},
            {"message": "thanks", "truth": "praise"},
        ]
        (tmp_path / name).write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    target = tmp_path / "out.jsonl"
    code, out, _ = run(
        "explain", model, tmp_path / name, "--text-column", "message", "--label-column", "truth", "-o", target
    )
    assert (code, out) == (0, "")
    explanations = ExplanationSet.load(target)
    assert [e.text for e in explanations] == ['late, "again"\nparcel', "thanks"]
    assert [e.true_label for e in explanations] == ["delay", "praise"]


def test_an_html_report_is_written_by_its_suffix(run, model, tmp_path):
    code, _, err = run("explain", model, "--text", LONG, "-o", tmp_path / "report.html")
    assert code == 0
    assert "Wrote" in err
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_options_reach_the_explanation(run, model):
    _, out, _ = run(
        "explain", model, "-t", LONG, "--target", "delay", "--target", "praise", "--scale", "log_odds",
        "--baseline", "pad", "--granularity", "sentence", "--tolerance", "0.5", "--output", "jsonl",
    )  # fmt: skip
    saved = json.loads(out.splitlines()[1])
    assert saved["targets"] == ["delay", "praise"]
    assert (saved["output"], saved["granularity"]) == ("log_odds", "sentence")
    assert (saved["settings"]["baseline"], saved["settings"]["tolerance"]) == ("pad", 0.5)


def test_a_bad_row_is_recorded_the_rest_explained_and_the_exit_code_is_5(run, model):
    rows = '{"text": "late parcel"}\n{"text": null}\n{"text": "thanks"}\n'
    code, out, err = run("explain", model, "-", "--input-format", "jsonl", "--output", "jsonl", stdin=rows)
    assert code == 5
    assert texts_of(out) == ["late parcel", "None", "thanks"]
    assert "Text 1: TextError: The text is None" in err


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("text,label\na,b\n", ["--text-column", "texts"], "Did you mean 'text'?"),
        ("text,label\na,b\n", ["--label-column", "x"], "no column 'x' at line 2. Columns: text, label."),
        ('text\n"open\n', [], "broken at line"),
    ],
)
def test_a_csv_without_the_column_or_broken_is_exit_code_3(run, model, tmp_path, content, options, message):
    (tmp_path / "texts.csv").write_text(content)
    code, out, err = run("explain", model, tmp_path / "texts.csv", *options)
    assert (code, out) == (3, "")
    assert message in err


@pytest.mark.parametrize("command", ["explain", "report", "compare", "evaluate"])
def test_a_column_of_plain_text_is_exit_code_3(run, model, tmp_path, command):
    (tmp_path / "texts.txt").write_text("late parcel\n")
    models = [model] * (2 if command == "compare" else 1)
    code, out, err = run(command, *models, tmp_path / "texts.txt", "--text-column", "message")
    assert (code, out) == (3, "")
    assert "--text-column needs a file with columns (CSV, TSV, JSON lines or Parquet), not plain text" in err


def test_a_column_may_be_that_of_the_reference_texts_alone(run, model, tmp_path):
    (tmp_path / "texts.txt").write_text("late parcel\n")
    (tmp_path / "references.csv").write_text("message\nthanks\n")
    references = ("--reference-texts", tmp_path / "references.csv", "--baseline", "mean")
    options = ("--text-column", "message", "--target", "delay", "--tolerance", "0.5", "--output", "jsonl")
    code, out, err = run("explain", model, tmp_path / "texts.txt", *references, *options)
    assert (code, texts_of(out)) == (0, ["late parcel"]), err


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{]\n", "Line 1 is not JSON"), (b"[1]\n", "not a JSON object but list"), (b"\xff", "is not UTF-8")],
)
def test_broken_json_lines_are_exit_code_3(run, model, tmp_path, content, message):
    (tmp_path / "texts.jsonl").write_bytes(content)
    code, _, err = run("explain", model, tmp_path / "texts.jsonl")
    assert code == 3
    assert message in err


def test_a_missing_file_is_exit_code_3(run, model):
    code, _, err = run("explain", model, "absent.csv")
    assert code == 3
    assert "'absent.csv' cannot be read: No such file or directory." in err


def test_a_byte_order_mark_is_no_part_of_the_first_columns_name(run, model, tmp_path):
    (tmp_path / "texts.csv").write_bytes(b"\xef\xbb\xbftext\nlate parcel\n")
    code, out, _ = run("explain", model, tmp_path / "texts.csv", "--output", "jsonl")
    assert (code, texts_of(out)) == (0, ["late parcel"])


@pytest.mark.parametrize("output", ["jsonl", "terminal"])
def test_a_reader_that_has_seen_enough_is_no_error(model, output):
    code = (
        f"import sys; sys.argv = ['setfit-explain', 'explain', {model!r}, '-t', 'parcel', '--output', {output!r}]\n"
        "from setfit_explain.cli import main; main()"
    )
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([sys.executable, "-c", code], stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (done.returncode, "Broken" in done.stderr) == (0, False)


class Harmful(LogisticRegression):
    """A head that runs a command when it is unpickled."""

    def __reduce__(self):
        return _ran, (self.marker, self.__dict__)


def _ran(marker, state):
    Path(marker).mkdir()
    head = LogisticRegression()
    head.__dict__.update(state)
    return head


@pytest.mark.parametrize("command", [["check"], ["explain", "-t", LONG]])
def test_a_heads_code_runs_only_with_trust(run, tmp_path, command):
    model = fitted(tiny_body("bert"))
    marker = tmp_path / "ran"
    head = Harmful()
    head.__dict__.update(model.model_head.__dict__, marker=str(marker))
    model.model_head = head
    model.save_pretrained(tmp_path / "model")
    code, _, err = run(*command, tmp_path / "model")
    assert (code, marker.exists()) == (4, False)
    assert "--trust-pickle" in err
    assert run(*command, tmp_path / "model", "--trust-pickle")[0] == 0
    assert marker.exists()


def test_an_unknown_target_is_exit_code_3(run, model):
    code, _, err = run("explain", model, "-t", LONG, "--target", "dely")
    assert code == 3
    assert "Did you mean 'delay'?" in err


def test_a_missing_or_dangerous_model_is_exit_code_4(run, tmp_path):
    code, _, err = run("check", tmp_path / "absent")
    assert code == 4
    assert "ModelNotFoundError" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["explain", "model"],
        ["explain", "model", "-t", "a", "--scale", "x"],
        ["explain", "model", "-t", "a", "--granularity", "words"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(run, model, arguments):
    code, _, err = run(*[model if argument == "model" else argument for argument in arguments])
    assert code == 2
    assert err


def test_an_output_file_of_unknown_kind_is_exit_code_2_and_nothing_is_computed(run, model, tmp_path):
    code, _, err = run("explain", model, "-t", LONG, "-o", tmp_path / "report.pdf")
    assert code == 2
    assert "give --output html, jsonl or csv" in err
    assert list(tmp_path.iterdir()) == []


def test_check_says_what_was_recognised(run, model):
    code, out, _ = run("check", model)
    assert code == 0
    for fact in (
        "BertModel",
        "word_embeddings",
        "LogisticRegression",
        "refund, delay, praise",
        "mean of vocabulary",
    ):
        assert fact in " ".join(out.split())
    line = next(line for line in out.splitlines() if line.startswith("difference to predict_proba"))
    assert 0 < float(line.split()[-1]) < 1e-6
    line = next(line for line in out.splitlines() if line.startswith("the baseline's own prediction"))
    scores = explain(model, PROBE_TEXT, tolerance=0.5).baseline_score
    ranked = sorted(zip(LABELS, scores, strict=True), key=lambda pair: -pair[1])
    assert line.rstrip().split("  ")[-1].strip() == ", ".join(f"{name} {score:.2f}" for name, score in ranked)


@pytest.mark.parametrize("method", ["saliency", "attention_rollout"])
def test_check_names_no_baseline_of_a_method_that_has_none(run, model, method):
    code, out, _ = run("check", model, "--method", method)
    assert code == 0
    assert f"{method} of probability" in " ".join(out.split())
    assert "baseline" not in out


def test_check_tells_the_error_of_what_was_drawn_without_a_tolerance(run, model):
    told = run("check", model, "--method", "gradient_shap")[1]
    assert "no tolerance was asked; standard error of sampling up to 0." in " ".join(told.split())


def test_a_head_with_only_a_decision_function_is_checked_on_its_scale(run, tmp_path):
    body = tiny_body("bert")
    head = RidgeClassifier().fit(body.encode(list(TEXTS)), CLASSES)
    SetFitModel(model_body=body, model_head=head, labels=list(LABELS)).save_pretrained(tmp_path / "saved")
    code, _, err = run("check", tmp_path / "saved", "--scale", "log_odds")
    assert code == 2
    assert "Accepted for it: logit" in err
    code, out, _ = run("check", tmp_path / "saved")
    assert code == 0
    assert "integrated_gradients of logit" in out
    assert "RidgeClassifier, decision function only" in out
    assert "difference to decision_function" in out


def test_a_head_without_a_gradient_is_refused_for_gradients_and_served_by_occlusion(run, tmp_path):
    body = tiny_body("bert")
    head = RandomForestClassifier(3).fit(body.encode(list(TEXTS)), CLASSES)
    SetFitModel(model_body=body, model_head=head, labels=list(LABELS)).save_pretrained(tmp_path / "saved")
    code, _, err = run("check", tmp_path / "saved", "--trust-pickle")
    assert code == 4
    assert "HeadNotDifferentiableError: RandomForestClassifier answers in steps" in err
    occlusion = ("--trust-pickle", "--method", "occlusion")
    code, out, _ = run("check", tmp_path / "saved", *occlusion)
    assert code == 0
    assert "occlusion of probability" in out
    code, _, err = run("check", tmp_path / "saved", *occlusion, "--baseline", "nothing")
    assert code == 2
    assert "'nothing' is not known" in err
    code, out, _ = run("explain", tmp_path / "saved", "-t", LONG, *occlusion)
    assert code == 0
    assert "need not add up" in " ".join(out.split())


def test_methods_that_draw_take_their_budget_and_seed(run, model):
    options = ("--method", "kernel_shap", "--baseline", "delete", "--n-samples", "80", "--seed", "3")
    code, out, _ = run("explain", model, "-t", LONG, *options, "--output", "jsonl")
    assert code == 0
    settings = json.loads(out.splitlines()[1])["settings"]
    assert {name: settings[name] for name in ("baseline", "n_samples", "seed")} == {
        "baseline": "delete",
        "n_samples": 80,
        "seed": 3,
    }


def test_several_baselines_are_averaged(run, model):
    options = ("--method", "leave_one_out_in", "--baseline", "mask,delete")
    code, out, _ = run("explain", model, "-t", LONG, *options, "--output", "jsonl")
    assert code == 0
    found = json.loads(out.splitlines()[1])
    expected = explain(model, LONG, method="leave_one_out_in", baseline=["mask", "delete"])
    assert found["settings"]["baseline"] == "mask, delete"
    assert found["attributions"] == expected.attributions.tolist()
    code, out, _ = run("check", model, *options)
    assert code == 0
    assert "mask, delete" in out
    assert "none, since words are cut out" in out
    code, _, err = run("explain", model, "-t", LONG, "--baseline", "mask,delete")
    assert code == 2
    assert "method='expected_gradients' averages over it" in err


def test_parquet_is_written_to_a_file_that_is_named_so(run, model, tmp_path):
    code, out, err = run("explain", model, "-t", LONG, "-o", tmp_path / "found.parquet")
    assert (code, out) == (0, "")
    assert "Wrote" in err
    assert ExplanationSet.load(tmp_path / "found.parquet")[0].text == LONG
    for options in (["--output", "parquet"], ["--output", "parquet", "-o", tmp_path / "found.html"]):
        code, _, err = run("explain", model, "-t", LONG, *options)
        assert code == 2
        assert "ends in .parquet" in err
    assert not (tmp_path / "found.html").exists()


@pytest.mark.parametrize(
    ("output", "name", "suffix"),
    [("jsonl", "y.parquet", ".jsonl"), ("html", "y.CSV", ".html"), ("terminal", "y.jsonl", ".txt")],
)
def test_a_file_named_as_another_format_is_refused(run, model, tmp_path, output, name, suffix):
    code, _, err = run("explain", model, "-t", LONG, "--output", output, "-o", tmp_path / name)
    assert code == 2
    assert f"would hold {output}, which its suffix denies. Name a file that ends in {suffix}" in err
    assert not (tmp_path / name).exists()


def test_a_suffix_that_says_nothing_goes_with_any_format(run, model, tmp_path):
    options = (
        "--output",
        "jsonl",
        "--target",
        "delay",
        "--tolerance",
        "0.5",
        "-o",
        tmp_path / "found.json_lines",
    )
    assert run("explain", model, "-t", LONG, *options)[0] == 0
    assert texts_of((tmp_path / "found.json_lines").read_text()) == [LONG]


def test_terminal_escapes_in_errors_are_defused(run, model):
    _, _, err = run("explain", model, "-t", LONG, "--target", "\x1b]0;owned\x07")
    assert "\x1b" not in err


def test_terminal_escapes_in_a_models_class_names_are_defused(run, tmp_path):
    body = tiny_body("bert")
    head = LogisticRegression().fit(body.encode(list(TEXTS)), CLASSES)
    labels = ["\x1b]0;owned\x07", "delay", "praise"]
    SetFitModel(model_body=body, model_head=head, labels=labels).save_pretrained(tmp_path / "saved")
    code, out, _ = run("check", tmp_path / "saved")
    assert (code, "\x1b" in out) == (0, False)
    assert "␛]0;owned␇, delay, praise" in " ".join(out.split())


def test_version_and_help_need_no_heavy_import():
    code = (
        "import sys\nsys.argv = ['setfit-explain', '--help']\n"
        "from setfit_explain.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'setfit', 'sklearn'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "explain" in shown
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("command", "shown"),
    [((), "[tool.setfit_explain]"), (("evaluate",), "[[start, end], ...], or with votes [start, end, vote]")],
)
def test_brackets_in_help_are_no_markup(run, command, shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert shown in run(*command, "--help")[1]


def test_version_is_printed(run):
    assert run("--version")[:2] == (0, f"{__version__}\n")


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "setfit_explain", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_a_saved_absa_model_is_two_folders_and_each_is_checked(run, tmp_path, monkeypatch):
    def card_without_spacys_version(_model, path, *_, **__):
        (Path(path) / "README.md").touch()

    monkeypatch.setattr(SpanSetFitModel, "create_model_card", card_without_spacys_version)
    absa_model().save_pretrained(tmp_path / "absa")
    code, out, err = run("check", tmp_path / "absa")
    assert (code, out) == (4, "")
    assert "is an AbsaModel, saved as two folders: name one of them" in err.splitlines()[-1]
    for part, word in (("aspect", "no aspect"), ("polarity", "neutral")):
        assert f"absa-{part}'" in err
        code, out, _ = run("check", tmp_path / f"absa-{part}")
        assert code == 0
        assert word in out
