"""A newcomer's ten minutes: the demo's classifier, then a file of their own; nothing of it needs the source code."""

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from tests.models import LABELS, TEXTS

VOID = {"meta", "br", "input", "link", "hr", "img"}


class Page(HTMLParser):
    """Checks that every element is closed, and gathers the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, _attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_from_a_model_and_a_csv_to_a_page_with_nothing_but_the_command(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model, "my-model")  # what `setfit-explain demo --keep my-model` leaves, in small
    code, out, _ = run("check", "my-model")
    assert code == 0
    assert "difference to predict_proba" in out
    rows = [f'"{text}",{label}' for text, label in zip(TEXTS, sorted(LABELS * 3), strict=True)]
    Path("mine.csv").write_text(
        "\n".join(["message,class", *rows]), encoding="utf-8-sig"
    )  # as Excel saves it
    code, _, err = run("report", "my-model", "mine.csv")
    assert code == 3
    assert "Columns: message, class. Name one with --text-column." in err
    code, _, err = run(
        "report", "my-model", "mine.csv", "--text-column", "message", "--label-column", "class"
    )
    assert (code, err) == (0, "Wrote report.html\n")
    page = Page()
    page.feed(Path("report.html").read_text("utf-8"))
    page.close()
    assert page.open == []
    assert all(text in page.text for text in ("Great service", *LABELS))


def test_the_installed_command_helps_in_any_folder(tmp_path):
    command = Path(sys.executable).with_name("setfit-explain")
    start = (
        [str(command)]
        if command.exists()
        else [sys.executable, "-c", "from setfit_explain.cli import main; main()"]
    )
    for arguments in (["--help"], ["demo", "--help"], ["report", "--help"]):
        done = subprocess.run(
            [*start, *arguments], cwd=tmp_path, env=os.environ, capture_output=True, text=True
        )
        assert done.returncode == 0
        assert "Example" in done.stdout or arguments == ["--help"]
