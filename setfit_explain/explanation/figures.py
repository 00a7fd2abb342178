"""Figures of explanations: which one a kind is, and what it is given to draw."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.errors import OptionError
from setfit_explain.explanation.checks import explains_class
from setfit_explain.explanation.panels import text_panel
from setfit_explain.explanation.strength import check_one_method, shared_notes
from setfit_explain.views import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from setfit_explain.explanation.explanation import Explanation
    from setfit_explain.explanation.explanation_set import ExplanationSet

_OF_A_TEXT = {"bar": plots.bar_chart, "waterfall": plots.waterfall}
_BARS = 20


def text_figure(explanation: "Explanation", target: str | int | None, kind: str, ax: "Axes | None") -> "Axes":
    """Draw one explanation: see ``Explanation.plot``."""
    panel = text_panel(explanation)
    if kind == "heat_map":
        if target is not None:
            raise OptionError(f"kind='heat_map' shows every target; leave out target={target!r}.")
        return plots.heat_map(panel, ax=ax)
    if kind not in _OF_A_TEXT:
        raise OptionError(f"kind={kind!r} is not known. Accepted: {', '.join(_OF_A_TEXT)}, heat_map.")
    row = explanation.target_index(target)
    if kind == "waterfall" and math.isnan(explanation.baseline_score[row]):
        raise OptionError(
            f"Method {explanation.method!r} has no baseline score to start a waterfall from; draw kind='bar'."
        )
    return _OF_A_TEXT[kind](panel, row, ax=ax)


def set_figure(
    explanations: "ExplanationSet",
    target: str | int | None,
    kind: str,
    unit: str | None,
    ax: "Axes | None",
) -> "Axes":
    """Draw a set of explanations: see ``ExplanationSet.plot``."""
    explained = explanations.explanations
    if kind == "convergence":
        if unit is not None:
            raise OptionError(f"kind='convergence' is of all units; leave out unit={unit!r}.")
        return _convergence(explained, target, ax)
    check_one_method(explained)
    scale, notes = _scale(explained, target), shared_notes(explained)
    texts = "1 text" if len(explained) == 1 else f"{len(explained)} texts"
    if kind == "bar":
        if unit is not None:
            raise OptionError(f"kind='bar' shows the strongest units; leave out unit={unit!r}.")
        strongest = explanations.strongest_units(target, n=_BARS)
        rows = [(strength.unit, strength.mean, strength.count) for strength in strongest]
        name = "the answer"
        if target is not None and explained:
            name = explained[0].targets[explained[0].target_index(target)]
        if not all(map(explains_class, explained)):
            title = f"strongest in {texts}"
        elif any(explanation.settings.get("signed") is False for explanation in explained):
            title = f"strongest for {name} in {texts}"
        else:
            title = f"towards {name} in {texts}"
        return plots.mean_bars(rows, title=title, scale=f"mean {scale}", notes=notes, ax=ax)
    if kind != "distribution":
        raise OptionError(f"kind={kind!r} is not known. Accepted: distribution, bar, convergence.")
    groups = _attributions(explained, target, unit)
    if unit is not None and not any(groups.values()):
        raise OptionError(f"Unit {unit!r} is in none of the {texts}.")
    what = "all units" if unit is None else repr(unit)
    return plots.distribution(groups, title=f"{what} in {texts}", scale=scale, notes=notes, ax=ax)


def _scale(explained: "Sequence[Explanation]", target: str | int | None) -> str:
    """Return what the values of the targets that are drawn are."""
    found: dict[str, None] = {}
    for explanation in explained:
        panel = text_panel(explanation)
        drawn = panel.targets if target is None else [panel.targets[explanation.target_index(target)]]
        found |= dict.fromkeys(plots.scale_of(panel, each) for each in drawn)
    return ", ".join(found) or "attribution"


def _attributions(
    explained: "Sequence[Explanation]", target: str | int | None, unit: str | None
) -> dict[str, list[float]]:
    """Return the attributions of units of the texts by target's name; buckets are left out."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for explanation in explained:
        chosen = range(len(explanation.targets)) if target is None else [explanation.target_index(target)]
        for index in chosen:
            groups[explanation.targets[index]] += [
                value
                for found, value in zip(
                    explanation.units, explanation.attributions[index].tolist(), strict=True
                )
                if found.special is None and (unit is None or found.text.casefold() == unit.casefold())
            ]
    return dict(groups)


def _convergence(explained: "Sequence[Explanation]", target: str | int | None, ax: "Axes | None") -> "Axes":
    """Draw one text's errors by the number of nodes that each explanation took."""
    ordered = sorted(explained, key=lambda explanation: explanation.settings.get("nodes") or 0)
    if len({explanation.text for explanation in ordered}) != 1 or "nodes" not in ordered[0].settings:
        raise OptionError(
            "kind='convergence' takes explanations of one text by integrated gradients, such as those of "
            "method=[IntegratedGradients(n_steps=4), IntegratedGradients(n_steps=8)]."
        )
    last = ordered[-1]
    row = last.target_index(target)
    panel = text_panel(last)
    name = last.targets[row]
    rows = [(explanation, explanation.target_index(name)) for explanation in ordered]
    largest = float(np.abs(last.attributions[row]).max(initial=0.0))
    return plots.convergence_curve(
        [(int(e.settings["nodes"] or 0), float(e.delta[i]), float(e.error_estimate[i])) for e, i in rows],
        tolerance=float(last.settings.get("tolerance") or 0) * largest,
        title=f"{name}: error of the integral",
        measure=panel.unit_of_measure(panel.targets[row]),
        ax=ax,
    )
