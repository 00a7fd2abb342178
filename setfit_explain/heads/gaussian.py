"""Rows of the table: classes as Gaussians, by their log-densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.heads.linear import float64
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, TorchHead


class LogDensities(nn.Module):
    """Embeddings -> log-density of each class plus the logarithm of its prior, up to one constant.

    Parameters
    ----------
    means
        Shape ``(classes, dim)``.
    whitenings
        Matrices that give a class's deviations unit variance, ``(dim, rank)`` each.
    constants
        Logarithm of prior and determinant, ``(classes,)``.
    """

    means: Tensor
    constants: Tensor

    def __init__(self, means: Any, whitenings: list[Any], constants: Any) -> None:
        super().__init__()
        self.register_buffer("means", float64(means))
        self.register_buffer("constants", float64(constants))
        for index, whitening in enumerate(whitenings):
            matrix = float64(whitening)
            self.register_buffer(f"whitening_{index}", matrix)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to log-densities ``(texts, classes)``."""
        columns = []
        for index, mean in enumerate(self.means):
            whitening = self.get_buffer(f"whitening_{index}")
            deviation = embeddings - mean
            whitened = deviation * whitening if whitening.dim() == 1 else deviation @ whitening
            columns.append(-0.5 * whitened.square().sum(-1))
        return torch.stack(columns, -1) + self.constants


class _SecondMinusFirst(nn.Module):
    """Two columns -> their difference, the decision function of two classes."""

    def forward(self, columns: Tensor) -> Tensor:
        return columns[:, 1:] - columns[:, :1]


@convert.register
def _(estimator: QuadraticDiscriminantAnalysis) -> TorchHead:
    check_is_fitted(estimator)
    whitenings = [
        rotation * scaling**-0.5
        for rotation, scaling in zip(estimator.rotations_, estimator.scalings_, strict=True)
    ]
    volumes = np.array([np.log(scaling).sum() for scaling in estimator.scalings_])
    densities = LogDensities(estimator.means_, whitenings, np.log(estimator.priors_) - volumes / 2)
    classes = estimator.classes_.tolist()
    if len(classes) == 2:
        return TorchHead(nn.Sequential(densities, _SecondMinusFirst()), Link.BINARY, classes)
    return TorchHead(densities, Link.SOFTMAX, classes)


@convert.register
def _(estimator: GaussianNB) -> TorchHead:
    check_is_fitted(estimator)
    constants = np.log(estimator.class_prior_) - 0.5 * np.log(2 * np.pi * estimator.var_).sum(1)
    densities = LogDensities(estimator.theta_, list(estimator.var_**-0.5), constants)
    return TorchHead(densities, Link.SOFTMAX, estimator.classes_.tolist(), has_logits=False)
