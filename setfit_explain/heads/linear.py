"""Rows of the table: linear classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, TorchHead


def float64_copy(values: Any) -> Tensor:
    """Copy numbers into a float64 tensor: the estimator's own arrays may be read-only, or change.

    Rows lie one after the other, as in a saved head: another order moves the last bit of a product.
    """
    return torch.from_numpy(np.array(np.asarray(values), dtype=np.float64, order="C"))


def linear(weight: Any, bias: Any) -> nn.Linear:
    """Build ``x -> x @ weight.T + bias`` in float64 from ``(rows, dim)`` and ``(rows,)`` or a scalar."""
    weight = float64_copy(weight)
    # Empty: an initialisation would move torch's random numbers on.
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64, device="meta").to_empty(
        device="cpu"
    )
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(float64_copy(bias).expand(weight.shape[0]))
    return layer


@convert.register
def _(estimator: LogisticRegression) -> TorchHead:  # LogisticRegressionCV is a subclass
    return _linear_head(estimator, _logistic_link(estimator))


@convert.register
def _(estimator: LinearDiscriminantAnalysis) -> TorchHead:
    return _linear_head(estimator, Link.SOFTMAX)


@convert.register
def _(estimator: SGDClassifier) -> TorchHead:
    if estimator.loss == "modified_huber":
        raise UnsupportedHeadError(
            "SGDClassifier(loss='modified_huber') clips its probabilities to 0 and 1, where they have no "
            "gradient; loss='log_loss' is supported."
        )
    return _linear_head(
        estimator, Link.NORMALIZED_SIGMOID if hasattr(estimator, "predict_proba") else Link.NONE
    )


@convert.register(LinearSVC)
@convert.register(Perceptron)
def _(estimator: Any) -> TorchHead:
    return _linear_head(estimator, Link.NONE)


@convert.register(RidgeClassifier)
@convert.register(RidgeClassifierCV)
def _(estimator: Any) -> TorchHead:
    check_is_fitted(estimator)
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        raise UnsupportedHeadError(
            f"{type(estimator).__name__} fitted on several labels at once has no probabilities, so no label's "
            "threshold is known; OneVsRestClassifier(LogisticRegression()) is supported."
        )
    return _linear_head(estimator, Link.NONE)


def _linear_head(estimator: Any, link: Link) -> TorchHead:
    check_is_fitted(estimator)
    weight = np.atleast_2d(estimator.coef_)  # RidgeClassifier keeps a vector for two classes
    if len(weight) == 1 and link is not Link.NONE:
        link = Link.BINARY
    return TorchHead(linear(weight, estimator.intercept_), link, estimator.classes_.tolist())


def _logistic_link(estimator: LogisticRegression) -> Link:
    """Tell softmax from one-vs-rest by what the installed ``predict_proba`` does.

    Heads fitted before scikit-learn 1.8 may carry ``multi_class="ovr"``, which newer versions ignore.
    """
    check_is_fitted(estimator)
    probes: NDArray[np.float64] = np.vstack([np.zeros_like(estimator.coef_[:1]), estimator.coef_])
    probes = probes.astype(np.float64)
    decision = estimator.decision_function(probes)
    if decision.ndim == 1:
        return Link.BINARY
    measured = estimator.predict_proba(probes)
    softmax = torch.softmax(torch.as_tensor(decision, dtype=torch.float64), -1).numpy()
    return Link.SOFTMAX if np.allclose(measured, softmax, atol=1e-6) else Link.NORMALIZED_SIGMOID
