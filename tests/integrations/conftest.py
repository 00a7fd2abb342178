"""What the tests of the engines share."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from setfit import SetFitModel

from tests.documents import ROOT
from tests.models import LABELS, TEXTS, fitted, tiny_body

GUIDE = ROOT / "docs/how-to/ten-million-texts.md"

ROWS = [
    {"id": f"key-{index}", "message": f"{TEXTS[index % 9]} {index}", "truth": LABELS[index % 9 // 3]}
    for index in range(27)
]


@pytest.fixture(scope="session")
def model() -> SetFitModel:
    return fitted(tiny_body("bert"))


@pytest.fixture(scope="session")
def folder(model: SetFitModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    model.save_pretrained(path)
    return path


@pytest.fixture
def watch(tmp_path: Path) -> Callable[..., Any]:
    """Make a granularity that notes who splits what, and may kill the process, once, at a text."""

    def make(name: str, killed_at: str | None = None) -> Any:
        notes = tmp_path / name
        notes.mkdir()

        def words(text: str) -> Iterator[tuple[int, int]]:
            import torch

            first = not (notes / text).exists()
            with (notes / text).open("a") as file:
                file.write(f"{os.getpid()} {torch.get_num_threads()}\n")
            if first and text == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return (match.span() for match in re.finditer(r"\w+", text))

        words.notes = notes  # type: ignore[attr-defined]
        return words

    return make
