"""``[tool.setfit_explain]``: a project's defaults, which the command line overrides."""

import json
import os
import subprocess
import sys

import pytest

from tests.models import LONG


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write a project's settings, and go into a folder below it."""

    def write(content):
        (tmp_path / "pyproject.toml").write_text(content)
        below = tmp_path / "below"
        below.mkdir(exist_ok=True)
        monkeypatch.chdir(below)

    return write


def explained(run, model, *options):
    code, out, err = run("explain", model, "-t", LONG, *options)
    assert code == 0, err
    return json.loads(out.splitlines()[1])


def test_defaults_come_from_the_nearest_file_and_the_command_line_wins(run, model, project):
    project(
        '[tool.setfit_explain]\nbaseline = "pad"\ntolerance = 0.5\n'
        '[tool.setfit_explain.explain]\noutput = "jsonl"\ntarget = ["delay", "praise"]\ngranularity = "sentence"\n'
    )
    found = explained(run, model)
    assert found["settings"]["baseline"] == "pad"
    assert found["settings"]["tolerance"] == 0.5
    assert found["targets"] == ["delay", "praise"]
    assert found["granularity"] == "sentence"
    found = explained(run, model, "--baseline", "zero", "--target", "refund")
    assert found["settings"]["baseline"] == "zero"
    assert found["targets"] == ["refund"]


def test_names_are_written_as_on_the_command_line_or_in_python(run, model, project, tmp_path):
    (tmp_path / "a.csv").write_text("message\nlate parcel\n")
    for name in ("text-column", "text_column"):
        project(f'[tool.setfit_explain]\n{name} = "message"\ntarget = "delay"\ntolerance = 0.5\n')
        assert run("explain", model, tmp_path / "a.csv", "--output", "jsonl")[0] == 0


def test_a_projects_column_of_texts_does_not_stand_in_the_way_of_plain_text(run, model, project, tmp_path):
    (tmp_path / "a.txt").write_text("late parcel\n")
    project('[tool.setfit_explain]\ntext-column = "message"\ntarget = "delay"\ntolerance = 0.5\n')
    assert run("explain", model, tmp_path / "a.txt", "--output", "jsonl")[0] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('basline = "pad"', r"'basline' in [tool.setfit_explain] of '{place}' is no option. Did you mean 'baseline'?"),
        ("[tool.setfit_explain.explian]\na = 1", "'explian' in [tool.setfit_explain] of '{place}' is no command. Did you mean 'explain'?"),
        ("[tool.setfit_explain.check]\nsample = 3", "'sample' in [tool.setfit_explain] of '{place}' is no option. Did you mean 'scale'?"),
        ("zzz = 1", "Accepted: baseline, "),
        ("trust-pickle = true", "'trust-pickle' in '{place}' can only be given on the command line"),
        ('to = "report.html"', "can only be given on the command line"),
        ("= 1", "cannot be read as TOML"),
    ],
)  # fmt: skip
def test_what_is_not_known_or_not_safe_is_refused_with_the_nearest_name(
    run, model, project, tmp_path, content, message
):
    project(f"[tool.setfit_explain]\n{content}\n")
    code, out, err = run("check", model)
    assert (code, out) == (2, "")
    assert message.replace("{place}", str(tmp_path / "pyproject.toml")) in err


def test_a_value_of_the_wrong_type_is_wrong_usage(run, model, project):
    project('[tool.setfit_explain]\ntolerance = "small"\n')
    code, _, err = run("explain", model, "-t", LONG)
    assert code == 2
    assert "--tolerance" in err
    project("[tool.setfit_explain]\nlimit = 2.5\n")
    assert run("explain", model, "-t", LONG)[0] == 2


def test_a_project_without_the_table_changes_nothing(run, model, project):
    project("[project]\nname = 'x'\n")
    assert explained(run, model, "--output", "jsonl")["settings"]["tolerance"] == 0.01


@pytest.mark.parametrize(("typed", "offered"), [("com", "compare"), ("explain --input-f", "--input-format")])
def test_the_shell_completes_commands_and_options(typed, offered):
    words = f"setfit-explain {typed}"
    shell = {
        "_SETFIT_EXPLAIN_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "import sys; sys.argv = ['setfit-explain']; from setfit_explain.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | shell, capture_output=True, text=True
    )
    assert offered in done.stdout.split()
