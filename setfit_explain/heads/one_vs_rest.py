"""Row of the table: one-vs-rest, single- and multi-label."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.linear import linear
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, PositiveDecisions, TorchHead

# sigmoid(±745) is 1 and the smallest positive float64: a constant predictor without an infinity,
# which would turn differences of log-probabilities into NaN.
_CERTAIN = 745.0


class _Constant(nn.Module):
    """Embeddings -> one decision value that is the same for all."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, embeddings: Tensor) -> Tensor:
        return embeddings.new_full((len(embeddings), 1), self.value)


@convert.register
def _(estimator: OneVsRestClassifier) -> TorchHead:
    check_is_fitted(estimator)
    members = [_member(member) for member in estimator.estimators_]
    silent = [member for member in members if not member.has_probabilities]
    if silent and (estimator.multilabel_ or len(silent) < len(members)):
        raise UnsupportedHeadError(
            f"OneVsRestClassifier over {type(estimator.estimator).__name__}, which has no probabilities, is "
            "supported for single-label classes only; over LogisticRegression it is for several labels too."
        )
    if silent:
        link = Link.NONE
    elif estimator.multilabel_:
        link = Link.SIGMOID
    else:
        link = Link.BINARY if len(members) == 1 else Link.NORMALIZED_SIGMOID
    has_logits = all(member.has_logits for member in members)
    return TorchHead(_joined(members), link, estimator.classes_.tolist(), has_logits=has_logits)


def _member(member: Any) -> TorchHead:
    if isinstance(member, _ConstantPredictor):
        return TorchHead(_Constant(_CERTAIN if member.y_[0] else -_CERTAIN), Link.BINARY, (0, 1))
    return convert(member)


def _joined(members: list[TorchHead]) -> nn.Module:
    """One column a member; linear members become one matrix."""
    layers = [member.decision for member in members]
    known = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if not known or not all(isinstance(layer, nn.Linear | _Constant) for layer in layers):
        return PositiveDecisions(members)
    # A constant member has seen no embedding: it takes its siblings' width, with weight zero.
    nothing = torch.zeros_like(known[0].weight)
    weights = [layer.weight if isinstance(layer, nn.Linear) else nothing for layer in layers]
    biases = [float(layer.bias if isinstance(layer, nn.Linear) else layer.value) for layer in layers]
    return linear(torch.cat(weights).detach(), biases)
