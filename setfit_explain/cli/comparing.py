"""``setfit-explain compare``: two models on one data set, or two files of explanations."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setfit_explain.cli.messages import Exit, message
from setfit_explain.cli.options import ExplainerOptions, TextOptions, refuse_given, refuse_idle_column
from setfit_explain.cli.writing import Destination, OutputFormat, until_the_reader_leaves
from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from setfit_explain.cli.selecting import Selection
    from setfit_explain.explanation.explanation_set import ExplanationSet

EXAMPLES = """Examples:

setfit-explain compare my-model my-new-model tickets.csv --label-column class -o changes.html

setfit-explain compare before.jsonl after.jsonl"""


class ComparisonFormat(StrEnum):
    """What a comparison is written as."""

    TERMINAL = "terminal"
    JSONL = "jsonl"
    HTML = "html"


def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A model, or a file that explain wrote.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another.")],
    texts: TextOptions,
    options: ExplainerOptions,
    source: Annotated[
        str | None, typer.Argument(metavar="[DATA|-]", help="Texts for two models; none for two files.")
    ] = None,
    output: Annotated[
        ComparisonFormat | None, typer.Option("--output", help="Default: by --to's suffix.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", "-o", help="File to write instead of stdout, whole or not at all.")
    ] = None,
) -> None:
    """Say what changed from one model to another: predictions, scores, and the words behind them."""
    refuse_idle_column(context, source, texts.input_format, options.reference_texts)
    sources = (first, second, source, options.reference_texts)
    destination = Destination.of(None if output is None else OutputFormat(output), to, sources=sources)
    if str(destination.format) not in tuple(map(str, ComparisonFormat)):
        raise OptionError(
            f"A comparison is not written as {destination.format}. Accepted: {', '.join(ComparisonFormat)}."
        )
    if source is None:
        refuse_given(context, TextOptions, ExplainerOptions, why="two files hold explanations already.")
        sets = [_saved(name) for name in (first, second)]
    else:
        settings = options.settings(texts)
        with texts.selection((), source, again=True) as selection:
            sets = [_explained(name, selection, settings) for name in (first, second)]
    from setfit_explain.cli.comparison_views import json_lines, page, table
    from setfit_explain.explanation.comparison import compare as compare_sets

    comparison, names = compare_sets(*sets), (first, second)
    match destination.format:
        case OutputFormat.JSONL:
            content = json_lines(comparison, names)
        case OutputFormat.HTML:
            content = page(comparison, names)
        case _:
            content = table(comparison, names)
    _write(content, destination.path)
    if comparison.failed:
        of = comparison.failed + len(comparison.texts)
        message(f"{comparison.failed} of {of} texts could not be explained by both.")
        raise typer.Exit(Exit.SOME_FAILED)


def _saved(name: str) -> "ExplanationSet":
    from setfit_explain.explanation.explanation_set import ExplanationSet

    if not Path(name).is_file():
        raise OptionError(
            f"{name!r} is no file of explanations. Accepted: two .jsonl or .parquet files that explain wrote, or two "
            "models and then the texts to compare them on."
        )
    return ExplanationSet.load(name)


def _explained(model: str, selection: "Selection", settings: Mapping[str, Any]) -> "ExplanationSet":
    from setfit_explain.cli.running import explained, load_explainer
    from setfit_explain.explanation.explanation_set import ExplanationSet

    return ExplanationSet(explained(load_explainer(model, settings), selection, told=f"explaining {model}"))


def _write(content: str, path: Path | None) -> None:
    if path is None:
        with until_the_reader_leaves():
            typer.echo(content, nl=False)
        return
    from setfit_explain.explanation.serialization import write_atomically

    write_atomically(path, content)
    message(f"Wrote {path}")
