"""The protocol of a metric, and the metrics by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Protocol

from setfit_explain.errors import OptionError
from setfit_explain.evaluation import faithfulness, plausibility, robustness
from setfit_explain.evaluation.case import REMOVALS
from setfit_explain.evaluation.studies import STUDIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from setfit_explain.evaluation.case import Case
    from setfit_explain.evaluation.measuring import Direction


class Metric(Protocol):
    """Judges the attributions of one text."""

    @property
    def name(self) -> str:
        """The metric's name in the literature, in lower case with underscores."""

    @property
    def removal(self) -> str | None:
        """How units are taken out; None where they are not."""

    @property
    def direction(self) -> Direction:
        """Which values are good."""

    @property
    def unit(self) -> str | None:
        """Of the values; None for that of the scores."""

    @property
    def undefined_for(self) -> str:
        """For which texts the value is NaN, in words."""

    def __call__(self, case: Case, values: NDArray[np.float64]) -> float:
        """Judge the attributions ``(n,)`` of the units of one text; NaN where that is not defined."""


FAITHFULNESS: dict[str, Any] = {
    kind.name: kind
    for kind in (
        faithfulness.Comprehensiveness,
        faithfulness.Sufficiency,
        faithfulness.Insertion,
        faithfulness.Deletion,
        faithfulness.LeaveOneOutCorrelation,
        faithfulness.Monotonicity,
        faithfulness.SoftComprehensiveness,
        faithfulness.SoftSufficiency,
        robustness.Infidelity,
    )
}
"""Metrics that take units out, by name."""

PLAUSIBILITY: dict[str, Any] = {
    kind.name: kind
    for kind in (
        plausibility.AveragePrecision,
        plausibility.TokenF1,
        plausibility.TokenIoU,
        plausibility.PointingGame,
        plausibility.MarkedShare,
    )
}
"""Metrics that compare with a rationale, by name."""

ALIASES = {
    "aopc_compr": "comprehensiveness",
    "aopc_suff": "sufficiency",
    "taucorr_loo": "leave_one_out_correlation",
    "auprc_plau": "average_precision",
    "token_f1_plau": "token_f1",
    "token_iou_plau": "token_iou",
}
"""Ferret's names."""

_IN_PART = ("soft_comprehensiveness", "soft_sufficiency", "infidelity")


def make_metrics(names: Sequence[str | Metric], removals: Sequence[str]) -> list[Metric]:
    """Make metrics: one for each name and removal that applies to it; objects stay as they are.

    Raises
    ------
    OptionError
        A name is unknown, something is no metric, or there is no removal that can be used.
    """
    if not len(removals):
        raise OptionError(f"The list of removals is empty. Accepted: {', '.join(REMOVALS)}.")
    made: list[Metric] = []
    for given in names:
        if not isinstance(given, str):
            if isinstance(given, type) or not hasattr(given, "undefined_for"):
                raise OptionError(
                    f"A metric is a name or an object, such as Insertion(removal='mask'); got {given!r}."
                )
            made.append(given)
            continue
        name = ALIASES.get(given, given)
        if name in PLAUSIBILITY:
            made.append(PLAUSIBILITY[name]())
        elif name in FAITHFULNESS:
            fitting = [how for how in removals if how != "delete" or name not in _IN_PART]
            if not fitting:
                raise OptionError(
                    f"{name} takes units out in part, which removals {', '.join(removals)} cannot; add mask."
                )
            made += [FAITHFULNESS[name](removal=how) for how in fitting]
        else:
            known = [*FAITHFULNESS, *PLAUSIBILITY, *STUDIES, *ALIASES]
            near = difflib.get_close_matches(given, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"Metric {given!r} is not known. Accepted: {', '.join(known)}.{hint}")
    return made
