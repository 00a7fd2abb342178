"""Row of the table: probabilities calibrated by sigmoids or a temperature, averaged over folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.ensembles import LogMixture, mixture_head
from setfit_explain.heads.linear import float64_copy
from setfit_explain.heads.parts import FLOATS, NUMBER, saved_as
from setfit_explain.heads.table import convert, without_gradient
from setfit_explain.heads.torch_head import TorchHead

# What scikit-learn adds to probabilities before it takes their logarithm as a logit.
_EPS = 1e-12


@saved_as("response", children=("head",))
class _Response(nn.Module):
    """What scikit-learn calibrates: the decision function, or where there is none the probabilities.

    Parameters
    ----------
    head
        The fold's own classifier.
    """

    def __init__(self, head: TorchHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, embeddings: Tensor) -> Tensor:
        decision = self.head.decide(embeddings)
        return decision if self.head.has_logits else self.head.log_probabilities(decision).exp()


@saved_as("sigmoid fold", tensors={"slopes": FLOATS, "offsets": FLOATS}, children=("response",))
class _SigmoidFold(nn.Module):
    """Log-probabilities of Platt's sigmoids ``1 / (1 + exp(a z + b))``, normalised over the classes."""

    slopes: Tensor
    offsets: Tensor

    def __init__(self, response: _Response, calibrators: list[Any]) -> None:
        super().__init__()
        self.response = response
        for name, values in (("slopes", "a_"), ("offsets", "b_")):
            numbers = np.array([getattr(calibrator, values) for calibrator in calibrators], dtype=np.float64)
            self.register_buffer(name, float64_copy(numbers))

    def forward(self, embeddings: Tensor) -> Tensor:
        columns = self.response(embeddings)[:, -len(self.slopes) :]  # of two probabilities the second
        logits = -(self.slopes * columns + self.offsets)
        if len(self.slopes) == 1:
            return logsigmoid(torch.cat([-logits, logits], -1))
        logs = logsigmoid(logits)
        return logs - logs.logsumexp(-1, keepdim=True)


@saved_as("temperature fold", settings={"beta": NUMBER}, children=("response",))
class _TemperatureFold(nn.Module):
    """Log-probabilities ``log_softmax(beta z)``."""

    def __init__(self, response: _Response, beta: float) -> None:
        super().__init__()
        self.response = response
        self.beta = beta

    def forward(self, embeddings: Tensor) -> Tensor:
        columns = self.response(embeddings)
        if not self.response.head.has_logits:
            columns = (columns + _EPS).log()
        elif columns.shape[-1] == 1:
            columns = torch.cat([-columns, columns], -1)
        return log_softmax(self.beta * columns, -1)


@convert.register
def _(estimator: CalibratedClassifierCV) -> TorchHead:
    check_is_fitted(estimator)
    classes = estimator.classes_.tolist()
    folds = [_fold(fold, len(classes)) for fold in estimator.calibrated_classifiers_]
    return mixture_head(LogMixture(folds), classes)


def _fold(fold: Any, classes: int) -> nn.Module:
    if fold.method == "isotonic":
        raise without_gradient("CalibratedClassifierCV(method='isotonic'), unlike method='sigmoid',")
    if len(fold.estimator.classes_) != classes:
        raise UnsupportedHeadError(
            "CalibratedClassifierCV has a fold that never saw some class; fit it with stratified folds."
        )
    response = _Response(convert(fold.estimator))
    if fold.method == "temperature":
        return _TemperatureFold(response, float(fold.calibrators[0].beta_))
    return _SigmoidFold(response, fold.calibrators)
