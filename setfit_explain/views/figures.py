"""Figures: what a page says of one class's score, with every number already a string."""

import math
from dataclasses import dataclass

from setfit_explain.views.formatting import minus, number, signed
from setfit_explain.views.panel import TargetPanel, TextPanel
from setfit_explain.views.pieces import legend, sampling_error, special_line
from setfit_explain.views.scale import Bounds, bound_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The score of one class: what it is made of, and the legend of its colours.

    ``score`` with its ``unit``, ``baseline`` and ``error`` are empty where the method has none, and ``verdict`` where no
    tolerance was asked of what was drawn at random.
    """

    name: str
    legend: tuple[str, str]
    bound: str
    unit: str
    score: str
    baseline: str
    total: str
    delta: str
    error: str
    converged: bool
    verdict: str
    special: str


def draw_figures(panel: TextPanel, target: TargetPanel, bounds: Bounds) -> Figures:
    """Return the figures of ``target``."""
    drawn, error = sampling_error(target), _known(target.error_estimate)
    return Figures(
        name=target.name,
        legend=legend(target),
        bound=number(bound_of(bounds, panel, target)),
        unit="" if math.isnan(target.score) else panel.unit_of_measure(target),
        score=_known(target.score),
        baseline=_known(target.baseline_score),
        total=minus(signed(sum(target.values))),
        delta=minus(signed(target.delta)),
        error=drawn or (error and f"estimated error {error}"),
        converged=target.converged,
        verdict="" if drawn else "converged" if target.converged else "NOT CONVERGED",
        special=special_line(target),
    )


def _known(value: float) -> str:
    return "" if math.isnan(value) else minus(number(value))
