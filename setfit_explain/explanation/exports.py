"""Explanations in the shapes of other libraries, so that what reads those reads ours."""

import math
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError, MissingExtraError
from setfit_explain.explanation.panels import text_panel, value_scale
from setfit_explain.explanation.tables import without_surrogates
from setfit_explain.views.formatting import visible_name
from setfit_explain.views.pieces import pieces, size
from setfit_explain.views.scale import strength

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptumRecord:
    """The fields of ``captum.attr.visualization.VisualizationDataRecord``, without needing torch.

    ``visualize_text`` writes them into HTML as they are, so their texts are escaped here.

    Parameters
    ----------
    word_attributions
        Signed, not normalised, shape ``(units,)``.
    pred_prob, pred_class
        The class answered and its probability.
    true_class
        What it should have answered; empty where that is not known.
    attr_class
        The target explained, and what the values are where they are no parts of its score.
    attr_score
        Sum of the attributions.
    raw_input_ids
        Text of each unit.
    convergence_score
        The convergence delta.
    """

    word_attributions: NDArray[np.float64]
    pred_prob: float
    pred_class: str
    true_class: str
    attr_class: str
    attr_score: float
    raw_input_ids: list[str]
    convergence_score: float


def captum_records(explanation: "Explanation") -> list[CaptumRecord]:
    """Return one record a target."""
    names, label = list(explanation.predicted), explanation.true_label
    columns = [explanation.classes.index(name) for name in names]
    true_names = () if label is None else (label,) if isinstance(label, str) else label
    return [
        CaptumRecord(
            word_attributions=values,
            pred_prob=float(explanation.probabilities[columns].max(initial=0.0)),
            pred_class=escape(", ".join(names)),
            true_class=escape(", ".join(true_names)),
            attr_class=escape(target),
            attr_score=float(values.sum()),
            raw_input_ids=[escape(visible_name(unit.text)) for unit in explanation.units],
            convergence_score=float(delta),
        )
        for target, values, delta in zip(
            _titles(explanation), explanation.attributions, explanation.delta, strict=True
        )
    ]


def highlighted_text(
    explanation: "Explanation", target: str | int | None = None, bound: float | None = None
) -> list[tuple[str, float | None]]:
    """Return (part of the text, share of ``bound`` from -1 to 1) for Gradio: see ``Explanation``."""
    panel = text_panel(explanation)
    shown = panel.targets[explanation.target_index(target)]
    sizes = (size(value) for member in panel.targets for value in member.values[: len(panel.spans)])
    full = max((found for found in sizes if found < math.inf), default=0.0) if bound is None else bound
    return [
        (
            without_surrogates(piece.text),
            None if piece.unit is None else math.copysign(strength(value, full), value),
        )
        for piece in pieces(panel)
        for value in [math.nan if piece.unit is None else shown.values[piece.unit]]
    ]


def shap_explanation(explanation: "Explanation") -> Any:
    """Return a ``shap.Explanation``: values ``(units, targets)``, base values ``(targets,)``.

    ``feature_names`` are the units, ``output_names`` the targets; where values are no parts of a target's score, the
    name says so, and the base values are NaN. ``data``, which shap's text plot joins, has what follows each unit in the
    text too.

    Raises
    ------
    InputError
        If there are no units.
    MissingExtraError
        If shap is not installed.
    """
    try:
        import shap
    except ImportError as error:
        raise MissingExtraError.of("shap", "shap") from error
    if not explanation.units:
        raise InputError("shap holds no explanation without units, and this text has none.")
    buckets = [unit.text for unit in explanation.units if unit.special is not None]
    starts = [unit.start for unit in explanation.units if unit.special is None]
    edges = [*([0] if starts else []), *starts[1:], len(explanation.text)]
    return shap.Explanation(
        values=explanation.attributions.T.copy(),
        base_values=explanation.baseline_score.copy(),
        data=np.array(
            [*(explanation.text[start:end] for start, end in pairwise(edges)), *buckets], dtype=object
        ),
        feature_names=[unit.text for unit in explanation.units],
        output_names=_titles(explanation),
    )


def _titles(explanation: "Explanation") -> list[str]:
    """Name the targets, and say what the values are where they are no parts of a score, or of no class."""
    scale = value_scale(explanation)
    return [f"{target} ({scale})" if scale else target for target in explanation.targets]
