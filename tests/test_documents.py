"""README and notebooks are run, and what they say of the project is so."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from matplotlib import pyplot as plt

from setfit_explain.demo.data import load_train
from tests.absa_models import absa_model
from tests.models import minilm
from tests.notebooks import FOLDER, execute

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo_like_model():
    """MiniLM, untuned, with a head for the demo's classes: the names that README uses."""
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression

    body, examples = minilm(), load_train()
    head = LogisticRegression().fit(body.encode([e.text for e in examples]), [e.label for e in examples])
    return SetFitModel(model_body=body, model_head=head, labels=sorted({e.label for e in examples}))


def test_readmes_python_runs(demo_like_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"model": demo_like_model, "absa_model": absa_model()})
    assert (tmp_path / "report.html").stat().st_size > 10_000


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


def test_readmes_commands_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"\$ make ([a-z]+)", README)) <= set(targets)
    assert {"demo", "test"} <= set(targets)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/how-to/exports.md", "docs/how-to/ten-million-texts.md"]
)
def test_links_to_files_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_notebooks_run_from_top_to_bottom(name):
    notebook = execute(FOLDER / name)
    assert any(
        "text/html" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    )
