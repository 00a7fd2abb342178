"""Comparison of two sets of explanations: what changed in predictions, scores and the units behind them.

Texts are paired by themselves, the first with the first where one occurs twice; targets by name; units by their place
in the text. Says what differs, not which of the two is right.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError, OptionError
from setfit_explain.explanation.agreement import rank_correlations
from setfit_explain.explanation.checks import checked_items
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.units import Unit

ROUNDING = 1e-6
"""What a body in float32 leaves; smaller changes are none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetComparison:
    """One target of one text, explained twice.

    Parameters
    ----------
    target
        Its name.
    first_score, second_score
        In the unit of the explanations' output.
    units
        Those that both explanations have at the same place.
    first, second
        Their attributions, signed, of shape ``(units,)``.
    first_strongest, second_strongest
        The unit with the largest absolute attribution in each, buckets left out; None where there is none.
    """

    target: str
    first_score: float
    second_score: float
    units: tuple[Unit, ...]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    first_strongest: Unit | None
    second_strongest: Unit | None

    @property
    def score_change(self) -> float:
        """Second score minus first."""
        return self.second_score - self.first_score

    @cached_property
    def rank_correlation(self) -> float:
        """Spearman's, of the two attributions over the units; NaN where one of them ranks nothing."""
        return rank_correlations(self.first, self.second)[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class TextComparison:
    """One text, explained twice.

    Parameters
    ----------
    index
        Its position in the first set.
    first, second
        Its explanations.
    targets
        What is said of each target that both explain, in the order of the first.
    """

    index: int
    first: Explanation
    second: Explanation
    targets: tuple[TargetComparison, ...]

    @property
    def changed(self) -> bool:
        """Whether other classes were answered."""
        return set(self.first.predicted) != set(self.second.predicted)

    def target(self, name: str | None = None) -> TargetComparison | None:
        """Return a target; None for the first answer's, else the first there is. None where there is none."""
        names = self.first.predicted if name is None else (name,)
        found = next((member for member in self.targets if member.target in names), None)
        return self.targets[0] if found is None and name is None and self.targets else found


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """What one unit did over many texts, twice.

    Parameters
    ----------
    unit
        Its text, case folded.
    count
        How often it occurred.
    first_mean, second_mean
        Means of its signed attributions.
    """

    unit: str
    count: int
    first_mean: float
    second_mean: float

    @property
    def change(self) -> float:
        """Second mean minus first."""
        return self.second_mean - self.first_mean


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Two sets of explanations, text by text.

    Parameters
    ----------
    texts
        Those that both sets explain, in the order of the first.
    failed
        How many could not be explained in one of the sets, or in both.
    only_first, only_second
        How many one set has and the other has not.
    """

    texts: tuple[TextComparison, ...]
    failed: int
    only_first: int
    only_second: int

    @property
    def changed(self) -> tuple[TextComparison, ...]:
        """The texts to which other classes were answered."""
        return tuple(text for text in self.texts if text.changed)

    @property
    def labelled(self) -> tuple[TextComparison, ...]:
        """The texts whose true label is known, from either set."""
        return tuple(text for text in self.texts if _truth(text) is not None)

    @property
    def mended(self) -> tuple[TextComparison, ...]:
        """The texts that only the second answer has right."""
        return tuple(text for text in self.labelled if _right(text) == (False, True))

    @property
    def broken(self) -> tuple[TextComparison, ...]:
        """The texts that only the first answer has right."""
        return tuple(text for text in self.labelled if _right(text) == (True, False))

    @property
    def accuracies(self) -> tuple[float, float]:
        """Share of right answers in each set among `labelled`; NaN where there are none."""
        right = np.array([_right(text) for text in self.labelled], dtype=float).reshape(-1, 2)
        first, second = right.mean(axis=0).tolist() if len(right) else (np.nan, np.nan)
        return first, second

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of all targets that were compared, in the order in which they come."""
        return tuple(dict.fromkeys(member.target for text in self.texts for member in text.targets))

    def of_target(self, name: str | None = None) -> tuple[TargetComparison, ...]:
        """Return what is said of a target in each text that has it; None for each text's own first answer."""
        found = (text.target(name) for text in self.texts)
        return tuple(member for member in found if member is not None)

    def unit_changes(self, target: str | None = None, n: int = 10) -> list[UnitChange]:
        """Return the units whose attributions changed most over all texts.

        Parameters
        ----------
        target
            A target's name; None takes the class that the first set answered, text by text.
        n
            How many units.

        Returns
        -------
        list of UnitChange
            By the falling size of their total change. The buckets of special and prompt tokens are left out, and
            units that moved by no more than rounding.
        """
        values: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for member in self.of_target(target):
            for unit, first, second in zip(
                member.units, member.first.tolist(), member.second.tolist(), strict=True
            ):
                if unit.special is None:
                    values[unit.text.casefold()].append((first, second))
        changes = []
        for unit_text, pairs in values.items():
            first_mean, second_mean = np.mean(pairs, axis=0).tolist()
            changes.append(
                UnitChange(unit=unit_text, count=len(pairs), first_mean=first_mean, second_mean=second_mean)
            )
        moved = [change for change in changes if abs(change.change) > ROUNDING]
        return sorted(moved, key=lambda item: (-abs(item.change) * item.count, item.unit))[:n]


def compare(first: Iterable[Explanation | Failure], second: Iterable[Explanation | Failure]) -> Comparison:
    """Compare two sets of explanations of the same texts, such as by two models or with two methods.

    Parameters
    ----------
    first, second
        Two `ExplanationSet`, or any explanations and failures.

    Raises
    ------
    InputError
        They have no text in common, or one is no list of explanations and failures.
    OptionError
        They are on different scales, or no class is in both.

    Examples
    --------
    ::

        comparison = compare(before(texts), after(texts))
        comparison.changed  # the texts that are answered otherwise
        comparison.unit_changes("unknown charge", n=3)  # the units that speak otherwise for it
    """
    left, right = (checked_items(items, Explanation, Failure) for items in (first, second))
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, item in enumerate(right):
        places[item.text].append(place)
    pairs = [
        (index, item, right[places[item.text].popleft()])
        for index, item in enumerate(left)
        if places[item.text]
    ]
    if not pairs and (left or right):
        raise InputError("The two sets have no text in common. Accepted: explanations of the same texts.")
    texts = [
        _compare_text(index, one, other)
        for index, one, other in pairs
        if isinstance(one, Explanation) and isinstance(other, Explanation)
    ]
    if texts and not any(
        text.targets or set(text.first.classes) & set(text.second.classes) for text in texts
    ):
        raise OptionError(
            f"No class is in both sets: {', '.join(texts[0].first.classes)} and {', '.join(texts[0].second.classes)}."
        )
    return Comparison(
        texts=tuple(texts),
        failed=len(pairs) - len(texts),
        only_first=len(left) - len(pairs),
        only_second=len(right) - len(pairs),
    )


def _compare_text(index: int, first: Explanation, second: Explanation) -> TextComparison:
    if first.output != second.output:
        raise OptionError(
            f"The first explains the {first.output} and the second the {second.output}, whose numbers cannot be "
            "compared. Explain both on one scale."
        )
    there = {(unit.start, unit.end, unit.special): place for place, unit in enumerate(second.units)}
    shared = [
        (place, there[key])
        for place, unit in enumerate(first.units)
        if (key := (unit.start, unit.end, unit.special)) in there
    ]
    mine, other = [place for place, _ in shared], [place for _, place in shared]
    targets = []
    for row, name in enumerate(first.targets):
        if name not in second.targets:
            continue
        other_row = second.targets.index(name)
        targets.append(
            TargetComparison(
                target=name,
                first_score=float(first.score[row]),
                second_score=float(second.score[other_row]),
                units=tuple(first.units[place] for place in mine),
                first=first.attributions[row, mine],
                second=second.attributions[other_row, other],
                first_strongest=_strongest(first, row),
                second_strongest=_strongest(second, other_row),
            )
        )
    return TextComparison(index=index, first=first, second=second, targets=tuple(targets))


def _strongest(explanation: Explanation, row: int) -> Unit | None:
    of_text = [place for place, unit in enumerate(explanation.units) if unit.special is None]
    if not of_text:
        return None
    sizes = np.nan_to_num(np.abs(explanation.attributions[row, of_text]), nan=0.0, posinf=np.inf)
    return explanation.units[of_text[int(np.argmax(sizes))]]


def _truth(text: TextComparison) -> set[str] | None:
    label = text.first.true_label if text.first.true_label is not None else text.second.true_label
    return None if label is None else {label} if isinstance(label, str) else set(label)


def _right(text: TextComparison) -> tuple[bool, bool]:
    truth = _truth(text)
    return set(text.first.predicted) == truth, set(text.second.predicted) == truth
