"""Rows of the table: one binary classifier a label, apart or in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.parts import INTEGERS, saved_as
from setfit_explain.heads.table import convert, without_gradient
from setfit_explain.heads.torch_head import Link, PositiveDecision, PositiveDecisions, TorchHead

if TYPE_CHECKING:
    from collections.abc import Sequence


@saved_as("chain", settings={"order": INTEGERS}, children=("members",))
class _Chain(nn.Module):
    """Log-odds of each label, where a label's classifier also sees the probabilities of those before it.

    Parameters
    ----------
    heads
        Binary heads in the chain's order.
    order
        The label that each of them decides.
    """

    def __init__(self, heads: Sequence[TorchHead], order: Sequence[int]) -> None:
        super().__init__()
        self.members = nn.ModuleList(PositiveDecision(head) for head in heads)
        self.order = tuple(order)

    def forward(self, embeddings: Tensor) -> Tensor:
        seen = embeddings
        columns: dict[int, Tensor] = {}
        for label, member in zip(self.order, self.members, strict=True):
            odds = member(seen)
            columns[label] = odds
            seen = torch.cat([seen, odds.sigmoid()], -1)
        return torch.cat([columns[label] for label in range(len(columns))], -1)


@convert.register
def _(estimator: MultiOutputClassifier) -> TorchHead:
    check_is_fitted(estimator)
    heads = [_binary(member, estimator) for member in estimator.estimators_]
    return _label_head(PositiveDecisions(heads), heads)


@convert.register
def _(estimator: ClassifierChain) -> TorchHead:
    check_is_fitted(estimator)
    method = getattr(estimator, "chain_method_", "predict")
    if method == "predict":
        raise without_gradient(
            "ClassifierChain(chain_method='predict'), unlike chain_method='predict_proba',"
        )
    if method != "predict_proba":
        raise UnsupportedHeadError(
            f"ClassifierChain(chain_method={method!r}) is not supported; chain_method='predict_proba' is."
        )
    heads = [_binary(member, estimator) for member in estimator.estimators_]
    return _label_head(_Chain(heads, [int(label) for label in estimator.order_]), heads)


def _label_head(decision: nn.Module, heads: Sequence[TorchHead]) -> TorchHead:
    # A member of several binary decisions has logits of its own only where its members have.
    has_logits = all(head.has_logits for head in heads)
    return TorchHead(decision, Link.SIGMOID, range(len(heads)), has_logits=has_logits)


def _binary(member: Any, estimator: Any) -> TorchHead:
    head = convert(member)
    if tuple(head.classes) != (0, 1):
        raise UnsupportedHeadError(
            f"{type(estimator).__name__} has an output with the classes {', '.join(map(str, head.classes))}; "
            "each output must be a label that is 0 or 1."
        )
    if not head.has_probabilities:
        raise UnsupportedHeadError(
            f"{type(estimator).__name__} over {type(member).__name__}, which has no probabilities, is not "
            "supported; over LogisticRegression it is."
        )
    return head
