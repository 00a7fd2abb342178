"""Panels: the plain words and numbers that every view draws.

A panel knows no model and no explanation class; it only holds what there is to show.
"""

import math
from dataclasses import dataclass

_UNITS = {"probability": "probability", "logit": "logit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPanel:
    """What is shown of one explained class.

    Parameters
    ----------
    name
        The class, or "a vs b" for a contrast.
    towards, away
        What a positive and a negative value do, such as "towards positive" and "away from positive".
    score, baseline_score
        What the classifier scores the text and the baseline, in the output's unit; NaN where the method
        explains no class, or compares with no baseline's score.
    delta
        ``sum(values) + baseline_score - score``.
    error_estimate
        Estimated numerical error; NaN where it was not estimated.
    converged
        Whether both figures are within the tolerance that was asked, or none was.
    values
        Signed attributions: one for each span of the text, then one for each bucket.
    special_token_share
        The buckets' share of the sum of absolute attributions, from 0 to 1.
    signed
        Whether a value says in which direction a unit moved the score; without, it only says how much.
    contrast
        Whether it is ``log p_a - log p_b`` of two classes, in nats, whatever the output's unit.
    scale
        What the values are where they are no parts of a score, such as "strength, without a sign"; else empty.
    sampled
        Whether they were drawn at random, with an error, and none was too large: then ``converged`` says nothing.
    """

    name: str
    towards: str
    away: str
    score: float
    baseline_score: float
    delta: float
    error_estimate: float
    converged: bool
    values: tuple[float, ...]
    special_token_share: float = 0.0
    signed: bool = True
    contrast: bool = False
    scale: str = ""
    sampled: bool = False

    @property
    def of_class(self) -> bool:
        """Whether the values say something of a class: those of attention do not."""
        return not (self.scale and math.isnan(self.score))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPanel:
    """What is shown of one explained text.

    Parameters
    ----------
    text
        The user's text, untouched.
    spans
        The units as (start, end) characters of ``text``, sorted and disjoint.
    buckets
        Names of the units that are not in the text, such as "[special tokens]".
    targets
        The explained classes.
    shown
        Index into ``targets`` of the class that is open at first.
    probabilities
        (class, probability) for each class of the classifier; empty where it has none.
    predicted
        What the classifier answered: one class, or any number of them for a multi-label classifier.
    true_label
        What it should have answered; ``None`` where that is not known.
    output
        Name of the scale that is explained.
    truncated_span
        The (start, end) characters that the model never saw; ``None`` where it saw all.
    notes
        Warnings that every view shows.
    footer
        How the numbers were made, in one line.
    method
        Name of the method.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    buckets: tuple[str, ...]
    targets: tuple[TargetPanel, ...]
    shown: int
    probabilities: tuple[tuple[str, float], ...]
    predicted: tuple[str, ...]
    true_label: tuple[str, ...] | None
    output: str
    truncated_span: tuple[int, int] | None
    notes: tuple[str, ...]
    footer: str
    method: str = ""

    def unit_of_measure(self, target: TargetPanel) -> str:
        """Return the unit of a target's numbers: probability, logit, or nats for the logarithmic scales."""
        return "nats" if target.contrast else _UNITS.get(self.output, "nats")

    @property
    def correct(self) -> bool | None:
        """Whether the classifier answered the true label; ``None`` where that is not known."""
        return None if self.true_label is None else set(self.predicted) == set(self.true_label)

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The text of each unit, then the name of each bucket: what ``values`` belong to."""
        return (*(self.text[start:end] for start, end in self.spans), *self.buckets)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two methods rank a text's units for one target.

    Parameters
    ----------
    target
        The explained class.
    first, second
        Names of the methods.
    kendall
        Kendall's tau-b from -1 to 1; NaN where a method gives all units the same number.
    """

    target: str
    first: str
    second: str
    kendall: float


@dataclass(frozen=True, slots=True)
class ComparisonPanel:
    """One text explained by several methods, to be drawn side by side.

    Parameters
    ----------
    methods
        The same text and units by each method.
    agreement
        How alike they rank the units; empty where that was not measured.
    """

    methods: tuple[TextPanel, ...]
    agreement: tuple[Agreement, ...] = ()


Item = TextPanel | ComparisonPanel
"""A text by one method, or by several."""


def compared(item: Item) -> ComparisonPanel:
    """Return the text by all its methods, those with the most targets first; agreement alone is none."""
    if isinstance(item, TextPanel):
        return ComparisonPanel((item,))
    methods = sorted(item.methods, key=lambda panel: -len(panel.targets))
    return ComparisonPanel(tuple(methods), item.agreement)
