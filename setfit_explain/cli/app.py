"""The commands and their way out. Data goes to stdout, progress and messages to stderr."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from setfit_explain._version import __version__
from setfit_explain.cli import comparing, evaluating, explaining
from setfit_explain.cli.messages import Exit, message, quiet_libraries
from setfit_explain.cli.options import (
    BaselineOption,
    MethodOption,
    ModelArgument,
    PrecisionOption,
    TrustOption,
    averaged,
    grouped,
)
from setfit_explain.cli.settings import read_settings
from setfit_explain.errors import SetFitExplainError

app = typer.Typer(
    name="setfit-explain",
    help="Which words made my few-shot classifier say that?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 unexpected, 2 usage, 3 input, 4 model refused, 5 some texts failed, "
    "130 interrupted. Defaults of a project: \\[tool.setfit_explain] in pyproject.toml.",
)

app.command(epilog=explaining.EXPLAIN_EXAMPLES)(grouped(explaining.explain))
app.command(epilog=explaining.REPORT_EXAMPLES)(grouped(explaining.report))
app.command(epilog=comparing.EXAMPLES)(grouped(comparing.compare))
app.command(epilog=evaluating.EXAMPLES)(evaluating.evaluate)


@app.command(epilog="Example:\n\nsetfit-explain check my-model --scale log_odds")
def check(
    model: ModelArgument,
    scale: Annotated[
        str | None, typer.Option(help="As in explain. Default: probability, or logit where there is none.")
    ] = None,
    method: MethodOption = "integrated_gradients",
    baseline: BaselineOption = None,
    precision: PrecisionOption = None,
    trust_pickle: TrustOption = False,
) -> None:
    """Say what was recognised in a model, and how exactly it is reproduced."""
    quiet_libraries()
    from rich.console import Console

    from setfit_explain.cli.checking import check_model, render

    facts = check_model(
        model,
        scale=scale,
        method=method,
        baseline=averaged(baseline),
        precision=precision,
        trust_pickle=trust_pickle,
    )
    Console().print(render(facts))


@app.command(epilog="Example:\n\nsetfit-explain convert my-model my-safe-model")
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


@app.command(epilog="Example:\n\nsetfit-explain demo --keep my-model")
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
    from rich.console import Console

    from setfit_explain.demo.story import run_demo

    run_demo(model, out, seed, Console(), keep=keep)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    context.default_map = read_settings(context)


def main() -> NoReturn:
    """Run the command line and turn the library's errors into messages and exit codes."""
    try:
        app()
    except SetFitExplainError as error:
        message(f"{type(error).__name__}: {error}")
        sys.exit(Exit.of(error))
    sys.exit(Exit.OK)
