import os
import subprocess
import sys
from pathlib import Path

import pytest

from setfit_explain.explanation import Explanation, ExplanationSet, Failure

READER = """
import sys
from importlib.abc import MetaPathFinder

ABSENT = "torch sklearn setfit transformers captum sentence_transformers pandas".split()

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ImportError(f"{name} is absent")

sys.meta_path.insert(0, Absent())
from setfit_explain.explanation import ExplanationSet

loaded = ExplanationSet.load(sys.argv[1])
loaded.to_html(sys.argv[2])
sys.stdout.buffer.write(loaded._repr_html_().encode())
"""


@pytest.mark.parametrize(("hash_seed", "suffix"), [("0", "jsonl"), ("1", "jsonl"), ("1", "parquet")])
def test_a_saved_set_is_read_and_drawn_the_same_without_torch(
    explanation: Explanation, tmp_path: Path, hash_seed: str, suffix: str
) -> None:
    kept = ExplanationSet([explanation, Failure(1, "\ud800", "TextError", "No tokens.")])
    path = kept.save(tmp_path / f"set.{suffix}")
    run = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(tmp_path / "page.html")],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode() == kept._repr_html_()
    assert (tmp_path / "page.html").read_bytes().decode() == kept.to_html()
