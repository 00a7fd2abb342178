"""The table of scalers that may stand before a head in a Pipeline: transformer -> torch layer."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedHeadError


class Affine(nn.Module):
    """``x -> (x - center) / scale``, each of shape ``(dim,)``."""

    center: Tensor
    scale: Tensor

    def __init__(self, center: Any, scale: Any) -> None:
        super().__init__()
        self.register_buffer("center", torch.as_tensor(np.asarray(center), dtype=torch.float64))
        self.register_buffer("scale", torch.as_tensor(np.asarray(scale), dtype=torch.float64))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Scale embeddings ``(texts, dim)``."""
        return (embeddings - self.center) / self.scale


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
    return Affine(
        0.0 if transformer.mean_ is None or not transformer.with_mean else transformer.mean_,
        1.0 if transformer.scale_ is None or not transformer.with_std else transformer.scale_,
    )


@as_layer.register
def _(transformer: MinMaxScaler) -> nn.Module:
    if transformer.clip:
        raise UnsupportedHeadError("MinMaxScaler(clip=True) has no gradient where it clips; use clip=False.")
    return Affine(-transformer.min_ / transformer.scale_, 1 / transformer.scale_)


@as_layer.register
def _(transformer: MaxAbsScaler) -> nn.Module:
    return Affine(0.0, transformer.scale_)


@as_layer.register
def _(transformer: RobustScaler) -> nn.Module:
    return Affine(
        transformer.center_ if transformer.with_centering else 0.0,
        transformer.scale_ if transformer.with_scaling else 1.0,
    )
