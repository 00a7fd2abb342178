"""``setfit-explain explain`` and ``setfit-explain report``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from setfit_explain.cli.messages import Exit, message
from setfit_explain.cli.options import (
    ExplainerOptions,
    ModelArgument,
    TextOptions,
    refuse_given,
    refuse_idle_column,
)
from setfit_explain.cli.reading import Row
from setfit_explain.cli.writing import TITLE, Destination, OutputFormat
from setfit_explain.errors import OptionError

ShardSize = Annotated[
    int, typer.Option(min=1, help="Texts in a shard of --resume: what is lost at most when it is killed.")
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Keep what is done in TO.shards, and go on from there when it is killed."),
]

EXPLAIN_EXAMPLES = """Examples:

setfit-explain explain my-model --text "I was charged twice"

setfit-explain explain my-model tickets.csv --text-column message -o tickets.parquet --resume

cat tickets.txt | setfit-explain explain my-model - --output jsonl > explanations.jsonl"""

REPORT_EXAMPLES = """Examples:

setfit-explain report my-model tickets.csv --label-column class --sample 200 -o tickets.html

setfit-explain report explanations.jsonl -o tickets.html"""


def explain(
    context: typer.Context,
    model: ModelArgument,
    texts: TextOptions,
    options: ExplainerOptions,
    source: Annotated[str | None, typer.Argument(metavar="[FILE|-]", help="Texts; - reads stdin.")] = None,
    text: Annotated[list[str] | None, typer.Option("--text", "-t", help="A text; may be repeated.")] = None,
    output: Annotated[
        OutputFormat | None, typer.Option("--output", help="Default: by --to's suffix.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", "-o", help="File to write instead of stdout, whole or not at all.")
    ] = None,
    resume: ResumeOption = False,
    shard_size: ShardSize = 100,
) -> None:
    """Explain what a model answers for the texts of a file, a pipe or --text."""
    given = [Row(member) for member in text or ()]
    if source is None and not given:
        raise typer.BadParameter("Nothing to explain: name a file, - for stdin, or --text.")
    refuse_idle_column(context, source, texts.input_format, options.reference_texts)
    destination = Destination.of(output, to, sources=(source, options.reference_texts))
    _run(model, given, source, texts, options, destination, shard_size if resume else None)


def report(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="As in explain; or a file that explain wrote, without DATA."),
    ],
    texts: TextOptions,
    options: ExplainerOptions,
    source: Annotated[
        str | None, typer.Argument(metavar="[DATA|-]", help="Texts, and their classes if they are known.")
    ] = None,
    to: Annotated[Path, typer.Option("--to", "-o", help="The page.")] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Its heading.")] = TITLE,
    resume: ResumeOption = False,
    shard_size: ShardSize = 100,
) -> None:
    """Write a page of a data set's explanations: one file, to be opened in any browser."""
    refuse_idle_column(context, source, texts.input_format, options.reference_texts)
    sources = (model, source, options.reference_texts)
    destination = Destination.of(OutputFormat.HTML, to, title=title, sources=sources)
    if source is not None:
        _run(model, [], source, texts, options, destination, shard_size if resume else None)
        return
    if Path(model).suffix.lower() not in (".jsonl", ".parquet") or not Path(model).is_file():
        raise OptionError(
            f"Nothing to report: name the texts after the model {model!r}, or a .jsonl or .parquet file that explain wrote."
        )
    refuse_given(context, TextOptions, ExplainerOptions, why="the explanations are there already.")
    from setfit_explain.explanation.explanation_set import ExplanationSet

    kept = ExplanationSet.load(model)
    destination.write(kept, len(kept))
    _wrote(destination)


def _run(
    model: str,
    given: Sequence[Row],
    place: str | None,
    texts: TextOptions,
    options: ExplainerOptions,
    destination: Destination,
    shard_size: int | None,
) -> None:
    if shard_size is not None and destination.path is None:
        raise OptionError("--resume needs a file to write; name it with --to.")
    from setfit_explain.cli.running import load_explainer, run, run_in_shards

    settings = options.settings(texts)
    with texts.selection(given, place, again=shard_size is not None) as selection:
        explainer = load_explainer(model, settings)
        if shard_size is None:
            tally = run(explainer, selection, destination)
        else:
            tally = run_in_shards(
                explainer, selection, destination, model=model, settings=settings, size=shard_size
            )
    _wrote(destination)
    tally.tell()
    if tally.failed:
        raise typer.Exit(Exit.SOME_FAILED)


def _wrote(destination: Destination) -> None:
    if destination.path is not None:
        message(f"Wrote {destination.path}")
