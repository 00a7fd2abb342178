"""Rows of the table: averages of several members' probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.heads.linear import float64_copy
from setfit_explain.heads.parts import FLOATS, INTEGER, INTEGERS_OR_NONE, saved_as
from setfit_explain.heads.table import convert, without_gradient
from setfit_explain.heads.torch_head import Link, TorchHead
from setfit_explain.heads.transformers import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

# exp(-745) is the smallest positive float64; an infinity would turn differences into NaN.
_NEVER = -745.0


@saved_as("log mixture", tensors={"log_weights": FLOATS}, children=("members",))
class LogMixture(nn.Module):
    """Embeddings -> logarithm of the members' weighted mean probability.

    Parameters
    ----------
    members
        Modules from embeddings to log-probabilities ``(texts, classes)``.
    weights
        One a member, not negative; they need not sum to one.
    """

    log_weights: Tensor

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        shares = np.ones(len(members)) if weights is None else np.asarray(weights, dtype=np.float64)
        kept = np.flatnonzero(shares)
        self.members = nn.ModuleList([members[int(index)] for index in kept])
        self.register_buffer("log_weights", float64_copy(np.log(shares[kept] / shares.sum())))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to log-probabilities ``(texts, classes)``."""
        logs = torch.stack([member(embeddings) for member in self.members], -1)
        return (logs + self.log_weights).logsumexp(-1)


@saved_as(
    "member logs", settings={"columns": INTEGERS_OR_NONE, "classes": INTEGER}, children=("head", "features")
)
class MemberLogs(nn.Module):
    """One member's log-probabilities, from some of the features, in the ensemble's columns.

    Parameters
    ----------
    head
        The member.
    features
        Columns of the embeddings that it sees, or None for all.
    columns
        Where its classes are among the ensemble's, or None for the same order.
    classes
        How many classes the ensemble has.
    """

    def __init__(
        self, head: TorchHead, features: Any = None, columns: Sequence[int] | None = None, classes: int = 0
    ) -> None:
        super().__init__()
        self.head = head
        self.features = nn.Identity() if features is None else Columns(features)
        self.columns = columns
        self.classes = classes

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to log-probabilities ``(texts, classes)``."""
        logs = self.head.log_probabilities(self.head.decide(self.features(embeddings)))
        if self.columns is None:
            return logs
        never = logs.new_full((len(logs), self.classes), _NEVER)
        return never.index_copy(1, torch.as_tensor(self.columns, device=logs.device), logs)


def mixture_head(mixture: nn.Module, classes: Sequence[object]) -> TorchHead:
    """Head whose decision values are logarithms of its probabilities."""
    return TorchHead(mixture, Link.SOFTMAX, classes, has_logits=False)


@convert.register
def _(estimator: VotingClassifier) -> TorchHead:
    if estimator.voting != "soft":
        raise without_gradient("VotingClassifier(voting='hard'), unlike voting='soft',")
    check_is_fitted(estimator)
    members = [MemberLogs(_speaking(member)) for member in estimator.estimators_]
    return mixture_head(LogMixture(members, estimator._weights_not_none), estimator.classes_.tolist())


@convert.register
def _(estimator: BaggingClassifier) -> TorchHead:
    check_is_fitted(estimator)
    classes = estimator.classes_.tolist()
    members = []
    for member, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        # Members know the classes by number; a bootstrap sample may lack some of them.
        columns = None if len(member.classes_) == len(classes) else [int(k) for k in member.classes_]
        members.append(MemberLogs(_speaking(member), features, columns, len(classes)))
    return mixture_head(LogMixture(members), classes)


def _speaking(member: Any) -> TorchHead:
    """Convert a member that has probabilities; others vote."""
    head = convert(member)
    if not head.has_probabilities:
        raise without_gradient(
            f"An ensemble over {type(member).__name__}, which has no probabilities and votes,"
        )
    return head
