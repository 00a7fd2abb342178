"""`convergence`: how the error of integrated gradients falls with the number of nodes, for one text."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.attribution.integrated_gradients import IntegratedGradients
from setfit_explain.errors import OptionError
from setfit_explain.views.plots import convergence_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from setfit_explain.explainer import Explainer
    from setfit_explain.explanation.explanation import Explanation

N_STEPS = (4, 8, 16, 32, 64)


@dataclass(frozen=True, eq=False)
class Convergence:
    """One text explained with more and more nodes.

    Parameters
    ----------
    explanations
        One a number of nodes, the fewest first.
    tolerance
        Largest accepted error, relative to the largest attribution of a target.
    """

    explanations: tuple[Explanation, ...]
    tolerance: float

    def steps(self, target: str | int | None = None) -> list[tuple[int, float, float]]:
        """Return (nodes, convergence delta, error estimate) of a target, one a number of nodes.

        Raises
        ------
        TargetError
            That target was not explained.
        """
        index = self.explanations[-1].target_index(target)
        return [
            (int(found.settings["nodes"] or 0), float(found.delta[index]), float(found.error_estimate[index]))
            for found in self.explanations
        ]

    def plot(self, target: str | int | None = None, *, ax: Axes | None = None) -> Axes:
        """Draw ``|delta|`` and the error estimate of a target against the nodes, and return the Axes.

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        TargetError
            That target was not explained.
        """
        last = self.explanations[-1]
        index = last.target_index(target)
        return convergence_curve(
            self.steps(target),
            tolerance=self.tolerance * float(np.abs(last.attributions[index]).max(initial=0.0)),
            title=f"{last.targets[index]}: error of the integral",
            measure=last.output.replace("_", "-"),
            ax=ax,
        )


def convergence(explainer: Explainer, text: str, n_steps: Sequence[int] = N_STEPS) -> Convergence:
    """Explain a text with each number of nodes of the explainer's fixed quadrature.

    Parameters
    ----------
    explainer
        Its model, targets, output, baseline and ``quadrature`` are used; nothing is loaded again.
    text
        One text.
    n_steps
        Numbers of nodes.

    Raises
    ------
    OptionError
        The explainer's method integrates nothing, or there is no number of nodes.

    Examples
    --------
    ::

        convergence(Explainer(model), "I was charged twice").plot("charged twice")
    """
    method, *others = explainer.methods.values()
    if others or not isinstance(method, IntegratedGradients):
        names = ", ".join(map(repr, explainer.methods))
        raise OptionError(f"Method {names} has no nodes; integrated_gradients alone does.")
    if not n_steps:
        raise OptionError("n_steps is empty. Accepted: one or more numbers of nodes, such as (4, 8, 16).")
    explanations = [_under(explainer, replace(method, n_steps=count))(text) for count in sorted(n_steps)]
    return Convergence(tuple(explanations), method.tolerance)


def _under(explainer: Explainer, method: IntegratedGradients) -> Explainer:
    """Return an explainer of the same verified model under another method."""
    twin = copy(explainer)
    twin.methods = {method.name: method}
    with explainer.classifier.body.session():
        twin._attributors = {method.name: method.prepare(explainer.classifier, None)}
    return twin
