"""What is said on stderr, and the exit codes."""

import os
import sys
from enum import IntEnum

from setfit_explain.errors import InputError, ModelError, OptionError, SetFitExplainError
from setfit_explain.views.formatting import printable


class Exit(IntEnum):
    """What the process says at its end."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    SOME_FAILED = 5

    @classmethod
    def of(cls, error: SetFitExplainError) -> "Exit":
        """Return the exit code of an error."""
        codes = {OptionError: cls.USAGE, InputError: cls.INPUT, ModelError: cls.MODEL}
        return next((code for kind, code in codes.items() if isinstance(error, kind)), cls.UNEXPECTED)


def message(text: str) -> None:
    """Print to stderr, with whatever the text came from unable to speak to the terminal."""
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - this is the command line


def quiet_libraries() -> None:
    """Keep the libraries' own progress bars off the terminal; ours is drawn instead."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
