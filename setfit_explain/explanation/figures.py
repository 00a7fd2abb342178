"""Figures of explanations: which one a kind is, and what it is given to draw."""

from collections import defaultdict
from typing import TYPE_CHECKING

from setfit_explain.errors import OptionError
from setfit_explain.explanation.panels import text_panel
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
    return _OF_A_TEXT[kind](panel, explanation.target_index(target), ax=ax)


def set_figure(
    explanations: "ExplanationSet",
    target: str | int | None,
    kind: str,
    unit: str | None,
    ax: "Axes | None",
) -> "Axes":
    """Draw a set of explanations: see ``ExplanationSet.plot``."""
    outputs = {explanation.output.replace("_", "-") for explanation in explanations.explanations}
    scale = f"attribution ({', '.join(sorted(outputs))})"
    texts = f"{len(explanations.explanations)} texts"
    if kind == "bar":
        if unit is not None:
            raise OptionError(f"kind='bar' shows the strongest units; leave out unit={unit!r}.")
        strongest = explanations.strongest_units(target, n=_BARS)
        rows = [(strength.unit, strength.mean, strength.count) for strength in strongest]
        first = next(iter(explanations.explanations), None)
        name = "the answer" if target is None or first is None else first.targets[first.target_index(target)]
        return plots.mean_bars(rows, title=f"towards {name} in {texts}", scale=f"mean {scale}", ax=ax)
    if kind != "distribution":
        raise OptionError(f"kind={kind!r} is not known. Accepted: distribution, bar.")
    groups = _attributions(explanations, target, unit)
    if unit is not None and not any(groups.values()):
        raise OptionError(f"Unit {unit!r} is in none of the {texts}.")
    what = "all units" if unit is None else repr(unit)
    return plots.distribution(groups, title=f"{what} in {texts}", scale=scale, ax=ax)


def _attributions(
    explanations: "ExplanationSet", target: str | int | None, unit: str | None
) -> dict[str, list[float]]:
    """Return the attributions of units of the texts by target's name; buckets are left out."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for explanation in explanations.explanations:
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
