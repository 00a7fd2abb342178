"""One Chromium for the tests of this folder, and pages that tell what went wrong in them."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .chromium import SET_UP, find_chromium

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"

Visit = Callable[..., Page]


def module(path: str) -> Path:
    """Return a file of an npm package."""
    file = MODULES / path
    if not file.exists():
        pytest.fail(f"{file.name} is not installed. {SET_UP}", pytrace=False)
    return file


# Not of the session: Playwright's event loop would run on beneath the tests of other folders.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        path = find_chromium()
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-quic"])
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the pages of a test said on their consoles, asked in dialogs, and requested beside themselves."""
    return []


@pytest.fixture
def visit(browser: Browser, tmp_path: Path, complaints: list[str]) -> Iterator[Visit]:
    """Open markup as a file. At the end no page has complained."""
    contexts: list[Any] = []

    def visit(markup: str, *, name: str = "report.html", **options: Any) -> Page:
        file = tmp_path / name
        file.write_text(markup, encoding="utf-8")
        context = browser.new_context(viewport={"width": 960, "height": 1000}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None if request.url.split("#")[0] == file.as_uri() else complaints.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="package")
def axe() -> str:
    """The source of axe-core, to be run within a page."""
    return module("axe-core/axe.min.js").read_text("utf-8")


@pytest.fixture(scope="package")
def jupyterlab_sanitizer() -> Callable[[str], str]:
    """What JupyterLab does to the HTML of a notebook: its own code, run by Node."""
    module("jupyterlab-sanitizer.mjs")
    beside = Path(sys.executable).parent / "node"
    node = str(beside) if beside.exists() else shutil.which("node")
    if node is None:
        pytest.fail(f"Node is not installed. {SET_UP}", pytrace=False)

    def sanitize(markup: str) -> str:
        command = [node, str(FOLDER / "sanitize.mjs")]
        return subprocess.run(command, input=markup, capture_output=True, check=True, encoding="utf-8").stdout

    return sanitize
