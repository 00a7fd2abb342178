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
loaded.save(sys.argv[3])
loaded.to_csv(sys.argv[4])
loaded.to_model_card(), loaded.to_label_studio(), loaded.explanations[0].to_highlighted_text()
loaded.explanations[0].plot(kind="waterfall"), loaded.plot()
sys.stdout.buffer.write(loaded._repr_html_().encode())
"""

WRITTEN = ("page.html", "again.jsonl", "set.csv")


@pytest.mark.parametrize(("hash_seed", "suffix"), [("0", "jsonl"), ("1", "jsonl"), ("1", "parquet")])
def test_a_saved_set_is_read_and_drawn_the_same_without_torch(
    explanation: Explanation, tmp_path: Path, hash_seed: str, suffix: str
) -> None:
    kept = ExplanationSet([explanation, Failure(1, "\ud800", "TextError", "No tokens.")])
    path = kept.save(tmp_path / f"set.{suffix}")
    run = subprocess.run(
        [sys.executable, "-c", READER, str(path), *(str(tmp_path / name) for name in WRITTEN)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "MPLBACKEND": "agg"},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode() == kept._repr_html_()
    assert (tmp_path / "page.html").read_bytes().decode() == kept.to_html()
    assert ExplanationSet.load(tmp_path / "again.jsonl") == kept
    assert (tmp_path / "set.csv").read_text(encoding="utf-8-sig") == kept.to_csv()
