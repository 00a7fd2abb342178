"""The table of transformers that may stand before a head in a Pipeline: transformer -> torch layer."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError
from setfit_explain.heads.linear import float64_copy, linear
from setfit_explain.heads.parts import FLOATS, INDICES, one_of, saved_as

_ORDERS = {"l1": 1, "l2": 2, "max": float("inf")}


@saved_as("affine", tensors={"center": FLOATS, "scale": FLOATS})
class Affine(nn.Module):
    """``x -> (x - center) / scale``, each of shape ``(dim,)``."""

    center: Tensor
    scale: Tensor

    def __init__(self, center: Any, scale: Any) -> None:
        super().__init__()
        self.register_buffer("center", float64_copy(center))
        self.register_buffer("scale", float64_copy(scale))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Scale embeddings ``(texts, dim)``."""
        return (embeddings - self.center) / self.scale


@saved_as("unit length", settings={"norm": one_of({name: name for name in _ORDERS})})
class UnitLength(nn.Module):
    """``x -> x / |x|``, and zeros stay zeros.

    Parameters
    ----------
    norm
        "l1", "l2" or "max".
    """

    def __init__(self, norm: str) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, embeddings: Tensor) -> Tensor:
        """Scale embeddings ``(texts, dim)``."""
        length = torch.linalg.vector_norm(embeddings, _ORDERS[self.norm], dim=-1, keepdim=True)
        return embeddings / torch.where(length == 0, 1.0, length)


@saved_as("columns", tensors={"columns": INDICES})
class Columns(nn.Module):
    """``x -> x[columns]``, with the columns' numbers of shape ``(columns,)``."""

    columns: Tensor

    def __init__(self, columns: Any) -> None:
        super().__init__()
        self.register_buffer("columns", torch.as_tensor(np.array(columns, dtype=np.int64)))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Choose columns of embeddings ``(texts, dim)``."""
        return embeddings[:, self.columns]


@saved_as("monomials", tensors={"factors": INDICES})
class Monomials(nn.Module):
    """Products of the embedding's entries.

    Parameters
    ----------
    powers
        Exponent of each entry in each product, ``(products, dim)``.
    """

    factors: Tensor

    def __init__(self, powers: Any) -> None:
        super().__init__()
        # The factors of each product by number, where 0 is the factor 1 and entry i has the number i + 1.
        rows = [np.repeat(np.arange(1, powers.shape[1] + 1), row) for row in powers]
        degree = max((len(row) for row in rows), default=0)
        padded = [np.pad(row, (0, degree - len(row))) for row in rows]
        self.register_buffer("factors", torch.as_tensor(np.array(padded, dtype=np.int64)))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings ``(texts, dim)`` to products ``(texts, products)``."""
        entries = torch.cat([torch.ones_like(embeddings[:, :1]), embeddings], -1)
        products = entries.new_ones(len(entries), len(self.factors))
        for numbers in self.factors.T:
            products = products * entries[:, numbers]
        return products


@singledispatch
def as_layer(transformer: Any) -> nn.Module:
    """Convert one fitted transformer; rows are added with ``@as_layer.register``."""
    names = sorted(kind.__name__ for kind in as_layer.registry if kind is not object)
    raise UnsupportedHeadError(
        f"No exact torch equivalent is known for the pipeline step {type(transformer).__name__}. "
        f"Supported before a head: {', '.join(names)}."
    )


@as_layer.register
def _(transformer: StandardScaler) -> nn.Module:
    check_is_fitted(transformer)
    return Affine(
        0.0 if transformer.mean_ is None or not transformer.with_mean else transformer.mean_,
        1.0 if transformer.scale_ is None or not transformer.with_std else transformer.scale_,
    )


@as_layer.register
def _(transformer: MinMaxScaler) -> nn.Module:
    if transformer.clip:
        raise UnsupportedHeadError("MinMaxScaler(clip=True) has no gradient where it clips; use clip=False.")
    check_is_fitted(transformer)
    return Affine(-transformer.min_ / transformer.scale_, 1 / transformer.scale_)


@as_layer.register
def _(transformer: MaxAbsScaler) -> nn.Module:
    check_is_fitted(transformer)
    return Affine(0.0, transformer.scale_)


@as_layer.register
def _(transformer: RobustScaler) -> nn.Module:
    check_is_fitted(transformer)
    return Affine(
        transformer.center_ if transformer.with_centering else 0.0,
        transformer.scale_ if transformer.with_scaling else 1.0,
    )


@as_layer.register
def _(transformer: Normalizer) -> nn.Module:
    return UnitLength(transformer.norm)


@as_layer.register
def _(transformer: PCA) -> nn.Module:
    check_is_fitted(transformer)
    components = transformer.components_.astype(np.float64)
    if transformer.whiten:
        deviations = np.sqrt(transformer.explained_variance_.astype(np.float64))
        # As scikit-learn does: a component without variance must not become an infinity.
        smallest = np.finfo(transformer.explained_variance_.dtype).eps
        components = components / np.maximum(deviations, smallest)[:, None]
    return nn.Sequential(Affine(transformer.mean_, 1.0), linear(components, 0.0))


@as_layer.register
def _(transformer: TruncatedSVD) -> nn.Module:
    check_is_fitted(transformer)
    return linear(transformer.components_, 0.0)


@as_layer.register
def _(transformer: SelectorMixin) -> nn.Module:  # SelectKBest, VarianceThreshold, RFE and their like
    return Columns(transformer.get_support(indices=True))


@as_layer.register
def _(transformer: PolynomialFeatures) -> nn.Module:
    check_is_fitted(transformer)
    return Monomials(transformer.powers_)
