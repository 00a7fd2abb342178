"""What a metric found over many texts: a mean with its bootstrap interval, beside two controls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
LEVEL = 0.95

_CHUNK = 100  # resamples drawn at once


class Direction(StrEnum):
    """Which values of a metric are good."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Estimate:
    """A mean over texts, and its 95 % percentile bootstrap interval (Efron 1979).

    Parameters
    ----------
    mean, low, high
        In the metric's unit; NaN where ``n`` is 0.
    n
        How many texts it is the mean of.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]" if self.n else "undefined"


def estimate(values: ArrayLike, seed: int = 0) -> Estimate:
    """Estimate the mean of the values that are defined; the others are NaN and left out of ``n``.

    Parameters
    ----------
    values
        One a text, shape ``(texts,)``.
    seed
        Of the resamples.

    Examples
    --------
    >>> estimate([0.5, float("nan"), 0.5])
    Estimate(mean=0.5, low=0.5, high=0.5, n=2)
    """
    every = np.asarray(values, dtype=np.float64)
    defined = every[~np.isnan(every)]
    if not defined.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            defined[generator.integers(defined.size, size=(_CHUNK, defined.size))].mean(1)
            for _ in range(RESAMPLES // _CHUNK)
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(defined.mean()), float(low), float(high), int(defined.size))


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurement:
    """One metric of one method, text by text.

    Parameters
    ----------
    method
        The name that the caller gave the method.
    metric
        The metric's name in the literature.
    removal
        How units were removed; None where none are.
    direction
        Which values are good.
    unit
        Of the values, such as ``"probability"``.
    values
        One a text, shape ``(texts,)``; NaN where the metric is not defined.
    random
        The same metric of the text's own attributions in random order, shape ``(texts,)``; None where there is
        no such control.
    reversed
        The same metric of the attributions with opposite sign, shape ``(texts,)``; None likewise.
    undefined_for
        Which texts the metric is not defined for, in words.
    note
        What to know before believing it; empty where there is nothing.
    """

    method: str
    metric: str
    removal: str | None
    direction: Direction
    unit: str
    values: NDArray[np.float64]
    random: NDArray[np.float64] | None = None
    reversed: NDArray[np.float64] | None = None
    undefined_for: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """Metric and removal, such as ``"sufficiency (mask)"``."""
        return self.metric if self.removal is None else f"{self.metric} ({self.removal})"

    @property
    def undefined(self) -> int:
        """How many texts it is not defined for."""
        return int(np.isnan(self.values).sum())

    @cached_property
    def value(self) -> Estimate:
        """Over the texts that it is defined for."""
        return estimate(self.values)

    @cached_property
    def controls(self) -> dict[str, Estimate]:
        """The controls that there are, ``"random"`` and ``"reversed"``, over the same texts."""
        both = {"random": self.random, "reversed": self.reversed}
        return {
            name: estimate(np.where(np.isnan(self.values), np.nan, values))
            for name, values in both.items()
            if values is not None
        }

    def gain_over(self, other: Measurement | NDArray[np.float64]) -> Estimate:
        """How much better than ``other`` on the same texts, text by text: positive is better.

        Parameters
        ----------
        other
            The same metric of another method, or a control of this one.

        Raises
        ------
        InputError
            It is another metric, or of other texts.
        """
        values = other.values if isinstance(other, Measurement) else other
        if isinstance(other, Measurement) and other.name != self.name:
            raise InputError(f"{self.name} cannot be compared with {other.name}; both must be one metric.")
        if values.shape != self.values.shape:
            raise InputError(
                f"There are {len(self.values)} and {len(values)} texts; both must be measured on the same ones."
            )
        gain = self.values - values
        return estimate(gain if self.direction is Direction.HIGHER else -gain)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and CSV: means, intervals and n of the value, its controls and its gain."""
        found: dict[str, Any] = {
            "method": self.method,
            "metric": self.metric,
            "removal": self.removal,
            "better": self.direction.value,
            "unit": self.unit,
            "n": self.value.n,
            "undefined": self.undefined,
        }
        value = self.value
        found |= {"value": _plain(value.mean), "low": _plain(value.low), "high": _plain(value.high)}
        for name in ("random", "reversed"):
            control = self.controls.get(name)
            for part in ("mean", "low", "high"):
                key = name if part == "mean" else f"{name}_{part}"
                found[key] = None if control is None else _plain(getattr(control, part))
        gain = None if self.random is None else self.gain_over(self.random)
        for part in ("mean", "low", "high"):
            key = "gain_over_random" if part == "mean" else f"gain_over_random_{part}"
            found[key] = None if gain is None else _plain(getattr(gain, part))
        return found | {"undefined_for": self.undefined_for, "note": self.note}


def _plain(number: float) -> float | None:
    return number if np.isfinite(number) else None
