"""The scales on which a class can be explained, as functions of the head's decision values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from setfit_explain.errors import OptionError, TargetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.classifier.labels import Target
    from setfit_explain.heads.torch_head import TorchHead


class Output(StrEnum):
    """What is explained of a class. Contrasts of two classes are always ``log p_a - log p_b``, in nats."""

    PROBABILITY = "probability"
    """``p_c``, the column of ``predict_proba``."""
    LOG_PROBABILITY = "log_probability"
    """``log p_c``, in nats."""
    LOG_ODDS = "log_odds"
    """``log p_c - log(1 - p_c)``, in nats: for a softmax head ``z_c - logsumexp`` of the other classes."""
    LOGIT = "logit"
    """The head's decision function; in a binary head class 0 is minus class 1."""

    @classmethod
    def of(cls, name: str) -> Output:
        """Look an output up by name, or raise `OptionError` that lists them."""
        try:
            return cls(name)
        except ValueError:
            raise OptionError(f"Output {name!r} is not known. Accepted: {', '.join(cls)}.") from None


def check_output(output: Output, head: TorchHead) -> None:
    """Raise `OptionError` where the head does not have the scale asked for."""
    if not head.has_probabilities and output is not Output.LOGIT:
        raise OptionError(
            f"output={output.value!r} needs probabilities, and this head has only a decision function. "
            "Accepted for it: logit."
        )
    if not head.has_logits and output is Output.LOGIT:
        others = ", ".join(other for other in Output if other is not Output.LOGIT)
        raise OptionError(
            "output='logit' is the head's decision function, and this head has none, only probabilities. "
            f"Accepted for it: {others}."
        )


def check_finite(scores: NDArray[np.float64], output: Output) -> None:
    """Raise `OptionError` where a score is infinite or undefined."""
    if not np.isfinite(scores).all():
        raise OptionError(
            "The head answers a probability of exactly 0 or 1, so "
            f"output={output.value!r} is infinite. Explain output='probability'."
        )


@dataclass(frozen=True)
class ScoreFunction:
    """Scores of the chosen targets, as a function of decision values.

    Parameters
    ----------
    head
        The classifier's head.
    output
        The scale.
    targets
        Columns and pairs of columns.

    Raises
    ------
    OptionError
        The head does not have that scale.
    TargetError
        A pair, of a head without probabilities.
    """

    head: TorchHead
    output: Output
    targets: tuple[Target, ...]

    @property
    def shift_invariant(self) -> bool:
        """Whether adding one number to every decision value leaves all scores as they are."""
        return self.head.shift_invariant and self.output is not Output.LOGIT

    def __post_init__(self) -> None:
        check_output(self.output, self.head)
        pairs = [target for target in self.targets if isinstance(target, tuple)]
        if pairs and not self.head.has_probabilities:
            first, second = (self.head.classes[column] for column in pairs[0])
            raise TargetError(
                f"The contrast of {first!r} and {second!r} is one of log-probabilities, and this head has only "
                "a decision function; ask for single classes."
            )

    @property
    def magnitude(self) -> tuple[float, ...]:
        """Smallest magnitude that a score's rounding is measured against, one a target.

        A logarithmic score near 0 is a difference of numbers of about 1 nat; a probability is not.
        """
        return tuple(
            1.0 if isinstance(target, tuple) or self.output is not Output.PROBABILITY else 0.0
            for target in self.targets
        )

    def __call__(self, decision: Tensor) -> Tensor:
        """Map decision values ``(rows, decisions)`` to scores ``(rows, targets)``."""
        scale = {
            Output.PROBABILITY: lambda z: self.head.log_probabilities(z).exp(),
            Output.LOG_PROBABILITY: self.head.log_probabilities,
            Output.LOG_ODDS: self.head.log_odds,
            Output.LOGIT: self.head.logits,
        }[self.output](decision)
        columns = [
            self._contrast(decision, *target) if isinstance(target, tuple) else scale[:, target]
            for target in self.targets
        ]
        return torch.stack(columns, -1) if columns else decision.new_zeros(len(decision), 0)

    def _contrast(self, decision: Tensor, first: int, second: int) -> Tensor:
        logs = self.head.log_probabilities(decision)
        return logs[:, first] - logs[:, second]

    def derivative(self, decision: Tensor) -> Tensor:
        """Differentiate each score by each decision value, ``(rows, targets, decisions)``."""
        with torch.enable_grad():
            point = decision.detach().requires_grad_()
            scores = self(point)
            rows = [
                torch.autograd.grad(scores[:, target].sum(), point, retain_graph=True)[0]
                for target in range(len(self.targets))
            ]
        return torch.stack(rows, 1) if rows else decision.new_zeros(len(decision), 0, decision.shape[1])
