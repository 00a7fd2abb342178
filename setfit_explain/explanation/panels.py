"""Panels of explanations: what the views are given to draw."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.explanation.agreement import agreements, same_text
from setfit_explain.explanation.checks import explains_class
from setfit_explain.views.panel import Agreement, ComparisonPanel, Item, TargetPanel, TextPanel

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation

STRENGTH = "strength"
UNSIGNED = "without a sign"
SLOPE = "slope by the word embeddings"


def text_panel(explanation: "Explanation") -> TextPanel:
    """Return the words and numbers of ``explanation`` that a view draws."""
    units = explanation.units
    label = explanation.true_label
    return TextPanel(
        text=explanation.text,
        spans=tuple((unit.start, unit.end) for unit in units if unit.special is None),
        buckets=tuple(unit.text for unit in units if unit.special is not None),
        targets=tuple(
            _target_panel(explanation, index, share)
            for index, share in enumerate(explanation.special_token_share.tolist())
        ),
        shown=explanation.shown_target,
        probabilities=tuple(
            (name, probability)
            for name, probability in zip(explanation.classes, explanation.probabilities.tolist(), strict=True)
            if not math.isnan(probability)
        ),
        predicted=explanation.predicted,
        true_label=(label,) if isinstance(label, str) else label,
        output=explanation.output,
        truncated_span=explanation.truncated_span,
        notes=explanation.notes,
        footer=_footer(explanation),
        method=_method(explanation.method),
    )


def report_panels(explanations: Iterable["Explanation"]) -> tuple[Item, ...]:
    """Return the panels of a report: one text by several methods, one after the other, is one panel."""
    return tuple(map(item_panel, same_text(explanations)))


def item_panel(group: Sequence["Explanation"]) -> Item:
    """Return the panel of one text by one method, or by several."""
    return text_panel(group[0]) if len(group) == 1 else _comparison(group)


def _comparison(group: Sequence["Explanation"]) -> ComparisonPanel:
    agreement = tuple(
        Agreement(found.target, _method(found.first), _method(found.second), found.kendall)
        for found in agreements(group)
    )
    return ComparisonPanel(tuple(map(text_panel, group)), agreement)


def _method(name: str) -> str:
    return name.replace("_", " ")


def _target_panel(explanation: "Explanation", index: int, special_token_share: float) -> TargetPanel:
    name = explanation.targets[index]
    classes = _contrasted(name, explanation.classes)
    towards, away = (
        (f"towards {each}" for each in classes) if classes else (f"towards {name}", f"away from {name}")
    )
    return TargetPanel(
        name=name,
        towards=towards,
        away=away,
        score=float(explanation.score[index]),
        baseline_score=float(explanation.baseline_score[index]),
        delta=float(explanation.delta[index]),
        error_estimate=float(explanation.error_estimate[index]),
        converged=bool(explanation.converged[index]),
        values=tuple(explanation.attributions[index].tolist()),
        special_token_share=special_token_share,
        signed=explanation.settings.get("signed") is not False,
        contrast=classes is not None,
        scale=value_scale(explanation),
        sampled=accepts_any_error(explanation) and bool(explanation.error_estimate[index] > 0),
    )


def accepts_any_error(explanation: "Explanation") -> bool:
    """Whether the method draws at random and no tolerance was asked, so that ``converged`` says nothing."""
    return "seed" in explanation.settings and explanation.settings.get("tolerance") is None


def value_scale(explanation: "Explanation") -> str:
    """Return what the values are where they are no parts of a score; else nothing."""
    if not explains_class(explanation):
        return f"{STRENGTH}, {UNSIGNED}, of no class"
    if explanation.settings.get("signed") is False:
        return f"{explanation.settings.get('values', STRENGTH)}, {UNSIGNED}"
    return SLOPE if explanation.settings.get("reduction") == "sum" else ""


def _contrasted(name: str, classes: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the two classes that ``name`` contrasts; None where it is a class, or what no class is."""
    if name in classes:
        return None
    pairs = ((first, second) for first in classes for second in classes)
    return next(((first, second) for first, second in pairs if name == f"{first} vs {second}"), None)


def _answers(explanation: "Explanation") -> str:
    """Name what was compared with the model's own answer."""
    return "decision values" if np.isnan(explanation.probabilities).all() else "probabilities"


def _footer(explanation: "Explanation") -> str:
    settings = [
        f"{name}={value}" for name, value in sorted(explanation.settings.items()) if value is not None
    ]
    parts = [
        _method(explanation.method),
        *settings,
        f"{explanation.granularity} units",
        f"{_answers(explanation)} reproduced to {explanation.reproduction_error:.1e}",
    ]
    if "setfit-explain" in explanation.versions:
        parts.append(f"setfit-explain {explanation.versions['setfit-explain']}")
    return " · ".join(parts)
