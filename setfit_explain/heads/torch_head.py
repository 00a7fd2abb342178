"""The torch twin of a fitted head: sentence embedding -> decision -> class probabilities."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid

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


def to_float64(tensor: Tensor) -> Tensor:
    """Cast to float64 on the tensor's own device, or on the CPU where the device has none (MPS)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


class TorchHead(nn.Module):
    """A fitted head as a differentiable function of the sentence embedding.

    The decision is what the estimator's ``decision_function`` returns: one column for a binary
    head, else one column a class or label. Arithmetic is float64, whatever the embeddings' dtype.

    Parameters
    ----------
    decision
        Module from embeddings ``(texts, dim)`` to decision values ``(texts, decisions)``.
    link
        How decision values become probabilities.
    classes
        The estimator's classes, in the order of the columns of its ``predict_proba``.
    """

    def __init__(self, decision: nn.Module, link: Link, classes: Sequence[object]) -> None:
        super().__init__()
        self.decision = decision.double().requires_grad_(False)
        self.link = link
        self.classes = tuple(classes)

    @property
    def multi_label(self) -> bool:
        """Whether the labels are independent of one another."""
        return self.link is Link.SIGMOID

    @property
    def shift_invariant(self) -> bool:
        """Whether adding one number to every decision value leaves the probabilities as they are."""
        return self.link is Link.SOFTMAX

    def decide(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to decision values ``(texts, decisions)`` in float64."""
        decision: Tensor = self.decision(to_float64(embeddings))
        return decision

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to probabilities ``(texts, classes)`` in float64."""
        return self.log_probabilities(self.decide(embeddings)).exp()

    def log_probabilities(self, decision: Tensor) -> Tensor:
        """Natural logarithm of the probabilities ``(texts, classes)``, in nats."""
        if self.link is Link.SOFTMAX:
            return log_softmax(decision, -1)
        log_sigmoids = logsigmoid(self.logits(decision))
        if self.link is Link.NORMALIZED_SIGMOID:
            return log_sigmoids - log_sigmoids.logsumexp(-1, keepdim=True)
        return log_sigmoids

    def logits(self, decision: Tensor) -> Tensor:
        """Decision value of each class ``(texts, classes)``; in a binary head class 0 is minus class 1."""
        return torch.cat([-decision, decision], -1) if self.link is Link.BINARY else decision

    def log_odds(self, decision: Tensor) -> Tensor:
        """Log-odds of each class against all others ``(texts, classes)``; of a label, its own logit."""
        if self.link in (Link.BINARY, Link.SIGMOID):
            return self.logits(decision)
        logs = self.log_probabilities(decision)
        itself = torch.eye(logs.shape[-1], dtype=torch.bool, device=logs.device)
        return logs - logs.unsqueeze(-2).masked_fill(itself, -torch.inf).logsumexp(-1)
