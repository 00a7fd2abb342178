"""A body that is quick to sample and bends: static embeddings behind a dense layer."""

from functools import cache

import torch
from setfit import SetFitModel
from torch import nn

from tests.bodies.architectures import DIM, static_body
from tests.bodies.vocabularies import word_piece
from tests.models import fitted, modules


def dense(activation: nn.Module) -> nn.Module:
    """A dense layer with the weights that it always has here."""
    torch.manual_seed(0)
    return modules.Dense(DIM, 16, activation_function=activation)


@cache
def bent_model() -> SetFitModel:
    """Shared, so a test must not change it."""
    layer = dense(nn.Tanh())
    with torch.no_grad():
        layer.linear.weight *= 8  # so that scores bend on the way from a baseline
    return fitted(static_body(word_piece(), layer))
