"""The documents of the project, and their blocks of code."""

import doctest
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs/tutorial.md"
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(document: Path, language: str) -> list[tuple[int, str]]:
    """Give a document's blocks of code in one language, each with the number of the line before it."""
    text = document.read_text("utf-8")
    found = (block for block in _BLOCK.finditer(text) if block[1] == language)
    return [(text.count("\n", 0, block.start(2)), block[2]) for block in found]


def run(document: Path, names: dict[str, Any], stop: int | None = None) -> dict[str, Any]:
    """Run a document's Python, its first ``stop`` blocks; what it shows after ``>>>`` must be what is printed."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for line, code in blocks(document, "python")[:stop]:
        if ">>> " not in code:
            exec(compile("\n" * line + code, str(document), "exec"), names)
            continue
        example = doctest.DocTestParser().get_doctest(code, {}, document.name, str(document), line)
        example.globs = names
        said: list[str] = []
        runner.run(example, out=said.append, clear_globs=False)
        assert said == [], "".join(said)
    return names
