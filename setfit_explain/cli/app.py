"""Commands and exit codes. Data goes to stdout, progress and messages to stderr."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from setfit_explain._version import __version__
from setfit_explain.cli import evaluating
from setfit_explain.cli.messages import Exit, message, quiet_libraries
from setfit_explain.cli.reading import InputFormat, Row, read_rows
from setfit_explain.errors import OptionError, SetFitExplainError

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation_set import ExplanationSet

app = typer.Typer(
    name="setfit-explain",
    help="Which words made my few-shot classifier say that?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 unexpected, 2 usage, 3 input, 4 model refused, 5 some texts failed.",
)


class OutputFormat(StrEnum):
    """What the explanations are written as."""

    TERMINAL = "terminal"
    JSONL = "jsonl"
    HTML = "html"
    PARQUET = "parquet"


ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Folder of a saved SetFit model, or hub id.")
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-pickle", help="Let the saved head run code when it is read (trusted origin only)."),
]
ScaleOption = Annotated[str, typer.Option(help="probability, log_probability, log_odds or logit.")]
MethodOption = Annotated[str, typer.Option(help="integrated_gradients, or occlusion (any head).")]
PrecisionOption = Annotated[
    str | None, typer.Option(help="Explain a copy of the body in float32, bfloat16 or float64.")
]
BaselineOption = Annotated[str, typer.Option(help="Start of the path: auto, mean, mask, pad, unk or zero.")]


_EXPLAIN_EXAMPLES = """Examples:

setfit-explain explain my-model --text "I was charged twice"

setfit-explain explain my-model tickets.csv --text-column message -o report.html

cat tickets.txt | setfit-explain explain my-model - --output jsonl > explanations.jsonl"""


@app.command(epilog=_EXPLAIN_EXAMPLES)
def explain(
    model: ModelArgument,
    source: Annotated[str | None, typer.Argument(metavar="[FILE|-]", help="Texts; - reads stdin.")] = None,
    text: Annotated[list[str] | None, typer.Option("--text", "-t", help="A text; may be repeated.")] = None,
    text_column: Annotated[str, typer.Option(help="Column of the texts (CSV, JSON lines).")] = "text",
    label_column: Annotated[str | None, typer.Option(help="Column of the true class, if any.")] = None,
    input_format: Annotated[InputFormat | None, typer.Option(help="Default: by the file's suffix.")] = None,
    output: Annotated[
        OutputFormat | None, typer.Option("--output", help="Default: by --to's suffix.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", "-o", help="File to write instead of stdout.")] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="all, predicted, top:K or a class name; may be repeated for several classes."),
    ] = None,
    scale: ScaleOption = "probability",
    method: MethodOption = "integrated_gradients",
    baseline: BaselineOption = "auto",
    granularity: Annotated[str, typer.Option(help="word, token or sentence.")] = "word",
    tolerance: Annotated[
        float | None, typer.Option(help="Relative numerical error accepted. Default: 0.01.")
    ] = None,
    precision: PrecisionOption = None,
    trust_pickle: TrustOption = False,
) -> None:
    """Explain what a model answers for the texts of a file, a pipe or --text."""
    rows = [Row(member) for member in text or ()]
    if source is not None:
        rows += read_rows(source, input_format, text_column, label_column)
    elif not rows:
        raise typer.BadParameter("Nothing to explain: name a file, - for stdin, or --text.")
    chosen = _output_format(output, to)
    targets: Any = target[0] if target and len(target) == 1 else target or "all"
    quiet_libraries()
    from setfit_explain.explainer import Explainer

    explainer = Explainer(
        model,
        targets=targets,
        output=scale,
        method=method,
        baseline=baseline,
        granularity=granularity,  # type: ignore[arg-type]  # checked by the segmentation, with its own message
        tolerance=tolerance,
        precision=precision,
        on_error="record",
        trust_pickle=trust_pickle,
    )
    explanations = explainer([row.text for row in rows], true_labels=[row.label for row in rows])
    _write(explanations, chosen, to)
    for failure in explanations.failures:
        message(f"Text {failure.index}: {failure.error}: {failure.message}")
    if explanations.failures:
        raise typer.Exit(Exit.SOME_FAILED)


app.command(epilog=evaluating.EXAMPLES)(evaluating.evaluate)


@app.command()
def check(
    model: ModelArgument,
    scale: Annotated[
        str | None, typer.Option(help="As in explain. Default: probability, or logit where there is none.")
    ] = None,
    method: MethodOption = "integrated_gradients",
    baseline: BaselineOption = "auto",
    precision: PrecisionOption = None,
    trust_pickle: TrustOption = False,
) -> None:
    """Say what was recognised in a model, and how exactly it is reproduced."""
    quiet_libraries()
    from setfit_explain.cli.checking import check_model, render

    settings = {"method": method, "baseline": baseline, "precision": precision, "trust_pickle": trust_pickle}
    facts = check_model(model, scale=scale, **settings)
    Console().print(render(facts))


@app.command()
def convert(
    model: ModelArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the converted model.")],
    trust_pickle: TrustOption = False,
) -> None:
    """Save a model as a folder without a pickle: its head as tensors and JSON."""
    quiet_libraries()
    from setfit_explain.classifier.saving import save_model

    difference = save_model(model, out, trust_pickle=trust_pickle)
    message(f"Wrote {out}. Largest difference to the original model's answers: {difference:.1e}")


@app.command()
def demo(
    model: Annotated[
        str | None, typer.Option(help="Body to train: folder or hub id. Default: packaged all-MiniLM-L6-v2.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The report.")] = Path("setfit-explain-demo.html"),
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    keep: Annotated[Path | None, typer.Option(help="Folder to save the mended classifier to.")] = None,
) -> None:
    """Train a few-shot classifier that learns a wrong thing; find it, mend it, see it gone."""
    quiet_libraries()
    from setfit_explain.demo.story import run_demo

    run_demo(model, out, seed, Console(), keep=keep)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and turn the library's errors into messages and exit codes."""
    try:
        app()
    except SetFitExplainError as error:
        message(f"{type(error).__name__}: {error}")
        sys.exit(Exit.of(error))
    sys.exit(0)


def _output_format(output: OutputFormat | None, to: Path | None) -> OutputFormat:
    suffixes = {
        ".html": OutputFormat.HTML,
        ".htm": OutputFormat.HTML,
        ".jsonl": OutputFormat.JSONL,
        ".parquet": OutputFormat.PARQUET,
    }
    by_suffix = None if to is None else suffixes.get(to.suffix.lower())
    if output is OutputFormat.PARQUET and by_suffix is not OutputFormat.PARQUET:
        raise OptionError("Parquet goes to a file whose name ends in .parquet; name it with --to.")
    if output is not None:
        return output
    if to is None:
        return OutputFormat.TERMINAL
    if by_suffix is None:
        raise OptionError(
            f"What to write to {str(to)!r} is not clear from its suffix; give --output html or jsonl."
        )
    return by_suffix


def _write(explanations: "ExplanationSet", chosen: OutputFormat, to: Path | None) -> None:
    if chosen is OutputFormat.PARQUET and to is not None:
        explanations.save(to)
        message(f"Wrote {to}")
        return
    if chosen is OutputFormat.TERMINAL and to is None:
        console = Console()
        with console.capture() as captured:
            console.print(explanations)
        content = captured.get()
    elif chosen is OutputFormat.JSONL:
        content = explanations.to_json_lines()
    else:
        content = str(explanations.to_html() if chosen is OutputFormat.HTML else explanations)
    if to is None:
        _to_stdout(content)
    else:
        from setfit_explain.explanation.serialization import write_atomically

        write_atomically(to, content)
        message(f"Wrote {to}")


def _to_stdout(content: str) -> None:
    try:
        sys.stdout.write(content)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough; typer would exit with 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
