"""Agreement of methods: how alike they rank the units of the same texts."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from setfit_explain.explanation.checks import explains_class

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation of two methods' attributions for one target, averaged over texts.

    Parameters
    ----------
    first, second
        The methods.
    target
        The target's name.
    spearman, kendall
        Means over the texts of Spearman's rho and of Kendall's tau-b, from -1 to 1, over the units of the text;
        NaN where no text has two units that both methods tell apart.
    texts
        How many texts the means are of.
    """

    first: str
    second: str
    target: str
    spearman: float
    kendall: float
    texts: int

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.texts:
            return f"{self.first} and {self.second} on {self.target!r}: nothing to rank."
        return (
            f"{self.first} and {self.second} on {self.target!r}: rank agreement {self.spearman:+.2f} (Spearman), "
            f"{self.kendall:+.2f} (Kendall), {self.texts} text{'s' * (self.texts != 1)}."
        )


def same_text(explanations: Iterable["Explanation"]) -> list[list["Explanation"]]:
    """Group explanations that follow one another: of one text and its units, each by a method of its own."""
    groups: list[list[Explanation]] = []
    for each in explanations:
        group = groups[-1] if groups else []
        belongs = group and (group[0].text, group[0].units) == (each.text, each.units)
        if belongs and each.method not in {other.method for other in group}:
            group.append(each)
        else:
            groups.append([each])
    return groups


def agreements(explanations: Iterable["Explanation"]) -> list[Agreement]:
    """Compare every two methods of each text, see `ExplanationSet.agreement`."""
    found: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for group in same_text(explanations):
        for first, second in combinations(group, 2):
            for target, a, b in _compared_rows(first, second):
                found[first.method, second.method, target].append(rank_correlations(a, b))
    return [
        Agreement(*names, *_mean(correlations), sum(not math.isnan(rho) for rho, _ in correlations))
        for names, correlations in found.items()
    ]


def rank_correlations(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of two attributions ``(units,)``; NaN where one ranks nothing."""
    from scipy import stats

    finite = np.isfinite(first) & np.isfinite(second)
    tau = kendall_tau(first[finite], second[finite])
    if math.isnan(tau):
        return tau, tau
    return float(stats.spearmanr(first[finite], second[finite]).statistic), tau


def kendall_tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Rank correlation tau-b (Kendall 1945) in [-1, 1]; NaN where either has fewer than two different values."""
    from scipy import stats

    if any(len(np.unique(values)) < 2 for values in (first, second)):
        return math.nan
    return float(stats.kendalltau(first, second).statistic)


def _compared_rows(
    first: "Explanation", second: "Explanation"
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Rows of both for each target, the buckets left out, without signs unless both have them.

    What explains no class has one row, which is compared with every target of the other.
    """
    in_text = [unit.special is None for unit in first.units]
    signed = all(each.settings.get("signed", True) for each in (first, second))
    classless = [not explains_class(each) for each in (first, second)]
    names = second.targets if classless[0] else first.targets
    for name in names:
        if not all(
            none or name in each.targets for none, each in zip(classless, (first, second), strict=True)
        ):
            continue
        rows = [
            each.attributions[0 if none else each.targets.index(name)][in_text]
            for none, each in zip(classless, (first, second), strict=True)
        ]
        yield name, *(rows if signed else [np.abs(row) for row in rows])


def _mean(correlations: list[tuple[float, float]]) -> tuple[float, float]:
    defined = [pair for pair in correlations if not math.isnan(pair[0])]
    if not defined:
        return math.nan, math.nan
    rho, tau = np.mean(defined, axis=0).tolist()
    return rho, tau
