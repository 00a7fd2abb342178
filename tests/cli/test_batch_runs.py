"""docs/how-to/batch-runs.md: every command that it shows is run, in its order."""

import re
import shlex
from pathlib import Path

import pytest

from setfit_explain import ExplanationSet
from tests.models import LABELS, TEXTS

PAGE = (Path(__file__).parents[2] / "docs/how-to/batch-runs.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def folder(model, tmp_path, monkeypatch):
    """Go to a folder with what the page takes for granted."""
    monkeypatch.chdir(tmp_path)
    Path("my-model").symlink_to(model)
    rows = [f'"{text}",{label}' for text, label in zip(TEXTS, sorted(LABELS * 3), strict=True)]
    Path("tickets.csv").write_text("\n".join(["message,class", *rows]) + "\n")
    Path("tickets.txt").write_text("\n".join(TEXTS) + "\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_every_command_of_the_page_runs(run):
    Path("settings.toml").write_text(blocks("toml")[0])
    for block in blocks("console"):
        if "sample.html" in block:
            Path("settings.toml").rename("pyproject.toml")
        for line in block.splitlines():
            words = shlex.split(line.removeprefix("$ "))
            given, written = None, None
            if words[0] == "cat":
                given, words = Path(words[1]).read_text(), words[3:]
            if words[-2] == ">":
                written, words = Path(words[-1]), words[:-2]
            assert words[0] == "setfit-explain"
            code, out, err = run(*words[1:], stdin=given)
            assert code == 0, err
            if written is not None:
                written.write_text(out)
    kept = [ExplanationSet.load(name) for name in ("tickets.jsonl", "explanations.jsonl", "tickets.parquet")]
    assert [[item.text for item in found] for found in kept] == [list(TEXTS)] * 3
    assert all(
        Path(name).read_text().startswith("<!doctype html>") for name in ("tickets.html", "sample.html")
    )
    assert "true label" in Path("sample.html").read_text(), "its column is named in the settings"
    assert not Path("tickets.parquet.shards").exists()


def test_the_exit_codes_are_those_of_the_command_line():
    from setfit_explain.cli.messages import Exit

    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)} == {*Exit, 130}
