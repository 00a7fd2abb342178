"""The table of heads: a fitted estimator -> its `TorchHead`.

A new estimator is one function registered here or in a sibling module, and one parity test.
Whether a conversion is right is decided by `verification`, never by the estimator's attributes.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from setfit_explain.errors import HeadNotFittedError, UnsupportedHeadError
from setfit_explain.heads.scalers import as_layer
from setfit_explain.heads.torch_head import Link, TorchHead

# sigmoid(±745) is 1 and the smallest positive float64: a constant predictor without an infinity,
# which would turn differences of log-probabilities into NaN.
_CERTAIN = 745.0


def to_torch_head(estimator: Any) -> TorchHead:
    """Convert a fitted head into the torch module that computes the same probabilities.

    Parameters
    ----------
    estimator
        A fitted scikit-learn classifier, or any type registered with `convert`.

    Returns
    -------
    TorchHead
        Embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``, in float64.

    Raises
    ------
    HeadNotFittedError
        The estimator was never fitted.
    UnsupportedHeadError
        No exact equivalent is known; the message lists the supported types.
    """
    try:
        return convert(estimator)
    except NotFittedError as error:
        raise HeadNotFittedError(
            f"The head {type(estimator).__name__} is not fitted. Train the model before explaining it."
        ) from error


@singledispatch
def convert(estimator: Any) -> TorchHead:
    """Convert one fitted estimator; rows are added with ``@convert.register``."""
    raise UnsupportedHeadError(
        f"No exact torch equivalent is known for the head {type(estimator).__name__}. "
        f"Supported: {', '.join(supported_heads())}."
    )


def supported_heads() -> tuple[str, ...]:
    """Names of the estimator types that can be converted."""
    return tuple(sorted({kind.__name__.lstrip("_") for kind in convert.registry if kind is not object}))


@convert.register
def _(estimator: LogisticRegression) -> TorchHead:  # LogisticRegressionCV is a subclass
    check_is_fitted(estimator)
    decision = linear(estimator.coef_, estimator.intercept_)
    return TorchHead(decision, _logistic_link(estimator), estimator.classes_.tolist())


@convert.register
def _(estimator: OneVsRestClassifier) -> TorchHead:
    check_is_fitted(estimator)
    members = [_one_column(member) for member in estimator.estimators_]
    known = [weight for weight, _ in members if weight is not None]
    # A constant predictor has seen no embedding: it takes its siblings' width, with weight zero.
    nothing = np.zeros_like(known[0]) if known else np.zeros(estimator.n_features_in_)
    weights = np.stack([nothing if weight is None else weight for weight, _ in members])
    if estimator.multilabel_:
        link = Link.SIGMOID
    else:
        link = Link.BINARY if len(members) == 1 else Link.NORMALIZED_SIGMOID
    return TorchHead(linear(weights, [bias for _, bias in members]), link, estimator.classes_.tolist())


@convert.register
def _(estimator: Pipeline) -> TorchHead:
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    head = convert(steps[-1])
    layers = [as_layer(step) for step in steps[:-1]]
    return TorchHead(nn.Sequential(*layers, head.decision), head.link, head.classes)


def linear(weight: Any, bias: Any) -> nn.Linear:
    """Build ``x -> x @ weight.T + bias`` in float64 from ``(rows, dim)`` and ``(rows,)`` or a scalar."""
    weight = torch.as_tensor(np.asarray(weight), dtype=torch.float64)
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(torch.as_tensor(np.asarray(bias), dtype=torch.float64).expand(weight.shape[0]))
    return layer


def _one_column(member: Any) -> tuple[NDArray[np.float64] | None, float]:
    """Weight ``(dim,)`` and bias of a one-vs-rest member; a constant one has no weight."""
    if isinstance(member, _ConstantPredictor):
        return None, _CERTAIN if member.y_[0] else -_CERTAIN
    decision = convert(member).decision
    if not isinstance(decision, nn.Linear) or decision.out_features != 1:
        raise UnsupportedHeadError(
            f"OneVsRestClassifier over {type(member).__name__} is not supported; over LogisticRegression it is."
        )
    return decision.weight[0].numpy(), float(decision.bias[0])


def _logistic_link(estimator: LogisticRegression) -> Link:
    """Tell softmax from one-vs-rest by what the installed ``predict_proba`` does.

    Heads fitted before scikit-learn 1.8 may carry ``multi_class="ovr"``, which newer versions ignore.
    """
    probes = np.vstack([np.zeros_like(estimator.coef_[:1]), estimator.coef_]).astype(np.float64)
    decision = estimator.decision_function(probes)
    if decision.ndim == 1:
        return Link.BINARY
    measured = estimator.predict_proba(probes)
    softmax = torch.softmax(torch.as_tensor(decision, dtype=torch.float64), -1).numpy()
    return Link.SOFTMAX if np.allclose(measured, softmax, atol=1e-6) else Link.NORMALIZED_SIGMOID
