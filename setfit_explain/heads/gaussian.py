"""Rows of the table: classes as Gaussians, by their log-densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.heads.linear import float64_copy
from setfit_explain.heads.parts import FLOATS, saved_as
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, TorchHead


@saved_as("whitening", tensors={"matrix": FLOATS})
class Whitening(nn.Module):
    """Deviations from a class's mean -> the same with unit variance.

    Parameters
    ----------
    matrix
        Shape ``(dim, rank)``, or its diagonal ``(dim,)``.
    """

    matrix: Tensor

    def __init__(self, matrix: Any) -> None:
        super().__init__()
        self.register_buffer("matrix", float64_copy(matrix))

    def forward(self, deviations: Tensor) -> Tensor:
        """Map deviations ``(texts, dim)`` to ``(texts, rank)``."""
        return deviations * self.matrix if self.matrix.dim() == 1 else deviations @ self.matrix


@saved_as("log densities", tensors={"means": FLOATS, "constants": FLOATS}, children=("whitenings",))
class LogDensities(nn.Module):
    """Embeddings -> log-density of each class plus the logarithm of its prior, up to one constant.

    Parameters
    ----------
    means
        Shape ``(classes, dim)``.
    whitenings
        Of each class, as `Whitening` takes it.
    constants
        Logarithm of prior and determinant, ``(classes,)``.
    """

    means: Tensor
    constants: Tensor

    def __init__(self, means: Any, whitenings: list[Any], constants: Any) -> None:
        super().__init__()
        self.register_buffer("means", float64_copy(means))
        self.register_buffer("constants", float64_copy(constants))
        self.whitenings = nn.ModuleList(Whitening(matrix) for matrix in whitenings)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to log-densities ``(texts, classes)``."""
        columns = []
        for mean, whitening in zip(self.means, self.whitenings, strict=True):
            columns.append(-0.5 * whitening(embeddings - mean).square().sum(-1))
        return torch.stack(columns, -1) + self.constants


@saved_as("second minus first")
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
