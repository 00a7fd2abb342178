"""README and notebooks are run, and what they say of the project is so."""

import re
from pathlib import Path

import pytest

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


def test_readmes_commands_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"\$ make ([a-z]+)", README)) <= set(targets)
    assert {"demo", "test"} <= set(targets)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / document).read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_notebooks_run_from_top_to_bottom(name):
    notebook = execute(FOLDER / name)
    assert any(
        "text/html" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    )
