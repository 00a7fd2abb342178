"""A progress bar on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Tell = Callable[[int, int], None]
"""Called with the number of steps done, and of all steps."""


@contextmanager
def progress_bar(told: str, *, shown: bool | None = None) -> Iterator[Tell]:
    """Draw a bar on stderr for as long as the context is open.

    Parameters
    ----------
    told
        What is going on.
    shown
        Whether to draw it; None for "where stderr is a terminal".

    Yields
    ------
    Tell
        What to call after each step.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, disable=not (console.is_terminal if shown is None else shown)
    ) as bar:
        task = bar.add_task(told, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
