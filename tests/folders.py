"""Folders that last as long as the process that made them."""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp


def lasting_folder() -> Path:
    """A new folder, removed when this process ends; the end of a forked one leaves it."""
    folder = Path(mkdtemp(prefix="tiny-"))
    atexit.register(_remove, folder, owner=os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
