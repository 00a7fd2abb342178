"""What ``setfit-explain check`` reports of a model."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.table import Table
from rich.text import Text

from setfit_explain.errors import OptionError
from setfit_explain.explainer import Explainer
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.panels import accepts_any_error
from setfit_explain.views.formatting import printable

_REPEATS = 3


def check_model(model: str, *, scale: str | None, **settings: Any) -> list[tuple[str, str]]:
    """Load a model, explain a probe text, and gather what was found as (name, value) pairs.

    Parameters
    ----------
    model
        Folder or hub id.
    scale
        The output; None for probability, or logit where the head has no probabilities.
    **settings
        As in `Explainer`.

    Raises
    ------
    ModelError
        The model cannot be explained.
    """
    explainer = _explainer(model, scale, settings)
    classifier = explainer.classifier
    probe, seconds = classifier.probe_text, []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        explanation = explainer(probe)
        seconds.append(time.perf_counter() - start)
    difference = max(classifier.head_difference, explanation.reproduction_error)
    encoded = classifier.encode(probe)
    tokens, dim = classifier.word_embeddings(encoded).shape
    modules = " → ".join(type(module).__name__ for module in classifier.body.module)
    inner = getattr(classifier.body.module[0], "auto_model", None)
    asked = "predict_proba" if classifier.head.has_probabilities else "decision_function"
    return [
        ("body", modules + (f" ({type(inner).__name__})" if inner is not None else "")),
        ("word embeddings", f"{classifier.tap.name} ({dim} dimensions, {classifier.dtype})"),
        ("longest text", f"{classifier.body.module.max_seq_length} tokens"),
        ("head", f"{type(classifier.model.head).__name__}, {classifier.head.link.value}"),
        ("classes", ", ".join(classifier.classes)),
        (f"difference to {asked}", f"{difference:.1e}"),
        *_baseline(explainer, explanation),
        ("method", f"{explanation.method} of {explanation.output}"),
        *[("nodes for the probe text", str(n)) for n in [explanation.settings.get("nodes")] if n],
        ("converged", _verdict(explanation)),
        ("seconds per explanation", f"{median(seconds):.2f} (all classes, {tokens} tokens)"),
    ]


def _explainer(model: str, scale: str | None, settings: dict[str, Any]) -> Explainer:
    try:
        return Explainer(model, output=scale or "probability", **settings)
    except OptionError as error:
        if scale is not None:
            raise
        try:
            return Explainer(model, output="logit", **settings)
        except OptionError:
            raise error from None  # it was not the scale


def render(facts: Sequence[tuple[str, str]]) -> Table:
    """Lay the facts out in two columns."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts:
        table.add_row(Text(name, style="bold"), Text(printable(value)))
    return table


def _baseline(explainer: Explainer, explanation: Explanation) -> list[tuple[str, str]]:
    """Name the method's baseline and what is predicted there, where it has one."""
    name = explanation.settings.get("baseline")
    if name is None:
        return []
    classifier = explainer.classifier
    try:
        answer = classifier.bind(explanation.text)(explainer.baseline(explanation.text))[0].tolist()
        predicted = _distribution(classifier.classes, answer)
    except OptionError:  # what is left of a text of which words are cut out is no baseline of its length
        predicted = "none, since words are cut out"
    return [("baseline", str(name)), ("the baseline's own prediction", predicted)]


def _verdict(explanation: Explanation) -> str:
    error = explanation.error_estimate.max()
    if accepts_any_error(explanation) and error > 0:
        return f"no tolerance was asked; standard error of sampling up to {error:.2g}"
    return "yes" if explanation.converged.all() else "NO"


def _distribution(classes: Sequence[str], probabilities: Sequence[float]) -> str:
    ranked = sorted(zip(classes, probabilities, strict=True), key=lambda pair: -pair[1])
    shown = ", ".join(f"{name} {probability:.2f}" for name, probability in ranked[:5])
    return shown + (", …" if len(ranked) > 5 else "")
