"""Seconds of several methods, measured in turns.

Processor time of one thread, which other processes on the machine do not lengthen as they do the wall's.
Within a round the methods take turns text by text, so that ratios compare neighbours in time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Method = Callable[[Any], Any]


def seconds(function: Callable[[], Any]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


@dataclass(frozen=True, eq=False)
class Times:
    """Seconds a text of each method, ``(rounds,)`` each."""

    rounds: Mapping[str, NDArray[np.float64]]

    def median(self, name: str) -> float:
        """Median over the rounds."""
        return float(np.median(self.rounds[name]))

    def medians(self) -> dict[str, float]:
        """Medians of all methods."""
        return {name: self.median(name) for name in self.rounds}

    def ratio(self, name: str, other: str) -> "Ratio":
        """How many times as long as ``other``, within each round."""
        ratios = self.rounds[name] / self.rounds[other]
        return Ratio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()))


@dataclass(frozen=True)
class Ratio:
    """Median, smallest and largest over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def in_turns(
    methods: Mapping[str, Method],
    texts: Sequence[Any],
    rounds: int,
    work: Mapping[str, float] | None = None,
) -> Times:
    """Time each method on each text.

    Parameters
    ----------
    methods
        Called once unmeasured, then in turns.
    texts
        What the methods are called with.
    rounds
        How often each method meets each text.
    work
        How many texts' work a method does in one call, where not one.
    """
    for method in methods.values():
        method(texts[0])
    totals = {name: np.zeros(rounds) for name in methods}
    for number in range(rounds):
        for text in texts:
            for name, method in methods.items():
                share = len(texts) * (work or {}).get(name, 1.0)
                totals[name][number] += seconds(partial(method, text)) / share
    return Times(totals)
