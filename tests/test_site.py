"""The documentation is built as a site: without a warning, with every name, and with no dead link."""

import inspect
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

import setfit_explain
from setfit_explain import errors
from tests.documents import ROOT

ERRORS = [name for name, kind in vars(errors).items() if inspect.isclass(kind)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as ``make docs`` does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", "-b", "html"]
    built = subprocess.run([*command, ROOT / "docs", folder], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


class _Page(HTMLParser):
    """A page's links, and what can be linked to in it."""

    def __init__(self, content):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(content)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.ids |= {value for name, value in attrs if name == "id"}
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_links_and_anchors_lead_somewhere(site):
    pages = {path: _Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in map(urlsplit, page.links):
            goal = (path.parent / unquote(link.path)).resolve() if link.path else path
            if link.scheme or link.netloc:
                continue
            if not goal.exists() or (
                link.fragment and goal in pages and unquote(link.fragment) not in pages[goal].ids
            ):
                dead.append(f"{path.relative_to(site)}: {link.geturl()}")
    assert dead == []
    assert sum(len(page.links) for page in pages.values()) > 1000


def test_every_public_name_is_in_the_reference(site):
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    known = {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}
    public = {f"setfit_explain.{name}" for name in setfit_explain.__all__ if name != "__version__"}
    assert public - known == set()


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_a_page_that_says_what_came_why_and_how_to_mend_it(name):
    text = (ROOT / "docs" / "errors" / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    for part in (
        f"autoexception:: setfit_explain.errors.{name}\n",
        "\n>>> ",
        "\n## Why\n",
        "\n## How to mend it\n",
    ):
        assert part in text, part


def test_every_page_of_an_error_is_of_one_that_exists():
    pages = {path.stem for path in (ROOT / "docs" / "errors").glob("*.md")}
    assert pages == {*ERRORS, "index"}
