"""Occlusion (Zeiler, Fergus 2014, arXiv 1311.2901; by words: Li, Monroe, Jurafsky 2016, arXiv 1612.08220).

What the score loses when one unit, or a window of neighbouring ones, is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Game, RemovalMethod
from setfit_explain.attribution.whole_numbers import check_whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Occlusion(RemovalMethod):
    """The score's drop when units are taken out: ``F(text) - F(text without them)``.

    Leave-one-out is its other name where ``window`` is 1. Units + 2 forward passes, or fewer, give all
    classes at once. The numbers need not add up.

    Parameters
    ----------
    window
        How many neighbouring units are taken out together. With more than one, the window moves by one
        unit, and a unit's attribution is the mean drop of the windows that hold it (Captum's definition).
        A window never reaches into special or prompt tokens; a shorter text is one window.
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.

    Raises
    ------
    OptionError
        The window is no positive whole number.
    """

    window: int = 1

    name = "occlusion"
    note = (
        "Occlusion says what the score loses when one unit alone is replaced. These effects need not add up: "
        "delta is what words do together."
    )

    def __post_init__(self) -> None:
        check_whole_number("window", self.window, 1)

    @property
    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The window, where it is one."""
        return {} if self.window == 1 else {"window": self.window}

    def values(self, game: Game) -> NDArray[np.float64]:
        """Mean drops of the windows that hold a player, ``(targets, players)``."""
        windows = self._windows(game.in_text)
        drops = game.ends[0] - game(~windows)
        values: NDArray[np.float64] = drops.T @ windows / windows.sum(0)
        return values

    def _windows(self, in_text: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Players of each window, ``(windows, players)``: those of the text slide, a bucket is alone."""
        units = np.eye(len(in_text), dtype=bool)
        text = units[in_text]
        places = max(0, len(text) - self.window) + 1
        sliding = [text[place : place + self.window].any(0) for place in range(places) if len(text)]
        return np.array([*sliding, *units[~in_text]], dtype=bool).reshape(-1, len(in_text))
