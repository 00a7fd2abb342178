"""A progress bar on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from setfit_explain.views.formatting import per_second

Tell = Callable[[int, int | None], None]
"""Called with the number of steps done, and of all steps where that is known."""

_SECONDS_AVERAGED = 300


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
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(
        *columns,
        console=console,
        disable=not (console.is_terminal if shown is None else shown),
        redirect_stdout=False,  # what is written to a pipe would be drawn above the bar
        speed_estimate_period=_SECONDS_AVERAGED,
    ) as bar:
        task = bar.add_task(told, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


class _RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else per_second(task.speed), style="progress.data.speed")
