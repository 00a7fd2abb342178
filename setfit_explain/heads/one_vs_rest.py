"""Row of the table: one-vs-rest, single- and multi-label."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.utils.validation import check_is_fitted
from torch import nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.linear import linear
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, PositiveDecisions, TorchHead

# sigmoid(±745) is 1 and the smallest positive float64: a constant predictor without an infinity,
# which would turn differences of log-probabilities into NaN.
_CERTAIN = 745.0


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
        certain = linear(np.zeros((1, member.n_features_in_)), _CERTAIN if member.y_[0] else -_CERTAIN)
        return TorchHead(certain, Link.BINARY, (0, 1))
    return convert(member)


def _joined(members: list[TorchHead]) -> nn.Module:
    """One column a member; linear members become one matrix."""
    layers = [member.decision for member in members if isinstance(member.decision, nn.Linear)]
    if len(layers) < len(members):
        return PositiveDecisions(members)
    return linear(torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers]))
