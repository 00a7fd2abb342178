"""README, documentation and notebooks are run, and what they say of the project is so."""

import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from matplotlib import pyplot as plt
from typer.main import get_command

from setfit_explain.cli.app import app
from tests.absa_models import absa_model
from tests.documents import DOCUMENTS, ROOT, TUTORIAL, blocks, run
from tests.notebooks import FOLDER, execute

# One needs a cluster and is run by tests/integrations; the other a stand-in for gradio, below.
ELSEWHERE = {"docs/how-to/ten-million-texts.md", "docs/how-to/exports.md"}


@pytest.fixture(scope="module")
def demo_like_model():
    """The model that the tutorial makes, and all other pages explain."""
    return run(TUTORIAL, {}, stop=1)["model"]


@pytest.mark.parametrize(
    "document", [name for name in DOCUMENTS if name not in ELSEWHERE and blocks(ROOT / name, "python")]
)
def test_the_code_of_a_document_runs_and_prints_what_is_shown(
    document, demo_like_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run(ROOT / document, {"model": demo_like_model, "absa_model": absa_model()})


class FakeGradio(ModuleType):
    """Gradio's names that a page uses; what an interface would show is checked against its documented form."""

    Textbox = Label = HighlightedText = staticmethod(lambda **_: None)

    @staticmethod
    def Interface(function, *_):  # noqa: N802 - Gradio's name
        answer, pairs = function("I was charged twice")
        assert isinstance(answer, str)
        assert "".join(text for text, _ in pairs) == "I was charged twice"
        assert all(share is None or -1 <= share <= 1 for _, share in pairs)
        return SimpleNamespace(launch=lambda: None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")  # shap's
def test_the_page_on_exports_runs(demo_like_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "gradio", FakeGradio("gradio"))
    page = (ROOT / "docs/how-to/exports.md").read_text("utf-8")
    names = {"model": demo_like_model}
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(compile(block, "exports.md", "exec"), names)
    plt.close("all")
    card = Path("README.md").read_text("utf-8")
    assert (
        card.index("## Model Details") < card.index("## What the classifier goes by") < card.index("## Uses")
    )
    assert Path("config.xml").read_text("utf-8").count("<Choice ") == 4
    shown = re.search(r"```xml\n(.*?)```", page, flags=re.DOTALL)[1].splitlines()
    written = Path("config.xml").read_text("utf-8").splitlines()
    assert [line for line in shown if "<!--" not in line] == [written[0], *written[1:3], *written[6:]]


def test_what_is_shown_is_compared(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(AssertionError, match=r"(?s)page\.md.*line 2.*Expected:\s+3\s+Got:\s+2"):
        run(page, {})


def test_commands_that_documents_show_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    commands = get_command(app).commands
    options = {name: {o for p in command.params for o in p.opts} for name, command in commands.items()}
    shown = [
        line for name in DOCUMENTS for _, code in blocks(ROOT / name, "console") for line in code.splitlines()
    ]
    unknown = [
        line
        for line in shown
        if not set(re.findall(r"^\$ make ([a-z-]+)", line)) <= set(targets)
        or any(
            command not in options or not set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)) <= options[command]
            for command, rest in re.findall(
                r"\bsetfit-explain ([a-z]+)((?:'[^']*'|\"[^\"]*\"|[^|>#])*)", line
            )
        )
    ]
    assert unknown == []
    assert sum("setfit-explain " in line for line in shown) > 5


def test_every_extra_and_the_oldest_python_are_told():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs/install.md").read_text("utf-8")
    listed = [
        name
        for row in re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(listed) == sorted(project["optional-dependencies"])
    oldest = project["requires-python"].removeprefix(">=")
    for place in ("README.md", "docs/install.md", "docs/tutorial.md"):
        assert f"Python {oldest} or newer" in (ROOT / place).read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_files_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_notebooks_run_from_top_to_bottom(name):
    notebook = execute(FOLDER / name)
    assert any(
        "text/html" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    )
