"""Where Chromium is, for the tests and for the pictures of the documentation."""

import os
import shutil

SET_UP = "Run `make test`, which sets it up, or `tests/browser/set-up` with npm on PATH."


def find_chromium() -> str:
    """Return the path of the browser: the environment's CHROMIUM, else what is installed.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise FileNotFoundError(f"Chromium is not installed. {SET_UP}")
    return found
