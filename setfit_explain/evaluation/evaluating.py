"""`evaluate`: methods beside one another, by several metrics, on the same texts, each with its controls."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.arguments import listed_texts, one_a_text
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.labels import label_column
from setfit_explain.classifier.text_classifier import verified_classifier
from setfit_explain.errors import InputError, OptionError, SetFitExplainError
from setfit_explain.evaluation.case import Cases, usual_removals
from setfit_explain.evaluation.contestants import contestants, named_methods, told_apart
from setfit_explain.evaluation.measuring import Direction, Measurement
from setfit_explain.evaluation.metric import PLAUSIBILITY, Metric, make_metrics
from setfit_explain.evaluation.ranking import permuted
from setfit_explain.evaluation.rationales import read_rationale
from setfit_explain.evaluation.studies import STUDIES, run_study
from setfit_explain.explanation.explanation_set import Failure
from setfit_explain.explanation.segmentation import check_granularity
from setfit_explain.views.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.evaluation.case import Case
    from setfit_explain.evaluation.contestants import Contestant, Given, Refusal
    from setfit_explain.evaluation.rationales import Rationale
    from setfit_explain.explanation.segmentation import Granularity

    Floats = NDArray[np.float64]

DEFAULT_METRICS = (
    "comprehensiveness",
    "sufficiency",
    "insertion",
    "deletion",
    "leave_one_out_correlation",
    "monotonicity",
)
RANDOM_DRAWS = 4
"""Random orders whose metrics are averaged for a text's random control."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Measurements of several methods on the same texts.

    Parameters
    ----------
    measurements
        One for each method and metric, in that order.
    texts
        How many texts were given.
    failures
        Texts that could not be read, or that a method could not explain, which the message then names; undefined in the
        measurements concerned.
    refusals
        Methods that cannot explain the model, or not with their settings, and why; they have no measurements.
    """

    measurements: tuple[Measurement, ...]
    texts: int
    failures: tuple[Failure, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def find(self, method: str, metric: str, removal: str | None = None) -> Measurement:
        """Give one measurement; raises `InputError` where it was not made."""
        for found in self.measurements:
            if (found.method, found.metric, found.removal) == (method, metric, removal):
                return found
        for refusal in self.refusals:
            if refusal.method == method:
                raise InputError(f"{method!r} was not measured: {refusal.error}: {refusal.message}")
        made = sorted({f"{found.method}: {found.name}" for found in self.measurements})
        raise InputError(f"{metric} ({removal}) of {method!r} was not measured. Measured: {'; '.join(made)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "texts": self.texts,
            "failures": [
                {"index": failure.index, "error": failure.error, "message": failure.message}
                for failure in self.failures
            ],
            "refusals": [asdict(refusal) for refusal in self.refusals],
            "measurements": [measurement.to_dict() for measurement in self.measurements],
        }


def evaluate(
    model: Any,
    texts: Iterable[str],
    *,
    methods: Sequence[Given] | Mapping[str, Given] = ("integrated_gradients", "occlusion"),
    metrics: Sequence[str | Metric] | None = None,
    removals: Sequence[str] | None = None,
    rationales: Sequence[Rationale | None] | None = None,
    labels: Sequence[Any] | None = None,
    output: str = "probability",
    granularity: Granularity = "word",
    reference_texts: Sequence[str] | None = None,
    seed: int = 0,
    show_progress: bool | None = False,
    trust_pickle: bool = False,
) -> Evaluation:
    """Measure how good the explanations of several methods are, on the same texts and beside controls.

    Parameters
    ----------
    model
        As for `Explainer`. It is left as found.
    texts
        What is explained; a few hundred separate most methods.
    methods
        Names or method objects; or for each name that the table should have one of these or the keyword arguments
        of `Explainer`, such as ``{"IG from pad": {"method": "integrated_gradients", "baseline": "pad"}}``; or, to judge
        attributions that were made elsewhere, a function of the text, the (start, end) of its ``n`` units and the
        class's column that gives ``n`` numbers. In a list, the second of a name is ``"name (2)"``.
    metrics
        Names of `FAITHFULNESS`, `PLAUSIBILITY` and `STUDIES`, ferret's names, or metric objects; None for a usual
        choice, with all of plausibility where there are rationales. Studies measure the class that is answered. Of
        objects with one name and removal the second is ``"name (2)"``.
    removals
        How units are taken out, for the metrics given by name: any of `REMOVALS`. None for ``"delete"`` and
        ``"mask"``, or for a tokenizer without a mask ``"unk"``, else ``"mean"``.
    rationales
        For each text what people marked as the reason, (start, end) or (start, end, vote), or None. The vote, from
        0 to 1, is the share of people who marked it, 1 if not given; where spans overlap, the largest counts.
    labels
        The class of each text whose score is explained and measured, as `explain` reads ``true_labels``: a name, or
        the number that the model was trained on. None for the most probable one. Plausibility should be judged on
        the class that the people gave.
    output
        Scale on which the metrics see the class's score, whatever scale a method explains.
    granularity
        Of the units, for every method.
    reference_texts
        Texts whose token frequencies weight the removal ``"mean"``.
    seed
        Of random controls, random ties and resamples.
    show_progress
        Whether to draw a bar on stderr; None for "on a terminal".
    trust_pickle
        As for `Explainer`.

    Returns
    -------
    Evaluation
        Seconds a text, then the metrics, of each method. A method that cannot explain the model, or not from the
        baseline or on the scale asked, is among its ``refusals`` instead.

    Raises
    ------
    OptionError
        A method, metric, removal or setting is unknown, or rationales are lacking where a metric needs them.
    InputError
        A label is no class, or a rationale not within its text.
    SetFitExplainError
        The model cannot be explained, or by none of the methods: what the first of them said.

    Examples
    --------
    ::

        found = evaluate(model, texts, methods=["integrated_gradients", "occlusion"])
        print(found.find("occlusion", "comprehensiveness", "mask").value)
    """
    check_whole_number("seed", seed, 0)
    check_granularity(granularity)
    texts = listed_texts(texts)
    for name, names in (("metrics", metrics), ("removals", removals)):
        if isinstance(names, str):
            raise OptionError(f"{name} is a list of names; give [{names!r}].")
    if metrics is None:
        metrics = DEFAULT_METRICS if rationales is None else (*DEFAULT_METRICS, *PLAUSIBILITY)
    studies = [name for name in STUDIES if name in metrics]
    named = named_methods(methods)
    own_labels = one_a_text("labels", labels, len(texts))
    asked = one_a_text("rationales", rationales, len(texts))
    classifier = verified_classifier(model, differentiable=False, trust_pickle=trust_pickle)
    chosen = _chosen(
        [metric for metric in metrics if metric not in studies],
        usual_removals(classifier) if removals is None else removals,
        rationales,
    )
    made, refusals = contestants(named, classifier, granularity)
    cases = Cases(
        classifier, output=output, granularity=granularity, reference_texts=reference_texts, seed=seed
    )
    for metric in chosen:
        if metric.removal is not None:
            cases.removal(metric.removal)  # an unknown one shows before anything is computed
    targets = [label_column(label, classifier.classes, classifier.model.labels) for label in own_labels]
    marked = [
        read_rationale(index, text, given)
        for index, (text, given) in enumerate(zip(texts, asked, strict=True))
    ]
    rows: list[tuple[str, int | None, Rationale | None]] = list(zip(texts, targets, marked, strict=True))
    explaining = {name: explain for name, (explain, _) in made.items()}
    table, seconds, failures = _judged(cases, explaining, chosen, rows, show_progress)
    kinds = [(metric.name, metric.removal) for metric in chosen]
    measurements = []
    for row, (name, (_, options)) in enumerate(made.items()):
        measurements.append(_seconds(name, seconds[row]))
        for k, metric in enumerate(chosen):
            measured = _measured(name, metric, cases, *table[row, k])
            told = told_apart(metric.name, kinds[:k].count(kinds[k]))
            measurements.append(replace(measured, metric=told))
        explained = np.flatnonzero(~np.isnan(seconds[row])).tolist()
        for study in studies:
            found = run_study(
                study, classifier.model, [texts[k] for k in explained], options, method=name, seed=seed
            )
            measurements += [_placed(measurement, explained, len(texts)) for measurement in found]
    return Evaluation(tuple(measurements), len(texts), tuple(failures), refusals)


def _judged(
    cases: Cases,
    explaining: Mapping[str, Contestant],
    metrics: Sequence[Metric],
    given: Sequence[tuple[str, int | None, Rationale | None]],
    show_progress: bool | None,
) -> tuple[Floats, Floats, list[Failure]]:
    """Explain and judge every text: value and both controls, seconds, and what failed on which text.

    The first are of shape ``(methods, metrics, 3, texts)`` and ``(methods, texts)``, NaN where undefined.
    """
    table = np.full((len(explaining), len(metrics), 3, len(given)), np.nan)
    seconds = np.full((len(explaining), len(given)), np.nan)
    failures = []
    with progress_bar("evaluating", shown=show_progress) as tell:
        for index, (text, target, marked) in enumerate(given):
            tell(index, len(given))
            try:
                case = cases.of(text, target, marked)
            except SetFitExplainError as error:
                failures.append(Failure(index, str(text), type(error).__name__, str(error)))
                continue
            for row, (name, explain) in enumerate(explaining.items()):
                try:
                    started = time.perf_counter()
                    values = explain(case)
                    seconds[row, index] = time.perf_counter() - started
                except SetFitExplainError as error:
                    failures.append(Failure(index, str(text), type(error).__name__, f"{name}: {error}"))
                    continue
                for column, metric in enumerate(metrics):
                    try:
                        table[row, column, :, index] = _judge(metric, case, values)
                    except SetFitExplainError as error:
                        failures.append(Failure(index, str(text), type(error).__name__, f"{name}: {error}"))
        tell(len(given), len(given))
    return table, seconds, list(dict.fromkeys(failures))  # a reason that fails several metrics is told once


def _judge(metric: Metric, case: Case, values: Floats) -> tuple[float, float, float]:
    """Give a metric's value of attributions, of the same in random order, and of their opposite."""
    value = metric(case, values)
    if np.isnan(value):
        return np.nan, np.nan, np.nan
    generator = case.generator()
    draws = [metric(case, permuted(values, generator)) for _ in range(RANDOM_DRAWS)]
    return value, float(np.mean(draws)), metric(case, -values)


def _placed(found: Measurement, places: Sequence[int], count: int) -> Measurement:
    """Put values of some texts where these are among all."""

    def spread(values: Floats) -> Floats:
        every = np.full(count, np.nan)
        every[places] = values
        return every

    return replace(
        found,
        values=spread(found.values),
        random=None if found.random is None else spread(found.random),
        reversed=None if found.reversed is None else spread(found.reversed),
    )


def _seconds(method: str, values: Floats) -> Measurement:
    return Measurement(
        method=method,
        metric="seconds",
        removal=None,
        direction=Direction.LOWER,
        unit="seconds a text",
        values=values,
    )


def _measured(
    method: str, metric: Metric, cases: Cases, values: Floats, random: Floats, opposite: Floats
) -> Measurement:
    """Name what `_judge` found over all texts."""
    return Measurement(
        method=method,
        metric=metric.name,
        removal=metric.removal,
        direction=metric.direction,
        unit=cases.output.value if metric.unit is None else metric.unit,
        values=values,
        random=random,
        reversed=opposite,
        undefined_for=metric.undefined_for,
    )


def _chosen(
    metrics: Sequence[str | Metric], removals: Sequence[str], rationales: Sequence[Any] | None
) -> list[Metric]:
    chosen = make_metrics(metrics, removals)
    lacking = [metric.name for metric in chosen if metric.name in PLAUSIBILITY]
    if lacking and rationales is None:
        raise OptionError(f"{lacking[0]} compares with what people marked; give rationales.")
    return chosen
