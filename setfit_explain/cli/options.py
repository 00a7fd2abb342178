"""Options that several commands take, each declared once, in groups."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from setfit_explain.cli.reading import InputFormat, Row, Source, read_rows, without_columns
from setfit_explain.cli.selecting import Selection, select
from setfit_explain.errors import OptionError

text_option = partial(typer.Option, rich_help_panel="Texts")
how_option = partial(typer.Option, rich_help_panel="How they are explained")

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Folder of a saved SetFit model, or hub id.")
]
ScaleOption = Annotated[str, how_option(help="probability, log_probability, log_odds or logit.")]
MethodOption = Annotated[
    str,
    how_option(
        help="integrated_gradients, occlusion (any head), or another: a wrong name is answered with all."
    ),
]
BaselineOption = Annotated[
    str | None,
    how_option(
        help="What stands for no word: auto (the default), mean, mask, pad, unk or zero; for methods that take words "
        "out delete, too, and several whose scores are averaged: mask,delete."
    ),
]
ReferencesOption = Annotated[
    Path | None,
    how_option(help="File of texts, such as the training texts, whose mean word is the baseline."),
]
ToleranceOption = Annotated[
    float | None, how_option(help="Relative numerical error accepted. Default: 0.01.")
]
SamplesOption = Annotated[int | None, how_option(help="Evaluations of methods that sample.")]
PrecisionOption = Annotated[
    str | None, how_option(help="Explain a copy of the body in float32, bfloat16, float16 or float64.")
]
TrustOption = Annotated[
    bool,
    how_option("--trust-pickle", help="Let the saved head run code when it is read (trusted origin only)."),
]


def averaged(baseline: str | None) -> str | list[str] | None:
    """Read ``mask,delete``, baselines that are averaged, as the list that `Explainer` takes."""
    if baseline is None or "," not in baseline:
        return baseline
    return [name.strip() for name in baseline.split(",")]


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Where the texts stand, and which of them are taken."""

    text_column: Annotated[str, text_option(help="Column of the texts (CSV, TSV, JSON lines, Parquet).")] = (
        "text"
    )
    label_column: Annotated[
        str | None, text_option(help="Column of the true class, as its name or number, if any.")
    ] = None
    input_format: Annotated[InputFormat | None, text_option(help="Default: by the file's suffix.")] = None
    limit: Annotated[int | None, text_option(min=0, help="Take the first N rows only.")] = None
    sample: Annotated[
        int | None, text_option(min=0, help="Draw N of the rows at random; they keep their order.")
    ] = None
    sample_seed: Annotated[int, text_option(help="Seed of --sample.")] = 0

    @contextmanager
    def selection(self, given: Sequence[Row], place: str | None, *, again: bool) -> Iterator[Selection]:
        """Give the rows to explain.

        Parameters
        ----------
        given
            Rows that come first.
        place
            The file, or ``"-"`` for standard input, that the others are in; None for no others.
        again
            Whether they have to be had more than once.
        """
        chosen = partial(select, limit=self.limit, sample=self.sample, seed=self.sample_seed)
        if place is None:
            yield chosen(given, None)
            return
        source = Source(place, self.input_format, self.text_column, self.label_column)
        with source.kept(needed=again) as kept:
            yield chosen(given, kept)


@dataclass(frozen=True, kw_only=True)
class ExplainerOptions:
    """How texts are explained: what `Explainer` takes."""

    target: Annotated[
        list[str] | None,
        how_option(help="all, predicted, top:K or a class name; may be repeated for several classes."),
    ] = None
    scale: ScaleOption = "probability"
    method: Annotated[
        list[str] | None,
        how_option(
            help="integrated_gradients (the default), occlusion (any head), or another: a wrong name is answered "
            "with all. May be repeated: each text is explained by each."
        ),
    ] = None
    baseline: BaselineOption = None
    reference_texts: ReferencesOption = None
    granularity: Annotated[str, how_option(help="word, token or sentence.")] = "word"
    tolerance: ToleranceOption = None
    n_steps: Annotated[
        int | None, how_option(help="Nodes of a fixed rule, instead of as many as --tolerance needs.")
    ] = None
    n_samples: SamplesOption = None
    seed: Annotated[int | None, how_option(help="Seed of methods that sample.")] = None
    internal_batch_size: Annotated[
        int | None, how_option(help="Most rows in one forward pass; changes no result.")
    ] = None
    precision: PrecisionOption = None
    trust_pickle: TrustOption = False

    def settings(self, texts: TextOptions) -> dict[str, Any]:
        """Return them as keyword arguments of `Explainer`, in plain values."""
        target, method = self.target or ["all"], self.method or ["integrated_gradients"]
        settings = {
            "targets": target[0] if len(target) == 1 else target,
            "output": self.scale,
            "method": method[0] if len(method) == 1 else method,
            "baseline": averaged(self.baseline),
            "reference_texts": read_references(self.reference_texts, texts.text_column),
            "granularity": self.granularity,
            "tolerance": self.tolerance,
            "n_steps": self.n_steps,
            "n_samples": self.n_samples,
            "seed": self.seed,
            "internal_batch_size": self.internal_batch_size,
            "precision": self.precision,
            "trust_pickle": self.trust_pickle,
        }
        return {name: value for name, value in settings.items() if value is not None}


def read_references(file: Path | None, text_column: str) -> list[Any] | None:
    """Read the texts of ``--reference-texts``; None where it is not given."""
    if file is None:
        return None
    return [row.text for row in read_rows(str(file), text_column=text_column)]


def refuse_given(context: typer.Context, *groups: type, why: str) -> None:
    """Refuse options of groups that are on the command line and would be ignored.

    Raises
    ------
    OptionError
        Any is.
    """
    given = [name for group in groups for name in by_hand(context, *(field.name for field in fields(group)))]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(f"{options} would change nothing: {why} Leave it out.")


def refuse_idle_column(
    context: typer.Context,
    source: str | None,
    input_format: InputFormat | None,
    references: Path | None = None,
) -> None:
    """Refuse ``--text-column`` where all files are plain text; as a default of the project it may stand.

    Raises
    ------
    InputError
        It is on the command line, and would be ignored.
    """
    if source is None or not by_hand(context, "text_column"):
        return
    files = [Source(source, input_format), *([] if references is None else [Source(str(references))])]
    if all(file.kind is InputFormat.TEXT for file in files):
        raise without_columns("--text-column")


def by_hand(context: typer.Context, *names: str) -> list[str]:
    """Return those options that are on the command line, and no defaults."""
    return [
        name for name in names if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let typer see the fields of a command's groups of options as its own parameters."""
    parameters, groups = [], {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if not is_dataclass(parameter.annotation):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        group: Any = parameter.annotation
        groups[name] = group
        hints = get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in fields(group)
        ]

    @wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # how inspect is told
    return run
