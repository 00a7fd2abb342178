"""Leave-one-in: what one unit does alone, and the mean of that and of what is lost without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.game import Game, RemovalMethod
from setfit_explain.attribution.occlusion import Occlusion

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class LeaveOneIn(RemovalMethod):
    """What one unit alone adds to the baseline: ``F(the unit alone) - F(baseline)``.

    Units + 2 forward passes, or fewer, give all classes at once. The numbers need not add up.

    Parameters
    ----------
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "leave_one_in"
    note = (
        "Leave-one-in says what the score gains when one unit alone stands in the baseline. These effects need "
        "not add up: delta is what words do together."
    )

    def values(self, game: Game) -> NDArray[np.float64]:
        """Gains of the players, ``(targets, players)``."""
        gains: NDArray[np.float64] = game(np.eye(len(game.players), dtype=bool)) - game.ends[1]
        return gains.T


@dataclass(frozen=True, eq=False, kw_only=True)
class LeaveOneOutIn(RemovalMethod):
    """The mean of leave-one-out and leave-one-in: the first and the last step of all orders of the units.

    2 units + 2 forward passes, or fewer, give all classes at once. Where no more than two units act together
    these are Shapley values; otherwise the numbers need not add up.

    Parameters
    ----------
    baseline, reference_texts, special_tokens
        What takes the place of a unit, see `RemovalMethod`.
    """

    name = "leave_one_out_in"
    note = (
        "The numbers are the mean of what the score loses without one unit and of what it gains from that unit "
        "alone. They need not add up: delta is what three and more words do together."
    )

    def values(self, game: Game) -> NDArray[np.float64]:
        """Mean of a player's loss and gain, ``(targets, players)``."""
        return (Occlusion().values(game) + LeaveOneIn().values(game)) / 2
