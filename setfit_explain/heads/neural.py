"""Rows of the table: scikit-learn's multi-layer perceptron, and a user's own torch module."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from sklearn.neural_network import MLPClassifier
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from setfit_explain.errors import HeadNotDifferentiableError, UnsupportedHeadError
from setfit_explain.heads.linear import linear
from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import Link, TorchHead

_ACTIVATIONS = {"identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
_PROBES = 64


@convert.register
def _(estimator: MLPClassifier) -> TorchHead:
    check_is_fitted(estimator)
    layers: list[nn.Module] = []
    for weight, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True):
        layers += [linear(weight.T, bias), _ACTIVATIONS[estimator.activation]()]
    classes = estimator.classes_.tolist()
    if estimator.out_activation_ == "softmax":
        link = Link.SOFTMAX
    else:
        link = Link.BINARY if estimator.n_outputs_ == 1 else Link.SIGMOID
    return TorchHead(nn.Sequential(*layers[:-1]), link, classes, has_logits=False)


class _LogOfProbabilities(nn.Module):
    """A user's module as a decision: logarithms of its probabilities, or each label's log-odds.

    Parameters
    ----------
    module
        Has ``predict_proba``: embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``.
    odds
        Whether the columns are independent labels.
    """

    def __init__(self, module: nn.Module, *, odds: bool) -> None:
        super().__init__()
        self.module = module
        self.odds = odds

    def forward(self, embeddings: Tensor) -> Tensor:
        probabilities = _ask(self.module, embeddings).double()
        smallest = torch.finfo(torch.float64).tiny  # a logarithm of 0 would make every gradient NaN
        logs = probabilities.clamp_min(smallest).log()
        return logs - (1 - probabilities).clamp_min(smallest).log() if self.odds else logs


@convert.register
def _(module: nn.Module) -> TorchHead:
    if not hasattr(module, "predict_proba"):
        raise UnsupportedHeadError(
            f"The torch head {type(module).__name__} does not say what its output means. Give it a method "
            "predict_proba(embeddings) that returns probabilities (texts, classes) as a tensor."
        )
    copy = deepcopy(module).cpu().double().eval()  # the user's own keeps its precision, mode and place
    probabilities = _probe(copy)
    odds = bool((probabilities.sum(-1) - 1).abs().max() > 1e-6)
    classes = list(getattr(module, "classes_", range(probabilities.shape[1])))
    return TorchHead(
        _LogOfProbabilities(copy, odds=odds),
        Link.SIGMOID if odds else Link.SOFTMAX,
        classes,
        has_logits=False,
    )


def _probe(module: nn.Module) -> Tensor:
    """Probabilities of random embeddings, or an error where no gradient reaches the embeddings."""
    layer = next((part for part in module.modules() if isinstance(part, nn.Linear)), None)
    if layer is None:
        raise UnsupportedHeadError(
            f"The torch head {type(module).__name__} has no nn.Linear, so its input's width is not known."
        )
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(_PROBES, layer.in_features, generator=generator, dtype=torch.float64)
    with torch.enable_grad():
        probabilities = _ask(module, embeddings.requires_grad_())
    if not isinstance(probabilities, Tensor) or not probabilities.requires_grad:
        raise HeadNotDifferentiableError(
            f"No gradient passes through {type(module).__name__}.predict_proba; it must return a tensor, "
            "without torch.no_grad() or detach(). method='occlusion' needs none."
        )
    if probabilities.dim() != 2:
        raise UnsupportedHeadError(
            f"{type(module).__name__}.predict_proba gives shape {tuple(probabilities.shape)} for "
            f"{_PROBES} texts; (texts, classes) is needed."
        )
    return probabilities.detach()


def _ask(module: Any, embeddings: Tensor) -> Tensor:
    probabilities: Tensor = module.predict_proba(embeddings)
    return probabilities
