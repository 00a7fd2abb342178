"""Tests leave nothing in the temporary directory."""

import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT

PROGRAM = """
import os, sys
from tests.folders import lasting_folder

folder = lasting_folder()
(folder / "config.json").write_text("{}")
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
print(folder if (folder / "config.json").exists() else "gone too early")
"""


def test_a_folder_outlives_a_fork_and_not_its_process():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folder = Path(done.stdout.strip())
    assert folder.name.startswith("tiny-")
    assert not folder.exists()
