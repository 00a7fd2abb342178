"""Where explanations go: a format, and a file or stdout, written while they come."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from setfit_explain.explanation.streams import Item

SHOWN_ON_TERMINAL = 20
TITLE = "Why these predictions?"


class OutputFormat(StrEnum):
    """What the explanations are written as."""

    TERMINAL = "terminal"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"
    PARQUET = "parquet"


_SUFFIXES = {
    ".html": OutputFormat.HTML,
    ".htm": OutputFormat.HTML,
    ".jsonl": OutputFormat.JSONL,
    ".csv": OutputFormat.CSV,
    ".parquet": OutputFormat.PARQUET,
}


@dataclass(frozen=True)
class Destination:
    """Where the explanations go, and as what.

    Parameters
    ----------
    format
        What is written.
    path
        The file; None for stdout.
    title
        Heading of a page.
    """

    format: OutputFormat
    path: Path | None
    title: str = TITLE

    @classmethod
    def of(
        cls,
        output: OutputFormat | None,
        to: Path | None,
        *,
        title: str = TITLE,
        sources: Iterable[str | Path | None] = (),
    ) -> "Destination":
        """Find the format, and refuse what could not be written before anything is computed.

        Parameters
        ----------
        output
            What was asked for; None to go by the suffix.
        to
            The file; None or ``-`` for stdout.
        title
            Heading of a page.
        sources
            What is read, where it is a file, and must not be replaced.

        Raises
        ------
        OptionError
            The format is not clear, does not fit the file, or the file cannot be written.
        """
        path = None if to is None or str(to) == "-" else to
        by_suffix = None if path is None else _SUFFIXES.get(path.suffix.lower())
        if output is OutputFormat.PARQUET and by_suffix is not OutputFormat.PARQUET:
            raise OptionError("Parquet goes to a file whose name ends in .parquet; name it with --to.")
        chosen = output or (OutputFormat.TERMINAL if path is None else by_suffix)
        if chosen is None:
            raise OptionError(
                f"What to write to {str(path)!r} is not clear from its suffix; give --output html, jsonl or csv."
            )
        if path is not None:
            _check_writable(path, sources)
        if by_suffix not in (None, chosen):
            fitting = next((suffix for suffix, each in _SUFFIXES.items() if each is chosen), ".txt")
            raise OptionError(
                f"{str(path)!r} would hold {chosen}, which its suffix denies. Name a file that ends in {fitting} with --to."
            )
        return cls(chosen, path, title)

    def write(self, items: "Iterable[Item]", count: int | None) -> None:
        """Write explanations as they come; a page, and what a terminal shows, when all are there.

        A file appears under its name only when all of it is written.

        Parameters
        ----------
        items
            Explanations and failures, taken one at a time.
        count
            How many; None where that is not known.
        """
        if self.path is None:
            with until_the_reader_leaves():
                self._to_stdout(items, count)
        else:
            self._to_file(items, count, self.path)

    def _to_stdout(self, items: "Iterable[Item]", count: int | None) -> None:
        from setfit_explain.explanation.explanation_set import ExplanationSet
        from setfit_explain.explanation.spreadsheet import write_csv
        from setfit_explain.explanation.streams import json_lines

        out = sys.stdout
        match self.format:
            case OutputFormat.JSONL:
                for line in json_lines(items, count):
                    out.write(line)
                    out.flush()  # the next may take seconds
            case OutputFormat.CSV:
                write_csv(_flushing(items), out)
            case OutputFormat.HTML:
                out.write(ExplanationSet(items).to_html(title=self.title))
            case _:
                _to_terminal(items)

    def _to_file(self, items: "Iterable[Item]", count: int | None, path: Path) -> None:
        from setfit_explain.explanation import parquet
        from setfit_explain.explanation.explanation_set import ExplanationSet
        from setfit_explain.explanation.serialization import replacing, write_atomically
        from setfit_explain.explanation.spreadsheet import to_csv
        from setfit_explain.explanation.streams import item_to_dict, json_lines

        match self.format:
            case OutputFormat.PARQUET:
                parquet.write_table(map(item_to_dict, items), path)
            case OutputFormat.CSV:
                to_csv(items, path)
            case OutputFormat.JSONL:
                with (
                    replacing(path) as temporary,
                    temporary.open("x", encoding="utf-8", newline="\n") as file,
                ):
                    file.writelines(json_lines(items, count))
            case OutputFormat.HTML:
                ExplanationSet(items).to_html(path, title=self.title)
            case _:
                write_atomically(path, str(ExplanationSet(items)))


@contextmanager
def until_the_reader_leaves() -> Iterator[None]:
    """Stop writing to stdout, without an error, where its reader, such as head, has seen enough."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:  # typer would exit with 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_terminal(items: "Iterable[Item]") -> None:
    from rich.console import Console

    from setfit_explain.explanation.explanation_set import ExplanationSet
    from setfit_explain.explanation.failure import Failure

    coming = iter(items)
    shown = list(islice(coming, SHOWN_ON_TERMINAL))
    console = Console()
    with console.capture() as captured:
        console.print(ExplanationSet(shown))
    sys.stdout.write(captured.get())
    sys.stdout.flush()  # the others may take hours
    failures, more = 0, 0
    for item in coming:
        failures += isinstance(item, Failure)
        more += 1
    if more:
        sys.stdout.write(f"{more} more texts are not shown ({failures} failed); write them with --to FILE.\n")


def _flushing(items: "Iterable[Item]") -> "Iterator[Item]":
    """Let the reader have what was written before the next item is computed."""
    for item in items:
        yield item
        sys.stdout.flush()


def _check_writable(path: Path, sources: Iterable[str | Path | None]) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OptionError(f"The folder of {str(path)!r} does not exist. Make it first.")
    if path.is_dir() or not os.access(folder, os.W_OK):
        why = "is a folder" if path.is_dir() else "is in a folder that cannot be written to"
        raise OptionError(f"{str(path)!r} {why}. Name another file with --to.")
    if path.exists() and any(
        source and Path(source).exists() and path.samefile(source) for source in sources
    ):
        raise OptionError(f"{str(path)!r} is read here and would be replaced. Name another file with --to.")
