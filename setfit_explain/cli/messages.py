"""What is said on stderr, and the exit codes."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from setfit_explain.errors import InputError, ModelError, OptionError, SetFitExplainError
from setfit_explain.views.formatting import per_second, printable

Tell = Callable[[int, int | None], None]
"""Called with the texts done, and with all where that is known."""

_SECONDS_BETWEEN_LINES = 60.0


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


@contextmanager
def progress(told: str, *, shown: bool | None = None) -> Iterator[Tell]:
    """Draw a bar on a terminal; where stderr is a file, such as a batch system's log, add a line each minute.

    Parameters
    ----------
    told
        What is going on.
    shown
        False for nothing at all; None for either, as stderr is.

    Yields
    ------
    Tell
        What to call at the beginning and after each text.
    """
    from setfit_explain.views.progress import progress_bar

    if shown is None and not sys.stderr.isatty():
        yield Lines(told)
        return
    with progress_bar(told, shown=shown) as tell:
        yield tell


class Lines:
    """Progress as a line each minute: done, rate and time left.

    Parameters
    ----------
    told
        What is going on.
    clock
        Seconds that only go forward.
    """

    def __init__(self, told: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._told, self._clock = told, clock
        self._began: tuple[float, int] | None = None
        self._line_due = clock() + _SECONDS_BETWEEN_LINES

    def __call__(self, done: int, of: int | None) -> None:
        """Say it where a line is due. What was done at the first call, by an earlier run, is not in the rate."""
        now = self._clock()
        if self._began is None:
            self._began = (now, done)
        if now < self._line_due:
            return
        self._line_due = now + _SECONDS_BETWEEN_LINES
        rate = (done - self._began[1]) / (now - self._began[0]) if now > self._began[0] else 0.0
        left = f", {_duration((of - done) / rate)} left" if of is not None and rate else ""
        message(f"{self._told}: {done}{'' if of is None else f' of {of}'}, {per_second(rate)}{left}")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    return " ".join(
        f"{number} {unit}"
        for number, unit in ((days, "d"), (hours, "h"), (minutes % 60, "min"))
        if number or unit == "min"
    )
