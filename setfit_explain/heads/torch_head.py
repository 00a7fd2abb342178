"""The torch twin of a fitted head: sentence embedding -> decision -> class probabilities."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid

from setfit_explain.errors import OptionError
from setfit_explain.heads.parts import CLASSES, TRUTH, one_of, saved_as

if TYPE_CHECKING:
    from collections.abc import Sequence


class Link(Enum):
    """How decision values become probabilities."""

    BINARY = "binary"
    """One decision column, the logit of class 1: the softmax over ``(0, decision)``."""
    SOFTMAX = "softmax"
    """One decision column a class, one distribution over all of them."""
    SIGMOID = "sigmoid"
    """One independent probability a label (multi-label)."""
    NORMALIZED_SIGMOID = "normalized sigmoid"
    """One-vs-rest: a sigmoid a class, divided by their sum."""
    NONE = "decision function only"
    """No probabilities: one decision column, or one a class, and the largest is the answer."""


def to_float64(tensor: Tensor) -> Tensor:
    """Cast to float64 on the tensor's own device, or on the CPU where the device has none (MPS)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


@saved_as(
    "head",
    settings={"link": one_of({link.name: link for link in Link}), "classes": CLASSES, "has_logits": TRUTH},
    children=("decision",),
)
class TorchHead(nn.Module):
    """A fitted head as a differentiable function of the sentence embedding.

    The decision is what the estimator's ``decision_function`` returns: one column for a binary
    head, else one column a class or label. Where the estimator has none, it is whatever gives the
    probabilities, such as their logarithms. Arithmetic is float64, whatever the embeddings' dtype.

    Parameters
    ----------
    decision
        Module from embeddings ``(texts, dim)`` to decision values ``(texts, decisions)``.
    link
        How decision values become probabilities.
    classes
        The estimator's classes, in the order of the columns of its ``predict_proba``.
    has_logits
        Whether the decision values are the estimator's own decision function.
    """

    def __init__(
        self, decision: nn.Module, link: Link, classes: Sequence[object], *, has_logits: bool = True
    ) -> None:
        super().__init__()
        self.decision = decision.double().requires_grad_(False)
        self.link = link
        self.classes = tuple(classes)
        self.has_logits = has_logits

    @property
    def multi_label(self) -> bool:
        """Whether the labels are independent of one another."""
        return self.link is Link.SIGMOID

    @property
    def has_probabilities(self) -> bool:
        """Whether the estimator has ``predict_proba``, not only a decision function."""
        return self.link is not Link.NONE

    @property
    def shift_invariant(self) -> bool:
        """Whether adding one number to every decision value leaves the probabilities as they are."""
        return self.link is Link.SOFTMAX

    def after(self, *layers: nn.Module) -> TorchHead:
        """Return this head behind layers that transform the embeddings first."""
        return TorchHead(
            nn.Sequential(*layers, self.decision), self.link, self.classes, has_logits=self.has_logits
        )

    def decide(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to decision values ``(texts, decisions)`` in float64."""
        decision: Tensor = self.decision(to_float64(embeddings))
        return decision

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to the model's answer ``(texts, classes)`` in float64."""
        return self.answer(self.decide(embeddings))

    def answer(self, decision: Tensor) -> Tensor:
        """Probabilities ``(texts, classes)``; of a head without any, the classes' decision values."""
        return self.log_probabilities(decision).exp() if self.has_probabilities else self._columns(decision)

    def log_probabilities(self, decision: Tensor) -> Tensor:
        """Natural logarithm of the probabilities ``(texts, classes)``, in nats.

        Raises
        ------
        OptionError
            The head has none.
        """
        if self.link is Link.NONE:
            raise OptionError(
                "This head has no probabilities, only a decision function; explain it with output='logit'."
            )
        if self.link is Link.SOFTMAX:
            return log_softmax(decision, -1)
        log_sigmoids = logsigmoid(self._columns(decision))
        if self.link is Link.NORMALIZED_SIGMOID:
            return log_sigmoids - log_sigmoids.logsumexp(-1, keepdim=True)
        return log_sigmoids

    def logits(self, decision: Tensor) -> Tensor:
        """Decision function of each class ``(texts, classes)``; in a binary head class 0 is minus class 1.

        Raises
        ------
        OptionError
            The estimator has none.
        """
        if not self.has_logits:
            raise OptionError(
                "This head has no decision function, so output='logit' is not defined; "
                "output='log_odds' is the nearest."
            )
        return self._columns(decision)

    def log_odds(self, decision: Tensor) -> Tensor:
        """Log-odds of each class against all others ``(texts, classes)``; of a label, its own logit."""
        if self.link in (Link.BINARY, Link.SIGMOID):
            return self._columns(decision)
        logs = self.log_probabilities(decision)
        itself = torch.eye(logs.shape[-1], dtype=torch.bool, device=logs.device)
        return logs - logs.unsqueeze(-2).masked_fill(itself, -torch.inf).logsumexp(-1)

    def _columns(self, decision: Tensor) -> Tensor:
        """One column a class or label: one decision value for two classes is that of class 1."""
        two = decision.shape[-1] == 1 and len(self.classes) == 2
        return torch.cat([-decision, decision], -1) if two else decision


@saved_as("positive decision", children=("head",))
class PositiveDecision(nn.Module):
    """Embeddings -> log-odds of class 1, else its decision function, as one column.

    Parameters
    ----------
    head
        A head of two classes.
    """

    def __init__(self, head: TorchHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to one column ``(texts, 1)``."""
        decision = self.head.decide(embeddings)
        scale = self.head.log_odds if self.head.has_probabilities else self.head.logits
        return scale(decision)[:, 1:]


@saved_as("positive decisions", children=("members",))
class PositiveDecisions(nn.Module):
    """Embeddings -> the `PositiveDecision` of several heads, one column each.

    Parameters
    ----------
    heads
        Heads of two classes.
    """

    def __init__(self, heads: Sequence[TorchHead]) -> None:
        super().__init__()
        self.members = nn.ModuleList(PositiveDecision(head) for head in heads)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to columns ``(texts, heads)``."""
        return torch.cat([member(embeddings) for member in self.members], -1)
