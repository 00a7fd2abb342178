"""The table of heads: fitted estimator -> its `TorchHead`, one row a type.

A new estimator is one function registered here by a sibling module, and one parity test. Whether a
conversion is right is decided by `verification`, never by the estimator's attributes.
"""

from __future__ import annotations

from copy import deepcopy
from functools import singledispatch
from typing import Any

from torch import nn

from setfit_explain.errors import HeadNotDifferentiableError, UnsupportedHeadError
from setfit_explain.heads.torch_head import TorchHead


@singledispatch
def convert(estimator: Any) -> TorchHead:
    """Convert one fitted estimator; rows are added with ``@convert.register``."""
    raise UnsupportedHeadError(
        f"No exact torch equivalent is known for the head {type(estimator).__name__}. "
        f"Supported: {', '.join(supported_heads())}. method='occlusion' needs no equivalent and explains any head."
    )


@convert.register
def _(head: TorchHead) -> TorchHead:  # converted before
    return deepcopy(head)


def refuse(estimator: Any) -> TorchHead:
    """Refuse an estimator whose answer is made of steps; a row for each such type."""
    raise without_gradient(type(estimator).__name__)


def without_gradient(what: str) -> HeadNotDifferentiableError:
    """Build the error for a head that has no useful gradient."""
    return HeadNotDifferentiableError(
        f"{what} answers in steps, which have no gradient, so integrated gradients cannot explain it; "
        "method='occlusion' can. Heads with a gradient: "
        f"{', '.join(supported_heads())}."
    )


def supported_heads() -> tuple[str, ...]:
    """Names of the estimator types that can be converted."""
    rows = {kind for kind, row in convert.registry.items() if row is not refuse} - {
        object,
        nn.Module,
        TorchHead,
    }
    return (*sorted(kind.__name__ for kind in rows), "a torch module with predict_proba")
