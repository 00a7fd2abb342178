"""``setfit-explain evaluate``: how far to believe each method's explanations of a model on a data set."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from setfit_explain.cli.messages import Exit, message, quiet_libraries
from setfit_explain.cli.options import (
    ReferencesOption,
    SamplesOption,
    ToleranceOption,
    averaged,
    by_hand,
    how_option,
    read_references,
    refuse_idle_column,
)
from setfit_explain.cli.reading import InputFormat, read_rows
from setfit_explain.errors import InputError, OptionError
from setfit_explain.views.formatting import printable

if TYPE_CHECKING:
    from rich.table import Table

    from setfit_explain.evaluation.evaluating import Evaluation
    from setfit_explain.evaluation.measuring import Estimate

EXAMPLES = """Examples:

setfit-explain evaluate my-model tickets.csv --limit 200

setfit-explain evaluate my-model tickets.csv --method integrated_gradients --baseline mean --baseline mask

setfit-explain evaluate my-model marked.jsonl --label-column label --rationale-column rationale --output csv"""


class EvaluationFormat(StrEnum):
    """What an evaluation is written as."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a saved SetFit model, or hub id.")],
    source: Annotated[str, typer.Argument(metavar="DATA", help="File of texts that it was not trained on.")],
    method: Annotated[list[str] | None, how_option(help="Method to evaluate; may be repeated.")] = None,
    baseline: Annotated[
        list[str] | None,
        how_option(
            help="Baseline for methods that take one, and for those that take words out several that are averaged: "
            "mask,delete; may be repeated."
        ),
    ] = None,
    reference_texts: ReferencesOption = None,
    tolerance: ToleranceOption = None,
    n_samples: SamplesOption = None,
    scale: Annotated[list[str] | None, how_option(help="Scale explained; may be repeated.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric, also by ferret's names; may be repeated.")
    ] = None,
    removal: Annotated[
        list[str] | None,
        typer.Option(
            help="mask, pad, unk, mean, zero or delete; may be repeated. Default: delete, and mask or what is nearest."
        ),
    ] = None,
    measured_scale: Annotated[
        str, typer.Option(help="Scale on which metrics see the score, whatever is explained.")
    ] = "probability",
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    label_column: Annotated[
        str | None, typer.Option(help="Column of the class that is measured. Default: the predicted one.")
    ] = None,
    rationale_column: Annotated[
        str | None,
        typer.Option(
            help="Column of what people marked: [\\[start, end], ...], or with votes \\[start, end, vote]."
        ),
    ] = None,
    input_format: Annotated[InputFormat | None, typer.Option(help="Default: by the file's suffix.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first N texts only.")] = None,
    granularity: Annotated[str, how_option(help="word, token or sentence.")] = "word",
    seed: Annotated[int, typer.Option(help="Of random controls, random ties and resamples.")] = 0,
    output: Annotated[EvaluationFormat, typer.Option("--output", help="What is written to stdout.")] = (
        EvaluationFormat.TABLE
    ),
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Let the saved head run code (trusted origin only).")
    ] = False,
) -> None:
    """Measure explanations: faithful, stable, plausible? Each number beside random and reversed attributions."""
    if source == "-" and (label_column or rationale_column):
        raise OptionError("Labels and rationales are read from a file, not from standard input; name one.")
    refuse_idle_column(context, source, input_format, reference_texts)
    columns = {"texts": None, "labels": label_column, "rationales": rationale_column}
    read = {
        name: read_rows(source, input_format, text_column, column)[:limit]
        for name, column in columns.items()
        if name == "texts" or column is not None
    }
    if not read["texts"]:
        raise InputError(f"{source!r} holds no text to evaluate on.")
    quiet_libraries()
    from setfit_explain.evaluation.evaluating import evaluate as run

    references = read_references(reference_texts, text_column)
    asked = {"reference_texts": references, "tolerance": tolerance, "n_samples": n_samples}
    settings = {name: value for name, value in asked.items() if value is not None}
    chosen = method or ["integrated_gradients", "occlusion"]
    variants = _variants(chosen, baseline or [], scale or [], settings)
    _refuse_idle(by_hand(context, "baseline", *settings), variants, removal or [])
    found = run(
        model,
        [row.text for row in read["texts"]],
        methods=variants,
        metrics=metric,
        removals=removal,
        labels=[row.label for row in read["labels"]] if "labels" in read else None,
        rationales=[_rationale(row.label) for row in read["rationales"]] if "rationales" in read else None,
        output=measured_scale,
        reference_texts=references,
        granularity=granularity,  # type: ignore[arg-type]  # checked by the segmentation, with its own message
        seed=seed,
        show_progress=None,
        trust_pickle=trust_pickle,
    )
    match output:
        case EvaluationFormat.TABLE:
            from rich.console import Console

            Console().print(render(found))
        case EvaluationFormat.JSON:
            typer.echo(json.dumps(found.to_dict(), indent=2))
        case EvaluationFormat.CSV:
            typer.echo(to_csv(found), nl=False)
    for refusal in found.refusals:
        message(f"Method {refusal.method}: {refusal.error}: {refusal.message}")
    for failure in found.failures:
        message(f"Text {failure.index}: {failure.error}: {failure.message}")
    if found.failures or found.refusals:
        raise typer.Exit(Exit.SOME_FAILED)


def render(found: "Evaluation") -> "Table":
    """Lay measurements out metric by metric, the methods below one another."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{found.texts} texts; means over texts with 95 % intervals", title_justify="left")
    for column in ("metric", "better", "method", "value", "random", "reversed", "better than random by", "n"):
        table.add_column(column, justify="right" if column == "n" else "left", overflow="fold")
    by_metric: dict[str, list[Any]] = {}
    for measurement in found.measurements:
        by_metric.setdefault(measurement.name, []).append(measurement)
    for name, measurements in by_metric.items():
        for place, measurement in enumerate(measurements):
            controls = measurement.controls
            gain = "-" if measurement.random is None else measurement.gain_over(measurement.random)
            row = (
                "" if place else name,
                "" if place else measurement.direction.value,
                measurement.method,
                str(measurement.value),
                *(_mean(controls.get(control)) for control in ("random", "reversed")),
                str(gain),
                str(measurement.value.n),
            )
            table.add_row(*map(Text, row), end_section=place + 1 == len(measurements))
    reasons = {
        f"{measurement.undefined} texts are left out of {measurement.name} of {measurement.method}: it is undefined "
        f"for {measurement.undefined_for}."
        for measurement in found.measurements
        if measurement.undefined and measurement.undefined_for
    }
    notes = {measurement.note for measurement in found.measurements if measurement.note}
    table.caption = Text("\n".join(map(printable, [*sorted(reasons), *sorted(notes)])))
    table.caption_justify = "left"
    return table


def _mean(control: "Estimate | None") -> str:
    return f"{control.mean:.3f}" if control is not None and control.n else "-"


def to_csv(found: "Evaluation") -> str:
    """Write one line for each measurement."""
    rows = [measurement.to_dict() for measurement in found.measurements]
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _variants(
    methods: Sequence[str], baselines: Sequence[str], scales: Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Name every combination by what varies; each has the settings that it knows, and the baseline if it takes one."""
    from setfit_explain.arguments import known_settings, resolve_method

    variants: dict[str, Any] = {}
    nothing: list[str | None] = [None]
    for method, scale in product(methods, [*scales] or nothing):
        resolve_method(method, {})  # an unknown one is told at once
        takes = known_settings(method, {"baseline": None})
        for baseline in ([*baselines] or nothing) if takes else nothing:
            options = {"method": method, "baseline": averaged(baseline), "output": scale}
            given = {name: value for name, value in options.items() if value is not None}
            own = known_settings(method, settings)
            if baseline is not None and not _OF_REFERENCES.intersection(map(str.strip, baseline.split(","))):
                own.pop("reference_texts", None)
            shown = [method]
            if len(baselines) > 1 and baseline is not None:
                shown.append(f"from {baseline}")
            if len(scales) > 1 and scale is not None:
                shown.append(f"of {scale}")
            variants[" ".join(shown)] = given | own
    return variants


_OF_REFERENCES = {"auto", "mean", "sampled"}
"""Baselines that are made of reference texts where there are any; others refuse them."""


def _refuse_idle(given: Sequence[str], variants: Mapping[str, Any], removals: Sequence[str]) -> None:
    """Refuse settings on the command line that nothing takes; reference texts serve the removal mean, too."""
    from setfit_explain.arguments import METHODS, known_settings

    for name in given:
        of_removal = name == "reference_texts" and "mean" in removals
        if of_removal or any(name in options for options in variants.values()):
            continue
        option = f"--{name.replace('_', '-')}"
        knowing = ", ".join(method for method in METHODS if known_settings(method, {name: None}))
        only = " from the baseline auto, mean or sampled" if name == "reference_texts" else ""
        raise OptionError(
            f"{option} would change nothing for {', '.join(variants)}. Leave it out, or add a method that takes it{only}: "
            f"{knowing}."
        )


def _rationale(given: Any) -> Any:
    """Read spans as JSON where a file can hold only strings; nothing is no rationale."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given) if given.strip() else None
    except ValueError as error:
        raise InputError(
            f"The rationale {given!r} is not JSON. Write [[start, end], ...] in characters."
        ) from error
